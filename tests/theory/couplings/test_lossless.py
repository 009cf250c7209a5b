"""Every rule on every law it takes: output law == p, acceptance formula == enumeration, never above alpha*.

Exactly, on fractions, over at least 200 adversarial examples for each pair of rule and law.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings

from tests.theory.audit import assert_lossless, brute_force_bound, outcomes
from tests.theory.strategies import LAWS, F, fractions, problems
from theory.bounds import optimal_acceptance
from theory.couplings import GreedyDraft, KSeq, Maximal, OptimalPlan, Recursive, SampleAndMatch, SpecHub
from theory.laws import Iid, WithoutReplacement

ONE_DRAFT = ("iid", "without replacement", "top k plus sample", "point", "independent")
PAIRS = [
    *((Maximal(), name, (1,)) for name in ONE_DRAFT),
    *((Recursive(), name, (1, 2, 3)) for name in LAWS),
    *((SampleAndMatch(), name, (1, 2, 3)) for name in LAWS),
    (KSeq(), "iid", (1, 2, 3)),
    (GreedyDraft(), "top k plus sample", (1, 2, 3)),
    (SpecHub(), "hub pair", (2,)),
]
ATTAINING = (GreedyDraft, SpecHub, Maximal)


@pytest.mark.parametrize(
    ("coupling", "name", "drafts"), PAIRS, ids=[f"{type(rule).__name__} on {name}" for rule, name, _ in PAIRS]
)
def test_lossless(coupling, name, drafts):
    assert coupling.lossless

    @given(problem=problems(law=name, drafts=drafts))
    @settings(max_examples=200)
    def check(problem):
        p, law = problem
        law = law.over(p.size)
        accepted = assert_lossless(coupling, p, law)
        if isinstance(coupling, ATTAINING):
            assert accepted == brute_force_bound(p, law)

    check()


@pytest.mark.parametrize("name", LAWS)
def test_the_optimal_plan_attains_the_bound(name):
    """A maximum flow each: 40 small examples a law here, 200 of all sizes in the slow run."""

    @given(problem=problems(law=name, sizes=(3,), drafts=(1, 2)))
    @settings(max_examples=40)
    def check(problem):
        p, law = problem
        law = law.over(p.size)
        plan = OptimalPlan.solved(p=p, law=law)
        assert assert_lossless(plan, p, law) == brute_force_bound(p, law)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_the_optimal_plan_attains_the_bound_with_more_drafts(name):
    @given(problem=problems(law=name))
    @settings(max_examples=200)
    def check(problem):
        p, law = problem
        law = law.over(p.size)
        plan = OptimalPlan.solved(p=p, law=law)
        assert assert_lossless(plan, p, law) == brute_force_bound(p, law)

    check()


def test_a_plan_may_be_solved_on_the_spot():
    p, law = fractions([3, 2, 1]), Iid(fractions([1, 2, 3]), 2)
    assert assert_lossless(OptimalPlan(), p, law) == optimal_acceptance(p=p, law=law).value


@pytest.mark.slow
@pytest.mark.parametrize("coupling", [Recursive(), KSeq()], ids=lambda rule: type(rule).__name__)
def test_lossless_with_five_tokens_and_four_drafts(coupling):
    @given(problem=problems(law="iid", sizes=(5,), drafts=(3, 4)))
    @settings(max_examples=100)
    def check(problem):
        assert_lossless(coupling, *problem)

    check()


@given(problem=problems(law="iid", drafts=(2, 3)))
def test_sandwich(problem):
    """Sample-and-match <= K-SEQ and recursive rejection <= the optimum; K-SEQ has its share of the optimum.

    With fractions the factor is up to 2^-12 (k - 1) above its root; the rule is the better the smaller it is.
    """
    p, law = problem
    best = optimal_acceptance(p=p, law=law).value
    sequential = KSeq().acceptance(p=p, law=law)
    assert SampleAndMatch().acceptance(p=p, law=law) <= Recursive().acceptance(p=p, law=law) <= best
    share = 1 - (1 - F(1, law.k)) ** law.k
    assert share * best * (1 - F(law.k, 2**12)) <= sequential <= best


@given(problem=problems(law="without replacement", drafts=(2, 3)))
def test_all_drafts_of_the_support_are_accepted_without_replacement(problem):
    """Covering: if the drafts are all of q's support, a target inside of it is always accepted."""
    p, law = problem
    q = law.q
    assume(int((q > 0).sum()) == law.k)
    covered = p[q > 0].sum()
    joint = outcomes(Recursive(), p, law)
    assert sum(weight for (_, drafted), weight in joint.items() if drafted) == covered


@given(problem=problems(law="without replacement", drafts=(2,)))
def test_two_drafts_without_replacement_in_closed_form(problem):
    """Also in batches and in floats."""
    p, law = problem
    exact = Recursive().acceptance(p=p, law=law)
    batch = np.array([p.tolist(), p[::-1].tolist()], dtype=object)
    drafts = np.array([law.q.tolist(), law.q[::-1].tolist()], dtype=object)
    both = Recursive().acceptance(p=batch, law=WithoutReplacement(drafts, 2))
    assert both.tolist()[0] == exact
    rounded = Recursive().acceptance(p=batch.astype(float), law=WithoutReplacement(drafts.astype(float), 2))
    np.testing.assert_allclose(rounded, both.astype(float), atol=1e-9)


def test_a_duplicate_is_processed_twice():
    """p = (1/2, 1/2, 0), q = (1, 0, 0), two drafts: the second copy of token 0 has nothing left to take."""
    p, law = fractions([1, 1, 0]), Iid(fractions([1, 0, 0]), 2)
    assert assert_lossless(Recursive(), p, law) == F(1, 2)
    tilted, q = fractions([3, 2, 1]), Iid(fractions([4, 1, 1]), 3)
    assert_lossless(Recursive(), tilted, q)
