"""What a model call is asked to do, and what says how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """One forward pass.

    Parameters
    ----------
    tokens
        New tokens of each sequence; at least 1.
    batch
        Sequences; at least 1.
    context
        Tokens in each sequence's cache before the call.

    Raises
    ------
    ValueError
        If a count is too small.

    Examples
    --------
    >>> Call(tokens=5, batch=8, context=1000).new_tokens
    40
    """

    tokens: int = 1
    batch: int = 1
    context: int = 0

    def __post_init__(self) -> None:
        for name, least in (("tokens", 1), ("batch", 1), ("context", 0)):
            value = getattr(self, name)
            if value < least:
                raise ValueError(f"a call needs {name} of at least {least}, got {value}")

    @property
    def new_tokens(self) -> int:
        """New tokens of all sequences."""
        return self.tokens * self.batch

    @property
    def cached_tokens(self) -> int:
        """Cached tokens of all sequences."""
        return self.context * self.batch


class Cost(Protocol):
    """How long a model's calls take."""

    def seconds(self, call: Call, /) -> float:
        """Duration of a call, in seconds (or whatever unit all costs of a comparison share)."""
        ...
