"""Chimera: a trigram encoder and one layer over the text, then heads."""

from specsim.decoding import Drawn, System
from specsim.heads import HeadDrafter
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes import Profile
from theory.shapes.dynamic import Medusa, WithBudget
from theory.walks import TopDown, named

#: Accuracy of each head's first guesses, which the static tree is made from, and its nodes. These are of the
#: shipped heads, on text that they were not trained on.
ACCURACY = ((0.33, 0.11, 0.06, 0.04), (0.28, 0.09, 0.05, 0.04), (0.25, 0.08, 0.05, 0.03))
NODES = 16


def world(worlds: Worlds) -> System:
    """On table worlds: heads that see the drafted tokens, top tokens."""
    return System(
        worlds.target, Drawn(worlds.draft, named.eagle((2, 1)).grow), TopDown(Recursive()), name="chimera"
    )


def real(bench: Bench) -> System:
    """On a real model: the trained network, 16 nodes."""
    network, params = bench.head("chimera")
    grow = WithBudget(Medusa(Profile.by_depth(ACCURACY)), NODES)
    drafter = HeadDrafter(network, params, grow, bench.warp)
    return System(bench.target, drafter, TopDown(Recursive()), name="chimera")


SYSTEM = Published(
    name="chimera",
    title="Chimera",
    source="Zeng et al. 2024 (arXiv 2402.15758)",
    claim="It guesses better than Medusa; without trigrams or without context it guesses worse.",
    lossless=True,
    world=world,
    real=real,
    needs=("chimera",),
)
