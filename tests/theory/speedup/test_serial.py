"""Closed forms of serial speed-ups, as fractions."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.chance import Enumerated
from theory.speedup import accepted_length, block_efficiency, memory_bound_speedup, speedup, tokens_by_depth

probabilities = st.fractions(0, 1, max_denominator=20)


@given(probabilities, st.integers(0, 6))
def test_block_efficiency_is_the_enumerated_mean(acceptance, length):
    def tokens(chance):
        for place in range(length):
            if not chance.flip(acceptance, stream="accept"):
                return place + 1
        return length + 1

    law = Enumerated().law(tokens)
    mean = sum(count * weight for count, weight in law.items())
    assert block_efficiency(acceptance=acceptance, length=length) == mean
    assert accepted_length(acceptance=acceptance, length=length) == mean - 1


@given(probabilities.filter(lambda a: a < 1), st.integers(0, 12))
def test_the_geometric_form(acceptance, length):
    assert block_efficiency(acceptance=acceptance, length=length) == (1 - acceptance ** (length + 1)) / (
        1 - acceptance
    )


def test_no_digits_are_lost_next_to_one():
    """Floats against the same numbers as fractions: a few roundings; the quotient loses half its digits."""
    worst = quotient = 0.0
    for places in range(1, 52):
        for length in (1, 2, 5, 17, 64):
            acceptance = 1 - 2.0**-places / 3
            exact = block_efficiency(acceptance=F(acceptance), length=length)
            found = block_efficiency(acceptance=acceptance, length=length)
            worst = max(worst, abs(float(F(found) / exact - 1)))
            other = (1 - acceptance ** (length + 1)) / (1 - acceptance)
            quotient = max(quotient, abs(float(F(other) / exact - 1)))
    assert worst < 4 * 2.0**-53
    assert quotient > 1e-9


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.integers(0, 40))
def test_arrays_are_taken_entry_by_entry(acceptance, length):
    found = block_efficiency(acceptance=np.array(acceptance), length=length)
    assert found.tolist() == [block_efficiency(acceptance=value, length=length) for value in acceptance]
    with pytest.raises(ValueError, match="acceptance must be a probability in"):
        block_efficiency(acceptance=np.array([*acceptance, 1.5]), length=length)


def test_depths_with_acceptances_of_their_own():
    assert tokens_by_depth([F(1, 2), F(1, 3), F(1, 4)]) == 1 + F(1, 2) + F(1, 6) + F(1, 24)
    assert tokens_by_depth([0, 1, 1]) == 1


@given(probabilities, st.integers(0, 8), st.fractions(0, 1), st.fractions(F(1, 10), 3))
def test_speedup_and_mbsu_are_one_formula(acceptance, length, draft, target):
    tau = block_efficiency(acceptance=acceptance, length=length)
    fast = speedup(acceptance=acceptance, length=length, draft_time=draft, target_time=target)
    given_tau = memory_bound_speedup(
        block_efficiency=tau, length=length, draft_time=draft, target_time=target
    )
    assert fast == given_tau == tau / (length * draft / target + 1)


def test_no_drafts_are_no_speedup():
    assert speedup(acceptance=F(1, 2), length=0, draft_time=F(1, 10), target_time=F(1)) == 1


def test_what_a_round_costs_besides():
    assert speedup(acceptance=1, length=1, draft_time=0, target_time=1, round_time=1) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"acceptance": 1.1, "length": 2}, "acceptance must be a probability in"),
        ({"acceptance": float("nan"), "length": 0}, "acceptance must be a probability in"),
        ({"acceptance": 0.5, "length": -1}, "length must be a number of drafts"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        block_efficiency(**arguments)


def test_bad_times():
    with pytest.raises(ValueError, match="target_time must be positive"):
        speedup(acceptance=0.5, length=1, draft_time=0.1, target_time=0)
    with pytest.raises(ValueError, match="draft_time must not be negative"):
        speedup(acceptance=0.5, length=1, draft_time=-1, target_time=1)
    with pytest.raises(ValueError, match="add one if yours leaves it out"):
        memory_bound_speedup(block_efficiency=0.7, length=3, draft_time=0.1, target_time=1)
