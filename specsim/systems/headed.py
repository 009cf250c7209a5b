"""What systems with a trained head share: it fills trees of top tokens, which are verified without loss."""

from __future__ import annotations

from specsim.decoding import System
from specsim.heads import HeadDrafter
from specsim.systems.base import Bench
from theory.couplings import Recursive
from theory.shapes import Profile
from theory.shapes.dynamic import Eagle2, Medusa, WithBudget
from theory.walks import TopDown
from theory.walks.rounds import Grower


def headed(bench: Bench, name: str, grow: Grower) -> System:
    """A shipped head, by name, on trees that ``grow`` draws.

    Raises
    ------
    ValueError
        If there is no such head, or it was trained for another target.
    """
    network, params = bench.head(name)
    drafter = HeadDrafter(network, params, grow, bench.warp)
    return System(bench.target, drafter, TopDown(Recursive()), name=name)


def sparse(accuracy: tuple[tuple[float, ...], ...], nodes: int) -> Grower:
    """The static tree of so many nodes with the largest expected length, from each head's guesses by rank."""
    return WithBudget(Medusa(Profile.by_depth(accuracy)), nodes)


def beam(*, top: int, steps: int, nodes: int) -> Grower:
    """The heaviest nodes of a beam of ``top`` children a node and ``steps`` levels after the first."""
    return WithBudget(Eagle2(top_k=top, steps=steps), nodes)
