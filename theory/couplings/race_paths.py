r"""Rejected paths of recursive rejection without replacement, many at a time.

Before draft j, with the rejected drafts :math:`x_1, \dots` removed, the sibling's law is :math:`q_i / t` with
:math:`t = 1 - \sum q_{x}`, and the residual target has kept the form

.. math:: r_i = a\,(p_i - b\,q_i)_+, \qquad a_1 = 1,\; b_1 = 0,

because :math:`(a (p - bq)_+ - q/t)_+ = a\,(p - (b + 1/(at))\,q)_+`. A rejected draft x has
:math:`r_x < q_x / t`, so its ratio :math:`p_x / q_x` is below the new b and it drops out by itself. So with
tokens sorted by ratio and cumulative sums of p and q, one step is a binary search:

.. math:: \beta = a\,[P(b, b') - b\,Q(b, b')] + Q(b', \infty) / t, \qquad b' = b + \frac{1}{at},\quad
          a' = \frac{a}{1 - \beta},

where P(u, v) sums p over ratios in (u, v]. The rejected draft has weight :math:`q_i / t - r_i` on the tokens
left with ratio below b'; sums of these weights over the first tokens of the order are again differences of
the two cumulative sums, so the draft is found by bisection. (Where nearly nothing is rejected the sums are
rounding; such a path weighs as little as its rejection, below 1e-9 of the estimate.)

The estimate :math:`1 - \prod_j (1 - \beta_j)` has the law of the paths that
:class:`~theory.couplings.recursive.Recursive` itself takes; a test holds its mean to enumeration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.bounds.iid import ratios
from theory.simplex import Array

#: Mass of q that has to be left for the last draft: rounding of sums over the vocabulary is about 1e-15.
_RESOLVED = 1e-12


def resolves(q: Array, k: int) -> bool:
    """Whether differences of cumulative sums can tell the masses left before each of k drafts.

    Where q is so nearly certain that less than 1e-12 may be left for the last draft they can't, and paths
    have to be followed one draft at a time.

    Examples
    --------
    >>> resolves(np.array([0.5, 0.3, 0.2]), 2), resolves(np.array([1.0, 1e-14, 1e-14]), 2)
    (True, False)
    """
    lightest = np.partition(q, q.size - k)[: q.size - k + 1]
    return bool(lightest.sum() > _RESOLVED)


@dataclass(frozen=True, eq=False)
class RacePaths:
    """One pair (p, q), sorted once, for any number of drafts without replacement.

    Parameters
    ----------
    p, q
        One target and one draft, shape ``(V,)``, float64, already checked.

    Examples
    --------
    >>> paths = RacePaths(np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]))
    >>> accepted = paths.accepted(2, rng=np.random.default_rng(0), samples=3)
    >>> accepted.shape, bool(np.allclose(accepted[:, 0], 0.7))
    ((3, 2), True)
    """

    p: Array
    q: Array

    @cached_property
    def _order(self) -> Array:
        return np.argsort(ratios(self.p, self.q))

    @cached_property
    def _ratio(self) -> Array:
        return ratios(self.p, self.q)[self._order]

    @cached_property
    def _sums(self) -> tuple[Array, Array]:
        """Sums of p and q over tokens from each place of the order to its end, shape ``(V + 1,)``."""
        out = np.zeros((2, self.q.size + 1))
        np.cumsum(self._ordered[0][::-1], out=out[0, -2::-1])
        np.cumsum(self._ordered[1][::-1], out=out[1, -2::-1])
        return out[0], out[1]

    @cached_property
    def _edges(self) -> Array:
        return np.concatenate([[0.0], np.cumsum(self._ordered[1])])

    def accepted(self, k: int, *, rng: np.random.Generator, samples: int) -> Array:
        """Acceptance of the first 1..k drafts given each drawn path, shape ``(samples, k)``.

        Column j is an unbiased sample of the acceptance probability with j + 1 drafts. O(log V) a draft.
        """
        scale, shift, left = np.ones(samples), np.zeros(samples), np.ones(samples)
        rejected = np.ones(samples)
        drawn = np.zeros((samples, 0), dtype=np.intp)
        out = np.empty((samples, k))
        for rank in range(k):
            following = shift + 1.0 / (scale * left)
            beta = np.clip(self._overlap(scale, shift, following, left), 0.0, 1.0)
            rejected = rejected * (1.0 - beta)
            out[:, rank] = 1.0 - rejected
            if rank + 1 == k:
                break
            # a path that is certain to be accepted is over: its product stays zero
            over = rejected <= 1e-300
            tokens = self._refused(scale, shift, following, left, drawn, over, rng)
            drawn = np.column_stack([drawn, tokens])
            left = np.where(over, 1.0, self._left(drawn))
            scale = np.where(over, 1.0, scale / np.where(over, 1.0, 1.0 - beta))
            shift = np.where(over, 0.0, following)
        return out

    def _overlap(self, scale: Array, shift: Array, following: Array, left: Array) -> Array:
        """beta: see the module's text."""
        mass_p, mass_q = self._sums
        low = np.searchsorted(self._ratio, shift, side="right")
        high = np.searchsorted(self._ratio, following, side="right")
        middle_p, middle_q = mass_p[low] - mass_p[high], mass_q[low] - mass_q[high]
        beta: Array = scale * (middle_p - shift * middle_q) + mass_q[high] / left
        return beta

    def _left(self, drawn: Array) -> Array:
        """Mass of q off the drawn tokens (places in the order)."""
        ordered = self._ordered[1]
        left: Array = self._edges[-1] - ordered[drawn].sum(axis=1)
        # a difference loses digits where little is left: sum the others instead
        for row in np.flatnonzero(left < 1e-6):
            left[row] = np.delete(ordered, drawn[row]).sum()
        return left

    def _refused(
        self,
        scale: Array,
        shift: Array,
        following: Array,
        left: Array,
        drawn: Array,
        over: Array,
        rng: np.random.Generator,
    ) -> Array:
        """The rejected draft of every path, as a place in the order: a binary search of its weights' sums."""
        refusal = _Refusal(self, scale, shift, left, drawn)
        end = np.searchsorted(self._ratio, following, side="left")
        point = rng.random(scale.size) * refusal.sum_before(end)
        low, high = np.zeros_like(end), np.maximum(end, 1)
        # the last place whose sum before it is at most the point
        while np.any(high - low > 1):
            middle = (low + high) // 2
            right = refusal.sum_before(middle) <= point
            low, high = np.where(right, middle, low), np.where(right, high, middle)
        return np.where(over, 0, self._off_drawn(low, drawn))

    def _off_drawn(self, place: Array, drawn: Array) -> Array:
        """The place, or where rounding has hit a drawn token, the next one that is not drawn and has mass."""
        for row in np.flatnonzero((drawn == place[:, None]).any(axis=1) | (self._ordered[1][place] <= 0)):
            free = self._ordered[1] > 0
            free[drawn[row]] = False
            place[row] = int(np.argmax(np.roll(free, -int(place[row])))) + int(place[row])
        return np.asarray(place % self.q.size)

    @cached_property
    def _ordered(self) -> tuple[Array, Array]:
        """P and q in the order."""
        return self.p[self._order], self.q[self._order]

    @cached_property
    def _sums_before(self) -> tuple[Array, Array]:
        """Sums of p and q over the tokens before each place, shape ``(V + 1,)``."""
        return np.concatenate([[0.0], np.cumsum(self._ordered[0])]), self._edges


@dataclass(frozen=True, eq=False)
class _Refusal:
    """Weights :math:`q_i / t - a (p_i - b q_i)_+` of a step's rejected drafts, off the drawn tokens."""

    paths: RacePaths
    scale: Array
    shift: Array
    left: Array
    drawn: Array

    @cached_property
    def _start(self) -> Array:
        """First place whose ratio is above b: from there on the residual target takes its share."""
        return np.searchsorted(self.paths._ratio, self.shift, side="right")

    @cached_property
    def _drawn_weights(self) -> Array:
        """Of the drawn tokens: their ratio is below b, so the residual target takes no share."""
        return np.asarray(self.paths._ordered[1][self.drawn] / self.left[:, None])

    def sum_before(self, place: Array) -> Array:
        """Weight of the tokens before a place, for every path."""
        sums_p, sums_q = self.paths._sums_before
        split = np.maximum(place, self._start)
        taken_p, taken_q = sums_p[split] - sums_p[self._start], sums_q[split] - sums_q[self._start]
        total = sums_q[place] / self.left - self.scale * (taken_p - self.shift * taken_q)
        before = self.drawn < place[:, None]
        return np.asarray(total - np.where(before, self._drawn_weights, 0.0).sum(axis=1))
