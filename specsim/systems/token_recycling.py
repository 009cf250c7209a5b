"""Token Recycling: a static tree filled from the target's own candidates at all nodes it ever verified."""

from specsim.decoding import System
from specsim.drafters.recycling import Recycling
from specsim.stores.successors import Successors
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes import TreeShape
from theory.walks import TopDown


def world(worlds: Worlds) -> System:
    """On table worlds: two successors a token, three nodes."""
    store = Successors(vocabulary=worlds.target.vocabulary, ranks=2)
    drafter = Recycling(store, template=TreeShape((-1, 0, 0, 1)))
    return System(worlds.target, drafter, TopDown(Recursive()), name="token-recycling")


def real(bench: Bench) -> System:
    """On a real model: the published template of 80 nodes, a cold matrix."""
    drafter = Recycling(Successors(vocabulary=bench.target.vocabulary))
    return System(bench.target, drafter, TopDown(Recursive()), name="token-recycling")


SYSTEM = Published(
    name="token-recycling",
    title="Token Recycling",
    source="Luo et al. 2025 (arXiv 2408.08696)",
    claim="The matrix warms up: later requests accept more, and more than prompt lookup.",
    lossless=True,
    world=world,
    real=real,
)
