"""Sampling audits: what can't be driven is tested, with its rate of false alarms audited too."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom

from specsim.testing import Budget, audit
from specsim.testing.blackbox.portfolio import node_portfolio, pairs_of
from specsim.testing.blackbox.statistical import sample_portfolio
from specsim.testing.families import FAMILIES

CASES = node_portfolio(FAMILIES["iid"], 1, vocabulary=3, count=5, seed=0)


@dataclass(frozen=True)
class Emits:
    """A rule that samples p, or something near it."""

    tilt: float = 0.0

    def sampler(self, case):
        p = case.p.astype(float)
        wrong = p + self.tilt * (np.eye(3)[np.argmax(p)] - p)
        return lambda rng: (int(rng.choice(3, p=wrong)),)


def budget(**options):
    return Budget(**{"pairs": 5, "first": 60, "batch": 60, "total": 900, **options})


def run(rule, seed, **options):
    return sample_portfolio(rule, CASES, budget(**options), rng=np.random.default_rng(seed))


def test_false_alarms_are_audited_at_a_looser_level():
    """The whole procedure, its adaptive choice of pairs included, on a rule that is right."""
    runs = 60
    alarms = sum(run(Emits(), seed, alpha=0.02).refuted for seed in range(runs))
    assert alarms <= binom.isf(1e-9, runs, 0.02)


@pytest.mark.slow
def test_false_alarms_in_a_thousand_runs():
    alarms = sum(run(Emits(), seed, alpha=0.01).refuted for seed in range(1000))
    assert alarms <= binom.isf(1e-9, 1000, 0.01)


def test_a_bias_is_refuted():
    found = run(Emits(tilt=0.3), 1, total=9000)
    assert found.refuted
    assert found.log_wealth >= math.log(1e9)
    assert found.samples < 9000


def test_a_bias_too_small_for_the_samples_is_not_and_the_limit_says_so():
    found = run(Emits(tilt=0.01), 2)
    assert not found.refuted
    assert found.detectable > 0.1


def test_samples_go_to_the_suspicious_pair():
    found = run(Emits(tilt=0.3), 3, total=9000, explore=0.0)
    assert sum(found.counts.values()) > found.fewest


def test_an_impossible_token_refutes_at_once():
    class Outside:
        def sampler(self, case):
            return lambda rng: (int(rng.integers(3)),)

    cases = [
        case for case in node_portfolio(FAMILIES["iid"], 1, vocabulary=3, count=12, seed=0) if 0 in case.p
    ]
    found = sample_portfolio(Outside(), cases, Budget(total=20_000), rng=np.random.default_rng(0))
    assert found.refuted
    assert found.impossible is not None


def shared_gumbel(p, q, rng):
    """Draft and residual by one Gumbel vector."""
    with np.errstate(divide="ignore"):
        noise = rng.gumbel(size=p.size)
        token = int(np.argmax(np.log(q) + noise))
        if rng.random() * q[token] < p[token]:
            return token
        return int(np.argmax(np.log(np.maximum(p - q, 0)) + noise))


def fresh_gumbel(p, q, rng):
    with np.errstate(divide="ignore"):
        token = int(np.argmax(np.log(q) + rng.gumbel(size=p.size)))
        if rng.random() * q[token] < p[token]:
            return token
        return int(np.argmax(np.log(np.maximum(p - q, 0)) + rng.gumbel(size=p.size)))


def test_shared_noise_is_refuted_and_fresh_noise_is_not():
    options = {"method": "sample", "budget": Budget(pairs=8, first=500, batch=500, total=16_000)}
    assert audit(shared_gumbel, **options).lossless is False
    verdict = audit(fresh_gumbel, **options)
    assert verdict.status == "not refuted (statistical)"
    assert "sampling was asked for" in verdict.checks[0].name


def test_what_can_not_be_driven_is_sampled():
    small = Budget(pairs=4, first=100, batch=100, total=500)
    verdict = audit(fresh_gumbel, examples=3, budget=small)
    assert verdict.status == "not refuted (statistical)"
    assert "constant pieces" in verdict.checks[0].name


def test_pairs_are_structured_first_and_exact():
    pairs = pairs_of(4, 20, support=2, seed=1)
    assert len(pairs) == 20
    for p, q in pairs:
        assert sum(p) == sum(q) == 1
        assert np.count_nonzero(q > 0) >= 2
    # the pair on which shared noise shows most comes early
    assert any(p[0] == 0 and max(q) == q[0] for p, q in pairs[:3])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"alpha": 2.0}, "between 0 and 1"), ({"first": 0}, "at least 1"), ({"total": 10}, "at least pairs")],
)
def test_bad_budgets(options, message):
    with pytest.raises(ValueError, match=message):
        Budget(**options)


def test_rules_against_chance_are_not_sampled():
    from theory.couplings import Maximal

    verdict = audit(Maximal(), method="sample")
    assert verdict.lossless is None
    assert "can't be sampled" in verdict.reason
