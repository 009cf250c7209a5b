r"""The law that the optimal rule for k i.i.d. drafts picks from: the ratio p / q, clipped twice.

Let :math:`g(s) = 1 - (1 - s)^k` be the probability that one of k drafts is in a set of draft mass s. Order
the tokens that q can draw by falling :math:`r = p / q`; let :math:`s_j, P_j` be the sums of q and p over the
first j, :math:`j^* = \arg\min_j\, g(s_j) + P_n - P_j` and A the first :math:`j^*` tokens. Then

.. math:: y_x = q_x\, \mathrm{clip}(r_x, \mu, \lambda), \qquad
          \sum_{x \in A} \min(p_x, \lambda q_x) = g(s_{j^*}), \qquad
          \sum_{x \notin A} \max(p_x, \mu q_x) = 1 - g(s_{j^*})

is the law of a draft picked by some rule, and :math:`\sum_x \min(p_x, y_x) = \alpha^*`: no rule accepts more.
``docs/clipping.md`` has the proof.

Both equations are piecewise linear in their unknown and are solved by prefix sums: for every place in the
order, the mass if the clip started there; then one division. Sums that a small number is taken from are run
from the small end (masses *outside*, from the last token up), so digits are not lost where :math:`1 - s` is
tiny. The same lines serve floats and fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.simplex import Array, is_exact


@dataclass(frozen=True, eq=False)
class ClipLaw:
    """The doubly clipped law along the order of falling p / q.

    Attributes
    ----------
    order
        Cells (tokens, or bins of them) that the draft can draw, highest p / q first, shape ``(n,)``.
    masses
        Draft probability of each along the order; they sum to one, whatever rounding did to q.
    outside
        Draft probability of all from a place on, shape ``(n + 1,)``, from one down to zero.
    left
        Target weight of all from a place on, shape ``(n + 1,)``.
    slopes
        ``y / q``, never rising (floats: but by rounding), shape ``(n,)``.
    cut
        How many cells are in A.
    capped, lifted
        How many cells at the start take lambda, and how many at the end mu.
    optimum
        The acceptance that is reached: the optimum for these cells.
    """

    order: Array
    masses: Array
    outside: Array
    left: Array
    slopes: Array
    cut: int
    capped: int
    lifted: int
    optimum: Any


def clip_law(p: Array, q: Array, k: int) -> ClipLaw:
    r"""Solve the doubly clipped law.

    Parameters
    ----------
    p
        Target weights, shape ``(n,)``, of total at most one (a walk with a budget has less).
    q
        Draft weights, shape ``(n,)``, some of them positive. Taken over their total: that is the law which
        drafts are drawn from.
    k
        Number of drafts.

    Returns
    -------
    ClipLaw
        Exact for fractions; for floats within about 1e-14 of the optimum. Cost: one sort.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = clip_law(np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 3)] * 3), 2)
    >>> law.order.tolist(), [str(slope) for slope in law.slopes], str(law.optimum)
    ([2, 0, 1], ['5/3', '2/3', '2/3'], '8/9')
    """
    order, ratio = _falling(p, q)
    outside = _from_place_on(q[order])
    masses, outside, ratio = q[order] / outside[0], outside / outside[0], ratio * outside[0]
    targets = p[order]
    left = _from_place_on(targets)
    missed = power(outside, k)
    excess = left - missed
    cut = int(np.argmin(excess))
    if k == 1:
        # the only law in reach is q itself
        return ClipLaw(order, masses, outside, left, ratio * 0 + 1, cut, order.size, 0, 1 + excess[cut])
    slopes = ratio.copy()
    capped = _cap(slopes[:cut], masses[:cut], left[: cut + 1] - left[cut], outside[cut], k)
    lifted = _lift(slopes[cut:], outside[cut:], left[cut:], missed[cut])
    return ClipLaw(order, masses, outside, left, slopes, cut, capped, lifted, 1 + excess[cut])


def _falling(p: Array, q: Array) -> tuple[Array, Array]:
    """Live cells and their p / q, highest first."""
    live = np.flatnonzero(q > 0)
    with np.errstate(over="ignore"):
        negative = -(p[live] / q[live])
    if is_exact(q):
        order = np.argsort(negative, kind="stable")
        return live[order], -negative[order]
    order = np.argsort(negative)
    # a subnormal q overflows the ratio; what it holds is below rounding
    return live[order], np.minimum(-negative[order], 2.0**1000)


def _from_place_on(values: Array) -> Array:
    """Sums from each place to the end, and a zero after the last; shape ``(n + 1,)``."""
    out = np.empty(values.size + 1, dtype=values.dtype)
    out[-1] = values[0] * 0
    np.cumsum(values[::-1], out=out[-2::-1])
    return out


def _cap(slopes: Array, masses: Array, before: Array, outside: Any, k: int) -> int:
    """Cap the highest slopes, in place, so that masses times slopes sum to g of all masses.

    ``before`` is p from each place to the end of A: what is held behind the cap if it starts there.
    ``outside`` is the draft mass that is not in A. Returns how many slopes take the cap.
    """
    if slopes.size == 0:
        return 0
    inside = np.cumsum(masses)
    total = inside[-1] * chord_slopes(outside * 0 + 1, outside, k)
    count = int(np.count_nonzero(slopes * inside + before[1:] > total))
    if count:
        level = (total - before[count]) / inside[count - 1]
        level = min(level, slopes[count - 1])
        slopes[:count] = max(level, slopes[count]) if count < slopes.size else level
    return count


def _lift(slopes: Array, outside: Array, left: Array, total: Any) -> int:
    """Raise the lowest slopes, in place, so that masses times slopes sum to the total.

    ``left`` is p, and ``outside`` q, from each place to the end of the vocabulary. Returns how many slopes
    are raised.
    """
    if slopes.size == 0:
        return 0
    raised = left[0] - left[:-1] + slopes * outside[:-1] < total
    count = int(np.count_nonzero(raised))
    start = slopes.size - count
    if count:
        level = (total - (left[0] - left[start])) / outside[start]
        level = max(level, slopes[start])
        slopes[start:] = min(level, slopes[start - 1]) if start else level
    return count


def power(base: Array, exponent: int) -> Array:
    """``base ** exponent`` by repeated squaring: for a few drafts much faster than numpy's, and exact."""
    result: Array | None = None
    while True:
        if exponent & 1:
            result = base if result is None else result * base
        exponent >>= 1
        if not exponent:
            assert result is not None
            return result
        base = base * base


def chord_slopes(start: Any, end: Any, k: int) -> Any:
    r"""Slopes of g over intervals, from the draft masses outside: ``(start^k - end^k) / (start - end)``.

    Computed as :math:`\sum_l \mathrm{start}^{k-1-l}\, \mathrm{end}^l`: no difference, so no digits are lost
    on the shortest interval. Cost: O(log k) passes.

    Examples
    --------
    >>> chord_slopes(np.array([1.0, 0.5]), np.array([0.5, 0.0]), 2).tolist()
    [1.5, 0.5]
    """
    slopes, high, low = start * 0 + 1, start, end
    for bit in bin(k)[3:]:
        slopes, high, low = slopes * (high + low), high * high, low * low
        if bit == "1":
            slopes, high, low = slopes * end + high, high * start, low * end
    return slopes
