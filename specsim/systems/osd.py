"""Online Speculative Decoding: the draft learns from the target's laws at the positions it got wrong."""

from fractions import Fraction

from specsim.decoding import Routed, System
from specsim.drafters.learning import Learning
from specsim.systems.base import Bench, Published, Worlds
from theory.laws import Tokens
from theory.walks import named

#: Weight of what was learnt, rounds between updates, drafts a round.
WEIGHT, EVERY, LENGTH = 0.5, 8, 5


def world(worlds: Worlds) -> System:
    """On table worlds: two drafts, routed by the prompt's first token, each learning after every round."""
    scheme = named.token_level(2)
    drafters = {
        name: Learning(model, scheme.grow, weight=Fraction(1, 2), every=1, keep=3)
        for name, model in (("even", worlds.draft), ("odd", worlds.small))
    }

    def topic(prompt: Tokens) -> str:
        return "odd" if prompt[0] % 2 else "even"

    return System(worlds.target, Routed(drafters, topic), scheme.walk, name="osd")


def real(bench: Bench) -> System:
    """On a real model: one draft that learns as it serves."""
    scheme = named.token_level(LENGTH)
    drafter = Learning(bench.draft, scheme.grow, weight=WEIGHT, every=EVERY)
    return System(bench.target, drafter, scheme.walk, name="osd")


SYSTEM = Published(
    name="osd",
    title="Online Speculative Decoding",
    source="Liu et al. 2024 (arXiv 2310.07177)",
    claim="Acceptance climbs along a stream of requests, drops where the topic changes, and recovers.",
    lossless=True,
    world=world,
    real=real,
)
