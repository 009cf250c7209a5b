"""The e-process: a fair bet under the law, and a growing one under any other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammaln, xlogy
from scipy.stats import binom

from specsim.testing.blackbox.evidence import Evidence, log_average
from tests.specsim.testing.blackbox.test_multinomial import compositions


def evidence(counts, p):
    return Evidence(
        {(token,): mass for token, mass in enumerate(p)},
        {(token,): int(count) for token, count in enumerate(counts)},
    )


@pytest.mark.parametrize("p", [(0.5, 0.5), (0.2, 0.3, 0.5), (0.97, 0.02, 0.01)])
@pytest.mark.parametrize("samples", [1, 7, 15])
def test_its_mean_under_the_law_is_one(p, samples):
    total = 0.0
    for counts in compositions(samples, len(p)):
        chance = gammaln(samples + 1) - gammaln(np.array(counts) + 1).sum() + xlogy(counts, p).sum()
        total += math.exp(chance + evidence(counts, p).log_wealth)
    assert total == pytest.approx(1)


def test_false_alarms_with_a_look_after_every_sample():
    rng = np.random.default_rng(3)
    p = np.array([0.5, 0.3, 0.2])
    alarms = 0
    for _ in range(300):
        running = np.zeros(3)
        for token in rng.choice(3, size=60, p=p):
            running[token] += 1
            if evidence(running, p).log_wealth >= math.log(100):
                alarms += 1
                break
    assert alarms <= binom.isf(1e-9, 300, 0.01)


@pytest.mark.parametrize("cells", [2, 3, 4])
def test_the_regret_is_as_stated(cells):
    samples = 14
    p = np.full(cells, 1 / cells)
    for counts in compositions(samples, cells):
        row = np.array(counts, dtype=float)
        best = xlogy(row, row / samples).sum() - xlogy(row, p).sum()
        regret = (cells - 1) / 2 * math.log(samples) + math.log(cells)
        assert evidence(counts, p).log_wealth >= best - regret - 1e-9


def test_the_stated_distance_is_detected():
    rng = np.random.default_rng(4)
    p = np.array([0.4, 0.3, 0.3])
    samples = 8_000
    delta = evidence([samples, 0, 0], p).detectable(alpha=1e-9, shared_by=10, power=0.99)
    wrong = p + np.array([-delta, delta, 0])
    goal = math.log(1e9 * 10)
    found = sum(evidence(rng.multinomial(samples, wrong), p).log_wealth >= goal for _ in range(100))
    assert found >= 90


def test_impossible_outcomes_are_infinite_evidence():
    one = Evidence({(0,): 1.0, (1,): 0.0})
    one.add([(0,), (1,)])
    assert one.log_wealth == math.inf
    assert one.impossible == (1,)


def test_averages_of_wealths():
    assert log_average([math.log(3), math.log(1)]) == pytest.approx(math.log(2))
    assert log_average([1000.0, 0.0]) == pytest.approx(1000 - math.log(2))
    assert log_average([math.inf, 0.0]) == math.inf
