"""Bands of estimated profiles: coverage, how they narrow, and the sample-size calculator."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from theory.shapes import (
    Profile,
    best_first,
    clopper_pearson,
    isotonic,
    max_plus,
    plug_in_regret,
    profile_band,
    regret_bound,
    samples_needed,
    value_band,
)

TRUE = Profile.positional([0.55, 0.2, 0.1, 0.05])


def sampled(rng, profile, samples):
    rows = np.append(profile.rows, 1 - profile.rows.sum(axis=1, keepdims=True), axis=1)
    return profile.with_rows(rng.multinomial(samples, rows)[:, :-1] / samples)


def test_clopper_pearson_covers_at_every_proportion():
    """Exact coverage, by summing the binomial law: never below the level."""
    low, high = clopper_pearson(np.arange(31), 30, confidence=0.9)
    for p in np.linspace(0.01, 0.99, 99):
        covered = (low <= p) & (p <= high)
        assert binom.pmf(np.arange(31), 30, p)[covered].sum() >= 0.9
    assert low[0] == 0
    assert high[-1] == 1


@pytest.mark.parametrize("monotone", [False, True])
def test_bands_hold_for_all_sizes_at_once(monotone):
    """150 estimates at 90%: more than 45 misses have a probability below 1e-10."""
    rng = np.random.default_rng(0)
    truth = best_first(TRUE, nodes=40).values
    misses = losses = 0
    for _ in range(150):
        estimate = sampled(rng, TRUE, 200)
        band = profile_band(estimate, samples=200, confidence=0.9, monotone=monotone)
        ends = value_band(band, nodes=40)
        misses += not ((ends.lower <= truth + 1e-12) & (truth <= ends.upper + 1e-12)).all()
        shape = best_first(isotonic(estimate), nodes=20).shape()
        losses += 1 - shape.value(TRUE) / truth[20] > regret_bound(shape, band) + 1e-12
    assert misses <= 45
    assert losses <= 45
    # negative control: bands of a hundredfold sample number are too narrow
    narrow = [value_band(profile_band(sampled(rng, TRUE, 200), samples=20_000), nodes=40) for _ in range(50)]
    assert sum(not (b.lower[40] <= truth[40] <= b.upper[40]) for b in narrow) >= 15


def test_bands_narrow_and_enclose_the_estimate():
    widths = []
    for samples in (100, 10_000, 1_000_000):
        band = profile_band(TRUE, samples=samples)
        ends = value_band(band, nodes=64)
        value = best_first(TRUE, nodes=64).value(64)
        assert ends.lower[64] <= value <= ends.upper[64]
        widths.append(ends.upper[64] - ends.lower[64])
        tighter = profile_band(TRUE, samples=samples, monotone=True)
        assert (tighter.upper.rows <= band.upper.rows).all()
    assert widths[0] > 5 * widths[1] > 25 * widths[2]


def test_rows_that_rise_and_tables():
    raw = Profile.by_depth([[0.4, 0.1, 0.2], [0.3, 0.3, 0.1]])
    band = profile_band(raw, samples=[500, 300])
    ends = value_band(band, nodes=12, max_children=2)
    value = max_plus(raw, nodes=12, max_children=2).value(12)
    assert ends.lower[-1] <= value <= ends.upper[-1]
    shape = max_plus(raw, nodes=6).shape()
    assert 0 <= regret_bound(shape, band) < 0.5


def test_the_calculator_agrees_with_its_bound():
    for regret in (0.05, 0.02):
        samples = samples_needed(TRUE, nodes=32, regret=regret, monotone=True)
        shape = best_first(TRUE, nodes=32).shape()
        assert regret_bound(shape, profile_band(TRUE, samples=samples, monotone=True)) <= regret
        fewer = profile_band(TRUE, samples=int(samples * 0.9), monotone=True)
        assert regret_bound(shape, fewer) > 0.8 * regret


def test_average_losses_fall_with_the_samples():
    rng = np.random.default_rng(4)
    losses = [plug_in_regret(TRUE, samples=m, nodes=64, rng=rng, repeats=60) for m in (50, 500, 5000)]
    assert losses[0].value > losses[1].value > losses[2].value >= 0
    assert all(loss.repeats == 60 and loss.standard_error < loss.value for loss in losses[:2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: clopper_pearson([1], 1, confidence=1), "confidence is between 0 and 1"),
        (lambda: clopper_pearson([2], 1, confidence=0.9), "between 0 and the number of trials"),
        (lambda: clopper_pearson([0], 0, confidence=0.9), "at least 1"),
        (lambda: samples_needed(TRUE, nodes=3, regret=0), "regret is a share"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
