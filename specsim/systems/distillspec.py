"""DistillSpec: a draft distilled from the target, by whichever divergence and data serve best."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.walks import named

#: Drafts a round.
LENGTH = 3


def system(target: LanguageModel, draft: LanguageModel, *, length: int) -> System:
    """A chain of the draft's tokens."""
    scheme = named.token_level(length)
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="distillspec")


def world(worlds: Worlds) -> System:
    """On table worlds."""
    return system(worlds.target, worlds.draft, length=2)


def real(bench: Bench) -> System:
    """On a real model: the shipped draft, whose last stage was forward KL on the target's own text."""
    return system(bench.target, bench.student("fastdraft"), length=LENGTH)


SYSTEM = Published(
    name="distillspec",
    title="DistillSpec",
    source="Zhou et al. 2024 (arXiv 2310.08461)",
    claim="Any distillation beats hard labels; no divergence wins everywhere.",
    lossless=True,
    world=world,
    real=real,
    needs=("fastdraft",),
)
