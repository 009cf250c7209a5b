r"""Scores of drafted paths: uniform on [0, 1], independent, and still telling which path to verify.

K paths are drawn independently. Give each a score U by *nested pooling*: start with the interval [0, 1]; at
each node cut the tokens, in order of falling p / q, into pools (by a random cut that belongs to the node,
not to the path); a path whose next token is in the pool of draft mass [a, c) goes on with that part of its
interval; at the end U is uniform in what is left. Whatever the cuts, U is uniform and independent of the
other paths, because the chance of a pool is its length. The path of the *least* score is picked, so the law
of its score is :math:`G(u) = 1 - (1 - u)^K`, and everything about it follows:

the score of the picked path, given its tokens so far, is a mixture of pieces of G (:class:`ScoreLaw`), its
cumulative law g (in units of the node's interval) is concave, and the laws of its next token that cuts can
reach are those whose cumulative sum over the order stays below g. The proofs for :math:`g = G` (see
``docs/clipping.md``) use nothing but that g is concave, so the best law for a node of budget b is again
:math:`y = q\, \mathrm{clip}(b p / q, \mu, \lambda)`, and the knots' burning budgets make the mixture of cuts
(:class:`NodePlan`). ``docs/multistep.md`` has the proofs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from theory.clip.law import chord_slopes
from theory.couplings.selections.priority import falling_ratio
from theory.simplex import Array

#: A part of the scale of scores: how much of the scale lies behind it, how long it is, and its weight.
Piece = tuple[Any, Any, Any]
#: Boundaries of pools, as places in the order of tokens, first 0 and last the number of tokens.
Cut = tuple[int, ...]


@dataclass(frozen=True)
class ScoreLaw:
    """The law of the picked path's score inside of a node's interval: a mixture of pieces of G.

    Parameters
    ----------
    count
        Number of paths K.
    pieces
        What lies behind each part of the scale, its length and its weight. Places are measured from the
        far end, so that no digits are lost where little is left.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> ScoreLaw.whole(2)(F(1, 2))
    Fraction(3, 4)
    """

    count: int
    pieces: tuple[Piece, ...]

    @classmethod
    def whole(cls, count: int) -> ScoreLaw:
        """The law at the root: the least of ``count`` uniform scores."""
        return cls(count, ((0, 1, 1),))

    def slope(self, high: Any, low: Any) -> Any:
        """Mean density between two places, given by how much of the node's interval lies behind them.

        Not normalised: over the whole interval it is the sum of all weights' masses.
        """
        return sum(
            weight * width * chord_slopes(behind + high * width, behind + low * width, self.count)
            for behind, width, weight in self.pieces
        )

    def __call__(self, s: Any) -> Any:
        """The cumulative law g at s in [0, 1]; concave, from 0 to 1."""
        one = s * 0 + 1
        return s * self.slope(one, one - s) / self.slope(one, one * 0)


@dataclass(frozen=True, eq=False)
class NodePlan:
    """Which cuts a node uses and how often, and the law of the picked path's next token that they make.

    Attributes
    ----------
    order
        Tokens that the draft can draw, by falling p / q.
    masses
        Their draft masses, shape ``(n,)``.
    behind
        Draft mass of all from a place on, shape ``(n + 1,)``.
    cuts
        ``(weight, cut)``; weights sum to one.
    law
        The law y of the next token, shape ``(V,)``.
    scores
        The law of the picked path's score inside of the node.
    """

    order: tuple[int, ...]
    masses: Array
    behind: Array
    cuts: tuple[tuple[Any, Cut], ...]
    law: Array
    scores: ScoreLaw

    @classmethod
    def of(cls, *, p: Array, q: Array, scores: ScoreLaw) -> NodePlan:
        r"""The plan that accepts most at this node: the largest :math:`\sum \min(p, y)`.

        Parameters
        ----------
        p
            Target weights, budget included: of total at most one.
        q
            Draft distribution.
        scores
            The law of the picked path's score.

        Examples
        --------
        >>> from fractions import Fraction as F
        >>> p, q = np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 3)] * 3)
        >>> [str(mass) for mass in NodePlan.of(p=p, q=q, scores=ScoreLaw.whole(2)).law]
        ['2/9', '2/9', '5/9']
        """
        order = tuple(token for token in falling_ratio(p, q) if q[token] > 0)
        masses = q[list(order)] / q[list(order)].sum()
        behind = np.concatenate([masses[:1] * 0, np.cumsum(masses[::-1])])[::-1]
        behind = behind / behind[0]
        total = scores.slope(behind[0], behind[-1])

        def chord(start: int, end: int) -> Any:
            return scores.slope(behind[start], behind[end]) / total

        reach = [(behind[0] - rest) * scores.slope(behind[0], rest) / total for rest in behind]
        cuts = tuple(_mixture(_clipped(p[list(order)], masses, reach), behind[0], chord))
        law = q * 0
        for weight, cut in cuts:
            for start, end in pairwise(cut):
                slope = weight * chord(start, end)
                for place in range(start, end):
                    law[order[place]] += masses[place] * slope
        return cls(order, masses, behind, cuts, law, scores)

    def pool(self, cut: Cut, token: int) -> tuple[Any, Any]:
        """What lies behind the token's pool in the node's interval, and the pool's length."""
        place = self.order.index(token)
        start = max(bound for bound in cut if bound <= place)
        end = min(bound for bound in cut if bound > place)
        return self.behind[end], self.masses[start:end].sum()

    def below(self, token: int) -> ScoreLaw:
        """The law of the picked path's score, given that its next token is this one."""
        merged: dict[tuple[Any, Any], Any] = {}
        for share, cut in self.cuts:
            rest, length = self.pool(cut, token)
            for behind, width, weight in self.scores.pieces:
                key = (behind + rest * width, length * width)
                merged[key] = merged.get(key, 0) + share * weight / length
        return ScoreLaw(self.scores.count, tuple((*key, weight) for key, weight in merged.items()))


