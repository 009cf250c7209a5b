"""Counters of drafts: what they may be, what follows from them, and how sure it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.measurements import (
    BadMeasurement,
    DraftCounts,
    MeanTokens,
    measured_lengths,
    texts_of_counts,
)
from specsim.policies import Fixed, replay
from theory.speedup import block_efficiency
from theory.stopping import Times, best_length

rounds_of = st.lists(
    st.integers(0, 5).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1
)


def counted(rounds, *, exact=False):
    """What an engine would count of these rounds."""
    longest = max(drafted for _, drafted in rounds)
    reached = tuple(sum(accepted > place for accepted, _ in rounds) for place in range(longest))
    judged = tuple(sum(a >= place and n > place for a, n in rounds) for place in range(longest))
    return DraftCounts(
        len(rounds), sum(n for _, n in rounds), sum(a for a, _ in rounds), reached, judged if exact else None
    )


@settings(max_examples=80)
@given(rounds_of)
def test_the_ends_hold_what_exact_counts_would_say(rounds):
    """Rounds of any lengths: what only sums are known of lies between the ends."""
    known, exact = counted(rounds), counted(rounds, exact=True)
    for loose, sharp in zip(known.by_position(), exact.by_position(), strict=True):
        assert sharp.lower == sharp.upper == sharp.value or not sharp.trials
        if sharp.trials:
            assert loose.lower - 1e-12 <= sharp.value <= loose.upper + 1e-12
    sure, loose = exact.constant(), known.constant()
    if sure.trials:
        assert loose.lower - 1e-12 <= sure.value <= loose.upper + 1e-12


def simulated(acceptance, length, rounds, seed):
    rng = np.random.default_rng(seed)
    accepted = np.minimum(rng.geometric(1 - acceptance, rounds) - 1, length)
    reached = tuple(int((accepted > place).sum()) for place in range(length))
    return DraftCounts(rounds, rounds * length, sum(reached), reached)


@pytest.mark.parametrize("acceptance", [0.3, 0.7, 0.95])
def test_estimates_are_as_sure_as_they_say(acceptance):
    """z-scores of 60 estimates of one known acceptance: their squares' sum is a chi-square (p > 1e-9)."""
    found = [simulated(acceptance, 4, 5000, seed).constant() for seed in range(60)]
    scores = [(entry.value - acceptance) / entry.standard_error for entry in found]
    assert 16 < np.sum(np.square(scores)) < 150
    sums = [
        DraftCounts(c.rounds, c.drafted, c.accepted).constant()
        for c in (simulated(acceptance, 4, 5000, seed) for seed in range(60))
    ]
    scores = [(entry.value - acceptance) / entry.standard_error for entry in sums]
    assert 16 < np.sum(np.square(scores)) < 150
    wrong = [(entry.value - acceptance - 0.05) / entry.standard_error for entry in sums]
    assert np.sum(np.square(wrong)) > 150


def test_the_mean_gives_back_the_acceptance():
    for acceptance in (0.0, 0.2, 0.75, 0.999, 1.0):
        tokens = float(block_efficiency(acceptance=acceptance, length=5))
        found = MeanTokens(tokens, length=5).constant()
        assert found.value == pytest.approx(acceptance, abs=1e-9)
        assert math.isnan(found.standard_error)
    with pytest.raises(BadMeasurement, match="needs the number of drafts a round"):
        MeanTokens(2.0).constant()
    with pytest.raises(BadMeasurement, match="from 1 to drafts"):
        MeanTokens(4.5, length=3)


def test_lengths_from_counts_tend_to_the_closed_form():
    counts, times = simulated(0.8, 12, 200_000, 3), Times(0.1, 1.0)
    found = measured_lengths(counts, times=times)
    best = max(found, key=lambda entry: entry.speedup)
    exact = best_length(acceptance=0.8, times=times)
    assert abs(best.length - exact.length) <= 1
    for entry in found:
        tokens = float(block_efficiency(acceptance=0.8, length=entry.length))
        assert abs(entry.tokens - tokens) <= 6 * entry.tokens_error + 1e-12
    assert len(measured_lengths(counts, times=times, limit=3)) == 4


def test_rounds_in_a_drawn_order_keep_their_histogram():
    counts = simulated(0.7, 3, 500, 0)
    (text,) = texts_of_counts(counts, rng=np.random.default_rng(1))
    found = replay(Fixed(3), text.taking("rejected"), times=Times(1, 4), limit=3)
    assert found.tokens == sum(counts.reached) + counts.rounds
    (small,) = texts_of_counts(counts, rng=np.random.default_rng(1), most=50)
    assert len(small.accepted) < len(text.accepted) / 5
    with pytest.raises(BadMeasurement, match="all rounds drafted alike"):
        texts_of_counts(DraftCounts(2, 3, 1, (1, 0)), rng=np.random.default_rng(0))


def test_readings_are_subtracted():
    before, after = DraftCounts(10, 20, 9, (6, 3)), DraftCounts(30, 60, 30, (20, 10))
    assert after.minus(before) == DraftCounts(20, 40, 21, (14, 7))
    with pytest.raises(BadMeasurement, match="counters never fall, but rounds, drafted, accepted did"):
        before.minus(after)
    with pytest.raises(BadMeasurement, match="must not fall from reading to reading"):
        DraftCounts(40, 80, 44, (30, 14)).minus(DraftCounts(20, 40, 30, (15, 15)))
    assert after.plus(DraftCounts(1, 3, 3, (1, 1, 1))).reached == (21, 11, 1)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"rounds": -1, "drafted": 0, "accepted": 0}, "counts are 0 or more"),
        ({"rounds": 1, "drafted": 2, "accepted": 3}, "3 of 2 drafted tokens"),
        ({"rounds": 5, "drafted": 10, "accepted": 7, "reached": (3, 4)}, "must not rise along positions"),
        ({"rounds": 2, "drafted": 4, "accepted": 3, "reached": (3,)}, "nor exceed the 2 rounds"),
        ({"rounds": 5, "drafted": 10, "accepted": 6, "reached": (4, 1)}, "sum to 5, but 6"),
        ({"rounds": 5, "drafted": 11, "accepted": 5, "reached": (4, 1)}, "cannot hold 11 drafts"),
        ({"rounds": 5, "drafted": 10, "accepted": 5, "judged": (5, 4)}, "for each position of accepted"),
        ({"rounds": 5, "drafted": 10, "accepted": 5, "reached": (4, 1), "judged": (5, 0)}, "between 1 and 4"),
    ],
)
def test_contradictions(counts, message):
    with pytest.raises(BadMeasurement, match=message):
        DraftCounts(**counts)


def test_nothing_follows_from_nothing():
    for empty in (DraftCounts(0, 0, 0), DraftCounts(0, 0, 0, (0,))):
        with pytest.raises(BadMeasurement, match="has drafted nothing yet"):
            empty.constant()
    with pytest.raises(BadMeasurement, match="not counted by position"):
        DraftCounts(2, 4, 1).by_position()
    with pytest.raises(BadMeasurement, match="differ in length"):
        DraftCounts(2, 3, 1).constant()
    assert DraftCounts(4, 8, 4).tokens_a_round == 2
