"""PEARL: draft and target run side by side; a block is drafted while the last one is verified."""

from specsim.decoding import Drawn, LanguageModel, Overlapped, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Maximal
from theory.walks import TopDown, named

#: Tokens a block: about as many as the draft draws in the time of a target call; 3 to 5 in the paper.
BLOCK = 4


def system(target: LanguageModel, draft: LanguageModel, *, block: int) -> System:
    """Blocks drafted ahead of verification."""
    drafter = Drawn(draft, named.token_level(block).grow)
    return System(target, drafter, TopDown(Maximal()), Overlapped(block), name="pearl")


def world(worlds: Worlds) -> System:
    """On table worlds: blocks of 2."""
    return system(worlds.target, worlds.draft, block=2)


def real(bench: Bench) -> System:
    """On a real model: blocks of 4."""
    return system(bench.target, bench.draft, block=BLOCK)


SYSTEM = Published(
    name="pearl",
    title="PEARL",
    source="Liu et al. 2025 (arXiv 2408.11850)",
    claim="Blocks of target time over draft time are best, and beat serial drafting where drafts are good.",
    lossless=True,
    world=world,
    real=real,
)
