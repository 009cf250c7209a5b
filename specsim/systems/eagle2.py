"""EAGLE-2's dynamic trees over any draft model: the heaviest of the draft's top tokens, as point masses.

The feature-level draft of EAGLE is another slot; here is what its second version adds, the tree.
"""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, WithBudget
from theory.walks import TopDown

#: Children of a node and width of the beam; expansions after the first level; drafted tokens. The paper's are
#: 10, 5 and 60, for targets to which a tree of 60 costs as much as one token.
TOP_K, STEPS, NODES = 4, 4, 16


def system(target: LanguageModel, draft: LanguageModel, *, top_k: int, steps: int, nodes: int) -> System:
    """Expand a beam, keep the heaviest nodes."""
    grow = WithBudget(Eagle2(top_k=top_k, steps=steps), nodes)
    return System(target, Drawn(draft, grow), TopDown(Recursive()), name="eagle2")


def world(worlds: Worlds) -> System:
    """On table worlds: the four heaviest nodes of two levels."""
    return system(worlds.target, worlds.draft, top_k=2, steps=1, nodes=4)


def real(bench: Bench) -> System:
    """On a real model."""
    return system(bench.target, bench.draft, top_k=TOP_K, steps=STEPS, nodes=NODES)


SYSTEM = Published(
    name="eagle2",
    title="EAGLE-2's trees",
    source="Li et al. 2024 (arXiv 2406.16858)",
    claim="The draft's confidence tells acceptance: a tree that follows it beats a static one of equal size.",
    lossless=True,
    world=world,
    real=real,
)
