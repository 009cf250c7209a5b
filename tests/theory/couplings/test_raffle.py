"""The raffle as a rule: lossless with any tickets, refuted with a wrong law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import assert_lossless, assert_mean, brute_force_bound, outcomes
from tests.theory.strategies import F, floats, fractions, problems
from theory.couplings import NoClosedForm, Raffle, UnsupportedLaw
from theory.laws import Iid, WithoutReplacement
from theory.raffle import RafflePlan, RaffleSets


@given(problem=problems(law="without replacement", drafts=(1, 2, 3)))
@settings(max_examples=40)
def test_lossless(problem):
    p, law = problem
    rule = Raffle.planned(p=p, law=law)
    accepted = assert_lossless(rule, p, law)
    assert rule.picked_acceptance(p=p, law=law) <= accepted
    assert accepted >= brute_force_bound(p, law) - rule.plan.gap


def with_tickets(p, law, tickets, first):
    plan = RafflePlan.solved(p=p, q=law.q, k=law.k)
    y = RaffleSets.of(law, first).law(tickets)
    return Raffle(replace(plan, tickets=tickets, first=first, law=y))


@given(problem=problems(law="without replacement", sizes=(4,), drafts=(2, 3)))
@settings(max_examples=20)
def test_lossless_with_any_tickets(problem):
    """Losslessness is not a matter of how good the tickets are."""
    p, law = problem
    tickets = np.array([F(1), F(7), F(1, 5), F(30)], dtype=object)
    if int((law.q > 0).sum()) > law.k:
        assert_lossless(with_tickets(p, law, tickets, np.array([True, False, True, False])), p, law)


def test_a_wrong_law_is_refuted():
    """Negative control: tickets of one plan, the law of another."""
    p, law = fractions([5, 3, 2, 1]), WithoutReplacement(fractions([1, 2, 3, 5]), 2)
    plan = RafflePlan.solved(p=p, q=law.q, k=2)
    rule = Raffle(replace(plan, tickets=plan.tickets * 0 + 1))
    with pytest.raises(AssertionError, match="is not p"):
        assert_lossless(rule, p, law)


def test_plans_are_solved_on_the_spot():
    p, law = fractions([3, 2, 1]), WithoutReplacement(fractions([1, 2, 3]), 2)
    assert outcomes(Raffle(), p, law) == outcomes(Raffle.planned(p=p, law=law), p, law)


def test_estimates_fit_enumeration():
    p, law = fractions([5, 3, 2, 1]), WithoutReplacement(fractions([1, 2, 3, 5]), 2)
    rule = Raffle.planned(p=p, law=law)
    exact = assert_lossless(rule, p, law)
    rounded = WithoutReplacement(floats(law.q), 2)
    planned = Raffle.planned(p=floats(p), law=rounded)
    rng = np.random.default_rng(0)
    samples = np.array(
        [planned.estimate(p=floats(p), law=rounded, rng=rng, samples=2).value for _ in range(400)]
    )
    assert_mean(samples, exact)


class TestErrors:
    def test_other_laws(self):
        with pytest.raises(UnsupportedLaw, match="Raffle verifies drafts of the law WithoutReplacement"):
            Raffle.planned(p=np.full(3, 1 / 3), law=Iid(np.full(3, 1 / 3), 2))

    def test_no_closed_form(self):
        law = WithoutReplacement(np.full(4, 1 / 4), 2)
        with pytest.raises(NoClosedForm, match="use picked_acceptance"):
            Raffle().acceptance(p=np.full(4, 1 / 4), law=law)

    def test_one_draft_has_one(self):
        p, law = fractions([3, 2, 1]), WithoutReplacement(fractions([1, 2, 3]), 1)
        assert Raffle().acceptance(p=p, law=law) == F(2, 3)
