r"""Both ends of the i.i.d. bound, each proved by something that is checked and not trusted.

The optimum for k i.i.d. drafts lies between

.. math:: \sum_x \min(p_x, y_x) \;\le\; \alpha^* \;\le\; 1 + p(H) - q(H)^k

for *every* law y that some rule can pick from, and *every* set of tokens H. The left side is a **primal
certificate**, the right side a **dual** one, and at the right y and H they agree: no theorem about either
has to be believed, only the two checks.

**The check of y.** A law is in reach if :math:`y(S) \le g(q(S))` for every set of tokens, with
:math:`g(s) = 1 - (1 - s)^k` (a draft of S has to be there to be picked; that it suffices is max-flow =
min-cut). Here :math:`y_x = c\, t_x q_x` with slopes t that never rise along an order of the tokens. Then no
set of draft mass s holds more of y than the first tokens of the order do, cut at s: :math:`y(S) \le Y(q(S))`
for the running mass Y, which is concave and linear between prefixes. As g is concave, :math:`Y \le g` at the
V prefixes is enough: a scan. And y need not sum to one: what lies below a law in reach is raised to one
without any entry falling.

**Rounding.** For floats p and q stand for the distributions :math:`p / \sum p` and :math:`q / \sum q` (the
sums of the floats as they are, without rounding). The scale c takes up any violation: it is the least ratio
of g to Y over the prefixes, rounded down. Every sum is one of non-negative numbers, every other step a
product or quotient of positive ones, so each computed number is off by a factor within
:math:`(1 \pm 2^{-53})^{N}`, with N counted from the steps: a running sum in blocks of 64 has
:math:`D \approx 64 \log_{64} V` of them, g of a prefix fewer than :math:`k (2D + 6)`, the ends fewer than
:math:`(k + 1)(2D + 8)`. Ends are moved outward by that. Tokens of :math:`q < 2^{-900}` are left out of y, so
nothing underflows but by less than :math:`2^{-1000}`, which is taken off too. For fractions both ends are
exact, and equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds.result import Bound
from theory.clip import chord_slopes, clip_law
from theory.laws.base import check_k
from theory.simplex import Array, check_pair, is_exact

_UNIT, _BLOCK = 2.0**-53, 64
_TINY, _NOTHING = 2.0**-900, 2.0**-1000


@dataclass(frozen=True, eq=False)
class IidCertificate:
    """A rigorous interval for the optimum of k i.i.d. drafts, with what proves its ends.

    Attributes
    ----------
    lower, upper
        Ends of the optimum; equal for fractions.
    order
        Tokens that the draft can draw, in the order of the scan.
    slopes
        ``y / q`` along the order, never rising.
    scale
        The factor c, at most one.
    dual_set
        H, boolean, shape ``(V,)``.
    k
        Number of drafts.
    """

    lower: Any
    upper: Any
    order: Array
    slopes: Array
    scale: Any
    dual_set: Array
    k: int

    @property
    def bound(self) -> Bound:
        """The interval as a :class:`~theory.bounds.Bound`."""
        return Bound(
            self.lower, self.upper, "exact" if is_exact(self.slopes) else "interval", self.dual_set, self.k
        )

    def verify(self, *, p: ArrayLike, q: ArrayLike) -> tuple[Any, Any]:
        """Check both certificates again, from p, q, the slopes and the set alone, and return the ends.

        Raises
        ------
        ValueError
            If the slopes rise, the order repeats a token or holds one that is never drafted, or the ends do
            not follow from the certificates: they belong to another p or q, or were altered.

        Examples
        --------
        >>> from fractions import Fraction as F
        >>> p, q = [F(1, 6), F(1, 6), F(2, 3)], [F(1, 3)] * 3
        >>> [str(end) for end in certify_iid(p=p, q=q, k=2).verify(p=p, q=q)]
        ['8/9', '8/9']
        """
        target, draft = _one_position(p, q)
        _check_order(self.order, self.slopes, draft)
        lower = _primal(target, draft, self.order, self.slopes, self.k)[1]
        upper = _dual(target, draft, self.dual_set, self.k)
        if not (self.lower <= lower and upper <= self.upper):
            raise ValueError(
                f"the certificates prove the interval [{lower}, {upper}], not [{self.lower}, {self.upper}]: "
                "they belong to another p or q, or were altered"
            )
        return lower, upper


def certify_iid(*, p: ArrayLike, q: ArrayLike, k: int) -> IidCertificate:
    """Rigorous lower and upper ends of the optimal acceptance for k i.i.d. drafts.

    Parameters
    ----------
    p, q
        Target and draft distribution, shape ``(V,)``; floats or fractions. Floats stand for themselves over
        their total.
    k
        Number of drafts, at least 1.

    Returns
    -------
    IidCertificate
        For fractions both ends are the optimum. For floats they are about ``1e-13 k`` apart at V = 128,000.
        Cost: a sort and some fifty passes.

    Raises
    ------
    ValueError
        If p or q is not one distribution of the other's vocabulary and kind, or k not a positive integer.

    Examples
    --------
    >>> ends = certify_iid(p=np.array([1, 1, 4]) / 6, q=np.full(3, 1 / 3), k=2)
    >>> bool(ends.lower <= 8 / 9 <= ends.upper), bool(ends.upper - ends.lower < 1e-13)
    (True, True)
    """
    target, draft = _one_position(p, q)
    solved = clip_law(target, draft, check_k(k))
    large = draft[solved.order] > (0 if is_exact(draft) else _TINY)
    order = solved.order[large]
    slopes = _below(draft, order, solved.slopes[large], int(k))
    scale, lower = _primal(target, draft, order, slopes, int(k))
    inside = np.zeros(draft.size, dtype=bool)
    inside[solved.order[solved.cut :]] = True
    upper = _dual(target, draft, inside, int(k))
    return IidCertificate(lower, upper, order, slopes, scale, inside, int(k))


def _one_position(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    target, draft = check_pair(p, q)
    if target.ndim != 1:
        raise ValueError(f"a certificate is for one position, got p of shape {target.shape}; make one a row")
    return target, draft


def _check_order(order: Array, slopes: Array, q: Array) -> None:
    if order.size != slopes.size or np.unique(order).size < order.size:
        raise ValueError("the order of the scan has to hold each of its tokens once, with one slope each")
    if not np.all(q[order] > (0 if is_exact(q) else _TINY)):
        raise ValueError("the order of the scan holds a token that q never draws")
    if not (np.all(slopes[1:] <= slopes[:-1]) and np.all(slopes >= 0)):
        raise ValueError("the slopes y / q have to be at least 0 and never rise along the order")


def _below(q: Array, order: Array, slopes: Array, k: int) -> Array:
    """Slopes of a law below g, where rounding has put a running mass above it.

    There a slope is at most that of g's chord. Only tokens of tiny mass are touched: it is no part of the
    proof, but keeps the scale near one.
    """
    if is_exact(q):
        return slopes
    total, after, reach = _prefixes(q, order, k)
    before = np.append(1.0, after[:-1])
    falling = np.maximum.accumulate(np.minimum(slopes, k)[::-1])[::-1]
    masses = q[order] / total
    over = _running(masses * falling) - reach
    above = over > 0
    chords = np.minimum(falling, chord_slopes(before, after, k))
    with np.errstate(over="ignore"):
        # the first of a run above g is lowered to end on g
        first = np.maximum(chords, falling - over / masses)
    chords[1:] = np.where(above[:-1], chords[1:], first[1:])
    chords[:1] = first[:1]
    result: Array = np.minimum.accumulate(np.where(above, chords, falling))
    return result


def _prefixes(q: Array, order: Array, k: int) -> tuple[Any, Array, Array]:
    """The total of q; the share of q after each prefix of the order; and g of each prefix."""
    draft = q[order]
    outside = np.ones(q.size, dtype=bool)
    outside[order] = False
    inside, others = _running(draft), _total(q[outside], q)
    total = inside[-1] + others
    after = (np.append(_running(draft[::-1])[-2::-1], others * 0) + others) / total
    return total, after, _reach(inside / total, after, k)


def _primal(p: Array, q: Array, order: Array, slopes: Array, k: int) -> tuple[Any, Any]:
    """The scale that puts y in reach, and the acceptance of the scaled y; both rounded down."""
    slack = _slack(q, k)
    total, _, reach = _prefixes(q, order, k)
    masses = q[order] * slopes
    held = _running(_rounded(masses, np.inf)) / total
    some, one = held > 0, total * 0 + 1
    with np.errstate(over="ignore"):
        least = np.min(reach[some] / held[some]) if np.any(some) else one
    scale = min(one, least * (1 - slack))
    shared = np.minimum(p[order] / _total(p, p), _rounded(masses, 0) / total)
    accepted = scale * _total(shared, q) * (1 - slack)
    return scale, accepted if slack == 0 else max(accepted - _NOTHING, 0.0)


def _dual(p: Array, q: Array, inside: Array, k: int) -> Any:
    """1 + p(H) - q(H)^k as g(q(A)) + p(H), a sum of positive numbers; rounded up."""
    if inside.shape != p.shape or inside.dtype != bool:
        raise ValueError(
            f"H is a boolean mask of shape {p.shape}, got {inside.dtype} of shape {inside.shape}"
        )
    slack = _slack(q, k)
    drafted, left = _total(q[~inside], q), _total(q[inside], q)
    held, lost = _total(p[inside], p), _total(p[~inside], p)
    value = _reach(drafted / (drafted + left), left / (drafted + left), k) + held / (held + lost)
    return value if slack == 0 else min(value * (1 + slack) + _NOTHING, 1.0)


def _reach(inside: Any, after: Any, k: int) -> Any:
    """g(s) = 1 - (1 - s)^k from s and 1 - s, as s (1 + (1 - s) + ... + (1 - s)^(k - 1))."""
    return inside * chord_slopes(after * 0 + 1, after, k)


def _rounded(values: Array, towards: float) -> Array:
    """Products moved past their rounding, to infinity or to zero."""
    return values if is_exact(values) else np.nextafter(values, towards)


def _slack(q: Array, k: int) -> Any:
    """What the ends are moved by, as a share of them; zero for fractions."""
    return 0 if is_exact(q) else 1.001 * _UNIT * ((k + 1) * (2 * _depth(q.size) + 8) + 8)


def _depth(size: int) -> int:
    """Most roundings that any entry of a running sum goes through."""
    return size if size <= _BLOCK else _BLOCK + _depth(-(-size // _BLOCK))


def _running(values: Array) -> Array:
    """Running sums, in blocks: fewer roundings than one by one."""
    if is_exact(values) or values.size <= _BLOCK:
        sums: Array = np.cumsum(values)
        return sums
    rows = np.zeros((-(-values.size // _BLOCK), _BLOCK))
    rows.ravel()[: values.size] = values
    np.cumsum(rows, axis=1, out=rows)
    rows[1:] += _running(rows[:, -1].copy())[:-1, None]
    return rows.ravel()[: values.size]


def _total(values: Array, like: Array) -> Any:
    return _running(values)[-1] if values.size else like[0] * 0
