r"""Completions of truncated distributions: the two that everything lies between.

Of p and of q a list of tokens with their probabilities is known; what is left, :math:`\rho_p` and
:math:`\rho_q`, is spread over the other tokens, at most :math:`c_p` (:math:`c_q`) on each. A *completion* is
a pair of full distributions that fits. For a set of tokens H let :math:`p_{\min}(H), p_{\max}(H)` be the
least and largest mass that a completion can give it; they are attained by filling tokens outside of H, or
inside, first. Tokens fall into four kinds: *both* known, only p known (A), only q known (B), neither (U, all
alike).

**The closest completion.** Spread :math:`\rho_q` over A in proportion to p, and :math:`\rho_p` over B in
proportion to q, both up to the caps, and over U evenly; balance the three so that, of the tokens whose q is
unknown, all that are not at their cap share the *lowest* ratio p / q, and of those whose p is unknown, all
that are not at their cap share the *highest*. The balance is one number r, the ratio on U: the root of

.. math:: \min(N c_p, \rho_p - \sum_{b \in B} \min(c_p, r q_b)) = r \min(N c_q, \rho_q - \sum_{a \in A}
          \min(c_q, p_a / r)),

piecewise linear in r (no root: A and B hold all, and U nothing). For a set S of all tokens above some ratio
then :math:`p(S) = p_{\min}(S)` and :math:`q(S) = q_{\max}(S)`. Such sets attain
:math:`M(a) = \sum_x (p_x - a q_x)_+ = \max_S p(S) - a q(S)` and the optimum
:math:`\min_S g(q(S)) + p(V \setminus S)`. So the closest completion has the smallest M(a) for *every* a, and
the largest optimum for every number of drafts, of all completions.

**The farthest completion** for a convex growing :math:`\psi` minimises :math:`p(H) - \psi(q(H))` over sets
and completions: :math:`\min_H p_{\min}(H) - \psi(q_{\max}(H))`, as p and q are completed each for itself. H
holds the tokens of *both* with the smallest ratios, the i of A with the smallest p, the j of B with the
largest q, and n of U, with n at one of a few turning points. Where U has room for both rests side by side it
is one and the same completion for every :math:`\psi`: the rests of p and q do not touch, nor any listed
token.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from math import ceil, floor
from typing import Any

import numpy as np

from theory.simplex import Array

Convex = Callable[[Fraction], Fraction]
_ZERO = Fraction(0)


@dataclass(frozen=True)
class Listed:
    """A truncated measure: what is known of it, in fractions.

    Attributes
    ----------
    known
        Mass of each listed token.
    rest
        Mass of all other tokens together.
    cap
        The most that one of them can have.
    """

    known: dict[int, Fraction]
    rest: Fraction
    cap: Fraction

    def slots(self) -> int:
        """The fewest other tokens that can hold the rest."""
        return ceil(self.rest / self.cap) if self.rest else 0


@dataclass(frozen=True, eq=False)
class Completion:
    """A pair of distributions that fits what is known.

    Attributes
    ----------
    tokens
        Tokens that are listed for p or q.
    p, q
        Their probabilities, in fractions.
    others
        Runs ``(count, p, q)`` of tokens that are listed for neither, in the order of their ids.
    vocabulary
        Number of tokens.
    """

    tokens: tuple[int, ...]
    p: tuple[Fraction, ...]
    q: tuple[Fraction, ...]
    others: tuple[tuple[int, Fraction, Fraction], ...]
    vocabulary: int

    def merged(self) -> tuple[Array, Array]:
        """p and q with each run of alike tokens as one: enough for all that depends on ratios only."""
        p = [*self.p, *(count * each for count, each, _ in self.others)]
        q = [*self.q, *(count * each for count, _, each in self.others)]
        return np.array(p, dtype=object), np.array(q, dtype=object)

    def dense(self) -> tuple[Array, Array]:
        """p and q over the vocabulary, in fractions, shape ``(V,)``."""
        out = np.full((2, self.vocabulary), _ZERO)
        out[:, list(self.tokens)] = self.p, self.q
        free = np.setdiff1d(np.arange(self.vocabulary), self.tokens)
        start = 0
        for count, p, q in self.others:
            out[:, free[start : start + count]] = [[p], [q]]
            start += count
        return out[0], out[1]


@dataclass(frozen=True, eq=False)
class Layout:
    """The tokens by what is known of them.

    Parameters
    ----------
    p, q
        What is known.
    vocabulary
        Number of tokens.
    """

    p: Listed
    q: Listed
    vocabulary: int

    @cached_property
    def both(self) -> list[int]:
        """Listed for p and q, by rising p / q; those of q = 0 last."""
        shared = self.p.known.keys() & self.q.known.keys()
        live = [token for token in shared if self.q.known[token]]
        ranked = sorted(live, key=lambda token: (self.p.known[token] / self.q.known[token], token))
        return [*ranked, *sorted(shared - set(live))]

    @cached_property
    def only_p(self) -> list[int]:
        """A: listed for p alone, smallest first."""
        return sorted(
            self.p.known.keys() - self.q.known.keys(), key=lambda token: (self.p.known[token], token)
        )

    @cached_property
    def only_q(self) -> list[int]:
        """B: listed for q alone, largest first."""
        return sorted(
            self.q.known.keys() - self.p.known.keys(), key=lambda token: (-self.q.known[token], token)
        )

    @cached_property
    def free(self) -> int:
        """N: how many tokens are listed for neither."""
        return self.vocabulary - len(self.both) - len(self.only_p) - len(self.only_q)

    @property
    def apart(self) -> bool:
        """Whether the rests fit side by side on tokens that are listed for neither."""
        return self.free >= self.p.slots() + self.q.slots()

    def completion(
        self,
        q_of_a: Sequence[Fraction],
        p_of_b: Sequence[Fraction],
        others: tuple[tuple[int, Fraction, Fraction], ...],
    ) -> Completion:
        """The completion with these masses where they were unknown."""
        p, q = self.p.known, self.q.known
        return Completion(
            (*self.both, *self.only_p, *self.only_q),
            (*(p[token] for token in (*self.both, *self.only_p)), *p_of_b),
            (*(q[token] for token in self.both), *q_of_a, *(q[token] for token in self.only_q)),
            tuple(run for run in others if run[0]),
            self.vocabulary,
        )


def closest(layout: Layout) -> Completion:
    """The completion with the largest optimum and the smallest divergences of all; see the module's text."""
    p, q, free = layout.p, layout.q, layout.free
    heights_a = [p.known[token] for token in layout.only_p]
    heights_b = [q.known[token] for token in layout.only_q]
    on_p, on_q = _balance(layout, heights_a, heights_b) if free else (_ZERO, _ZERO)
    q_of_a, spilled_q = _filled(heights_a, q.cap, q.rest - on_q, free if not on_q else 0)
    p_of_b, spilled_p = _filled(heights_b, p.cap, p.rest - on_p, free if not on_p else 0)
    each_p, each_q = (mass / free if free else _ZERO for mass in (on_p + spilled_p, on_q + spilled_q))
    return layout.completion(q_of_a, p_of_b, ((free, each_p, each_q),))


