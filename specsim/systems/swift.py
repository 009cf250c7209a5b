"""SWIFT: the target without some of its sublayers drafts, and which ones is searched for on the fly."""

from specsim.decoding import System
from specsim.drafters.searched import MaskSearch, Searched
from specsim.models.sublayers import SublayerMask, sublayers
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes.dynamic import WithBudget
from theory.shapes.dynamic.confidence_width import ConfidenceWidth
from theory.walks import TopDown

#: Share of sublayers that are skipped. The paper skips 0.45 of models of 7B and more; a model of 30 layers
#: stands a tenth.
SKIPPED = 0.1
#: Nodes of a tree, masks tried, tokens of the window.
NODES, TRIED, WINDOW = 12, 20, 50


def world(worlds: Worlds) -> System:
    """On table worlds: two candidate drafts, of which the one that matches better is taken."""
    candidates = (worlds.small, worlds.draft)
    drafter = Searched(
        model=candidates.__getitem__,
        start=0,
        search=lambda tried: len(tried) % 2,
        grow=WithBudget(ConfidenceWidth(widths=((0.5, 1), (0, 2)), threshold=0.4), 2),
        limit=1,
        window=2,
    )
    return System(worlds.target, drafter, TopDown(Recursive()), name="swift")


def real(bench: Bench) -> System:
    """On a real model: sublayers of all but the first and the last layer."""
    parts = sublayers(bench.model.config.layers)
    search = MaskSearch(parts=parts, skipped=max(1, round(SKIPPED * len(parts))))
    drafter = Searched(
        model=lambda mask: bench.view(SublayerMask.of(mask)),
        start=search(()),
        search=search,
        grow=WithBudget(ConfidenceWidth(), NODES),
        limit=TRIED,
        window=WINDOW,
    )
    return System(bench.target, drafter, TopDown(Recursive()), name="swift")


SYSTEM = Published(
    name="swift",
    title="SWIFT",
    source="Xia et al. 2025 (arXiv 2410.06916)",
    claim="A searched mask matches the target better than random masks of the same size.",
    lossless=True,
    world=world,
    real=real,
)
