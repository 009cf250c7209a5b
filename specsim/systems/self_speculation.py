"""Self-speculation: the target with some of its middle layers left out drafts for itself."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.walks import named

#: Layers left out, as a share of all. The paper's search leaves out a half of 40 to 80 layers; a model of 30
#: layers, none of them trained for it, stands a tenth.
SHARE = 0.1
LENGTH = 4


def system(target: LanguageModel, draft: LanguageModel, *, length: int) -> System:
    """A chain drawn from the target's own reduced pass."""
    scheme = named.token_level(length)
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="self-speculation")


def world(worlds: Worlds) -> System:
    """On table worlds, where a second world is the reduced model."""
    return system(worlds.target, worlds.draft, length=2)


def real(bench: Bench) -> System:
    """On a real model: a tenth of its layers left out, chains of 4."""
    layers = max(1, round(SHARE * bench.model.config.layers))
    return system(bench.target, bench.skipping(layers), length=LENGTH)


SYSTEM = Published(
    name="self-speculation",
    title="Self-speculation by skipped layers",
    source="Zhang et al. 2023, Draft & Verify (arXiv 2309.08168)",
    claim="Leaving out layers trades a draft's cost against its acceptance, with a best share in between.",
    lossless=True,
    world=world,
    real=real,
)
