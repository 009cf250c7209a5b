"""Real models behind the engine: rows equal those of a run without a cache, whatever was rolled back."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.decoding import Drawn, NotRead, Overlapped, PolicyChain, System, as_drafter, decode
from specsim.decoding.loaded import Loaded
from specsim.models import EarlyExit, toy_model
from specsim.policies import Fixed
from theory.chance import Sampled
from theory.couplings import Maximal
from theory.simplex import Warp
from theory.walks import TopDown, named

MODEL = toy_model(seed=0)
WARP = Warp(temperature=0.8)
TARGET = Loaded(MODEL, WARP)
DRAFT = Loaded(MODEL, WARP, EarlyExit(1))
PROMPT = (1, 2, 3, 4)


def fresh(model: Loaded, context: tuple[int, ...]) -> np.ndarray:
    return model.open(context).read([()])(())


def close(reading, model: Loaded, prefix: tuple[int, ...] = ()) -> None:
    assert np.abs(reading(prefix) - fresh(model, (*reading.context, *prefix))).max() < 1e-5


@pytest.mark.parametrize("model", [TARGET, DRAFT])
def test_rows_and_commits_equal_a_run_without_a_cache(model: Loaded) -> None:
    reading = model.open(PROMPT).read([(5,), (6,), (5, 7), (5, 8), (6, 9, 10)])
    for prefix in [(), (5,), (6,), (5, 7), (5, 8), (6, 9), (6, 9, 10)]:
        close(reading, model, prefix)
    for tokens in [(5, 8, 11), (6, 12), (13,), (5, 7), (20, 21, 22)]:
        later = reading.commit(tokens).read([(), (14,)])
        assert later.context == (*PROMPT, *tokens)
        close(later, model)
        close(later, model, (14,))
        again = later.commit((14, 15)).read([()])
        close(again, model)
        close(again.rewind(5).read([(3,)]), model, (3,))
    close(reading, model, (5, 7))  # the old value stays


def test_a_prefix_is_read_before_it_is_asked_for() -> None:
    with pytest.raises(NotRead, match=r"the prefix \(5,\) has not been read"):
        TARGET.open(PROMPT).read([()])((5,))
    with pytest.raises(ValueError, match="at least 2 tokens, got 1"):
        TARGET.open((1,))


def systems() -> dict[str, System]:
    chain, walk = named.token_level(3), TopDown(Maximal())
    inner = System(target=DRAFT, drafter=Drawn(Loaded(MODEL, WARP, EarlyExit(2)), chain.grow), walk=walk)
    tree = named.rsd_constant((2, 2))
    return {
        "chain": System(target=TARGET, drafter=Drawn(DRAFT, chain.grow), walk=walk),
        "tree": System(target=TARGET, drafter=Drawn(DRAFT, tree.grow), walk=tree.walk),
        "policy": System(target=TARGET, drafter=PolicyChain(DRAFT, Fixed(2), limit=4), walk=walk),
        "pearl": System(target=TARGET, drafter=Drawn(DRAFT, chain.grow), walk=walk, plan=Overlapped(3)),
        "nested": System(target=TARGET, drafter=as_drafter(inner, length=3), walk=walk),
    }


@pytest.mark.parametrize("name", ["chain", "tree", "policy", "pearl", "nested"])
def test_greedy_decoding_speaks_as_plain_decoding_does(name: str) -> None:
    greedy = Warp(temperature=0)
    system = systems()[name]

    def cold(model):
        return Loaded(model.model, greedy, model.view)

    drafter = system.drafter
    if hasattr(drafter, "model"):
        drafter = type(drafter)(**{**drafter.__dict__, "model": cold(drafter.model)})
    else:
        inner = drafter.system
        inside = System(cold(inner.target), Drawn(cold(inner.drafter.model), inner.drafter.grow), inner.walk)
        drafter = as_drafter(inside, length=drafter.length)
    grown = System(cold(system.target), drafter, system.walk, system.plan)
    if name == "tree":  # one token of the draft's row has any mass: children are capped by it
        grown = System(cold(system.target), drafter, system.walk)
    trace = decode(grown, PROMPT, max_new_tokens=12, chance=Sampled(np.random.default_rng(0)))
    assert list(trace.tokens) == MODEL.generate(PROMPT, max_new_tokens=12, temperature=0)


@pytest.mark.parametrize("name", ["chain", "tree", "policy", "pearl", "nested"])
def test_sampled_decoding_rolls_back_and_counts(name: str) -> None:
    system = systems()[name]
    trace = decode(system, PROMPT, max_new_tokens=15, chance=Sampled(np.random.default_rng(1)))
    assert len(trace.tokens) == 15
    again = decode(system, PROMPT, max_new_tokens=15, chance=Sampled(np.random.default_rng(1)))
    assert again.tokens == trace.tokens
    for done in trace.rounds:
        assert done.accepted <= done.depth
        assert 1 <= len(done.tokens) <= done.accepted + 1
        assert len(done.target) == 1