def _clipped(p: Array, q: Array, reach: list[Any]) -> list[Any]:
    """``clip(p / q, mu, lambda)`` along the order for a concave reach."""
    before = np.concatenate([p[:1] * 0, np.cumsum(p)])
    cut = min(range(len(reach)), key=lambda j: reach[j] - before[j])
    ratio = [a / b for a, b in zip(p, q, strict=True)]
    high = _capped(ratio[:cut], q[:cut], reach[cut])
    low = _capped([-r for r in reversed(ratio[cut:])], q[cut:][::-1], reach[cut] - reach[-1])
    return high + [-r for r in reversed(low)]


def _capped(ratio: list[Any], q: Array, total: Any) -> list[Any]:
    """Falling ratios under a cap such that q times them sums to the total; as they are if it holds."""
    behind = sum((r * mass for r, mass in zip(ratio, q, strict=True)), 0 * total)
    mass: Any = 0
    for place, r in enumerate(ratio):
        mass, behind = mass + q[place], behind - r * q[place]
        level = (total - behind) / mass
        if place + 1 == len(ratio) or level >= ratio[place + 1]:
            return [level] * (place + 1) + ratio[place + 1 :]
    return ratio


def _mixture(slopes: list[Any], one: Any, chord: Callable[[int, int], Any]) -> list[tuple[Any, Cut]]:
    """Cuts with weights whose mixture has the given slopes: knots burn and are removed."""
    last = len(slopes)
    knots = [place for place in range(1, last) if slopes[place] < slopes[place - 1]]
    budget = {place: slopes[place - 1] - slopes[place] for place in knots}
    left: Any = one
    mixture: list[tuple[Any, Cut]] = []
    while left > 0:
        bounds = (0, *knots, last)
        chords = [chord(a, b) for a, b in pairwise(bounds)]
        rate = {place: chords[i] - chords[i + 1] for i, place in enumerate(knots)}
        # where g is straight a knot makes no difference; take it out
        times = {place: budget[place] / rate[place] if rate[place] > 0 else 0 for place in knots}
        step = min([left, *times.values()])
        if step > 0:
            mixture.append((step, bounds))
        left = left - step
        budget = {place: max(budget[place] - step * rate[place], 0 * left) for place in knots}
        knots = [place for place in knots if times[place] > step]
    return mixture
