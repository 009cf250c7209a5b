"""Hindsight on recorded outcomes: bounds that hold on every text."""

from fractions import Fraction as F
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.stopping import (
    Confidence,
    Outcomes,
    Times,
    clairvoyant,
    greedy_oracle,
    greedy_oracle_rate,
    walk,
)

positions = st.lists(st.sampled_from([True, True, False, None]), max_size=40)
prices = st.builds(
    Times,
    st.fractions(0, 3, max_denominator=20),
    st.fractions(F(1, 5), 3, max_denominator=20),
    st.fractions(0, 1, max_denominator=5),
)


@st.composite
def starts(draw):
    """Outcomes that depend on where a round starts."""
    size = draw(st.integers(0, 14))
    reach = [draw(st.integers(0, size - place - 1)) for place in range(size)]
    return Outcomes(tuple(reach), tuple(size - place - 1 for place in range(size)))


def least_time(outcomes, times, limit):
    """All plans, wasteful ones too."""

    @cache
    def rest(start):
        if start >= outcomes.tokens:
            return 0
        return min(
            times.of_round(drafted) + rest(start + min(drafted, outcomes.reach[start]) + 1)
            for drafted in range(min(limit, outcomes.most[start]) + 1)
        )

    return rest(0)


@settings(max_examples=40)
@given(positions, prices, st.integers(0, 9))
def test_positions_make_the_greedy_oracle_clairvoyant(accepted, times, limit):
    outcomes = Outcomes.from_positions(accepted)
    assert outcomes.nested
    best = clairvoyant(outcomes, times=times, limit=limit)
    assert best.time == greedy_oracle(outcomes, times=times, limit=limit).time
    assert best.time == least_time(outcomes, times, limit)


@settings(max_examples=40)
@given(starts(), prices, st.integers(0, 9))
def test_clairvoyance_is_the_best_of_all_plans(outcomes, times, limit):
    best = clairvoyant(outcomes, times=times, limit=limit)
    assert best.time == least_time(outcomes, times, limit)
    assert best.time <= greedy_oracle(outcomes, times=times, limit=limit).time


@settings(max_examples=40)
@given(positions, prices, st.integers(0, 9), st.randoms(use_true_random=False))
def test_no_lengths_beat_the_oracles(accepted, times, limit, random):
    outcomes = Outcomes.from_positions(accepted)
    found = walk(outcomes, times=times, limit=limit, length=lambda start, most: random.randint(0, most))
    assert sum(found.lengths) == found.passes
    assert found.accepted + found.rounds == found.tokens == len(accepted)
    assert found.time >= greedy_oracle(outcomes, times=times, limit=limit).time


def test_a_short_round_can_beat_the_greedy_oracle_where_outcomes_depend_on_starts():
    outcomes = Outcomes(reach=(1, 4, 0, 0, 0, 0), most=(5, 4, 3, 2, 1, 0))
    times = Times(F(1, 10), F(1))
    greedy = greedy_oracle(outcomes, times=times, limit=4)
    lengths = iter((0, 4))
    other = walk(outcomes, times=times, limit=4, length=lambda start, most: next(lengths))
    assert other.time < greedy.time
    assert clairvoyant(outcomes, times=times, limit=4).time == other.time


def test_a_fixed_length_beats_it_too():
    reach = tuple(min(3 if place % 3 == 0 else 0, 29 - place) for place in range(30))
    outcomes = Outcomes(reach, tuple(29 - place for place in range(30)))
    times = Times(F(1, 10), F(1))
    fixed = walk(outcomes, times=times, limit=9, length=lambda start, most: min(2, most))
    assert fixed.rounds == 10
    assert fixed.time < greedy_oracle(outcomes, times=times, limit=9).time
    assert clairvoyant(outcomes, times=times, limit=9).time <= fixed.time


def test_from_positions_says_what_each_start_reaches():
    for accepted in product([True, False, None], repeat=5):
        outcomes = Outcomes.from_positions(accepted)
        for start in range(5):
            tail = accepted[start:4]
            run = next((place for place, value in enumerate(tail) if value is not True), len(tail))
            known = next((place for place, value in enumerate(tail) if value is None), len(tail))
            assert (outcomes.reach[start], outcomes.most[start]) == (run, known)


def test_a_long_text_of_the_model_earns_the_exact_oracle_rate():
    """One text of 6e4 tokens; a percent is over 5 standard errors."""
    problem = Confidence.mixed(
        acceptance=[0.97, 0.8, 0.35], shares=[0.5, 0.3, 0.2], persistence=0.5, times=Times(0.1, 1.0), limit=12
    )
    rng = np.random.default_rng(5)
    kinds, size = [0], 60_000
    ends = np.cumsum(problem.moves, axis=1)
    for uniform in rng.random(size):
        kinds.append(min(int(np.searchsorted(ends[kinds[-1]], uniform)), 2))
    accepted = rng.random(size) < problem.acceptance[np.array(kinds[1:])]
    found = greedy_oracle(Outcomes.from_positions(accepted.tolist()), times=problem.times, limit=12)
    assert found.rate == pytest.approx(greedy_oracle_rate(problem).rate, rel=1.1e-2)


def test_empty_text_and_bad_input():
    empty = clairvoyant(Outcomes((), ()), times=Times(1, 2), limit=3)
    assert (empty.rounds, empty.rate, empty.speedup) == (0, 0, 1)
    with pytest.raises(ValueError, match="at position 0"):
        Outcomes((1,), (1,))
    with pytest.raises(ValueError, match="one for each"):
        Outcomes((0,), ())
    text = Outcomes.from_positions([True, True])
    with pytest.raises(ValueError, match="can draft 0 to 1 tokens, got 5"):
        walk(text, times=Times(1, 2), limit=3, length=lambda start, most: 5)
