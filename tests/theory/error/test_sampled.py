"""Coverage of what is said from samples.

Where the stated confidence is 1 - delta, misses among N independent repetitions are at most
binomial(N, delta); a test fails above the number that such a count exceeds with probability 1e-9 or less.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from theory.bounds import IidScan
from theory.error import counts_ball, counts_box, optimal_iid_band, sampled_iid_band
from theory.error.sampled import deviation

P, Q = np.array([0.5, 0.25, 0.15, 0.06, 0.04]), np.array([0.2, 0.2, 0.3, 0.25, 0.05])
DELTA, REPEATS = 0.2, 300
ALLOWED = int(binom.isf(1e-9, REPEATS, DELTA))


def misses(make, draws: int, shrink: float = 1.0) -> int:
    """How often a region does not hold the truth; shrunk towards its centre as a negative control."""
    rng, count = np.random.default_rng(7), 0
    for _ in range(REPEATS):
        counts = rng.multinomial(draws, P)
        region = make(counts, confidence=1 - DELTA)
        if make is counts_ball:
            count += np.abs(counts / draws - P).sum() / 2 > shrink * region.radius
        else:
            center = counts / draws
            low, high = (center + shrink * (end - center) for end in (region.lower, region.upper))
            count += not ((low <= P) & (high >= P)).all()
    return count


@pytest.mark.parametrize("draws", [20, 500])
@pytest.mark.parametrize("make", [counts_ball, counts_box])
def test_coverage(make, draws):
    assert misses(make, draws) <= ALLOWED


@pytest.mark.parametrize("make", [counts_ball, counts_box])
def test_narrower_regions_miss(make):
    """Negative control: a third of the width misses more often than is allowed."""
    assert misses(make, 500, shrink=1 / 3) > ALLOWED


@pytest.mark.parametrize("sampled", ["both", "p", "q"])
def test_coverage_of_the_bound(sampled):
    rng, count, repeats = np.random.default_rng(8), 0, 50
    truth = IidScan(P, Q).optimum(2)[0]
    widths = []
    for _ in range(repeats):
        p = rng.multinomial(2000, P) if sampled != "q" else P
        q = rng.multinomial(2000, Q) if sampled != "p" else Q
        band = sampled_iid_band(p=p, q=q, k=2, confidence=1 - DELTA, sampled=sampled, rng=rng)
        assert band.confidence == pytest.approx(1 - DELTA)
        widths.append(band.width)
        count += not band.lower <= truth <= band.upper
    assert count <= int(binom.isf(1e-9, repeats, DELTA))
    assert max(widths) < 0.25


def test_both_confidences_count():
    band = optimal_iid_band(
        p=counts_ball([50, 50], confidence=0.97), q=counts_ball([50, 50], confidence=0.98), k=2
    )
    assert band.kind == "interval at confidence 0.95"


def test_one_set_does_not_feel_the_vocabulary():
    """The upper end at V = 5,000 and few draws: balls and boxes say nothing, one set does."""
    rng = np.random.default_rng(9)
    size = 5000
    p = np.concatenate([[0.9], np.full(size - 1, 0.1 / (size - 1))])
    q = np.concatenate([[0.05], np.full(size - 1, 0.95 / (size - 1))])
    counts = rng.multinomial(3000, p), rng.multinomial(3000, q)
    truth = IidScan(p, q).optimum(2)[0]
    band = sampled_iid_band(p=counts[0], q=counts[1], k=2, confidence=0.99, rng=rng)
    assert band.lower <= truth <= band.upper
    assert band.upper < 0.4
    balls = [counts_ball(each, confidence=0.99) for each in counts]
    assert optimal_iid_band(p=balls[0], q=balls[1], k=2).upper == 1.0


def test_the_smaller_deviation_counts():
    error = 0.05
    for size, draws in ((2, 100), (100, 10_000)):
        weissman = np.sqrt(np.log((2.0**size - 2) / error) / (2 * draws))
        mcdiarmid = np.sqrt((size - 1) / draws) / 2 + np.sqrt(np.log(1 / error) / (2 * draws))
        assert deviation(draws, size, error) == pytest.approx(min(weissman, mcdiarmid), rel=1e-9)
    assert deviation(10, 1, error) == 0
    assert deviation(10, 50_000, error) == 1.0


@pytest.mark.parametrize(
    ("counts", "confidence", "message"),
    [
        ([1, 2], 1.0, "confidence is above 0 and below 1"),
        ([1, -2], 0.9, "counts are whole numbers of at least 0"),
        ([0.5, 2], 0.9, "counts are whole numbers of at least 0"),
        ([0, 0], 0.9, "counts are whole numbers of at least 0"),
        ([[1, 2]], 0.9, r"whole numbers of shape \(V,\)"),
    ],
)
@pytest.mark.parametrize("make", [counts_ball, counts_box])
def test_what_are_no_counts(make, counts, confidence, message):
    with pytest.raises(ValueError, match=message):
        make(counts, confidence=confidence)


def test_what_cannot_be_divided():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least two draws"):
        sampled_iid_band(p=[1, 0], q=[2, 3], k=2, confidence=0.9, rng=rng)
    with pytest.raises(ValueError, match="sampled is 'both', 'p' or 'q'"):
        sampled_iid_band(p=[1, 0], q=[2, 3], k=2, confidence=0.9, sampled="r", rng=rng)
