"""The multinomial test: its false alarms are bounded and audited, its power is as stated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import binom

from specsim.testing.blackbox.multinomial import (
    Cells,
    cells_of,
    critical_value,
    detectable,
    divergence,
    log_tail,
    merged,
    multinomial_test,
)

#: The rejections that a test of level 0.01 exceeds with probability at most 1e-9, in 1000 runs.
MOST_ALARMS = int(binom.isf(1e-9, 1000, 0.01))


def compositions(total, parts):
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


@pytest.mark.parametrize(("cells", "samples"), [(2, 30), (3, 20), (4, 12)])
def test_the_bound_holds_exactly(cells, samples):
    """Every tail of the statistic, by summing the multinomial out."""
    rng = np.random.default_rng(cells)
    counts = np.array(list(compositions(samples, cells)))
    for concentration in (0.3, 1.0, 10.0):
        p = np.maximum(rng.dirichlet([concentration] * cells), 1e-4)
        p = p / p.sum()
        chances = np.exp(gammaln(samples + 1) - gammaln(counts + 1).sum(axis=1) + counts @ np.log(p))
        statistics = np.array([divergence(Cells(row.astype(float), p)) for row in counts])
        order = np.argsort(-statistics)
        tails = np.cumsum(chances[order])
        bounds = np.array([log_tail(x, cells) for x in statistics[order]])
        assert np.all(np.log(tails) <= bounds + 1e-9)


def test_critical_values_are_where_the_bound_is_alpha():
    for cells in (2, 3, 9, 40):
        for alpha in (0.01, 1e-9):
            x = critical_value(alpha, cells)
            assert x > cells - 1
            assert log_tail(x, cells) == pytest.approx(math.log(alpha))
    assert critical_value(1e-9, 1) == 0.0


def counted(drawn):
    return {(token,): int(count) for token, count in enumerate(drawn)}


def law(p):
    return {(token,): mass for token, mass in enumerate(p)}


def test_false_alarms_are_audited_at_a_looser_level():
    p = np.array([0.55, 0.3, 0.1, 0.05])
    rng = np.random.default_rng(1)
    alarms = sum(
        multinomial_test(counted(rng.multinomial(400, p)), law(p), alpha=0.01).refuted for _ in range(1000)
    )
    assert alarms <= MOST_ALARMS


def test_the_stated_power_is_reached():
    p = np.array([0.4, 0.3, 0.2, 0.1])
    delta = multinomial_test(counted([100] * 4), law(p), alpha=1e-6).detectable
    samples = 20_000
    delta = detectable(critical_value(1e-6, 4), samples, 0.99)
    wrong = p + np.array([delta, -delta, 0, 0])
    rng = np.random.default_rng(2)
    found = sum(
        multinomial_test(counted(rng.multinomial(samples, wrong)), law(p), alpha=1e-6).refuted
        for _ in range(200)
    )
    # at 0.99 a run, fewer than 180 of 200 come with probability below 1e-12
    assert found >= 180


def test_a_small_difference_is_not_refuted_by_few_samples():
    test = multinomial_test(counted([260, 240]), law([0.5, 0.5]))
    assert not test.refuted
    assert test.detectable > 0.15


def test_cells_are_merged_by_expected_counts_not_by_observed_ones():
    expected = {(token,): mass for token, mass in enumerate([0.9, 0.09, 0.006, 0.004])}
    quiet = merged(cells_of({(0,): 100}, expected))
    loud = merged(cells_of({(3,): 100}, expected))
    assert quiet.probabilities.tolist() == loud.probabilities.tolist()
    assert np.all(quiet.probabilities[:-1] * 100 >= 5)
    assert quiet.samples == loud.samples == 100


def test_merging_leaves_one_cell_at_least():
    assert merged(cells_of({(0,): 2}, {(0,): 0.5, (1,): 0.5})).counts.tolist() == [2.0]


def test_impossible_outcomes_refute_at_once():
    test = multinomial_test({(0,): 1, (1,): 1}, {(0,): 1.0, (1,): 0.0})
    assert test.refuted
    assert test.statistic == math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [({"alpha": 0}, "between 0 and 1"), ({"power": 1}, "between 0 and 1"), ({"counts": {}}, "one sample")],
)
def test_bad_input(options, message):
    given = {"counts": {(0,): 3}, "expected": {(0,): 1.0}, **options}
    with pytest.raises(ValueError, match=message):
        multinomial_test(given.pop("counts"), given.pop("expected"), **given)
