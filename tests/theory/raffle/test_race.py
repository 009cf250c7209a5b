"""The law of a raffle by double integrals, against the list of all drafted sets."""

from __future__ import annotations

import numpy as np
import pytest

from theory.laws import WithoutReplacement
from theory.raffle import RaffleRace, RaffleSets

CASES = [(5, 2, 0.2), (5, 2, 5.0), (7, 4, 0.3), (9, 3, 1.0), (14, 2, 0.1)]


def raffle(size, k, concentration, seed=0):
    rng = np.random.default_rng(seed)
    q = np.maximum(rng.dirichlet(np.full(size, concentration)), 1e-9)
    return q / q.sum(), rng.random(size) < 0.5, rng.normal(size=size) * 2


def listed(q, k, first, logs):
    return RaffleSets.of(WithoutReplacement(q, k), first).law(np.exp(logs))


@pytest.mark.parametrize(("size", "k", "concentration"), CASES)
def test_against_the_list_of_sets(size, k, concentration):
    q, first, logs = raffle(size, k, concentration)
    law, error = RaffleRace(q, k, np.arange(size), first).law(logs)
    assert error < 1e-10
    assert np.abs(law - listed(q, k, first, logs)).sum() <= error
    assert law[first].sum() == pytest.approx(
        1 - float(WithoutReplacement(q, k).containment(~first)), abs=1e-9
    )


def test_the_error_is_that_of_the_tickets_given():
    """Negative control: other tickets have another law by far more than the error."""
    q, first, logs = raffle(6, 2, 1.0)
    law, error = RaffleRace(q, 2, np.arange(6), first).law(logs)
    other = listed(q, 2, first, logs + np.where(first, 0, 0.01 * np.arange(6)))
    assert np.abs(law - other).sum() > 1e4 * error


def listed_pairs(q, better, tickets):
    """The law of the winner of two drafts, as a matrix over pairs."""
    joint = np.outer(q / (1 - q), q)
    joint += joint.T
    np.fill_diagonal(joint, 0)
    share = tickets[:, None] / (tickets[:, None] + tickets)
    share[better[:, None] & ~better] = 1
    share[~better[:, None] & better] = 0
    return (joint * share).sum(axis=1)


def test_light_tokens_in_groups():
    """A few heavy tokens and hundreds of light ones in three groups, two of which share a level."""
    q = np.concatenate([[9.0, 5.0, 4.0], np.linspace(0.2, 0.8, 497)])
    q /= q.sum()
    heavy = RaffleRace.heavy_tokens(q, 2)
    assert 3 <= heavy.size < 100
    group = np.arange(q.size) % 3
    group[heavy] = 3 + np.arange(heavy.size)
    first = np.zeros(3 + heavy.size, dtype=bool)
    first[[0, 3]] = True
    logs = np.linspace(-3, 1, first.size)
    race = RaffleRace(q, 2, group, first)
    law, error = race.law(logs)
    truth = listed_pairs(q, first[group], np.exp(logs[group]))
    assert np.abs(law - truth).sum() <= error < 1e-10
    masses = np.bincount(group, truth, minlength=first.size)
    np.testing.assert_allclose(race.group_masses(logs), masses, atol=1e-11)


def test_a_coarser_grid_says_so():
    q, first, logs = raffle(6, 3, 1.0)
    law, error = RaffleRace(q, 3, np.arange(6), first, 1e-5).law(logs)
    assert 1e-6 < error < 1e-3
    assert np.abs(law - listed(q, 3, first, logs)).sum() <= error


def test_tokens_that_are_never_drafted_never_win():
    q = np.array([0.5, 0.0, 0.3, 0.2])
    law, _ = RaffleRace(q, 2, np.array([0, -1, 1, 2]), np.array([True, True, False])).law(np.zeros(3))
    assert law[1] == 0.0
    np.testing.assert_allclose(
        law[[0, 2, 3]], listed(q[[0, 2, 3]], 2, np.array([1, 1, 0], bool), np.zeros(3))
    )


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 4, 8])
def test_full_vocabulary_adds_up(k):
    """At 32,000 tokens nothing can be listed; both levels' masses are containments of the race."""
    rng = np.random.default_rng(k)
    q = rng.dirichlet(np.full(32_000, 0.05)) + 1e-12
    q /= q.sum()
    heavy = RaffleRace.heavy_tokens(q, k)
    group = rng.integers(0, 200, q.size)
    group[heavy] = 200 + np.arange(heavy.size)
    first = np.arange(200 + heavy.size) % 3 == 0
    law, error = RaffleRace(q, k, group, first).law(rng.normal(size=first.size) * 3)
    hit = 1 - float(WithoutReplacement(q, k).containment(~first[group]))
    assert error < 1e-10
    assert law[first[group]].sum() == pytest.approx(hit, abs=1e-9)
