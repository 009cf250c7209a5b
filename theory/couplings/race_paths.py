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
left with ratio below b'; it is drawn from q there and kept with probability
:math:`1 - a t\,(p_i / q_i - b)_+`, until one is kept (where that is rare, from the weights themselves).

The estimate :math:`1 - \prod_j (1 - \beta_j)` has the law of the paths that
:class:`~theory.couplings.recursive.Recursive` itself takes; a test holds its mean to enumeration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.bounds.iid import ratios
from theory.simplex import Array

_TRIES = 64


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
        np.cumsum(self.p[self._order][::-1], out=out[0, -2::-1])
        np.cumsum(self.q[self._order][::-1], out=out[1, -2::-1])
        return out[0], out[1]

    @cached_property
    def _edges(self) -> Array:
        return np.concatenate([[0.0], np.cumsum(self.q[self._order])])

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
        ordered = self.q[self._order]
        left: Array = self._edges[-1] - ordered[drawn].sum(axis=1)
        for row in np.flatnonzero(left < 1e-3):
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
        """The rejected draft of every path, as a place in the order."""
        end = self._edges[np.searchsorted(self._ratio, following, side="left")]
        tokens = np.zeros(scale.size, dtype=np.intp)
        waiting = np.flatnonzero(~over)
        for _ in range(_TRIES):
            if waiting.size == 0:
                return tokens
            point = rng.random(waiting.size) * end[waiting]
            place = np.minimum(np.searchsorted(self._edges, point, side="right") - 1, self.q.size - 1)
            excess = np.maximum(self._ratio[place] - shift[waiting], 0.0)
            keep = rng.random(waiting.size) < 1.0 - scale[waiting] * left[waiting] * excess
            keep &= ~(drawn[waiting] == place[:, None]).any(axis=1)
            tokens[waiting[keep]] = place[keep]
            waiting = waiting[~keep]
        for path in waiting:
            tokens[path] = self._refused_of(scale[path], shift[path], left[path], drawn[path], rng)
        return tokens

    def _refused_of(
        self, scale: float, shift: float, left: float, drawn: Array, rng: np.random.Generator
    ) -> int:
        """One rejected draft from its weights, O(V): where rejection is too rare to wait for."""
        p, q = self.p[self._order], self.q[self._order].copy()
        q[drawn] = 0.0
        weights = np.cumsum(np.maximum(q / left - scale * np.maximum(p - shift * q, 0.0), 0.0))
        if weights[-1] <= 0.0:  # rounding left nothing to reject: any live token, at weight zero
            return int(np.argmax(q))
        point = rng.random() * weights[-1]
        return int(min(np.searchsorted(weights, point, side="right"), np.argmax(weights >= weights[-1])))