def _level(heights: Sequence[Fraction], cap: Fraction, total: Fraction) -> Fraction | None:
    """The least x with ``sum(min(cap, x height)) = total``; None if all at their cap hold less."""
    if not total:
        return _ZERO
    left, under = total, sum(heights, _ZERO)
    for height in sorted((height for height in heights if height), reverse=True):
        level = left / under
        if level * height <= cap:
            return level
        left, under = left - cap, under - height
    return None


def _held(heights: Sequence[Fraction], cap: Fraction, level: Fraction) -> Fraction:
    return sum((min(cap, level * height) for height in heights), _ZERO)


def _filled(
    heights: Sequence[Fraction], cap: Fraction, total: Fraction, free: int
) -> tuple[list[Fraction], Fraction]:
    """Masses in proportion to the heights up to the cap, and what spills over to the free tokens.

    What the heights can't hold goes to those of height zero and the free tokens alike.
    """
    level = _level(heights, cap, total)
    if level is not None:
        return [min(cap, level * height) for height in heights], _ZERO
    over = total - cap * sum(1 for height in heights if height)
    share = over / (free + sum(1 for height in heights if not height))
    return [cap if height else share for height in heights], free * share


def _balance(
    layout: Layout, heights_a: list[Fraction], heights_b: list[Fraction]
) -> tuple[Fraction, Fraction]:
    """Masses of p and q on the tokens that are listed for neither."""
    p, q, free = layout.p, layout.q, layout.free
    lowest, highest = _level(heights_a, q.cap, q.rest), _level(heights_b, p.cap, p.rest)
    # as ratios: A alone holds q's rest at 1 / lowest, B alone holds p's at highest
    if lowest == 0 or highest == 0 or (lowest and highest is not None and highest * lowest <= 1):
        return _ZERO, _ZERO
    room_p, room_q = free * p.cap, free * q.cap

    def on_p(ratio: Fraction) -> Fraction:
        return min(room_p, p.rest - _held(heights_b, p.cap, ratio))

    def scaled_q(ratio: Fraction) -> Fraction:
        """The ratio times q on the free tokens, without dividing by it."""
        return min(ratio * room_q, ratio * q.rest - sum((min(ratio * q.cap, h) for h in heights_a), _ZERO))

    turns = [p.cap / height for height in heights_b if height]
    turns += [height / q.cap for height in heights_a if height]
    full_b = _level(heights_b, p.cap, max(p.rest - room_p, _ZERO))
    full_a = _level(heights_a, q.cap, max(q.rest - room_q, _ZERO))
    turns += [full_b] if full_b else []
    turns += [1 / full_a] if full_a else []
    start = 1 / lowest if lowest else _ZERO
    inner = sorted(turn for turn in set(turns) if turn > start and (highest is None or turn < highest))
    ratio = _root(lambda r: on_p(r) - scaled_q(r), [start, *inner], highest)
    return on_p(ratio), scaled_q(ratio) / ratio


