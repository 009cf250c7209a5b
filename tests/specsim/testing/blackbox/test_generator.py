"""The driven generator: every method that is driven has numpy's law, every other one refuses."""

from __future__ import annotations

import inspect
import math
from itertools import permutations

import numpy as np
import pytest

from specsim.testing.blackbox.drive import Drive, NotDrivable
from specsim.testing.blackbox.extraction import extract
from specsim.testing.blackbox.generator import DrivenGenerator

P = np.array([0.5, 0.2, 0.3])


def law(draw):
    """The law of a function of a generator."""
    return extract(lambda drive: draw(DrivenGenerator(drive))).law()


def assert_law(found, expected):
    assert set(found) == set(expected)
    for outcome, mass in expected.items():
        assert found[outcome] == pytest.approx(mass, abs=1e-9)


def test_it_is_a_generator():
    assert isinstance(DrivenGenerator(Drive(lambda position: 0.5, {})), np.random.Generator)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda rng: rng.random() < 0.3, {True: 0.3, False: 0.7}),
        (
            lambda rng: tuple(rng.random(2) < 0.5),
            {(a, b): 0.25 for a in (True, False) for b in (True, False)},
        ),
        (lambda rng: bool(rng.random((1, 1))[0, 0] < 0.2), {True: 0.2, False: 0.8}),
        (lambda rng: rng.uniform(2, 4) < 2.5, {True: 0.25, False: 0.75}),
        (lambda rng: bool((rng.uniform(0, [1, 2]) < 0.5)[1]), {True: 0.25, False: 0.75}),
        (lambda rng: int(rng.choice(3, p=P)), {0: 0.5, 1: 0.2, 2: 0.3}),
        (lambda rng: str(rng.choice(["a", "b"])), {"a": 0.5, "b": 0.5}),
        (lambda rng: tuple(rng.choice(2, size=2).tolist()), {(a, b): 0.25 for a in (0, 1) for b in (0, 1)}),
        (
            lambda rng: tuple(rng.choice(3, size=2, replace=False, p=P).tolist()),
            {(a, b): P[a] * P[b] / (1 - P[a]) for a, b in permutations(range(3), 2)},
        ),
        (lambda rng: int(np.argmax(rng.multinomial(1, P))), {0: 0.5, 1: 0.2, 2: 0.3}),
        (
            lambda rng: tuple(rng.multinomial(2, [0.5, 0.5]).tolist()),
            {(2, 0): 0.25, (1, 1): 0.5, (0, 2): 0.25},
        ),
        (lambda rng: int(rng.integers(4)), dict.fromkeys(range(4), 0.25)),
        (lambda rng: int(rng.integers(1, 2, endpoint=True)), {1: 0.5, 2: 0.5}),
        (lambda rng: int(rng.binomial(2, 0.25)), {0: 9 / 16, 1: 6 / 16, 2: 1 / 16}),
        (lambda rng: rng.exponential() < math.log(2), {True: 0.5, False: 0.5}),
        (lambda rng: rng.standard_exponential() < math.log(4), {True: 0.75, False: 0.25}),
        (lambda rng: rng.exponential(2.0) < 2 * math.log(2), {True: 0.5, False: 0.5}),
        (lambda rng: rng.gumbel() < 0, {True: math.exp(-1), False: 1 - math.exp(-1)}),
        (lambda rng: bool(rng.gumbel(size=1)[0] < 0), {True: math.exp(-1), False: 1 - math.exp(-1)}),
        (lambda rng: tuple(rng.permutation(3).tolist()), dict.fromkeys(permutations(range(3)), 1 / 6)),
    ],
)
def test_laws(draw, expected):
    assert_law(law(draw), expected)


def test_shuffling_in_place():
    def shuffled(rng):
        items = np.array([0, 1, 2])
        rng.shuffle(items)
        return tuple(items.tolist())

    assert_law(law(shuffled), dict.fromkeys(permutations(range(3)), 1 / 6))


def test_everything_else_refuses():
    rng = DrivenGenerator(Drive(lambda position: 0.5, {}))
    driven = set(vars(DrivenGenerator)) - {"bit_generator"}
    public = [name for name in dir(np.random.Generator) if not name.startswith("_")]
    refused = []
    for name in public:
        own = inspect.getattr_static(DrivenGenerator, name)
        if not isinstance(own, property) and own.__doc__ != "Not driven.":
            continue
        refused.append(name)
        with pytest.raises(NotDrivable, match=f"Generator.{name} is not driven"):
            getattr(rng, name)()
    assert {"normal", "standard_normal", "bytes", "spawn", "bit_generator", "poisson"} <= set(refused)
    assert set(public) <= driven | {"bit_generator"}


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: rng.random(out=np.empty(2)),
        lambda rng: rng.standard_exponential(out=np.empty(2)),
        lambda rng: rng.multinomial(1, P, size=2),
        lambda rng: rng.binomial(100, 0.5),
    ],
)
def test_options_that_are_not_driven(call):
    with pytest.raises(NotDrivable, match="driven"):
        call(DrivenGenerator(Drive(lambda position: 0.5, {})))


@pytest.mark.parametrize(
    ("p", "message"), [([0.5, 0.5], "same size"), ([0.5, 0.5, 0.5], "sum to 1"), ([np.nan] * 3, "sum to 1")]
)
def test_bad_probabilities(p, message):
    with pytest.raises(ValueError, match=message):
        DrivenGenerator(Drive(lambda position: 0.5, {})).choice(3, p=p)
