r"""The exponential race: containment of drafts without replacement, with a rigorous error.

Tokens ring after independent exponential times of rates :math:`q_i`; the drafts are the first k to ring.
For a set H let :math:`c = q(V \setminus H)` and :math:`N_H(\tau)` the number of tokens of H that have
rung by :math:`\tau`. Some draft lies outside of H exactly if fewer than k tokens of H rang before the
first outside token, so, with :math:`\tau = e^x`,

.. math:: 1 - Q(H) = \int_{-\infty}^{\infty} c\, e^{x} e^{-c e^{x}} \,
          \Pr(N_H(e^x) < k)\, dx .

**Quadrature.** The trapezoid rule of step h on the whole line errs by at most
:math:`2 M / (e^{2 \pi d / h} - 1)` if the integrand is analytic in :math:`|\mathrm{Im}\, x| < d` with
:math:`\int |f(x + i y)|\, dx \le M` there (Trefethen and Weideman 2014, theorem 5.1). Here
:math:`M = \sec^k d` for every H and q: with :math:`z = t e^{iy}`,
:math:`|1 - e^{-q z}| \le \sec(y)\,(1 - e^{-q t \cos y})`, hence
:math:`|\Pr(N_H(z) = j)| \le \sec^j(y) \Pr(N_H(t \cos y) = j)` and the sum over j < k is at most
:math:`\sec^{k-1} y`; the other factor integrates to :math:`\sec y`. So the error is known before a single
value is computed.

**Cut ends.** :math:`\Pr(N_H(\tau) < k)` falls with time. So nodes left of the grid add between its first
value and 1 times their known weights, and nodes right of it between 0 and its last value times theirs.
Both go into the interval. The last node is chosen so that k tokens of the whole vocabulary have rung but
for a chance of 1e-13: then, as :math:`e^{-c\tau}` is the chance that nothing outside has rung, what is cut
is that small for every H.

**Many light tokens at once.** Where :math:`x_i = q_i \tau` is small, the logarithm of a token's generating
function :math:`e^{-x}(1 + (e^x - 1) z)` has the z-series
:math:`-x + \sum_m (-1)^{m+1} \frac{(e^x - 1)^m}{m} z^m`, each coefficient a series in x with terms of one
sign. So a whole set of light tokens enters through its power sums :math:`\sum q_i^n`, which do not
depend on :math:`\tau`; what is cut off, :math:`\delta`, multiplies the true generating function by
:math:`e^{-\delta(z)}`, and as that function's coefficients are probabilities the error is at most
:math:`e^{\sum |\delta_m|} - 1`. The few heavy tokens are multiplied in one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import comb, factorial

import numpy as np

from theory.light_rates import LIGHT, SERIES, LightRates, cut_off
from theory.simplex import Array

_LIGHT, _SERIES = LIGHT, SERIES
_QUADRATURE_ERROR = 1e-12
_TAIL = 1e-13
_ROUNDING = 1e-13  # allowance for float64 rounding in sums of at most a few hundred terms of size one
_SUMS = 2e-15  # allowance for a ratio of two sums of float64
_WINDOW = 768  # tokens looked at to find the last node
_LOG_TAU_LIMIT = 690.0
_STEPS = 120  # half e-foldings within which a vocabulary of many live tokens is done


@lru_cache(maxsize=64)
def step_size(k: int, error: float = _QUADRATURE_ERROR) -> tuple[float, float]:
    """The largest trapezoid step for k drafts with an error bound, and the bound it has.

    Examples
    --------
    >>> h, bound = step_size(4)
    >>> 0.2 < h < 0.4 and bound <= 1.001e-12
    True
    """
    strip = np.linspace(0.8, 1.55, 200)
    reach = 2.0 / np.cos(strip) ** k
    steps = 2 * np.pi * strip / np.log1p(reach / error)
    best = int(np.argmax(steps))
    bound = reach[best] / np.expm1(2 * np.pi * strip[best] / steps[best])
    return float(steps[best]), float(bound)


@lru_cache(maxsize=8)
def _series_coefficients(orders: int) -> tuple[Array, Array]:
    """``A[m-1, n-1]``, coefficient of x^n in (-1)^(m+1) (e^x - 1)^m / m; and the cut-off bound of each m."""
    table = np.zeros((orders, _SERIES))
    for m in range(1, orders + 1):
        for n in range(m, _SERIES + 1):
            surjections = sum((-1) ** (m - i) * comb(m, i) * i**n for i in range(m + 1))
            table[m - 1, n - 1] = (-1) ** (m + 1) * surjections / (m * factorial(n))
    return table, cut_off(orders, _SERIES, _LIGHT)


def _chernoff_mean(k: int) -> float:
    """A mean beyond which a sum of independent coins is below k with probability at most the tail."""
    mean = np.linspace(k, k + 400, 4000)
    log_bound = -mean if k == 1 else -mean + (k - 1) * (1 + np.log(mean / (k - 1)))
    return float(mean[np.argmax(log_bound <= np.log(_TAIL))])


def _below(arrived: Array, k: int) -> Array:
    """Pr(fewer than k of the coins show heads), coins on axis 0; shape of the other axes."""
    coefficients = _multiply_in(arrived, k)[-1]
    below: Array = coefficients.sum(axis=0)
    return below


def _multiply_in(arrived: Array, k: int) -> Array:
    """Running products of ``1 - a + a z`` cut at degree k: shape ``(coins + 1, k, nodes)``."""
    count, nodes = arrived.shape
    out = np.zeros((count + 1, k, nodes))
    out[0, 0] = 1.0
    for i in range(count):
        np.multiply(out[i], 1.0 - arrived[i], out=out[i + 1])
        out[i + 1, 1:] += out[i, :-1] * arrived[i]
    return out


def _last_node(q: Array, k: int) -> float:
    """A log-time by which k tokens have rung but for a tiny chance."""
    count = min(q.size, _WINDOW)
    head = np.partition(q, q.size - count)[q.size - count :] if count < q.size else q
    head = head[head > 0]
    first, second = (
        max(float(q.sum() - head.sum()), 0.0),
        max(float(np.square(q).sum() - np.square(head).sum()), 0.0),
    )
    peak = first / second if second > 0 else 0.0
    need, total = _chernoff_mean(k), float(q.sum())

    def rung(step: int) -> float:
        """A lower bound of the expected number of tokens that have rung by a time."""
        tau = np.exp(step / 2) / total
        # the others: x - x^2 / 2 in sum, which falls after its peak while the truth does not
        when = min(tau, peak)
        heads = float(-np.expm1(-head * tau).sum())
        return heads + float(first * when - second * when * when / 2)

    step = bisect_left(range(_STEPS), need, key=rung)
    if step < _STEPS:
        return float(np.log(np.exp(step / 2) / total))
    return _last_node_of_few(np.sort(head)[::-1][: 8 * k + 64], k)


def _last_node_of_few(head: Array, k: int) -> float:
    x = np.arange(0.0, _LOG_TAU_LIMIT, 0.5)
    below = _below(-np.expm1(-np.outer(head, np.exp(x))), k)
    good = np.flatnonzero(below <= _TAIL)
    return float(x[good[0]] if good.size else x[-1])


@dataclass(frozen=True, eq=False)
class RaceScan:
    """Containment of prefixes of an ordered vocabulary, for drafts without replacement.

    Parameters
    ----------
    q
        Rates in scan order, shape ``(V,)``, float64, non-negative, not all zero. Only their ratios matter.
    k
        The largest number of drafts asked for, at least 1, at most the number of positive rates.

    Notes
    -----
    Set-up takes about 25 passes over q, mostly for the power sums of faint tokens; each evaluation of J
    prefixes O(J k^2 M) with M of about 100 nodes, whatever V is.

    Examples
    --------
    >>> scan = RaceScan(np.array([0.5, 0.3, 0.2]), 2)
    >>> lower, upper = scan.interval(np.array([2, 3]), 2)
    >>> bool(upper[0] - lower[0] < 1e-11), round(float(lower[0]), 9), float(lower[1])
    (True, 0.514285714, 1.0)
    """

    q: Array
    k: int

    @cached_property
    def _grid(self) -> tuple[Array, float, float]:
        """Nodes (times), step, and quadrature error."""
        step, error = step_size(self.k)
        last = _last_node(self.q, self.k)
        # left end: a prefix's F <= (tau q(H))^2 / 2 for two or more drafts, times tau: below 1e-13
        first = np.log(1e-5 / self.q.sum())
        nodes = np.exp(np.arange(first, last + step, step))
        return nodes, step, error

    @cached_property
    def suffix(self) -> Array:
        """Mass outside of each prefix, shape ``(V + 1,)``; a suffix sum, so small masses keep digits."""
        out = np.zeros(self.q.size + 1)
        np.cumsum(self.q[::-1], out=out[-2::-1])
        return out

    @cached_property
    def _first_live(self) -> Array:
        """Where the first k tokens of positive rate are."""
        return np.flatnonzero(self.q > 0)[: self.k]

    @cached_property
    def _heavy(self) -> tuple[Array, Array]:
        """Positions of heavy tokens in scan order, and running products over them."""
        nodes = self._grid[0]
        positions = np.flatnonzero(self.q * nodes[-1] > _LIGHT)
        arrived = -np.expm1(-np.outer(self.q[positions], nodes))
        return positions, _multiply_in(arrived, self.k)

    @cached_property
    def _light(self) -> LightRates:
        """The other tokens, by power sums of their rates over the largest that is light."""
        scale = _LIGHT / float(self._grid[0][-1])
        rates = self.q / scale
        rates[self._heavy[0]] = 0.0
        return LightRates(rates)

    @cached_property
    def _logarithms(self) -> Array:
        """From power sums of light tokens to m times the m-th coefficient of their logarithm, m = 1 .. k - 1.

        Shape ``(series, k - 1, nodes)``.
        """
        table, _ = _series_coefficients(self.k - 1)
        powers = self._scaled ** np.arange(1, _SERIES + 1)[:, None]
        factors = np.arange(1, self.k)[:, None] * table
        out: Array = factors.T[:, :, None] * powers[:, None, :]
        return out

    @property
    def _scaled(self) -> Array:
        nodes = self._grid[0]
        scaled: Array = nodes / nodes[-1] * _LIGHT
        return scaled

    def _below(self, sizes: Array, k: int) -> tuple[Array, Array]:
        """Pr(N < k) at every prefix and node, shape ``(J, M)``; and an error bound (J,)."""
        positions, products = self._heavy
        heavy = products[np.searchsorted(positions, sizes), :k]
        sums, cut = self._light.power_sums(sizes, self.k)
        light = _light_counts(sums, self._scaled, self._logarithms[:, : k - 1])
        fewer = np.cumsum(light, axis=0)[::-1]
        return np.einsum("jrm,rjm->jm", heavy, fewer), np.expm1(cut)

    def interval(self, sizes: Array, k: int) -> tuple[Array, Array]:
        """Rigorous ends of Q for the prefixes of the given sizes and ``k`` drafts.

        Parameters
        ----------
        sizes
            Prefix lengths, integers in 0..V.
        k
            From 1 to the scan's ``k``.

        Returns
        -------
        tuple of ndarray
            Lower and upper ends, each of the shape of ``sizes``.
        """
        if not 1 <= k <= self.k:
            raise ValueError(f"this scan was made for 1 to {self.k} drafts, got {k}")
        outside = self.suffix[sizes]
        whole, never = outside == 0, sizes <= self._first_live[k - 1]
        if k == 1:
            share = (self.suffix[0] - outside) / self.suffix[0]
            return _with_certain(share - _SUMS, share + _SUMS, whole, never)
        nodes, step, quadrature = self._grid
        below, series = self._below(sizes, k)
        rate = outside[:, None] * nodes[None, :]
        weights = step * rate * np.exp(-rate)
        missed = (weights * below).sum(axis=1)
        left = _left_weight(outside * nodes[0], step)
        # all weights of the line add up to one, but for the quadrature's error
        right = np.clip(1.0 - left - weights.sum(axis=1), 0.0, 1.0) + quadrature
        slack = quadrature + series + _ROUNDING
        lower = 1.0 - missed - left - right * np.clip(below[:, -1], 0, 1) - slack
        upper = 1.0 - missed - left * np.clip(below[:, 0], 0, 1) + slack
        return _with_certain(lower, upper, whole, never)


def _with_certain(lower: Array, upper: Array, whole: Array, never: Array) -> tuple[Array, Array]:
    """The ends in [0, 1]; one where no draft can be outside, zero where too few live tokens are inside."""
    known, value = whole | never, np.where(never, 0.0, 1.0)
    return (
        np.where(known, value, np.clip(lower, 0.0, 1.0)),
        np.where(known, value, np.clip(upper, 0.0, 1.0)),
    )


def _light_counts(sums: Array, scaled: Array, logarithms: Array) -> Array:
    """Generating functions of the light tokens: ``(k, J, M)`` from power sums ``(J, series)``."""
    series, orders, nodes = logarithms.shape
    light = np.zeros((orders + 1, sums.shape[0], nodes))
    light[0] = 1.0
    logs = (sums @ logarithms.reshape(series, -1)).reshape(-1, orders, nodes)
    for r in range(1, orders + 1):
        np.einsum("jmn,mjn->jn", logs[:, :r], light[r - 1 :: -1], out=light[r])
        light[r] /= r
    light *= np.exp(-np.outer(sums[:, 0], scaled))
    return light


def _left_weight(rate: Array, step: float) -> Array:
    """Trapezoid weight of all nodes before the first; ``rate`` is c times its time, at most about 1e-5.

    The sum of ``x exp(-x)`` over a geometric series of x, by powers of x; what is cut off is below 1e-20.
    """
    shrink = np.exp(-step * np.arange(1, 4))
    first, second, third = step * shrink / (1 - shrink) * [1.0, -1.0, 0.5]
    weight: Array = rate * (first + rate * (second + rate * third))
    return weight


def containment_interval(q: Array, inside: Array, k: int) -> tuple[Array, Array]:
    """Rigorous ends of Pr(all of the first k tokens are inside), about 1e-11 apart.

    Parameters
    ----------
    q
        Rates, shape ``(..., V)``, float64.
    inside
        Boolean mask, shape ``(V,)`` or that of q.
    k
        Number of drafts, at most the number of positive rates.

    Examples
    --------
    >>> lower, upper = containment_interval(np.array([0.5, 0.3, 0.2]), np.array([True, True, False]), 2)
    >>> round(float(lower), 9), round(float(upper), 9)
    (0.514285714, 0.514285714)
    """
    masks = np.broadcast_to(inside, q.shape)
    ends = [
        _one_containment(row, mask, k)
        for row, mask in zip(q.reshape(-1, q.shape[-1]), masks.reshape(-1, q.shape[-1]), strict=True)
    ]
    lower, upper = np.array(ends).T.reshape(2, *q.shape[:-1])
    return lower[()], upper[()]


def _one_containment(q: Array, inside: Array, k: int) -> tuple[float, float]:
    order = np.argsort(~inside, kind="stable")
    q = q / q.max()  # only ratios matter; powers of large rates would overflow
    lower, upper = RaceScan(q[order], k).interval(np.array([int(inside.sum())]), k)
    return float(lower[0]), float(upper[0])
