"""Dovetail: an EAGLE-like drafter with gated fusion, and trees small enough for a CPU target."""

from specsim.decoding import Drawn, System
from specsim.systems.base import Bench, Published, Worlds
from specsim.systems.headed import beam, headed
from theory.couplings import Recursive
from theory.walks import TopDown

#: Children of a node and expansions after the first level, and nodes of the tree.
TOP, STEPS, NODES = 4, 3, 12


def world(worlds: Worlds) -> System:
    """On table worlds: a small tree of top tokens, reranked."""
    return System(
        worlds.target,
        Drawn(worlds.draft, beam(top=2, steps=1, nodes=2)),
        TopDown(Recursive()),
        name="dovetail",
    )


def real(bench: Bench) -> System:
    """On a real model: the trained drafter, 12 nodes."""
    return headed(bench, "dovetail", beam(top=TOP, steps=STEPS, nodes=NODES))


SYSTEM = Published(
    name="dovetail",
    title="Dovetail",
    source="Zhang et al. 2024 (arXiv 2412.18934)",
    claim="Where verification grows with the tree, as on a CPU, the best tree is small.",
    lossless=True,
    world=world,
    real=real,
    needs=("dovetail",),
)
