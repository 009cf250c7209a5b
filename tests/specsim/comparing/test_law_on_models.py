"""Speculative and plain decoding of real models speak with one law: a sequential test with stated power.

The first two tokens of a prompt, with filters that leave four tokens each, have at most 16 outcomes, and
their law is known: the product of the target's own rows. False alarms have a probability of 1e-9 at most
(Ville), and any joint law at a total variation of 0.165 or more is found with a probability of 0.999 (4000
outcomes; 0.32 for the 1000 of the default tests).

On the language model each emitted token is an event: that it is one of those which the draft overrates, a set
whose probability is known from rows that no cache has touched. A verifier whose tokens fall into them more
or less often than that, by 0.071 in the mean of 6000 tokens, is found with a probability of 0.999.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from specsim.comparing.sequential import (
    BETS,
    detectable_distance,
    detectable_excess,
    sequential_events,
    sequential_test,
)
from specsim.decoding import Drawn, NoDraft, System, open_session
from specsim.decoding.loaded import Loaded
from specsim.models import EarlyExit, Full, LayerMask, hidden_states, logits, toy_model
from theory.chance import Sampled
from theory.couplings import Maximal
from theory.couplings.base import Resolution
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


@dataclass(frozen=True)
class ResidualFromTheTarget:
    """A subtly wrong verifier: after a rejection it draws from the target's row, not from the residual."""

    right: Maximal = field(default_factory=Maximal)

    def resolve(self, *, p: Any, drafts: Tokens, law: Any, chance: Any, level: int = 0) -> Resolution:
        found = self.right.resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)
        return found if found.accepted else Resolution(int(chance.draw(p, stream=f"wrong/{level}")), None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


@dataclass(frozen=True)
class Overrated:
    """The tokens that a draft overrates after a text, and their probability; from rows without a cache."""

    model: Any
    warp: Warp
    draft: Any
    known: dict[Tokens, tuple[frozenset[int], float]] = field(default_factory=dict)

    def __call__(self, text: Tokens) -> tuple[frozenset[int], float]:
        if text not in self.known:
            states = hidden_states(self.model, text, {"p": Full(), "q": self.draft})
            last = np.stack([states["p"][-1], states["q"][-1]])
            p, q = self.warp.probabilities(np.asarray(logits(self.model.params, jnp.asarray(last))))
            chosen = frozenset(np.flatnonzero(q > p).tolist())
            self.known[text] = chosen, float(p[sorted(chosen)].sum())
        return self.known[text]

    def excess(self, text: Tokens) -> float:
        """How much more often than p :class:`ResidualFromTheTarget` emits one of them: exact."""
        states = hidden_states(self.model, text, {"p": Full(), "q": self.draft})
        last = np.stack([states["p"][-1], states["q"][-1]])
        p, q = self.warp.probabilities(np.asarray(logits(self.model.params, jnp.asarray(last))))
        kept = np.minimum(p, q)
        return float((kept + (1 - kept.sum()) * p - p)[q > p].sum())


#: Where the draft overrates tokens that the target may say too.
PROMPTS = ("Water boils when", "In the middle of the city there was a")
EVENTS = 6000


def events(
    system: System, prompts: Iterable[Tokens], overrated: Overrated, *, count: int
) -> Iterator[tuple[bool, float]]:
    """Whether each emitted token was overrated, and how likely that was."""
    for prompt in prompts:
        for first, second in pairs(system, prompt, count=count):
            for text, token in ((prompt, first), ((*prompt, first), second)):
                chosen, probability = overrated(text)
                yield token in chosen, probability


@pytest.fixture(scope="module")
def language_model() -> tuple[Any, Warp, Any]:
    from specsim.models import load
    from specsim.models.errors import ModelError

    try:
        model = load("smollm2-135m")
    except (ModelError, OSError) as error:
        pytest.skip(f"the model can't be had here: {error}")
    return model, Warp(temperature=1.2, top_k=3), LayerMask.middle(6, of=model.config.layers)


@pytest.mark.slow
def test_on_a_language_model(language_model: tuple[Any, Warp, Any]) -> None:
    """A chain and a star agree with the target's own rows; a wrong residual does not.

    Three tokens a row and drafts of depth one: every pass that can occur is kept, so they must be few.
    """
    model, warp, view = language_model
    prompts = [tuple(model.tokenizer.encode(text)) for text in PROMPTS]
    target, draft = Remembered(Loaded(model, warp)), Remembered(Loaded(model, warp, view))
    overrated = Overrated(model, warp, view)
    count = EVENTS // (2 * len(prompts))
    chain, star = named.token_level(1), named.rsd_constant((2,))
    for scheme in (chain, star):
        system = System(target, Drawn(draft, scheme.grow), scheme.walk)
        verdict = sequential_events(events(system, prompts, overrated, count=count))
        assert not verdict.rejected, verdict
        assert verdict.count == EVENTS
        assert verdict.detectable <= 0.072
    first = np.mean([overrated.excess(prompt) for prompt in prompts])
    assert first / 2 > verdict.detectable, "the control is beyond the declared distance by its first tokens"
    wrong = System(target, Drawn(draft, chain.grow), TopDown(ResidualFromTheTarget()))
    assert sequential_events(events(wrong, prompts, overrated, count=count)).rejected


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


def test_an_excess_at_the_declared_distance_is_found() -> None:
    """The promise for events, on probabilities of all sizes, each of them exceeded or missed by that much."""
    rng, count = np.random.default_rng(4), 6000
    excess = detectable_excess(count=count)
    for sign in (1, -1):
        chances = rng.uniform(0.1, 0.9, count)
        happened = rng.random(count) < chances + sign * excess
        assert sequential_events(zip(happened.tolist(), chances.tolist(), strict=True)).rejected
        fair = rng.random(count) < chances
        assert not sequential_events(zip(fair.tolist(), chances.tolist(), strict=True)).rejected


def test_the_events_wealth_grows_at_no_bet_under_the_truth() -> None:
    """Hoeffding's lemma, exactly what the false-alarm rate rests on, over probabilities and all bets."""
    for bet in BETS:
        for chance in np.linspace(0, 1, 21):
            mean = chance * np.exp(bet * (1 - chance)) + (1 - chance) * np.exp(-bet * chance)
            assert mean <= np.exp(bet**2 / 8) + 1e-12


def test_an_events_probability_is_checked() -> None:
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got 1.5"):
        sequential_events([(True, 1.5)])


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
