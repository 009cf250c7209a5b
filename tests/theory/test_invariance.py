"""The price of drafter invariance, against exact fractions, the race itself and the known bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import assert_mean
from tests.theory.strategies import F, floats, fractions, pairs
from theory.bounds import optimal_iid
from theory.couplings import GumbelList, race_winner
from theory.invariance import price_of_invariance
from theory.laws import Iid
from theory.simplex import total_variation


@given(pair=pairs(size=4))
@settings(max_examples=25)
def test_against_exact_fractions(pair):
    p, q = pair
    for k in (1, 2, 3):
        exact = GumbelList().acceptance(p=p, law=Iid(q, k))
        found = price_of_invariance(p=floats(p), q=floats(q), k=k)
        assert abs(found.invariant - float(exact)) <= found.error + 1e-12
        assert found.error < 1e-11
        assert found.optimum == pytest.approx(float(optimal_iid(p, q, [k])[0].value), abs=1e-12)
        assert found.price >= -1e-11


@given(pair=pairs(size=5))
@settings(max_examples=50)
def test_known_bounds(pair):
    p, q = (floats(side) for side in pair)
    distance = total_variation(p, q)
    one = price_of_invariance(p=p, q=q)
    assert (1 - distance) / (1 + distance) - 1e-12 <= one.invariant <= 1 - distance + 1e-12
    for k in (2, 4):
        found = price_of_invariance(p=p, q=q, k=k)
        assert found.floor - 1e-12 <= found.invariant + found.error
        assert found.floor >= one.invariant - 1e-12


def test_the_lower_bound_is_attained():
    """TV = t with all of the overlap on one token: (1 - t) / (1 + t) exactly."""
    p, q = np.array([0.7, 0.3, 0.0]), np.array([0.7, 0.0, 0.3])
    assert price_of_invariance(p=p, q=q).invariant == pytest.approx(0.7 / 1.3)


def test_it_is_the_acceptance_of_the_race():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(30, 0.5), size=2)
    found = price_of_invariance(p=p, q=q, k=3)
    hits = []
    for _ in range(4000):
        clocks = rng.standard_exponential((3, 30))
        hits.append(race_winner(p, clocks.min(axis=0)) in [race_winner(q, row) for row in clocks])
    assert_mean(np.array(hits, dtype=float), found.invariant)
    with pytest.raises(AssertionError, match="mean"):
        assert_mean(np.array(hits, dtype=float), found.invariant + 0.15)


def test_batches():
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(50), size=(2, 2, 3))
    batch = price_of_invariance(p=p, q=q, k=2)
    assert batch.price.shape == batch.floor.shape == batch.error.shape == (2, 3)
    one = price_of_invariance(p=p[1, 2], q=q[1, 2], k=2)
    assert one.invariant == batch.invariant[1, 2]
    assert one.optimum == pytest.approx(batch.optimum[1, 2])


def test_more_lists_cost_nothing_where_models_agree():
    p = np.random.default_rng(2).dirichlet(np.full(1000, 0.1))
    found = price_of_invariance(p=p, q=p, k=4)
    assert found.optimum == pytest.approx(1)
    # k lists do not coincide even then: the output rings in one of them, where it is the draft
    assert found.invariant == pytest.approx(1)


@pytest.mark.slow
def test_full_vocabulary():
    rng = np.random.default_rng(3)
    p, q = rng.dirichlet(np.full(32_000, 0.02), size=2)
    q = 0.6 * p + 0.4 * q
    values = [price_of_invariance(p=p, q=q, k=k) for k in (1, 2, 4, 8)]
    assert all(value.error < 1e-11 for value in values)
    assert np.all(np.diff([value.invariant for value in values]) > 0)
    assert all(value.floor <= value.invariant <= value.optimum for value in values)


class TestErrors:
    def test_fractions(self):
        with pytest.raises(ValueError, match="takes floats; for fractions use GumbelList"):
            price_of_invariance(p=fractions([1, 2, 3]), q=fractions([3, 2, 1]))

    def test_drafts(self):
        with pytest.raises(ValueError, match="at least 1"):
            price_of_invariance(p=[0.5, 0.5, 0.0], q=[0.5, 0.5, 0.0], k=0)


def test_exact_example_of_two_lists():
    p, q = fractions([5, 3, 2]), fractions([2, 3, 5])
    assert GumbelList().acceptance(p=p, law=Iid(q, 2)) == F(439709, 568100)
