"""ADED: a table of trigrams that the text adapts, searched by Monte Carlo tree search.

See :mod:`specsim.stores.trigrams` and :mod:`theory.shapes.dynamic.mcts`. Chosen tokens, point masses:
lossless with recursive rejection.

Source: Liu et al. 2024 (ADED), arXiv 2407.12021
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import Reading
from specsim.stores.trigrams import Trigrams
from theory.chance import Chance
from theory.shapes.dynamic.mcts import Mcts


@dataclass(frozen=True)
class Trigram:
    """Drafts what the search finds in the table.

    Parameters
    ----------
    store
        The table at the start; its ``window`` of 0 is the static table.
    search
        The search.
    budget
        Most nodes of the tree.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import World
    >>> from specsim.stores import TrigramTable
    >>> world = World(lambda context: np.full(4, 0.25))
    >>> drafter = Trigram(Trigrams(TrigramTable.of([[0, 1, 2, 3]], vocabulary=4)))
    >>> memory = drafter.open(world.open((0, 1)))
    >>> drafter.propose(memory, chance=None).tree.tokens
    (-1, 2, 3)
    """

    store: Trigrams
    search: Mcts = field(default_factory=Mcts)
    budget: int = 64

    def open(self, target: Reading) -> Trigrams:
        """The table, raised by the prompt's end."""
        return self.store.separated().observe(target.context)

    def propose(self, memory: Trigrams, *, chance: Chance) -> Proposal:
        """Search; chance is not asked."""
        tree = memory.tree(memory.recent, budget=self.budget, search=self.search)
        return Proposal(tree, memory, sources=("trigram",) * tree.size)

    def observe(self, memory: Trigrams, outcome: Outcome) -> Trigrams:
        """The table, raised by the last tokens."""
        return memory.observe(outcome.tokens)

    def warmed(self, memory: Trigrams) -> Trigram:
        """The drafter for a next request, with the table as this one left it."""
        return replace(self, store=memory)
