"""Every system on a real language model: what it emits, what it remembers, and greedy text without a cache.

One small run a system. The model loads in seconds and compiled passes are shared by the systems, so one
process that runs a few of them does not pay for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from specsim.decoding import Session, System, open_session
from specsim.decoding.decode import Trace, resume
from specsim.decoding.loaded import LoadedReading
from specsim.heads.drafter import HeadDrafter, HeadMemory, rows
from specsim.models import Full, GrowingTree, Model, hidden_states, load, logits
from specsim.models.errors import ModelError
from specsim.systems import Bench, every
from theory.chance import Sampled
from theory.laws import Tokens
from theory.simplex import Array, Warp

pytestmark = pytest.mark.slow

NAMES = sorted(every())
#: These draft without a network: there is no cached state but the target's.
BARE = {"aded", "plain", "prompt-lookup", "token-recycling"}
TOKENS = 6
#: Largest difference of two logits (they spread over some thirty units) that rounding is granted.
CLOSE = 1e-3


@dataclass(frozen=True)
class Ground:
    """A model, a prompt, and its greedy continuation without any cache."""

    bench: Bench
    prompt: Tokens
    greedy: Tokens

    def at(self, temperature: float) -> Bench:
        return replace(self.bench, warp=Warp(temperature=temperature))


@pytest.fixture(scope="module")
def ground() -> Ground:
    try:
        model = load("smollm2-135m")
    except (ModelError, OSError) as error:
        pytest.skip(f"the model can't be had here: {error}")
    prompt = tuple(model.tokenizer.chat([("user", "Count from one to ten in words.")]))
    corpus = tuple(model.tokenizer.encode("One, two, three, four, five, six, seven, eight. " * 40))
    return Ground(Bench(model, corpus=corpus), prompt, greedy(model, prompt))


def greedy(model: Model, prompt: Tokens) -> Tokens:
    """All of the text is read anew for each token; a token that rounding could change is refused."""
    text = prompt
    for _ in range(TOKENS):
        row = row_without_cache(model, text, Full())
        second, first = np.partition(row, -2)[-2:]
        assert first - second > 10 * CLOSE, "a prompt with clearer choices is needed"
        text = (*text, int(row.argmax()))
    return text[len(prompt) :]


def row_without_cache(model: Model, text: Tokens, view: Any) -> Array:
    """Logits behind a text, from one pass over all of it."""
    states = hidden_states(model, text, {"all": view or Full()})["all"]
    return np.asarray(logits(model.params, jnp.asarray(states[-1:]))[0])


def parts(value: Any, kind: type) -> Iterator[Any]:
    """The values of a type inside of a memory or a configuration."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from parts(item, kind)
    elif isinstance(value, Mapping):
        yield from parts(tuple(value.values()), kind)
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            yield from parts(getattr(value, item.name), kind)


def run(system: System, prompt: Tokens, *, count: int) -> tuple[Trace, Session]:
    chance = Sampled(np.random.default_rng(5))
    return resume(system, open_session(system, prompt), max_new_tokens=count, chance=chance)


def check_trace(trace: Trace, session: Session, vocabulary: int) -> None:
    assert len(trace.tokens) == TOKENS
    assert session.context == trace.prompt + trace.tokens
    assert all(0 <= token < vocabulary for token in trace.tokens)
    for done in trace.rounds:
        assert 0 <= done.accepted <= done.depth
        assert done.accepted <= len(done.tokens) <= done.accepted + 1
        assert len(done.tokens) == done.accepted + 1 or not done.bonus
        assert len(done.target) == 1, "one target call a round"
        assert bool(done.drafted) or not done.draft or done.depth == 0
        assert len(done.source) in (0, done.accepted)


def check_readings(session: Session) -> int:
    """The next row of every cached text, the target's and the drafts', against a run that caches nothing."""
    found = list(parts(session, LoadedReading))
    for reading in found:
        row = reading.read([()]).logits(())
        if reading.of.calibrated:  # by definition, the context as the whole model has it: read from nothing
            alone = reading.of.open(reading.context).read([()]).logits(())
        else:
            alone = row_without_cache(reading.of.model, reading.context, reading.of.view)
        off = float(np.abs(row - alone).max())
        assert off < CLOSE, f"a cache is {off:.2g} off from a run without one"
    return len(found)


def check_heads(system: System, session: Session) -> int:
    """The next row of every head, against one that reads the whole text's features at once."""
    drafters, memories = list(parts(system.drafter, HeadDrafter)), list(parts(session.memory, HeadMemory))
    target: Any = system.target
    for drafter, memory in zip(drafters, memories, strict=True):
        assert memory.context == session.context
        states = hidden_states(target.model, session.context[:-1], {"all": Full()})["all"]
        begun = drafter.network.begin(drafter.params)
        ids = jnp.asarray(session.context[:-1], dtype=jnp.int32)
        tip = drafter.network.read(drafter.params, begun, hidden=jnp.asarray(states), tokens=ids)
        last = np.array([[memory.last]])
        both = [rows(drafter.network, drafter.params, one, last)[0] for one in (memory.tip, tip)]
        known = np.isfinite(both[0])
        off = float(np.abs(both[0][known] - both[1][known]).max())
        assert off < CLOSE, f"a head's memory is {off:.2g} off from one that read the text at once"
    return len(memories)


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_rolls_back_and_keeps_greedy_text(name: str, ground: Ground) -> None:
    published = every()[name]
    system = published.real(ground.at(0.7))
    trace, session = run(system, ground.prompt, count=TOKENS)
    check_trace(trace, session, system.target.vocabulary)
    drafts = check_readings(session) - 1 + check_heads(system, session)
    assert (drafts == 0) == (name in BARE), "a draft's state was not looked at"
    if published.lossless:
        cold, _ = run(published.real(ground.at(0)), ground.prompt, count=TOKENS)
        assert cold.tokens == ground.greedy


def keeps_the_next_node(tree: GrowingTree, path: list[int]) -> list[int]:
    """The slot behind the accepted one in its place: what was rejected there, if anything was."""
    return [*path[:-1], min(path[-1] + 1, tree.nodes - 1)]


def keeps_the_first_nodes(tree: GrowingTree, path: list[int]) -> list[int]:
    """Every tree taken for a chain."""
    return list(range(len(path)))


def committing(wrong: Callable[[GrowingTree, list[int]], list[int]]) -> Callable[..., GrowingTree]:
    """A commit that keeps other slots than those of the path."""
    commit = GrowingTree.commit

    def broken(tree: GrowingTree, path: list[int]) -> GrowingTree:
        kept = wrong(tree, list(path))
        parents = dict(enumerate(tree.parents)) | dict(zip(kept, [-1, *kept], strict=False))
        return commit(replace(tree, parents=tuple(parents.values())), kept)

    return broken


@pytest.mark.parametrize(
    ("name", "broken"), [("speculative", keeps_the_next_node), ("rsd", keeps_the_first_nodes)]
)
def test_a_broken_rollback_is_caught(
    name: str,
    broken: Callable[[GrowingTree, list[int]], list[int]],
    ground: Ground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(GrowingTree, "commit", committing(broken))
    _, session = run(every()[name].real(ground.at(0.7)), ground.prompt, count=TOKENS)
    with pytest.raises(AssertionError, match="off from a run without one"):
        check_readings(session)
