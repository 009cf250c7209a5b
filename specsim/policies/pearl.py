"""PEARL's adaptive length, as a policy of serial rounds.

PEARL drafts while the target verifies: a block of gamma drafts (what a target call has time for) at a time,
and goes on as long as blocks are accepted. A text's segment is so as long as its run of accepted drafts, in
whole blocks. In a serial round the counterpart is: gamma drafts; one block more after each round that was
accepted as a whole, back to one block after a rejection. What the overlap itself buys is in
``specsim.clocks.Parallel`` and ``theory.speedup``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specsim.policies.base import Behind, Done, Memory, Seen, check_length


@dataclass(frozen=True)
class PearlAdaptive(Behind):
    """Whole blocks, one more as long as all is accepted.

    Lossless: yes. Source: Liu et al. 2025 (PEARL), arXiv 2408.11850; the serial form is ours.

    Parameters
    ----------
    block
        Drafts of a block, gamma; see :func:`specsim.policies.pearl_length`.
    most
        Most drafts a round.

    Examples
    --------
    >>> policy = PearlAdaptive(block=4)
    >>> policy.learn(4, Done(drafted=4, accepted=4)), policy.learn(8, Done(drafted=8, accepted=3))
    (8, 4)
    """

    block: int
    most: int = 64

    def __post_init__(self) -> None:
        check_length("block", self.block, least=1)
        check_length("most", self.most, least=self.block)

    def begin(self) -> Memory:
        """One block."""
        return self.block

    def more(self, seen: Seen, memory: Any) -> bool:
        """Until the blocks are full."""
        return bool(seen.length < memory)

    def learn(self, memory: Any, done: Done) -> Memory:
        """A block more, or back to one."""
        return min(self.most, memory + self.block) if done.accepted == done.drafted else self.block
