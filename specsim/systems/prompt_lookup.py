"""Prompt lookup: what followed the last tokens when they stood in the text before."""

from specsim.decoding import LanguageModel, System
from specsim.drafters.prompt_lookup import PromptLookup
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.walks import TopDown

#: Longest and shortest suffix that is looked for, and tokens drafted.
SPANS, LENGTH = (3, 1), 10


def system(target: LanguageModel, *, spans: tuple[int, int], length: int) -> System:
    """Chains of chosen tokens."""
    drafter = PromptLookup(vocabulary=target.vocabulary, length=length, spans=spans)
    return System(target, drafter, TopDown(Recursive()), name="prompt-lookup")


def world(worlds: Worlds) -> System:
    """On table worlds."""
    return system(worlds.target, spans=(2, 1), length=2)


def real(bench: Bench) -> System:
    """On a real model."""
    return system(bench.target, spans=SPANS, length=LENGTH)


SYSTEM = Published(
    name="prompt-lookup",
    title="Prompt lookup decoding",
    source="Saxena 2023; Yang et al. 2023 (LLMA, arXiv 2304.04487)",
    claim="It pays where the answer copies from the prompt, and costs little where it does not.",
    lossless=True,
    world=world,
    real=real,
)
