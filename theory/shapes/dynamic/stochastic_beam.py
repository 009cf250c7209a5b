r"""RSD-S: stochastic beam search, drawn without Gumbels.

Stochastic beam search keeps at every level the W prefixes of largest perturbed log-probability. In the
language of races: every sequence of the last level has a clock that rings after an exponential time of rate
its probability; a prefix arrives when its first continuation rings; level d keeps the first W prefixes of
length d that arrive. So the kept prefixes of a level, in order, are a sample without replacement from all
prefixes of that length, and the levels fit: the parent of a kept prefix is kept.

**A sequential form.** Only the order of arrivals matters, and it can be drawn without clocks: whole
sequences of length L, one after the other, without replacement. Level L = D fills first (it has the most
different prefixes); then L = D - 1 goes on from the prefixes it has, and so on up. To draw the next
sequence of length L, walk from the root: at v go into the kept child c with weight :math:`m_L(c)`, the mass
of c's length-L sequences that are still unseen, or to a new child with weight :math:`\varphi_v (1 - q(S))`,
S the children seen, where

.. math:: m_L(v) = \varphi_v (1 - q(S)) + \sum_{c \in S} m_L(c),

and :math:`m_L = 0` for kept sequences of length L.

If the answer is 'new', draw the child from q off S, renormalised.

**The law of siblings.** Whether v gets another child is decided before its token is drawn, and no token is
taken back, so given the past it has the law q off S: siblings are drawn without replacement from v's row,
and top-down recursive rejection is lossless (:mod:`theory.shapes.dynamic.base`). In terms of Gumbels: the
perturbed value of a node's j-th best child is independent of that child's *identity* given the better
siblings, so the cut that keeps it or not says nothing about which token it is. It does say something about
the tokens of *earlier* siblings, but those were verified before. All is in fractions where the draft is, so
the joint law of the tree is enumerable; the tests hold it against Gumbel-top-down sampling.

On hardware the Gumbel form is what runs (one batch of draft calls a level; the sequential form asks one row
after another). Both have one law.

Lossless: yes, with top-down recursive rejection.
Complexity: a pass a row, O(sqrt V + n) a token.
Source: Jeon et al. 2024 (RSD), arXiv 2402.14160; Kool et al. 2019 (stochastic beams); sequential form
derived here
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from theory.chance import Chance
from theory.shapes.dynamic.base import check_budget, check_count
from theory.shapes.dynamic.slots import Slots
from theory.tree import DraftTree
from theory.walks.base import Model


@dataclass(frozen=True)
class StochasticBeam:
    """Levels of ``width`` nodes, as many as the budget pays for; the last one may be narrower.

    Parameters
    ----------
    width
        Nodes a level, at least 1; fewer where the draft's support has fewer prefixes.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.5, 0.5, 0.0])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> sorted(StochasticBeam(2).grow(draft=lambda prefix: q, budget=4, chance=chance).depths)
    [0, 1, 1, 2, 2]
    """

    width: int

    def __post_init__(self) -> None:
        check_count(self.width, name="width")

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw sequences without replacement, the longest first, until each level is full."""
        search = _Search(Slots(draft), chance)
        for level, width in reversed(list(enumerate(self._widths(check_budget(budget)), start=1))):
            while search.count(level) < width and search.unseen(0, level) > 0:
                search.draw(level)
        return search.slots.tree()

    def _widths(self, budget: int) -> list[int]:
        full, rest = divmod(budget, self.width)
        return [self.width] * full + [rest] * (rest > 0)


@dataclass
class _Search:
    """The tree so far, and what is unseen of it."""

    slots: Slots
    chance: Chance
    children: dict[int, list[int]] = field(default_factory=dict)

    def count(self, level: int) -> int:
        return sum(len(prefix) == level for prefix in self.slots.bench.prefixes)

    def unseen(self, node: int, level: int) -> Any:
        """Mass of the length-``level`` sequences below a node that were not drawn."""
        if len(self.slots.bench.prefixes[node]) == level:
            return 0
        below = sum(self.unseen(child, level) for child in self.children.get(node, ()))
        return self.slots.reach(node) + below

    def draw(self, level: int) -> None:
        """One more sequence of a length."""
        node, depth = 0, 0
        while depth < level:
            seen = self.children.setdefault(node, [])
            weights = [*(self.unseen(child, level) for child in seen), self.slots.reach(node)]
            choice = self.chance.draw(weights, stream=f"beam/{depth}") if seen else 0
            if choice == len(seen):
                seen.append(self.slots.extend(node, self.chance))
            node, depth = seen[choice], depth + 1
