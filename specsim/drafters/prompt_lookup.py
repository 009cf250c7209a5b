"""Prompt lookup: the draft is what followed the last tokens where they stood before.

No model, one chain of chosen tokens: point masses, so lossless with recursive rejection.

Source: Saxena 2023 (prompt lookup decoding)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import Reading
from specsim.stores import Suffixes
from theory.chance import Chance
from theory.shapes.dynamic import tree_of_paths


@dataclass(frozen=True)
class PromptLookup:
    """Drafts the continuation of one earlier occurrence of the longest suffix.

    Parameters
    ----------
    vocabulary
        Number of tokens V.
    length
        Most tokens drafted, at least 1.
    spans
        Longest and shortest suffix that is looked for.
    pick
        The latest or the earliest occurrence.
    store
        What is known before the prompt: earlier texts, a datastore.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import World
    >>> world = World(lambda context: np.full(5, 0.2))
    >>> drafter = PromptLookup(vocabulary=5, length=2)
    >>> memory = drafter.open(world.open((1, 2, 3, 4, 1, 2)))
    >>> drafter.propose(memory, chance=None).tree.tokens
    (-1, 3, 4)
    """

    vocabulary: int
    length: int = 10
    spans: tuple[int, int] = (3, 1)
    pick: Literal["latest", "earliest"] = "latest"
    store: Suffixes = field(default_factory=Suffixes, repr=False)

    def open(self, target: Reading) -> Suffixes:
        """The store with the prompt."""
        return self.store.separated().observe(target.context)

    def propose(self, memory: Suffixes, *, chance: Chance) -> Proposal:
        """A chain, empty where nothing matches; chance is not asked."""
        found = memory.lookup(
            memory.text.tail(self.spans[0]), spans=self.spans, length=self.length, pick=self.pick
        )
        tree = tree_of_paths([found], vocabulary=self.vocabulary)
        return Proposal(tree, memory, sources=("lookup",) * tree.size)

    def observe(self, memory: Suffixes, outcome: Outcome) -> Suffixes:
        """The store with what was emitted."""
        return memory.observe(outcome.tokens)

    def warmed(self, memory: Suffixes) -> PromptLookup:
        """The drafter for a next request, which knows all that this one has seen."""
        return replace(self, store=memory)
