"""RASD: a drawn tree and a retrieved one, pruned by the draft and merged by their longest common prefixes.

Two drafters, any two: the first one's tree is kept whole, with its laws; the second one's tokens are chosen
ones and join as later siblings (:mod:`theory.shapes.dynamic.retrieval`). Lossless with top-down recursive
rejection.

Source: Quan et al. 2025 (RASD), arXiv 2503.03434
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from specsim.decoding.drafting import Drafter, Outcome, Proposal
from specsim.decoding.reading import Reading
from specsim.decoding.requests import Warming
from theory.chance import Chance
from theory.laws import Tokens
from theory.shapes.dynamic import fuse, prune
from theory.tree import DraftTree


def row_of_reading(memory: Any) -> Any:
    """The draft's row at the committed context, from a memory that is a reading (as of ``Drawn``)."""
    return memory.read([()])(())


@dataclass(frozen=True)
class Fused:
    """A drafter beside another.

    Parameters
    ----------
    first
        Drafts the tree that is kept whole.
    second
        Drafts what fills the rest of the budget; its tokens are chosen ones (point masses).
    keep
        Of the second tree, only paths whose first token is among the ``keep`` likeliest of the first one's
        model; None for all.
    budget
        Most nodes in all; None for no limit.
    row
        From the first one's memory, after it has drafted, to its model's row at the context; asked only
        with ``keep``.

    Notes
    -----
    ``sources`` of the proposal names where each node is from. A token that both propose is the first one's.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import Drawn, World
    >>> from specsim.drafters.prompt_lookup import PromptLookup
    >>> from theory.shapes.dynamic import Chain, WithBudget
    >>> from theory.chance import Sampled
    >>> world = World(lambda context: np.array([0.0, 0.0, 1.0]))
    >>> drafter = Fused(Drawn(world, WithBudget(Chain(), 2)), PromptLookup(vocabulary=3, length=2))
    >>> memory = drafter.open(world.open((0, 2, 1, 0)))
    >>> proposal = drafter.propose(memory, chance=Sampled(np.random.default_rng(0)))
    >>> list(zip(map(proposal.tree.prefix, (1, 2, 3)), proposal.sources))
    [((2,), 'first'), ((2, 2), 'first'), ((2, 1), 'lookup')]
    """

    first: Drafter
    second: Drafter
    keep: int | None = None
    budget: int | None = None
    row: Callable[[Any], Any] = row_of_reading

    def __post_init__(self) -> None:
        for name, value in (("keep", self.keep), ("budget", self.budget)):
            if value is not None and value < 0:
                raise ValueError(f"{name} must be at least 0 or None, got {value}")

    def open(self, target: Reading) -> tuple[Any, Any]:
        """Both memories."""
        return self.first.open(target), self.second.open(target)

    def propose(self, memory: tuple[Any, Any], *, chance: Chance) -> Proposal:
        """Draft with both, prune the second, merge."""
        drawn = self.first.propose(memory[0], chance=chance)
        found = self.second.propose(memory[1], chance=chance)
        branches = found.tree
        if self.keep is not None and branches.size:
            row = self.row(drawn.memory)
            branches = prune(branches, draft=lambda prefix: row, keep=self.keep)
        tree = fuse(drawn.tree, branches, budget=self.budget)
        after = (drawn.memory, found.memory)
        return Proposal(tree, after, (*drawn.work, *found.work), _sources(tree, drawn, found))

    def observe(self, memory: tuple[Any, Any], outcome: Outcome) -> tuple[Any, Any]:
        """Both see the whole round, whosever tokens were accepted."""
        return self.first.observe(memory[0], outcome), self.second.observe(memory[1], outcome)

    def warmed(self, memory: tuple[Any, Any]) -> Fused:
        """The drafter for a next request; each part keeps what it has learnt."""
        parts = zip((self.first, self.second), memory, strict=True)
        first, second = (part.warmed(kept) if isinstance(part, Warming) else part for part, kept in parts)
        return replace(self, first=first, second=second)


def _sources(tree: DraftTree, drawn: Proposal, found: Proposal) -> tuple[str, ...]:
    own = drawn.sources or ("first",) * drawn.tree.size
    names = found.sources or ("second",) * found.tree.size
    of: dict[Tokens, str] = {found.tree.prefix(node): name for node, name in enumerate(names, start=1)}
    later = range(drawn.tree.size + 1, tree.size + 1)
    return (*own, *(of[tree.prefix(node)] for node in later))
