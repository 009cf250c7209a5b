"""Speculative and plain decoding of real models speak with one law: a sequential test with stated power.

The first two tokens of a prompt, with filters that leave four tokens each, have at most 16 outcomes, and
their law is known: the product of the target's own rows. False alarms have a probability of 1e-9 at most
(Ville), and any joint law at a total variation of 0.165 or more is found with a probability of 0.999 (4000
outcomes; 0.32 for the 1000 of the default tests and of the language model).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from specsim.comparing.sequential import detectable_distance, sequential_test
from specsim.decoding import Drawn, NoDraft, System, open_session
from specsim.decoding.loaded import Loaded
from specsim.models import EarlyExit, LayerMask, toy_model
from theory.chance import Sampled
from theory.couplings import Maximal
from theory.laws import Tokens
from theory.lossy import GreedyMatch
from theory.simplex import Warp
from theory.walks import TopDown, named

COUNT, FEW = 4000, 1000
PROMPT = (5, 9, 13, 21, 8, 40)


@dataclass
class Remembering:
    """A reading whose passes are made once: models are deterministic, and all requests share them."""

    inner: Any
    kept: dict[Any, Any] = field(default_factory=dict)

    def _once(self, key: Any, make: Callable[[], Any]) -> Remembering:
        if key not in self.kept:
            self.kept[key] = Remembering(make())
        found: Remembering = self.kept[key]
        return found

    def read(self, prefixes: Iterable[Tokens]) -> Remembering:
        wanted = tuple(prefixes)
        return self._once(("read", wanted), lambda: self.inner.read(wanted))

    def commit(self, tokens: Tokens) -> Remembering:
        return self._once(("commit", tokens), lambda: self.inner.commit(tokens))

    def rewind(self, length: int) -> Remembering:
        return self._once(("rewind", length), lambda: self.inner.rewind(length))

    def __call__(self, prefix: Tokens) -> Any:
        return self.inner(prefix)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass(frozen=True)
class Remembered:
    """A model whose passes over one prompt are made once."""

    model: Loaded
    opened: dict[Tokens, Remembering] = field(default_factory=dict)

    @property
    def vocabulary(self) -> int:
        return self.model.vocabulary

    def open(self, context: Tokens) -> Remembering:
        if context not in self.opened:
            self.opened[context] = Remembering(self.model.open(context))
        return self.opened[context]


def pairs(system: System, prompt: Tokens, *, count: int) -> Iterator[tuple[int, int]]:
    """The first two tokens of independent requests."""
    opened = open_session(system, prompt)
    for seed in range(count):
        chance, session = Sampled(np.random.default_rng([11, seed])), opened
        while len(session.context) < len(prompt) + 2:
            session = system.plan.step(system, session, chance=chance, room=10**9).session
        first, second = session.context[len(prompt) : len(prompt) + 2]
        yield first, second


def law_of_pairs(target: Remembered, prompt: Tokens) -> dict[tuple[int, int], float]:
    """The product of the target's rows."""
    row = target.open(prompt).read([()])(())
    law = {}
    for first in np.flatnonzero(row):
        after = target.open((*prompt, int(first))).read([()])(())
        law |= {
            (int(first), int(second)): float(row[first] * after[second]) for second in np.flatnonzero(after)
        }
    return law


def systems(target: Remembered, draft: Remembered, length: int) -> dict[str, System]:
    chain, tree = named.token_level(length), named.rsd_constant((2, 1))
    return {
        "plain": System(target, NoDraft(), TopDown(Maximal())),
        "chain": System(target, Drawn(draft, chain.grow), chain.walk),
        "tree": System(target, Drawn(draft, tree.grow), tree.walk),
        "lossy": System(target, Drawn(draft, chain.grow), TopDown(GreedyMatch())),
    }


def check(
    name: str, target: Remembered, draft: Remembered, prompt: Tokens, *, count: int, length: int = 2
) -> None:
    law = law_of_pairs(target, prompt)
    system = systems(target, draft, length)[name]
    verdict = sequential_test(pairs(system, prompt, count=count), law=law)
    if name == "lossy":
        assert verdict.rejected
    else:
        assert not verdict.rejected, verdict
        assert verdict.count == count
        assert verdict.detectable <= (0.165 if count == COUNT else 0.32)


WARP = Warp(temperature=1.2, top_k=4)


@pytest.fixture(scope="module")
def toy() -> tuple[Remembered, Remembered]:
    model = toy_model(seed=0)
    return Remembered(Loaded(model, WARP)), Remembered(Loaded(model, WARP, EarlyExit(2)))


@pytest.mark.parametrize("name", ["chain", "lossy"])
def test_on_a_small_random_model(name: str, toy: tuple[Remembered, Remembered]) -> None:
    check(name, *toy, PROMPT, count=FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "chain", "tree"])
def test_at_length_on_a_small_random_model(name: str, toy: tuple[Remembered, Remembered]) -> None:
    check(name, *toy, PROMPT, count=COUNT)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chain", "lossy"])
def test_on_a_language_model(name: str) -> None:
    """Chains of one draft and three tokens a row: every pass that can occur is kept, so they must be few."""
    from specsim.models import load
    from specsim.models.errors import ModelError

    try:
        model = load("smollm2-135m")
    except (ModelError, OSError) as error:
        pytest.skip(f"the model can't be had here: {error}")
    prompt = tuple(model.tokenizer.encode("The best way to learn is to"))
    warp = Warp(temperature=1.2, top_k=3)
    target = Remembered(Loaded(model, warp))
    draft = Remembered(Loaded(model, warp, LayerMask.middle(3, of=model.config.layers)))
    check(name, target, draft, prompt, count=FEW, length=1)


def test_a_law_at_the_declared_distance_is_found() -> None:
    """The promise itself, on laws that are mixed with one of their outcomes until they are that far off."""
    law = dict.fromkeys(range(16), 1 / 16)
    distance = detectable_distance(cells=16, count=COUNT)
    off = np.full(16, 1 / 16)
    off += distance * (np.eye(16)[3] - 1 / 16) / (1 - 1 / 16)
    assert np.abs(off - 1 / 16).sum() / 2 == pytest.approx(distance)
    sample = partial(np.random.default_rng(3).choice, 16, p=off)
    for _ in range(5):
        assert sequential_test(sample(size=COUNT).tolist(), law=law).rejected


def test_an_impossible_outcome_ends_the_test_at_once() -> None:
    verdict = sequential_test(["a", "c", "a"], law={"a": 0.5, "b": 0.5, "c": 0.0})
    assert verdict.rejected
    assert verdict.count == 2


@pytest.mark.parametrize(
    ("law", "alarm", "message"),
    [({0: 0.5}, 1e-9, "sum to 1, these to 0.5"), ({0: 1.0}, 0.0, "between 0 and 1, got 0.0")],
)
def test_nonsense_is_refused(law: dict[int, float], alarm: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sequential_test([0], law=law, false_alarm=alarm)
