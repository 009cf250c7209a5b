"""RSD: trees drawn without replacement, with recursive rejection; constant branching or a stochastic beam."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes.dynamic import StochasticBeam, WithBudget
from theory.walks import TopDown, named

#: RSD-C: children of a node, by level.
BRANCHING = (2, 2, 2)
#: RSD-S: nodes a level, and levels.
WIDTH, DEPTH = 3, 4


def constant(target: LanguageModel, draft: LanguageModel, *, branching: tuple[int, ...]) -> System:
    """RSD-C."""
    scheme = named.rsd_constant(branching)
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="rsd")


def stochastic(target: LanguageModel, draft: LanguageModel, *, width: int, depth: int) -> System:
    """RSD-S."""
    grow = WithBudget(StochasticBeam(width), width * depth)
    return System(target, Drawn(draft, grow), TopDown(Recursive()), name="rsd-s")


def world(worlds: Worlds, *, beam: bool = False) -> System:
    """On table worlds: RSD-C with two children, then one; with ``beam`` RSD-S, two a level."""
    if beam:
        return stochastic(worlds.target, worlds.draft, width=2, depth=2)
    return constant(worlds.target, worlds.draft, branching=(2, 1))


def real(bench: Bench, *, beam: bool = False) -> System:
    """On a real model: RSD-C with two children a node, three levels; with ``beam`` RSD-S."""
    if beam:
        return stochastic(bench.target, bench.draft, width=WIDTH, depth=DEPTH)
    return constant(bench.target, bench.draft, branching=BRANCHING)


SYSTEM = Published(
    name="rsd",
    title="Recursive speculative decoding (RSD-C)",
    source="Jeon et al. 2024 (arXiv 2402.14160)",
    claim="Siblings drawn without replacement are accepted more often than i.i.d. ones.",
    lossless=True,
    world=world,
    real=real,
)
