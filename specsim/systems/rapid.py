"""RAPID: the target's own weights on a retrieved short context draft, and enrich the target. Lossy."""

from specsim.decoding import Drawn, System
from specsim.decoding.mapped import Mapped
from specsim.models.context_map import RetrievedChunks
from specsim.systems.base import Bench, Published, Worlds
from theory.lossy import Rapid
from theory.walks import TopDown, named

#: Strength of the enrichment. The release's README has 10, its code's default is 1.
ETA = 1
#: Tokens of a chunk, of all retrieved chunks, of the recent part, and between two retrievals.
CHUNK, BUDGET, RECENT, REFRESH = 32, 256, 128, 64
LENGTH = 6


def world(worlds: Worlds) -> System:
    """On table worlds: the draft reads the last token only."""
    draft = Mapped(worlds.draft, lambda context: context[-1:])
    return System(
        worlds.target, Drawn(draft, named.token_level(2).grow), TopDown(Rapid(eta=ETA)), name="rapid"
    )


def real(bench: Bench) -> System:
    """On a real model: chunks found by the tokens that they share with the recent text."""
    find = RetrievedChunks(chunk=CHUNK, budget=BUDGET, recent=RECENT, refresh=REFRESH)
    draft = Mapped(bench.target, find)
    return System(
        bench.target, Drawn(draft, named.token_level(LENGTH).grow), TopDown(Rapid(eta=ETA)), name="rapid"
    )


SYSTEM = Published(
    name="rapid",
    title="RAPID",
    source="Chen et al. 2025 (arXiv 2502.20330)",
    claim="A draft on retrieved chunks is accepted more often than one on as many recent tokens.",
    lossless=False,
    world=world,
    real=real,
)
