r"""Rigorous ends when only the likeliest tokens of p and q are known.

Serving engines and hosted interfaces return 5 to 20 log-probabilities a position. They leave the rest of the
mass unknown: spread over the other V - m tokens, none of which can be likelier than the least likely one of
the list. Everything said here is about *all* pairs (p, q) that fit the lists:

=========================== ============================== ===================================== =========
quantity                    lower end attained by          upper end attained by                 tight
=========================== ============================== ===================================== =========
overlap, 1 - TV             farthest, linear growth        closest                               yes
optimum, k i.i.d. drafts    farthest, growth s^k           closest                               yes
K-SEQ                       farthest, at its own factor    closest                               yes
top-k plus sample, SpecHub  farthest, on scaled q          closest, on scaled q                  yes
recursive, k i.i.d. drafts  (none)                         (none)                                k = 1
fixed tokens                rest elsewhere                 rest on them                          yes
=========================== ============================== ===================================== =========

The *closest* and *farthest* completions are those of :mod:`theory.bounds.completions`; ``docs/clipping.md``
has the proofs. With :math:`M(a) = \sum_x (p_x - a q_x)_+`, which the closest completion makes smallest at
every a, overlap is 1 - M(1), K-SEQ is 1 - M where M meets a fixed rising curve, and recursive rejection is
:math:`1 - M(a_{k+1})` with :math:`a_1 = 0,\ a_{j+1} = a_j + M(a_j)`. The last one is not monotone in M (a
worse draft can be accepted more often by it), so its ends combine the ends of M and need not be attained.

All sums are of fractions, floats being the fractions that they are; ends for floats are rounded outward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np

from theory.bounds.completions import Completion, Layout, Listed, closest, farthest
from theory.bounds.iid import IidScan
from theory.bounds.truncated import Ends, Truncated
from theory.laws.base import check_k, check_tokens

_BISECTIONS = 60

Curve = Callable[[Fraction], Fraction]


def overlap_ends(*, p: Truncated, q: Truncated) -> Ends:
    r"""Ends of :math:`\sum_x \min(p_x, q_x)`, the acceptance of one draft; tight.

    Parameters
    ----------
    p, q
        What is known of target and draft, over one vocabulary.

    Raises
    ------
    ValueError
        If the vocabularies differ.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.375, 0.5], vocabulary=100)
    >>> ends = overlap_ends(p=p, q=q)
    >>> ends.lower, ends.upper
    (0.625, 0.75)
    """
    return optimal_iid_ends(p=p, q=q, k=1)


def total_variation_ends(*, p: Truncated, q: Truncated) -> Ends:
    """Ends of the total variation distance of p and q, in [0, 1]; tight.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.375, 0.5], vocabulary=100)
    >>> ends = total_variation_ends(p=p, q=q)
    >>> ends.lower, ends.upper
    (0.25, 0.375)
    """
    layout = _layout(p, q)
    near, far = closest(layout), farthest(layout, lambda mass: mass)
    return _tight(p, q, (hockey_stick(near, Fraction(1)), near), (hockey_stick(far, Fraction(1)), far))


def optimal_iid_ends(*, p: Truncated, q: Truncated, k: int) -> Ends:
    """Ends of the best acceptance that any lossless rule has on k i.i.d. drafts; tight.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.375, 0.5], vocabulary=100)
    >>> ends = optimal_iid_ends(p=p, q=q, k=2)
    >>> ends.lower, ends.upper
    (0.75, 0.984375)
    """
    layout, k = _layout(p, q), check_k(k)
    near, far = closest(layout), farthest(layout, lambda mass: mass**k)
    return _tight(p, q, (_optimum(far, k), far), (_optimum(near, k), near))


def k_seq_ends(*, p: Truncated, q: Truncated, k: int) -> Ends:
    """Ends of the acceptance of K-SEQ at its best factor, for k i.i.d. drafts; tight.

    The factor is bracketed within 2^-60 k, and the ends are moved outward by that.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.375, 0.5], vocabulary=100)
    >>> ends = k_seq_ends(p=p, q=q, k=2)
    >>> round(ends.lower, 6), round(ends.upper, 6)
    (0.75, 0.904508)
    """
    layout, k = _layout(p, q), check_k(k)
    near = closest(layout)
    low, high = _meeting(_curve(near), k)
    upper = 1 - hockey_stick(near, high)
    most = _highest(layout)
    start, end = _meeting(most, k)
    far = farthest(layout, lambda mass: end * mass)
    lower = 1 - most(start)
    return _ends(p, q, lower, upper, True, (1 - most(end), 1 - hockey_stick(near, low)), far, near)


def recursive_ends(*, p: Truncated, q: Truncated, k: int) -> Ends:
    """Ends of the acceptance of recursive rejection (SpecInfer) on k i.i.d. drafts.

    Tight for one draft. For more, rigorous and not known to be attained: ``attained`` holds the range
    between the closest and the farthest completion, so the ends are off by at most what they differ from it.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.375, 0.5], vocabulary=100)
    >>> ends = recursive_ends(p=p, q=q, k=2)
    >>> ends.lower, ends.upper, ends.attained
    (0.71875, 0.921875, (0.75, 0.875))
    """
    if check_k(k) == 1:
        return overlap_ends(p=p, q=q)
    layout = _layout(p, q)
    near, most = closest(layout), _highest(layout)
    least = _curve(near)
    early, late = _last_ratio(least, k), _last_ratio(most, k)
    lower, upper = 1 - most(early), min(1 - least(late), _optimum(near, k))
    far = farthest(layout, lambda mass: mass)
    seen = [1 - hockey_stick(pair, _last_ratio(_curve(pair), k)) for pair in (near, far)]
    return _ends(p, q, lower, upper, lower == upper, (min(seen), max(seen)))


def top_k_plus_sample_ends(*, p: Truncated, q: Truncated, k: int) -> Ends:
    """Ends of the acceptance of q's top k - 1 tokens and one sample of its others (Hu et al. 2025); tight.

    With k = 2 these are SpecHub's drafts too. Where a token that is not listed ties with the last of the
    top, the listed one is drafted.

    Raises
    ------
    ValueError
        If q lists fewer than k - 1 tokens, or may have a likelier one that it does not list.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.375, 0.5], vocabulary=100)
    >>> ends = top_k_plus_sample_ends(p=p, q=q, k=2)
    >>> ends.lower, ends.upper
    (0.75, 1.0)
    """
    top = _known_top(q, check_k(k) - 1)
    outside = 1 - sum((q.known[token] for token in top), Fraction(0))
    if not outside:
        return point_ends(p=p, tokens=top)
    # a token that is certainly drafted is one of which q has enough
    scaled = {token: Fraction(1) if token in top else mass / outside for token, mass in q.known.items()}
    known = Listed(scaled, q.rest / outside, q.largest / outside)
    layout = Layout(p.listed, known, _shared_vocabulary(p, q))
    near, far = closest(layout), farthest(layout, lambda mass: mass)
    lower, upper = (1 - hockey_stick(pair, Fraction(1)) for pair in (far, near))
    return _ends(p, q, lower, upper, True, (lower, upper))


def point_ends(*, p: Truncated, tokens: Iterable[int]) -> Ends:
    """Ends of p(S), the acceptance of fixed drafts (Medusa, EAGLE-2, prompt lookup); tight.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> ends = point_ends(p=p, tokens=[0, 5])
    >>> ends.lower, ends.upper
    (0.5, 0.75)
    """
    ids = set(check_tokens(np.array(list(tokens)), p.vocabulary, what="tokens").tolist())
    held = sum((mass for token, mass in p.known.items() if token in ids), Fraction(0))
    inside = len(ids - p.known.keys())
    outside = p.vocabulary - len(p.known) - inside
    lower = held + max(p.rest - p.largest * outside, Fraction(0))
    upper = held + min(p.rest, p.largest * inside)
    return _ends(p, p, lower, upper, True, (lower, upper))


def hockey_stick(pair: Completion, ratio: Fraction) -> Fraction:
    r"""M(a) = :math:`\sum_x (p_x - a q_x)_+` of a completion."""
    p, q = pair.merged()
    return sum(
        (max(mass - ratio * drafted, Fraction(0)) for mass, drafted in zip(p, q, strict=True)), Fraction(0)
    )


def _curve(pair: Completion) -> Curve:
    return lambda ratio: hockey_stick(pair, ratio)


def _highest(layout: Layout) -> Curve:
    """The largest M(a) that a completion can have, at each a."""
    if layout.apart:
        return _curve(farthest(layout, lambda mass: mass))
    return lambda ratio: hockey_stick(farthest(layout, lambda mass: ratio * mass), ratio)


def _optimum(pair: Completion, k: int) -> Fraction:
    value: Fraction = IidScan(*pair.merged()).optimum(k)[0]
    return value


def _last_ratio(curve: Curve, k: int) -> Fraction:
    """``a_{k+1}`` of the module's text."""
    ratio = Fraction(0)
    for _ in range(k):
        ratio += curve(ratio)
    return ratio