def _root(falling: Callable[[Fraction], Fraction], turns: list[Fraction], end: Fraction | None) -> Fraction:
    """Where a falling function, linear between its turns and after the last, is zero."""
    # the last turn at which the function is not yet negative
    place = bisect_left(turns, True, key=lambda turn: falling(turn) < 0) - 1
    low = turns[max(place, 0)]
    beyond = turns[-1] + 1 if end is None else end
    high = turns[place + 1] if place + 1 < len(turns) else beyond
    value, after = falling(low), falling(high)
    return low + value * (high - low) / (value - after) if value != after else low


def farthest(layout: Layout, growth: Convex) -> Completion:
    """The completion with the least ``p(H) - growth(q(H))`` over completions and sets H.

    Parameters
    ----------
    layout
        What is known.
    growth
        Convex and growing on [0, 1].

    Notes
    -----
    Where the rests fit side by side there is nothing to search. Otherwise all counts i, j, n that can matter
    are tried: O(|A| |B| |both|) evaluations at worst, in fractions.
    """
    if layout.apart:
        return _side_by_side(layout, 0, len(layout.only_q), layout.q.slots())
    best = min(_choices(layout), key=lambda choice: _least(layout, growth, *choice))
    return _side_by_side(layout, *best)


def _choices(layout: Layout) -> Iterator[tuple[int, int, int]]:
    """Counts (i of A, j of B, n of U) inside of H that can be best."""
    p, q, free = layout.p, layout.q, layout.free
    size_a, size_b = len(layout.only_p), len(layout.only_q)
    for i in range(min(size_a, q.slots()) + 1):
        for j in range(max(0, size_b - p.slots()), size_b + 1):
            exact = [Fraction(0), Fraction(free)]
            if p.rest:
                exact.append(free + size_b - j - p.rest / p.cap)
            if q.rest:
                exact.append(q.rest / q.cap - i)
            for n in {min(max(side(turn), 0), free) for turn in exact for side in (floor, ceil)}:
                yield i, j, n


def _inside(layout: Layout, i: int, j: int, n: int) -> tuple[Fraction, Fraction]:
    """p and q inside of H on tokens where they are unknown: p as little, q as much as can be."""
    outside = len(layout.only_q) - j + layout.free - n
    return max(layout.p.rest - layout.p.cap * outside, _ZERO), min(layout.q.rest, layout.q.cap * (i + n))


def _least(layout: Layout, growth: Convex, i: int, j: int, n: int) -> Any:
    """Least ``p(H) - growth(q(H))`` over how many tokens listed for both are in H."""
    p, q = layout.p.known, layout.q.known
    spilled_p, drawn_q = _inside(layout, i, j, n)
    held_p = spilled_p + sum((p[token] for token in layout.only_p[:i]), _ZERO)
    held_q = drawn_q + sum((q[token] for token in layout.only_q[:j]), _ZERO)
    along_p = accumulate((p[token] for token in layout.both), initial=held_p)
    along_q = accumulate((q[token] for token in layout.both), initial=held_q)
    return min(mass - growth(drafted) for mass, drafted in zip(along_p, along_q, strict=True))


def _side_by_side(layout: Layout, i: int, j: int, n: int) -> Completion:
    """p's rest outside of H and q's inside of it as far as they fit, evenly."""
    p, q, free = layout.p, layout.q, layout.free
    size_a, size_b = len(layout.only_p), len(layout.only_q)
    p_in, q_in = _inside(layout, i, j, n)
    p_each = _even(p_in, j + n), _even(p.rest - p_in, size_b - j + free - n)
    q_each = _even(q_in, i + n), _even(q.rest - q_in, size_a - i + free - n)
    q_of_a = [q_each[place >= i] for place in range(size_a)]
    p_of_b = [p_each[place >= j] for place in range(size_b)]
    return layout.completion(q_of_a, p_of_b, ((n, p_each[0], q_each[0]), (free - n, p_each[1], q_each[1])))


def _even(mass: Fraction, count: int) -> Fraction:
    return mass / count if count else _ZERO
