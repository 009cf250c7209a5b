"""Sequoia: the best static tree for a profile of acceptance by rank, drawn without replacement."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes import Profile
from theory.shapes.dynamic import Sequoia, WithBudget
from theory.walks import TopDown

#: Probability that the child of each rank is the accepted one: means over the shipped trace of SmolLM2-135M,
#: three layers left out, temperature 0.7 (papers/sequoia).
PROFILE = (0.683, 0.118, 0.047, 0.026, 0.018, 0.013, 0.011, 0.008)
NODES = 16


def system(
    target: LanguageModel, draft: LanguageModel, *, nodes: int, profile: tuple[float, ...] = PROFILE
) -> System:
    """The optimal tree of a number of nodes."""
    grow = WithBudget(Sequoia(Profile.positional(profile)), nodes)
    return System(target, Drawn(draft, grow), TopDown(Recursive()), name="sequoia")


def world(worlds: Worlds) -> System:
    """On table worlds: three nodes, two of them siblings."""
    return system(worlds.target, worlds.draft, nodes=3, profile=(0.5, 0.3))


def real(bench: Bench) -> System:
    """On a real model: 16 nodes."""
    return system(bench.target, bench.draft, nodes=NODES)


SYSTEM = Published(
    name="sequoia",
    title="Sequoia",
    source="Chen et al. 2024 (arXiv 2402.12374)",
    claim="At every budget the optimal tree is worth more than chains, full trees and independent chains.",
    lossless=True,
    world=world,
    real=real,
)
