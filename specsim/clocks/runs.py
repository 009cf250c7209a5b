"""What a scheme did: tokens, calls and the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from specsim.clocks.timeline import Op, Timeline, schedule
from theory.chance import Chance

#: Probability that a judged draft is accepted: one number, or one for each place in a chain.
Acceptance = float | Sequence[float]


@dataclass(frozen=True)
class Run:
    """Some rounds of a scheme.

    Attributes
    ----------
    tokens
        Tokens emitted, corrected and bonus tokens counted.
    target_calls
        Calls of the target.
    drafted, accepted
        Tokens drafted, and those of them that were accepted.
    ops
        All operations.

    Notes
    -----
    ``tokens_a_target_call`` is the block efficiency, **bonus counted**; ``accepted_a_target_call`` leaves
    out the token that a call adds.
    """

    tokens: int
    target_calls: int
    drafted: int
    accepted: int
    ops: tuple[Op, ...]

    @cached_property
    def timeline(self) -> Timeline:
        """When each operation runs."""
        return schedule(self.ops)

    @property
    def seconds(self) -> float:
        """Until the last operation is done."""
        return self.timeline.seconds

    @property
    def tokens_a_second(self) -> float:
        """Tokens emitted over seconds."""
        return self.tokens / self.seconds

    @property
    def tokens_a_target_call(self) -> float:
        """Block efficiency, bonus counted."""
        return self.tokens / self.target_calls

    @property
    def accepted_a_target_call(self) -> float:
        """Accepted drafts a target call, bonus not counted."""
        return self.accepted / self.target_calls

    @property
    def utilisation(self) -> float:
        """Accepted over drafted; 0 if nothing was drafted."""
        return self.accepted / self.drafted if self.drafted else 0.0


class Scheme(Protocol):
    """An execution scheme: what runs where, and what it emits."""

    def run(self, *, acceptance: Acceptance, rounds: int, chance: Chance, context: int = 0) -> Run:
        """Play some rounds from a context of so many tokens; chance says whether drafts are accepted."""
        ...


class Recorder:
    """Operations as they are listed."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def add(self, name: str, device: str, seconds: float, after: Sequence[int] = ()) -> int:
        """List an operation and return its number."""
        self.ops.append(Op(name, device, seconds, tuple(after)))
        return len(self.ops) - 1


def probability_at(acceptance: Acceptance, place: int) -> Any:
    """The acceptance of the draft at a place of a chain, 0 the first; the last entry serves all that follow.

    Examples
    --------
    >>> probability_at([0.9, 0.5], 4)
    0.5
    """
    if not isinstance(acceptance, Sequence):
        return acceptance
    if not acceptance:
        raise ValueError("acceptance needs one number, or one for each place of a chain, got none")
    return acceptance[min(place, len(acceptance) - 1)]


def accepted_prefix(acceptance: Acceptance, length: int, chance: Chance, *, stream: str = "accept") -> int:
    """How many of a chain's drafts are accepted before the first that is not."""
    for place in range(length):
        if not chance.flip(probability_at(acceptance, place), stream=stream):
            return place
    return length
