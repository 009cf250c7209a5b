"""Trades of score: any staircase within reach is reached, exactly, by fewer trades than pools."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.strategies import distributions, weights
from theory.clip import chord_slopes, match_swaps


@st.composite
def staircases(draw):
    """Pools, and wanted slopes within reach: chords blended with means over coarser pools."""
    size, k = draw(st.integers(1, 8)), draw(st.integers(2, 5))
    masses = draw(distributions(size, support=size))
    outside = np.append(np.cumsum(masses[::-1])[::-1], F(0))
    chords = chord_slopes(outside[:-1], outside[1:], k)
    wanted = chords * 0
    shares = draw(weights(3, 1))
    for share in shares:
        cuts = sorted(draw(st.sets(st.integers(1, size - 1), max_size=size - 1))) if size > 1 else []
        flat = chords.copy()
        for start, end in zip([0, *cuts], [*cuts, size], strict=True):
            part = slice(start, end)
            flat[part] = (chords[part] * masses[part]).sum() / masses[part].sum()
        wanted = wanted + F(share, sum(shares)) * flat
    return masses, chords, wanted


@given(case=staircases())
@settings(max_examples=500)
def test_wanted_slopes_are_reached(case):
    masses, chords, wanted = case
    swaps = match_swaps(masses, chords, wanted)
    got = (1 - swaps.share) * chords + swaps.share * swaps.partner_slopes
    assert got.tolist() == wanted.tolist()
    assert np.all(swaps.share >= 0)
    assert np.all(swaps.share <= 1)
    assert np.all(swaps.better < swaps.worse)
    assert np.all(swaps.mass > 0)
    assert swaps.mass.size < masses.size


@given(case=staircases())
def test_scores_keep_their_law(case):
    """What a pool's score loses comes back to it, counted trade by trade."""
    masses, chords, wanted = case
    swaps = match_swaps(masses, chords, wanted)
    scores = masses * (1 - swaps.share)
    traded = masses * swaps.share
    for pool in range(masses.size):
        partners, mass = swaps.partners(pool)
        for other, part in zip(partners, mass, strict=True):
            scores[other] += traded[pool] * part / mass.sum()
    assert scores.tolist() == masses.tolist()


@given(case=staircases())
def test_partners_and_their_mean(case):
    masses, chords, wanted = case
    swaps = match_swaps(masses, chords, wanted)
    for pool in range(masses.size):
        partners, mass = swaps.partners(pool)
        assert swaps.share[pool] == (mass.sum() / masses[pool] if partners.size else 0)
        mean = (mass * chords[partners]).sum() / mass.sum() if partners.size else chords[pool]
        assert swaps.partner_slopes[pool] == mean


def test_surplus_behind_lack_is_left_alone():
    """Out of reach, as rounding may make it: nothing is traded the wrong way round."""
    masses, chords = np.array([0.5, 0.5]), np.array([1.5, 0.5])
    swaps = match_swaps(masses, chords, np.array([1.6, 0.4]))
    assert swaps.mass.size == 0
    assert swaps.partner_slopes.tolist() == chords.tolist()


def test_no_pool_trades_more_than_it_has():
    masses = np.array([1e-18, 0.5, 0.5 - 2e-18, 1e-18])
    swaps = match_swaps(masses, np.array([3.0, 2.0, 1.0, 1e-30]), np.array([1e-18, 1.5, 1.5, 2.5]))
    assert np.all(swaps.share <= 1)
    assert np.all(np.isfinite(swaps.partner_slopes))
