"""What a round costs: two times, and what comes with every round besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Times:
    """Times of the parts of a round, in one unit; a ratio is never asked for.

    Parameters
    ----------
    draft_time
        Of one draft step, at least 0.
    target_time
        Of one target call, positive. Verifying is taken to last as long as decoding one token.
    round_time
        What every round with drafts, and every round without, costs besides; plain decoding does not pay it.

    Raises
    ------
    ValueError
        If a time is negative or not finite, or the target's zero.

    Examples
    --------
    >>> times = Times(draft_time=0.25, target_time=1.0)
    >>> times.of_round(4), times.speedup(1.5)
    (2.0, 1.5)
    """

    draft_time: Any
    target_time: Any
    round_time: Any = 0

    def __post_init__(self) -> None:
        if not 0 < self.target_time < float("inf"):
            raise ValueError(f"target_time must be positive and finite, got {self.target_time}")
        for name in ("draft_time", "round_time"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be at least 0 and finite, got {value}")

    @property
    def base(self) -> Any:
        """A round without its draft steps."""
        return self.target_time + self.round_time

    def of_round(self, drafted: Any) -> Any:
        """A round with so many draft steps."""
        return self.base + drafted * self.draft_time

    def speedup(self, rate: Any) -> Any:
        """A rate (tokens per unit of time) over plain decoding's."""
        return rate * self.target_time


def check_limit(limit: int) -> None:
    """Raise ``ValueError`` unless a limit is a number of drafts, 0 or more."""
    if limit < 0 or int(limit) != limit:
        raise ValueError(f"limit must be a whole number of drafts, at least 0, got {limit}")
