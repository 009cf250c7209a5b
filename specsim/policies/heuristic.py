"""The heuristic of Hugging Face's assisted generation: two more after full success, one less otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specsim.policies.base import Behind, Done, Memory, Seen, check_length


@dataclass(frozen=True)
class PlusTwoMinusOne(Behind):
    """Length + 2 if all drafts were accepted, else - 1, at least 1.

    Lossless: yes. Source: transformers, ``num_assistant_tokens_schedule="heuristic"``.

    Parameters
    ----------
    first
        Length of the first round, at least 1.
    most
        Most drafts a round.

    Examples
    --------
    >>> policy = PlusTwoMinusOne(first=5)
    >>> policy.learn(5, Done(drafted=5, accepted=5)), policy.learn(1, Done(drafted=1, accepted=0))
    (7, 1)
    """

    first: int = 5
    most: int = 64

    def __post_init__(self) -> None:
        check_length("first", self.first, least=1)
        check_length("most", self.most, least=self.first)

    def begin(self) -> Memory:
        """The first length."""
        return self.first

    def more(self, seen: Seen, memory: Any) -> bool:
        """Until the present length is reached."""
        return bool(seen.length < memory)

    def learn(self, memory: Any, done: Done) -> Memory:
        """Two more, or one less."""
        return min(self.most, int(memory) + 2) if done.accepted == done.drafted else max(1, int(memory) - 1)
