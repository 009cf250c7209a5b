"""FSPAD: feature sampling and partial alignment on an EAGLE drafter, with EAGLE-2 trees."""

from specsim.decoding import Drawn, System
from specsim.systems.base import Bench, Published, Worlds
from specsim.systems.headed import beam, headed
from theory.couplings import Recursive
from theory.walks import TopDown

#: Children of a node and expansions after the first level, and nodes of the tree.
TOP, STEPS, NODES = 6, 4, 24


def world(worlds: Worlds) -> System:
    """On table worlds: a tree of top tokens, reranked."""
    return System(
        worlds.target,
        Drawn(worlds.draft, beam(top=2, steps=1, nodes=3)),
        TopDown(Recursive()),
        name="fspad",
    )


def real(bench: Bench) -> System:
    """On a real model: the trained drafter."""
    return headed(bench, "fspad", beam(top=TOP, steps=STEPS, nodes=NODES))


SYSTEM = Published(
    name="fspad",
    title="FSPAD",
    source="Gui et al. 2024 (arXiv 2408.15562)",
    claim="Feature sampling and partial alignment each improve an EAGLE drafter.",
    lossless=True,
    world=world,
    real=real,
    needs=("fspad",),
)
