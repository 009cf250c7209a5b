"""Requests in a row: a drafter that learns is warmer for the next one, one that does not stays as it is."""

from __future__ import annotations

import numpy as np

from specsim.decoding import Drawn, System, World, decode_all, is_lossless, warmed
from specsim.drafters.recycling import Recycling
from specsim.stores.successors import Successors
from tests.specsim.decoding.worlds import world
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes import TreeShape
from theory.walks import TopDown, named

#: A world that mostly steps to the next token of eight.
STEPS = World(lambda context: np.roll([0.02] * 7 + [0.86], (context[-1] if context else 0) + 2))


def recycling(target: World) -> System:
    store = Successors(vocabulary=target.vocabulary, ranks=2)
    return System(target, Recycling(store, template=TreeShape((-1, 0, 0, 1, 3))), TopDown(Recursive()))


def test_a_second_request_accepts_more_than_the_first() -> None:
    chance = Sampled(np.random.default_rng(0))
    traces, after = decode_all(recycling(STEPS), [(0, 1)] * 2, max_new_tokens=40, chance=chance)
    rounds = [len(trace.rounds) for trace in traces]
    assert rounds[1] < rounds[0]
    assert after.drafter.store != Successors(vocabulary=8, ranks=2)


def test_a_warm_drafter_keeps_the_law() -> None:
    target = world(1)
    _, after = decode_all(
        recycling(target), [(0, 1)], max_new_tokens=6, chance=Sampled(np.random.default_rng(1))
    )
    assert is_lossless(after, (2, 0), rounds=1, length=2)


def test_a_drafter_without_memory_stays() -> None:
    scheme = named.token_level(2)
    system = System(STEPS, Drawn(STEPS, scheme.grow), scheme.walk)
    assert warmed(system, None) is system
