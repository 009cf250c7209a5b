"""Kangaroo: the target's first layers and an adapter draft, until they are unsure."""

from specsim.decoding import LanguageModel, PolicyChain, System
from specsim.decoding.loaded import Loaded
from specsim.policies import TopOne
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Maximal
from theory.walks import TopDown

#: Least top probability to go on, and most drafts a round.
SURE, MOST = 0.6, 6


def system(target: LanguageModel, draft: LanguageModel, *, most: int) -> System:
    """A chain that ends behind the first unsure token, which is submitted."""
    drafter = PolicyChain(draft, TopOne(SURE, looks="behind"), limit=most)
    return System(target, drafter, TopDown(Maximal()), name="kangaroo")


def world(worlds: Worlds) -> System:
    """On table worlds."""
    return system(worlds.target, worlds.draft, most=2)


def real(bench: Bench) -> System:
    """On a real model: the trained adapter behind the target's first layers, as a model of its own."""
    network, params = bench.head("kangaroo")
    draft = Loaded(network.as_model(params, bench.model), bench.warp)
    return system(bench.target, draft, most=MOST)


SYSTEM = Published(
    name="kangaroo",
    title="Kangaroo",
    source="Liu et al. 2024 (arXiv 2404.18911)",
    claim="The trained adapter is accepted more often than the logit lens at the same layer.",
    lossless=True,
    world=world,
    real=real,
    needs=("kangaroo",),
)
