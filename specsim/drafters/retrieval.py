"""Retrieval: the trie of what followed the longest suffix, in the text and in a datastore (REST).

Chosen tokens, point masses: lossless with recursive rejection.

Source: He et al. 2024 (REST), arXiv 2311.08252; in the form of Quan et al. 2025 (RASD), arXiv 2503.03434
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import Reading
from specsim.stores import Suffixes
from theory.chance import Chance


@dataclass(frozen=True)
class Retrieval:
    """Drafts the most counted branches of all continuations.

    Parameters
    ----------
    vocabulary
        Number of tokens V.
    branches
        Most nodes of the tree.
    length
        Tokens of a continuation.
    spans
        Longest and shortest suffix that is looked for.
    store
        What is known before the prompt: earlier texts, a datastore.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import World
    >>> world = World(lambda context: np.full(5, 0.2))
    >>> drafter = Retrieval(vocabulary=5, branches=3, spans=(4, 1))
    >>> memory = drafter.open(world.open((1, 2, 0, 1, 3, 4, 1)))
    >>> drafter.propose(memory, chance=None).tree.tokens
    (-1, 3, 2, 4)
    """

    vocabulary: int
    branches: int = 64
    length: int = 10
    spans: tuple[int, int] = (16, 2)
    store: Suffixes = field(default_factory=Suffixes, repr=False)

    def open(self, target: Reading) -> Suffixes:
        """The store with the prompt."""
        return self.store.separated().observe(target.context)

    def propose(self, memory: Suffixes, *, chance: Chance) -> Proposal:
        """The trie; chance is not asked."""
        tree = memory.retrieve(
            memory.text.tail(self.spans[0]),
            vocabulary=self.vocabulary,
            spans=self.spans,
            length=self.length,
            branches=self.branches,
        )
        return Proposal(tree, memory, sources=("retrieval",) * tree.size)

    def observe(self, memory: Suffixes, outcome: Outcome) -> Suffixes:
        """The store with what was emitted."""
        return memory.observe(outcome.tokens)

    def warmed(self, memory: Suffixes) -> Retrieval:
        """The drafter for a next request, which knows all that this one has seen."""
        return replace(self, store=memory)
