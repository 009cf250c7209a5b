"""Token Recycling: a static template filled from the target's own earlier candidates.

See :mod:`specsim.stores.successors`. Chosen tokens, point masses: lossless with recursive rejection.

Source: Luo et al. 2024 (Token Recycling), arXiv 2408.08696
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import Reading
from specsim.stores.successors import TEMPLATE, Successors
from theory.chance import Chance
from theory.laws import Tokens
from theory.shapes import TreeShape

#: The matrix, and the last committed token; None before there is one.
Memory = tuple[Successors, int | None]


@dataclass(frozen=True)
class Recycling:
    """Drafts a template from the matrix of successors.

    Parameters
    ----------
    store
        The matrix at the start; empty is *cold*.
    template
        The shape, of 80 nodes as published.
    budget
        Its first nodes only, breadth first; None for all.
    all_nodes
        Learn from every verified node; else from the accepted path alone.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import World
    >>> world = World(lambda context: np.array([0.1, 0.3, 0.6]))
    >>> drafter = Recycling(Successors(vocabulary=3, ranks=2).observe([(0, (2, 1))]))
    >>> memory = drafter.open(world.open((1, 0)))
    >>> drafter.propose(memory, chance=None).tree.tokens
    (-1, 2, 1)
    """

    store: Successors
    template: TreeShape = TEMPLATE
    budget: int | None = None
    all_nodes: bool = True

    def open(self, target: Reading) -> Memory:
        """The matrix as it is; the prompt tells nothing but its last token."""
        return self.store, _last(target.context)

    def propose(self, memory: Memory, *, chance: Chance) -> Proposal:
        """The filled template; chance is not asked."""
        store, last = memory
        budget = 0 if last is None else self.budget
        tree = store.tree(last or 0, template=self.template, budget=budget)
        return Proposal(tree, memory, sources=("recycled",) * tree.size)

    def observe(self, memory: Memory, outcome: Outcome) -> Memory:
        """The matrix with the target's top tokens at the verified nodes, in the order of the tree."""
        store, last = memory
        told = (
            (prefix[-1] if prefix else last, outcome.target.top(prefix, store.ranks))
            for prefix in self._prefixes(outcome)
        )
        return store.observe((token, top) for token, top in told if token is not None), _last(outcome.context)

    def warmed(self, memory: Memory) -> Recycling:
        """The drafter for a next request, with the matrix as this one left it."""
        return replace(self, store=memory[0])

    def _prefixes(self, outcome: Outcome) -> Iterable[Tokens]:
        if self.all_nodes:
            return map(outcome.tree.prefix, range(outcome.tree.size + 1))
        return (outcome.tokens[:end] for end in range(outcome.accepted + 1))


def _last(context: Tokens) -> int | None:
    return context[-1] if context else None
