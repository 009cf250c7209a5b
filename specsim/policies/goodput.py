"""SmartSpec's goodput for one request: the best length at the acceptance seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from specsim.policies.base import Behind, Done, Seen, check_length, check_share
from theory.stopping import Times, best_length


@dataclass(frozen=True)
class Goodput(Behind):
    """The best fixed length for a running mean of acceptance.

    Lossless: yes. Source: Liu et al. 2024 (SmartSpec), arXiv 2406.14066, for one request; batches and load
    are in ``specsim.serving``.

    Parameters
    ----------
    times
        Times of draft step and target call.
    first
        Acceptance taken before the first round, in [0, 1].
    keep
        Weight of the past in the mean, in [0, 1).
    probe
        Least drafts a round, at least 1: without drafts nothing is learnt.
    most
        Most drafts a round.

    Examples
    --------
    >>> policy = Goodput(times=Times(draft_time=0.1, target_time=1.0))
    >>> policy.length(0.8), policy.length(0.0)
    (6, 1)
    """

    times: Times
    first: float = 0.8
    keep: float = 0.9
    probe: int = 1
    most: int = 20

    def __post_init__(self) -> None:
        check_share("first", self.first)
        if not 0 <= self.keep < 1:
            raise ValueError(f"keep must be in [0, 1), got {self.keep}")
        check_length("probe", self.probe, least=1)
        check_length("most", self.most, least=self.probe)

    def begin(self) -> float:
        """The first acceptance."""
        return self.first

    def length(self, acceptance: float) -> int:
        """Drafts at an acceptance."""
        return max(self.probe, _best(acceptance, self.times, self.most))

    def more(self, seen: Seen, memory: Any) -> bool:
        """Until the best length is reached."""
        return seen.length < self.length(memory)

    def learn(self, memory: Any, done: Done) -> float:
        """Average over judged drafts: the accepted ones, and the rejected one if there is any."""
        judged = min(done.drafted, done.accepted + 1)
        for place in range(judged):
            memory = self.keep * memory + (1 - self.keep) * (place < done.accepted)
        return float(memory)


@lru_cache(maxsize=4096)
def _best(acceptance: float, times: Times, most: int) -> int:
    return best_length(acceptance=acceptance, times=times, limit=most).length
