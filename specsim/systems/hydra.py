"""Hydra: heads that see the tokens drafted before, on the same tree as Medusa."""

from specsim.decoding import Drawn, System
from specsim.systems.base import Bench, Published, Worlds
from specsim.systems.headed import headed, sparse
from theory.couplings import Recursive
from theory.walks import TopDown, named

#: Accuracy of each head's first guesses, which the static tree is made from, and its nodes. These are of the
#: shipped heads, on text that they were not trained on.
ACCURACY = ((0.221, 0.086, 0.060, 0.032), (0.170, 0.083, 0.049, 0.038), (0.149, 0.070, 0.057, 0.039))
NODES = 16


def world(worlds: Worlds) -> System:
    """On table worlds: heads that see the drafted tokens, top tokens."""
    return System(
        worlds.target, Drawn(worlds.draft, named.eagle((2, 1)).grow), TopDown(Recursive()), name="hydra"
    )


def real(bench: Bench) -> System:
    """On a real model: the trained heads, 16 nodes."""
    return headed(bench, "hydra", sparse(ACCURACY, NODES))


SYSTEM = Published(
    name="hydra",
    title="Hydra",
    source="Ankner et al. 2024 (arXiv 2402.05109)",
    claim="At equal data and tree, sequential heads guess better than parallel ones from the second head on.",
    lossless=True,
    world=world,
    real=real,
    needs=("hydra",),
)
