"""Speculative sampling: a chain of drafts, each accepted or rejected by itself."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.walks import named


def system(target: LanguageModel, draft: LanguageModel, *, length: int) -> System:
    """A chain of ``length`` drafts, verified token by token."""
    scheme = named.token_level(length)
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="speculative")


def world(worlds: Worlds) -> System:
    """On table worlds."""
    return system(worlds.target, worlds.draft, length=2)


def real(bench: Bench) -> System:
    """On a real model: chains of 4."""
    return system(bench.target, bench.draft, length=4)


SYSTEM = Published(
    name="speculative",
    title="Speculative sampling",
    source="Leviathan et al. 2023 (arXiv 2211.17192); Chen et al. 2023 (arXiv 2302.01318)",
    claim="The expected tokens of a round are (1 - alpha^(gamma + 1)) / (1 - alpha) where alpha is constant.",
    lossless=True,
    world=world,
    real=real,
)
