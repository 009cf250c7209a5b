"""Plans: near the optimum with a certified gap, and honest about what they know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings

from tests.theory.audit import brute_force_bound
from tests.theory.strategies import F, floats, fractions, problems
from theory.bounds import optimal_without_replacement
from theory.chance import Enumerated, Sampled
from theory.couplings import Raffle
from theory.laws import WithoutReplacement
from theory.raffle import RafflePlan, RaffleSets


@given(problem=problems(law="without replacement", drafts=(1, 2, 3)))
@settings(max_examples=40)
def test_the_gap_is_what_it_says(problem):
    p, law = problem
    plan = RafflePlan.solved(p=p, q=law.q, k=law.k)
    assert plan.error == 0
    assert plan.law.sum() == 1
    assert plan.acceptance == np.minimum(p, plan.law).sum()
    assert plan.gap == brute_force_bound(p, law) - plan.acceptance >= 0


@pytest.mark.parametrize("seed", range(6))
def test_near_the_optimum_at_small_vocabulary(seed):
    rng = np.random.default_rng(seed)
    p, q = fractions(rng.integers(1, 40, 6).tolist()), fractions(rng.integers(1, 40, 6).tolist())
    assert RafflePlan.solved(p=p, q=q, k=2 + seed % 3, tolerance=1e-6).gap < F(1, 10**5)


@given(problem=problems(law="without replacement", sizes=(4,), drafts=(2, 3)))
@settings(max_examples=25)
def test_floats_know_their_law(problem):
    """The law by integrals is that of the tickets, by the list of sets."""
    p, law = problem
    assume(int((law.q > 0).sum()) > law.k)
    plan = RafflePlan.solved(p=floats(p), q=floats(law.q), k=law.k, rounds=10)
    assert plan.error < 1e-9
    truth = RaffleSets.of(WithoutReplacement(floats(law.q), law.k), plan.first).law(plan.tickets)
    assert np.abs(plan.law - truth).sum() <= plan.error + 1e-12


@pytest.mark.parametrize(
    ("k", "size"),
    [(2, 200), pytest.param(2, 1000, marks=pytest.mark.slow), pytest.param(4, 1000, marks=pytest.mark.slow)],
)
def test_a_larger_vocabulary(k, size):
    rng = np.random.default_rng(k)
    p, q = rng.dirichlet(np.full(size, 0.1), size=2)
    q = 0.5 * (p + q)
    plan = RafflePlan.solved(p=p, q=q, k=k, rounds=20)
    bound = optimal_without_replacement(p, q, [k])[0]
    assert plan.wanted.upper == bound.upper
    assert 0 <= bound.upper - plan.acceptance <= plan.gap < 1e-3


def test_winners_have_the_law_of_the_plan():
    """The program that picks, enumerated over drafts and tickets."""
    p, q = fractions([5, 3, 2, 1]), fractions([1, 2, 3, 5])
    law = WithoutReplacement(q, 2)
    plan = RafflePlan.solved(p=p, q=q, k=2)

    def winner(chance):
        drafts = law.sample(chance)
        return drafts[plan.pick(drafts, chance, stream="select/0")]

    found = Enumerated().law(winner)
    assert [found[token] for token in range(4)] == plan.law.tolist()


def test_all_of_the_support_is_drafted():
    p, q = fractions([5, 3, 2, 0]), fractions([1, 2, 0, 5])
    plan = RafflePlan.solved(p=p, q=q, k=3)
    assert plan.gap == 0
    assert plan.acceptance == F(8, 10)


def test_hard_ratios():
    """A draft that is nearly certain, p nearly the draft: what is left is far below float rounding of one."""
    q = np.array([1.0, 1e-14, 1e-16, 1e-17, 1e-20, 1e-30])
    p = np.array([1.0, 4e-12, 2e-13, 1e-14, 1e-16, 1e-18])
    plan = RafflePlan.solved(p=p / p.sum(), q=q / q.sum(), k=2)
    assert plan.gap < 1e-6


class TestErrors:
    def test_batches(self):
        with pytest.raises(ValueError, match=r"a plan is for one position, got p of shape \(2, 3\)"):
            RafflePlan.solved(p=np.full((2, 3), 1 / 3), q=np.full((2, 3), 1 / 3), k=2)

    def test_too_many_drafts(self):
        with pytest.raises(ValueError, match="can't draw 3 different tokens"):
            RafflePlan.solved(p=[0.5, 0.3, 0.2], q=[0.5, 0.5, 0.0], k=3)

    def test_drafts_that_q_never_draws(self):
        plan = RafflePlan.solved(p=np.full(4, 0.25), q=np.array([0.5, 0.3, 0.2, 0.0]), k=2)
        with pytest.raises(ValueError, match="probability 0 under this plan's q"):
            plan.pick((0, 3), Sampled(np.random.default_rng(0)), stream="select/0")

    def test_a_plan_of_another_pair(self):
        p, law = np.array([0.5, 0.3, 0.2]), WithoutReplacement(np.array([0.4, 0.4, 0.2]), 2)
        rule = Raffle.planned(p=p, law=law)
        with pytest.raises(ValueError, match="solved for another p or law"):
            rule.picked_acceptance(p=p[::-1], law=law)
