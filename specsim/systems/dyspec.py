"""DySpec: a tree that grows where the draft says that verification will go, drawn without replacement."""

from typing import Any

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes.dynamic import DySpec, DySpecThreshold, WithBudget
from theory.walks import TopDown

#: Drafted tokens; the paper's trees have 64, for targets to which they cost as much as one token.
NODES = 16


def heap(target: LanguageModel, draft: LanguageModel, *, nodes: int) -> System:
    """Algorithm 1: one slot after the other, the likeliest first; a draft call for almost every node."""
    grow = WithBudget(DySpec(), nodes)
    return System(target, Drawn(draft, grow), TopDown(Recursive()), name="dyspec")


def threshold(target: LanguageModel, draft: LanguageModel, *, nodes: int, value: Any = None) -> System:
    """Algorithm 2: layer by layer every slot above a value, 1 / nodes unless given; a draft call a layer."""
    grow = WithBudget(DySpecThreshold(value), nodes)
    return System(target, Drawn(draft, grow), TopDown(Recursive()), name="dyspec-threshold")


def world(worlds: Worlds, *, layers: bool = False) -> System:
    """On table worlds, where calls cost nothing: three nodes, by the heap unless ``layers``."""
    return (threshold if layers else heap)(worlds.target, worlds.draft, nodes=3)


def real(bench: Bench, *, layers: bool = True) -> System:
    """On a real model, by the threshold unless ``layers`` is False: one draft call a layer."""
    return (threshold if layers else heap)(bench.target, bench.draft, nodes=NODES)


SYSTEM = Published(
    name="dyspec",
    title="DySpec",
    source="Xiong et al. 2024 (arXiv 2410.11744)",
    claim="At equal size, trees that grow with the draft's distributions beat static ones, and those chains.",
    lossless=True,
    world=world,
    real=real,
)
