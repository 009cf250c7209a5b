r"""The law of a raffle among drafts without replacement, at full vocabulary, by double integrals.

A raffle gives token i :math:`a_i > 0` tickets and one of two levels. Among the drafts of the better level
that has one, token x wins with probability :math:`a_x / \sum a`. With a score :math:`S_i \sim
\mathrm{Exp}(a_i)` for every token that is the draft of smallest score; and the drafts are the tokens that
rang before the (k+1)-th ring of the race of :mod:`theory.race`, which happens at time t by one of the others.
So with :math:`e_i = e^{-q_i t}` and :math:`\phi_i = e^{-a_i s}` on the level itself (1 on a worse level, 0 on
a better one)

.. math:: y_x = \int_0^\infty\!\!\int_0^\infty a_x \phi_x (1 - e_x)\,[z^{k-1}] \sum_{j \ne x} q_j e_j
          \prod_{i \ne j, x} \bigl(e_i + (1 - e_i)\,\phi_i z\bigr)\; dt\, ds .

**Quadrature.** Trapezoid rule in log t and log s. On the ray of angle :math:`\theta` every factor grows by at
most :math:`\sec\theta` (:mod:`theory.race`), the integrand for t by :math:`\sec^{k+1}\theta` and for s by
:math:`\sec\theta`, each times its own value at :math:`t\cos\theta`: the error is *relative*, at most
:math:`\epsilon\, y_x` for every token.

**Cut ends need no analysis.** All terms are positive, so what is computed is at most :math:`(1 + \epsilon)\,
y_x`, token by token; and the y sum to one. So the total error is at most the mass that is missing from the
computed law plus :math:`2 \epsilon`.

**Light tokens** enter through power sums of their rates, group by group (a group shares its tickets), and
their own y is a polynomial of :math:`q_x`: dividing a light factor out of the product is a series in
:math:`(e^{q_x t} - 1) \phi z`. Heavy tokens (at most a few hundred) are multiplied in one by one, with
products over those before and those behind each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.race import _LIGHT, _SERIES, _last_node, _series_coefficients, step_size
from theory.simplex import Array

_CUT = 1e-13
_CHUNK = 4_000_000  # entries of the products kept at once
_ROUNDING = 5e-13  # allowance for float64 rounding, relative

#: Coefficients of two polynomials in z: shape (k, nodes of s, nodes of t) each.
Pair = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class RaffleRace:
    """Laws of raffles over one draft distribution, for any tickets.

    Parameters
    ----------
    q
        Draft distribution, shape ``(V,)``, float64, more than ``k`` entries positive.
    k
        Number of drafts, at least 2.
    group
        Group of each token, shape ``(V,)``, numbers ``0 .. G - 1``; -1 for tokens that are never drafted.
        Every heavy token (:meth:`heavy_tokens`) is alone in its group.
    first
        Whether a group is on the better level, shape ``(G,)``.
    error
        Relative quadrature error allowed for each integral.

    Examples
    --------
    Three tokens with the same tickets: either of two drafts wins with the same probability.

    >>> q = np.array([0.5, 0.3, 0.2])
    >>> race = RaffleRace(q, 2, np.arange(3), np.ones(3, dtype=bool))
    >>> law, error = race.law(np.zeros(3))
    >>> [round(float(mass), 6) for mass in law], bool(error < 1e-10)
    ([0.419643, 0.3375, 0.242857], True)
    """

    q: Array
    k: int
    group: Array
    first: Array
    error: float = 1e-12

    @classmethod
    def heavy_tokens(cls, q: Array, k: int) -> Array:
        """Tokens too heavy for power sums, at most a few hundred."""
        return np.flatnonzero(q * np.exp(_last_node(q, k + 1)) > _LIGHT)

    @cached_property
    def _heavy(self) -> Array:
        return self.heavy_tokens(self.q, self.k)

    @cached_property
    def _times(self) -> tuple[Array, Array]:
        """Nodes t and their weights in log t times t, shape ``(T,)``."""
        step, _ = step_size(self.k + 1, self.error)
        first = np.log(_CUT) / (self.k + 1) - np.log(self.q.sum())
        nodes = np.exp(np.arange(first, _last_node(self.q, self.k + 1) + step, step))
        return nodes, step * nodes

    def _scores(self, low: float) -> tuple[Array, Array]:
        """Nodes s and weights for tickets of at most 1 and at least ``low``."""
        step, _ = step_size(1, self.error)
        cut = max(_CUT, self.error * 1e-2)
        nodes = np.exp(np.arange(np.log(cut / self.k), np.log(-np.log(cut) / low) + step, step))
        return nodes, step * nodes

    @cached_property
    def _light(self) -> Array:
        light = self.group >= 0
        light[self._heavy] = False
        return np.flatnonzero(light)

    @cached_property
    def _scale(self) -> float:
        return float(_LIGHT / self._times[0][-1])

    @cached_property
    def _power_sums(self) -> Array:
        """Sums over the light tokens of each group of powers 1..series + 1 of scaled rates."""
        size = self.first.size
        rates, groups = self.q[self._light] / self._scale, self.group[self._light]
        power, out = np.ones(rates.size), np.empty((size, _SERIES + 1))
        for n in range(_SERIES + 1):
            power = power * rates
            out[:, n] = np.bincount(groups, power, minlength=size)
        return out

    @cached_property
    def _powers(self) -> Array:
        """``(t scale)^n`` for n from 1, shape ``(series, T)``."""
        powers: Array = (self._times[0] * self._scale)[None, :] ** np.arange(1, _SERIES + 1)[:, None]
        return powers

    @cached_property
    def _light_logs(self) -> tuple[Array, Array]:
        """For each order, group and time: the logarithm's coefficients, and those of the sum of rates."""
        table, _ = _series_coefficients(self.k)
        logs = np.stack([self._power_sums[:, :-1] @ (row[:, None] * self._powers) for row in table])
        rates = [self._power_sums[:, 1:] @ (row[:, None] * self._powers) for row in table]
        signs = -self._scale * np.arange(1, self.k + 1)[:, None, None]
        return logs, signs * np.stack(rates)

    def law(self, log_tickets: Array) -> tuple[Array, float]:
        """The law of the winner, shape ``(V,)``, and a bound of the sum of its entries' errors.

        Parameters
        ----------
        log_tickets
            Natural logarithm of each group's tickets, shape ``(G,)``; only differences within a level matter.
        """
        out = np.zeros(self.q.size)
        for level in (True, False):
            if np.any(self.first == level):
                heavy, one, two = self._integrals(log_tickets, level)
                out[self._heavy] += heavy
                out[self._light] += self._evaluated(one, two)
        slack = 2 * self.error + _ROUNDING
        return out, float(abs(1.0 - out.sum())) + 2 * slack

    def group_masses(self, log_tickets: Array) -> Array:
        """Probability that a token of each group wins, shape ``(G,)``; without a pass over light tokens."""
        out = np.zeros(self.first.size)
        for level in (True, False):
            if np.any(self.first == level):
                heavy, one, two = self._integrals(log_tickets, level)
                out[self.group[self._heavy]] += heavy
                out += (one * self._power_sums[:, :-1]).sum(axis=1)
                out -= self._scale * (two * self._power_sums[:, 1:]).sum(axis=1)
        return out

    def _evaluated(self, one: Array, two: Array) -> Array:
        """The polynomials of the light tokens at their rates."""
        rates, groups = self.q[self._light] / self._scale, self.group[self._light]
        total, power = np.zeros(rates.size), np.ones(rates.size)
        for n in range(_SERIES):
            power = power * rates
            total += power * (one[groups, n] - self.q[self._light] * two[groups, n])
        return total

    def _integrals(self, log_tickets: Array, level: bool) -> tuple[Array, Array, Array]:
        """Masses of heavy tokens, and the polynomials of light groups, on one level."""
        active = self.first == level
        tickets = np.where(active, np.exp(log_tickets - log_tickets[active].max()), 0.0)
        nodes, weights = self._scores(float(tickets[active].min()))
        heavy = np.zeros(self._heavy.size)
        one = np.zeros((self.k, self.first.size, self._times[0].size))
        two = np.zeros_like(one)
        chunk = max(1, _CHUNK // (2 * self.k * self._times[0].size * max(1, self._heavy.size)))
        for start in range(0, nodes.size, chunk):
            part = slice(start, start + chunk)
            heavy += self._one_chunk(nodes[part], weights[part], tickets, active, level, (one, two))
        return heavy, *self._polynomials(one, two)

    def _one_chunk(
        self, scores: Array, weights: Array, tickets: Array, active: Array, level: bool, sums: Pair
    ) -> Array:
        """Heavy masses from some nodes s; the groups' integrals over s are added to ``sums``."""
        # groups on the worse level are unhindered while the better one is served, and the better ones absent
        phi = np.exp(-np.outer(tickets, scores))
        if not level:
            phi[~active] = 0.0
        start = self._light_product(phi)
        before = [start]
        for place in range(self._heavy.size):
            before.append(self._times_heavy(before[-1], place, phi))
        behind = _identity(start)
        masses = np.zeros(self._heavy.size)
        for place in reversed(range(self._heavy.size)):
            group = self.group[self._heavy[place]]
            if active[group]:
                rest = _last_coefficient(before[place], behind)
                serve = weights * tickets[group] * phi[group]
                masses[place] = serve @ rest @ (self._arrived(place) * self._times[1])
            behind = self._times_heavy(behind, place, phi)
        self._serve_groups(before[-1], phi, weights, tickets, sums)
        return masses

    def _arrived(self, place: int) -> Array:
        arrived: Array = -np.expm1(-self.q[self._heavy[place]] * self._times[0])
        return arrived

    def _times_heavy(self, pair: Pair, place: int, phi: Array) -> Pair:
        """Both polynomials with one more heavy token."""
        token = self._heavy[place]
        waiting = np.exp(-self.q[token] * self._times[0])
        here = phi[self.group[token]][:, None] * self._arrived(place)
        product, rung = pair[0] * waiting, pair[1] * waiting + pair[0] * (self.q[token] * waiting)
        product[1:] += pair[0][:-1] * here
        rung[1:] += pair[1][:-1] * here
        return product, rung

    def _light_product(self, phi: Array) -> Pair:
        """The generating function of the light tokens, and the same with one of them ringing."""
        logs, rates = self._light_logs
        orders = [np.einsum("gs,gt->st", phi**m, logs[m - 1], optimize=True) for m in range(1, self.k)]
        ringing = [np.einsum("gs,gt->st", phi**m, rates[m - 1], optimize=True) for m in range(1, self.k)]
        total = float(self.q[self._light].sum())
        shape = (self.k, phi.shape[1], self._times[0].size)
        product, rung = np.zeros(shape), np.zeros(shape)
        product[0] = np.exp(-total * self._times[0])
        for r in range(1, self.k):
            for m in range(1, r + 1):
                product[r] += (m / r) * orders[m - 1] * product[r - m]
        for r in range(self.k):
            rung[r] = total * product[r]
            for m in range(1, r + 1):
                rung[r] += ringing[m - 1] * product[r - m]
        return product, rung

    def _serve_groups(self, pair: Pair, phi: Array, weights: Array, tickets: Array, sums: Pair) -> None:
        """Add the integrals over s for every light group and order to ``sums``, in place."""
        serve = phi * (tickets[:, None] * weights)
        for order in range(self.k):
            sums[0][order] += serve @ pair[1][self.k - 1 - order]
            sums[1][order] += serve @ pair[0][self.k - 1 - order]
            serve = serve * phi

    def _polynomials(self, one: Array, two: Array) -> Pair:
        """Coefficients of powers of scaled rates, shape ``(G, series)``."""
        table, _ = _series_coefficients(self.k)
        weighted = self._powers * self._times[1]
        first, second = (np.zeros((self.first.size, _SERIES)) for _ in range(2))
        for order in range(self.k):
            first += (order + 1) * table[order] * (one[order] @ weighted.T)
            second += (order + 1) ** 2 * table[order] * (two[order] @ weighted.T)
        return first, second


def _identity(like: Pair) -> Pair:
    product, rung = np.zeros_like(like[0]), np.zeros_like(like[1])
    product[0] = 1.0
    return product, rung


def _last_coefficient(left: Pair, right: Pair) -> Array:
    """The highest coefficient kept of the product's 'one is ringing' part."""
    size = left[0].shape[0]
    total = np.zeros(left[0].shape[1:])
    for r in range(size):
        total += left[0][r] * right[1][size - 1 - r] + left[1][r] * right[0][size - 1 - r]
    return total