def _meeting(curve: Curve, k: int) -> tuple[Fraction, Fraction]:
    """Ends of the factor at which K-SEQ accepts most: where ``(1 - (1 - M) / a)^k`` reaches M."""
    low, high = Fraction(1), Fraction(k)
    for _ in range(_BISECTIONS if k > 1 else 0):
        middle = (low + high) / 2
        missed = curve(middle)
        if (1 - (1 - missed) / middle) ** k >= missed:
            high = middle
        else:
            low = middle
    return low, high


def _known_top(q: Truncated, count: int) -> list[int]:
    ranked = sorted(q.known, key=lambda token: (-q.known[token], token))[:count]
    if len(ranked) < count or (ranked and q.largest > q.known[ranked[-1]]):
        raise ValueError(
            f"the top {count} tokens of q are not all known: it lists {len(q.known)}, and others may have up "
            f"to {float(q.largest)}"
        )
    return ranked


def _shared_vocabulary(p: Truncated, q: Truncated) -> int:
    if p.vocabulary != q.vocabulary:
        raise ValueError(
            f"p has a vocabulary of {p.vocabulary} tokens and q of {q.vocabulary}; they must share one"
        )
    return p.vocabulary


def _layout(p: Truncated, q: Truncated) -> Layout:
    return Layout(p.listed, q.listed, _shared_vocabulary(p, q))


def _tight(
    p: Truncated, q: Truncated, low: tuple[Fraction, Completion], high: tuple[Fraction, Completion]
) -> Ends:
    return _ends(p, q, low[0], high[0], True, (low[0], high[0]), low[1], high[1])


def _ends(
    p: Truncated,
    q: Truncated,
    lower: Fraction,
    upper: Fraction,
    tight: bool,
    attained: tuple[Fraction, Fraction],
    lower_at: Completion | None = None,
    upper_at: Completion | None = None,
) -> Ends:
    if p.exact and q.exact:
        return Ends(lower, upper, tight, attained, lower_at, upper_at)
    inner = _outward(attained[0], 1), _outward(attained[1], -1)
    return Ends(_outward(lower, -1), _outward(upper, 1), tight, inner, lower_at, upper_at)


def _outward(value: Fraction, sign: int) -> float:
    """The nearest float that is not below (sign 1) or not above (sign -1) the value."""
    nearest = float(value)
    if (Fraction(nearest) - value) * sign < 0:
        nearest = float(np.nextafter(nearest, sign * np.inf))
    return nearest
