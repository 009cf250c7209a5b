"""Fixed lengths: the same number of drafts each round, and PEARL's, which the two times fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specsim.policies.base import Forgetful, Seen, check_length
from theory.stopping import Times


@dataclass(frozen=True)
class Fixed(Forgetful):
    """Always the same number of drafts.

    Lossless: yes. Source: Leviathan et al. 2023.

    Parameters
    ----------
    length
        Drafts a round, at least 0.

    Examples
    --------
    >>> Fixed(2).more(Seen(()), None), Fixed(0).more(Seen(()), None)
    (True, False)
    """

    length: int

    def __post_init__(self) -> None:
        check_length("length", self.length)

    def more(self, seen: Seen, memory: Any) -> bool:
        """Until the length is reached."""
        return seen.length < self.length


def pearl_length(times: Times) -> int:
    """The drafts that a target call has time for: PEARL's gamma, the ratio of the two times, at least 1.

    Raises
    ------
    ValueError
        If a draft step takes no time.

    Examples
    --------
    >>> pearl_length(Times(draft_time=0.3, target_time=1.0))
    4
    """
    if times.draft_time <= 0:
        raise ValueError(
            "a draft step that takes no time leaves room for any number of drafts; give its time"
        )
    return max(1, -int(-times.target_time // times.draft_time))
