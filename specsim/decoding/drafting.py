r"""Drafters: what proposes a round's tree, and what it learns from the round's end.

A drafter is a frozen value. Its memory (caches, tables, counts) is handed in and out, so that a round can be
replayed; for exact laws the memory must be hashable. It sees the target at the start of the session (its
features over the prompt) and at the end of each round (every scored node, accepted or not); never what the
target says of the draft at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from specsim.clocks import Call
from specsim.decoding.reading import LanguageModel, Memory, Reading, follow
from theory.chance import Chance
from theory.laws import Tokens
from theory.tree import DraftTree


@dataclass(frozen=True)
class Proposal:
    """What a drafter proposes.

    Attributes
    ----------
    tree
        The drafts, with the laws they were drawn from.
    memory
        Its memory after drafting.
    work
        The draft model's forward passes, in order.
    sources
        For each node but the root what it came from (``"draft"``, ``"retrieval"``); empty: not said.
    """

    tree: DraftTree
    memory: Memory
    work: tuple[Call, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a round ended, for the drafter.

    Attributes
    ----------
    tree
        What was drafted.
    target
        The target's reading with every node of the tree, from before the round was committed.
    tokens
        The tokens that the round emitted and the session kept.
    accepted
        How many of them were drafted.
    after
        The target's reading with the tokens committed.
    """

    tree: DraftTree
    target: Reading
    tokens: Tokens
    accepted: int
    after: Reading

    @property
    def context(self) -> Tokens:
        """The context after the round."""
        return (*self.target.context, *self.tokens)


class Drafter(Protocol):
    """See the module's text."""

    def open(self, target: Reading) -> Memory:
        """Memory at the start of a session; the target has read the prompt."""
        ...

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """Draw a round's tree."""
        ...

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """Memory after a round; ``memory`` is the proposal's."""
        ...


@runtime_checkable
class Sharing(Protocol):
    """A draft model that lives on the target's own cache (sparse caches, early exits)."""

    def beside(self, target: Reading) -> Reading:
        """The draft's reading of the target's context, made from the target's."""
        ...


def beside(model: LanguageModel, target: Reading) -> Reading:
    """A draft model's reading of the target's context: made from the target's if it shares its cache."""
    return model.beside(target) if isinstance(model, Sharing) else model.open(target.context)


def renewed(model: LanguageModel, reading: Reading, outcome: Outcome) -> Reading:
    """A draft model's reading after a round: made anew from the target's, or brought to its context."""
    if isinstance(model, Sharing):
        return model.beside(outcome.after)
    return follow(reading, outcome.context)


@dataclass(frozen=True)
class NoDraft:
    """Drafts nothing: plain decoding, one token a target call.

    Examples
    --------
    >>> NoDraft().propose(None, chance=None).tree.size
    0
    """

    def open(self, target: Reading) -> Memory:
        """Nothing."""
        return None

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """The empty tree."""
        return Proposal(DraftTree.empty(), memory)

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """Nothing."""
        return None
