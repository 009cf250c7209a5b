"""Medusa: parallel heads on the last hidden state, a static sparse tree, verified without loss."""

from specsim.decoding import Drawn, System
from specsim.decoding.marginal import Marginal
from specsim.systems.base import Bench, Published, Worlds
from specsim.systems.headed import headed, sparse
from theory.couplings import Recursive
from theory.walks import TopDown, named

#: Accuracy of each head's first guesses, which the static tree is made from, and its nodes. These are of the
#: shipped heads, on text that they were not trained on.
ACCURACY = ((0.142, 0.079, 0.048, 0.041), (0.080, 0.047, 0.040, 0.036), (0.059, 0.033, 0.035, 0.026))
NODES = 16


def world(worlds: Worlds) -> System:
    """On table worlds: perfect parallel heads, top tokens."""
    return System(
        worlds.target,
        Drawn(Marginal(worlds.draft.rows), named.eagle((2, 1)).grow),
        TopDown(Recursive()),
        name="medusa",
    )


def real(bench: Bench) -> System:
    """On a real model: the trained heads, 16 nodes."""
    return headed(bench, "medusa", sparse(ACCURACY, NODES))


SYSTEM = Published(
    name="medusa",
    title="Medusa",
    source="Cai et al. 2024 (arXiv 2401.10774)",
    claim="A head's accuracy falls with its index; the sparse tree beats the full one of as many nodes.",
    lossless=True,
    world=world,
    real=real,
    needs=("medusa",),
)
