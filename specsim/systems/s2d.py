"""S2D: one sorted draft with several exits; each token is of the first exit that is sure enough."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.decoding.cascade import Cascade
from specsim.decoding.loaded import Loaded
from specsim.systems.base import Bench, Published, Worlds
from theory.walks import named

#: Thresholds of all exits but the last, and drafts a round.
THRESHOLDS, LENGTH = (0.5, 0.5), 4


def system(target: LanguageModel, draft: Cascade, *, length: int) -> System:
    """A chain from the cascade."""
    scheme = named.token_level(length)
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="s2d")


def world(worlds: Worlds) -> System:
    """On table worlds: two exits."""
    return system(worlds.target, Cascade((worlds.small, worlds.draft), (0.5,)), length=2)


def real(bench: Bench) -> System:
    """On a real model: the trained exits, as models that share the target's weights."""
    network, params = bench.head("sorted")
    exits = tuple(Loaded(model, bench.warp) for model in network.as_models(params, bench.model))
    return system(bench.target, Cascade(exits, THRESHOLDS[: len(exits) - 1]), length=LENGTH)


SYSTEM = Published(
    name="s2d",
    title="Sorted Speculative Decoding (S2D)",
    source="Kavehzadeh et al. 2024 (arXiv 2407.01955)",
    claim="One sorted draft with adaptive exits beats each of its exits used alone, in acceptance per cost.",
    lossless=True,
    world=world,
    real=real,
    needs=("sorted",),
)
