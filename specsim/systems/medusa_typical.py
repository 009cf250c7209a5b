"""Medusa with typical acceptance: the longest path of tokens that are likely enough. Lossy."""

from specsim.decoding import Drawn, System
from specsim.decoding.marginal import Marginal
from specsim.heads import HeadDrafter
from specsim.systems.base import Bench, Published, Worlds
from theory.lossy import TypicalPath
from theory.shapes import Profile
from theory.shapes.dynamic import Medusa, WithBudget
from theory.walks import named

#: Accuracy of each head's first guesses, which the static tree is made from, and its nodes. These are of the
#: shipped heads, on text that they were not trained on.
ACCURACY = ((0.142, 0.079, 0.048, 0.041), (0.080, 0.047, 0.040, 0.036), (0.059, 0.033, 0.035, 0.026))
NODES = 16


def world(worlds: Worlds) -> System:
    """On table worlds: perfect parallel heads, top tokens."""
    return System(
        worlds.target,
        Drawn(Marginal(worlds.draft.rows), named.eagle((2, 1)).grow),
        TypicalPath(),
        name="medusa-typical",
    )


def real(bench: Bench) -> System:
    """On a real model: the trained heads, 16 nodes."""
    network, params = bench.head("medusa")
    grow = WithBudget(Medusa(Profile.by_depth(ACCURACY)), NODES)
    drafter = HeadDrafter(network, params, grow, bench.warp)
    return System(bench.target, drafter, TypicalPath(), name="medusa-typical")


SYSTEM = Published(
    name="medusa-typical",
    title="Medusa, typical acceptance",
    source="Cai et al. 2024 (arXiv 2401.10774)",
    claim="Typical acceptance emits more tokens a call, and another law than the target.",
    lossless=False,
    world=world,
    real=real,
    needs=("medusa",),
)
