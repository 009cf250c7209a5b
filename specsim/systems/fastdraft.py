"""FastDraft: a small stand-alone draft, pre-trained, then tuned on text that the target wrote."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.walks import named

#: Drafts a round.
LENGTH = 3


def system(target: LanguageModel, draft: LanguageModel, *, length: int) -> System:
    """A chain of the draft's tokens."""
    scheme = named.token_level(length)
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="fastdraft")


def world(worlds: Worlds) -> System:
    """On table worlds."""
    return system(worlds.target, worlds.draft, length=2)


def real(bench: Bench) -> System:
    """On a real model: the trained draft."""
    return system(bench.target, bench.student("fastdraft"), length=LENGTH)


SYSTEM = Published(
    name="fastdraft",
    title="FastDraft",
    source="Zafrir et al. 2025 (arXiv 2411.11055)",
    claim="Tuning on the target's own text raises acceptance; more pre-training alone does not.",
    lossless=True,
    world=world,
    real=real,
    needs=("fastdraft",),
)
