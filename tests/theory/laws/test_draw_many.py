"""Many sets at once must have the law of one set at a time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.theory.audit import assert_frequencies, product_of_conditionals, time_limit
from tests.theory.strategies import floats, fractions
from theory.laws import Iid, WithoutReplacement
from theory.laws.draw_many import draw_without_replacement

SAMPLES = 50_000


def drawn(q, k, samples=SAMPLES, seed=0):
    with time_limit(5):
        sets = draw_without_replacement(q, k, rng=np.random.default_rng(seed), samples=samples)
    assert sets.shape == (samples, k)
    return Counter(map(tuple, sets.tolist()))


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize(
    "weights", [[4, 3, 2, 1], [1, 0, 0, 5, 1, 1, 0], [1, 1, 1], [997, 1, 1, 1], [0, 1, 10**6, 2, 0]], ids=str
)
def test_frequencies(weights, k):
    """False alarm 1e-9; 50,000 sets: a set of probability w is resolved to 10 sqrt(w / 50,000)."""
    q = fractions(weights)
    assert_frequencies(drawn(floats(q), k), product_of_conditionals(WithoutReplacement(q, k)))


def test_a_law_with_replacement_is_refuted():
    """The negative control."""
    q = fractions([4, 3, 2, 1])
    with pytest.raises(AssertionError):
        assert_frequencies(drawn(floats(q), 2), product_of_conditionals(Iid(q, 2)))


@pytest.mark.parametrize("light", [1e-9, 1e-13, 1e-15, 1e-18, 1e-40])
def test_light_tokens_behind_a_heavy_one(light):
    """After the heavy token the others come by their own ratio, 1 to 3, however light they are."""
    counts = drawn(floats([1 - 4 * light, light, 3 * light]), 2, samples=4000)
    second = Counter(order[1] for order, times in counts.items() if order[0] == 0 for _ in range(times))
    assert_frequencies(second, {1: 0.25, 2: 0.75})


def test_all_of_a_steep_support():
    """Three drafts of three live tokens: there is only one set, however steep."""
    counts = drawn(floats([1.0, 1e-20, 1e-21, 0.0]), 3, samples=10)
    assert {frozenset(order) for order in counts} == {frozenset({0, 1, 2})}


def test_more_tokens_than_the_support():
    with pytest.raises(ValueError, match="can't draw 3 different tokens from a support of 2"):
        draw_without_replacement(floats([0.5, 0.5, 0]), 3, rng=np.random.default_rng(0), samples=1)
