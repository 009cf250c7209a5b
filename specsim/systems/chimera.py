"""Chimera: a trigram encoder and one layer over the text, then heads."""

from specsim.decoding import Drawn, System
from specsim.systems.base import Bench, Published, Worlds
from specsim.systems.headed import headed, sparse
from theory.couplings import Recursive
from theory.walks import TopDown, named

#: Accuracy of each head's first guesses, which the static tree is made from, and its nodes. The first of each
#: head is the shipped network's on text that it was not trained on; the others are Hydra's.
ACCURACY = ((0.166, 0.086, 0.060, 0.032), (0.127, 0.083, 0.049, 0.038), (0.122, 0.070, 0.057, 0.039))
NODES = 16


def world(worlds: Worlds) -> System:
    """On table worlds: heads that see the drafted tokens, top tokens."""
    return System(
        worlds.target, Drawn(worlds.draft, named.eagle((2, 1)).grow), TopDown(Recursive()), name="chimera"
    )


def real(bench: Bench) -> System:
    """On a real model: the trained network, 16 nodes."""
    return headed(bench, "chimera", sparse(ACCURACY, NODES))


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
