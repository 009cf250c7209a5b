"""SpecInfer: a tree of i.i.d. drafts, verified from the root down by multi-step speculative sampling."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.walks import named

#: Children of a node, by level: the paper's expansion for its tree-based decoding.
EXPANSION = (1, 1, 3, 1, 1, 1, 1, 1)


def system(target: LanguageModel, draft: LanguageModel, *, expansion: tuple[int, ...]) -> System:
    """A full tree whose siblings are drawn with replacement."""
    scheme = named.specinfer(expansion)
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="specinfer")


def world(worlds: Worlds) -> System:
    """On table worlds: two children, then one."""
    return system(worlds.target, worlds.draft, expansion=(2, 1))


def real(bench: Bench) -> System:
    """On a real model, with the paper's expansion."""
    return system(bench.target, bench.draft, expansion=EXPANSION)


SYSTEM = Published(
    name="specinfer",
    title="SpecInfer",
    source="Miao et al. 2024 (arXiv 2305.09781)",
    claim="Multi-step speculative sampling accepts no less than naive sampling, and more with each sibling.",
    lossless=True,
    world=world,
    real=real,
)
