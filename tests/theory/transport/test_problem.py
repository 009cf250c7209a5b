from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from theory.chance import Enumerated
from theory.laws import HubPair, Iid, Point, WithoutReplacement
from theory.laws.base import SequentialLaw
from theory.transport import MembershipProblem, drafted_set, drafted_sets, membership_problem

F = Fraction

HALF = np.array([F(1, 2), F(1, 4), F(1, 4)])


class Repeating(SequentialLaw):
    """A law that depends on order: the second draft copies the first half of the time."""

    k, vocabulary = 3, 3

    def conditional(self, drawn):
        if not drawn:
            return HALF
        copied = np.array([F(0)] * 3)
        copied[drawn[0]] = F(1)
        return copied / 2 + HALF / 2


def test_merged_sets_are_the_enumerated_tuples_merged(instances):
    for _, law in instances:
        merged = {}
        for drafts, weight in law.enumerate().items():
            merged[drafted_set(drafts)] = merged.get(drafted_set(drafts), 0) + weight
        assert drafted_sets(law) == merged


def test_law_that_depends_on_order_is_enumerated():
    merged = {}
    for drafts, weight in Enumerated().law(Repeating().sample).items():
        merged[drafted_set(drafts)] = merged.get(drafted_set(drafts), 0) + weight
    assert drafted_sets(Repeating()) == merged
    # order matters here: as if it depended on counts only, sets would have other weights
    assert merged != drafted_sets(Iid(HALF, 3))


def test_every_order_of_drafts_finds_its_column():
    problem = membership_problem(p=HALF, law=Iid(HALF, 2))
    for drafts in product(range(3), repeat=2):
        assert problem.sets[problem.column(drafts)] == drafted_set(drafts)


def test_dual_value_is_one_plus_p_minus_containment(instances):
    for p, law in instances[:20]:
        problem = membership_problem(p=p, law=law)
        for inside in product([False, True], repeat=p.size):
            mask = np.array(inside)
            assert problem.dual_value(mask) == 1 + p[mask].sum() - law.containment(mask)


def test_point_masses_take_the_arithmetic_of_p():
    assert membership_problem(p=HALF, law=Point([2, 0])).weights.tolist() == [F(1)]
    assert membership_problem(p=[0.5, 0.25, 0.25], law=Point([2, 0])).weights.dtype == np.float64


def test_float_weights_are_of_the_law_as_drawn():
    q = np.array([0.5, 0.25, 0.25 + 5e-7])
    problem = membership_problem(p=[0.5, 0.25, 0.25], law=Iid(q, 3))
    assert abs(problem.weights.sum() - 1) < 1e-15


def test_drafts_that_are_never_drawn():
    problem = membership_problem(p=HALF, law=Point([0, 1]))
    with pytest.raises(ValueError, match=r"the drafts \(0, 2\) have probability zero"):
        problem.column((0, 2))


@pytest.mark.parametrize(
    ("p", "law", "message"),
    [
        ([0.5, 0.6, 0.1], Iid(np.full(3, 1 / 3), 2), "p sums to 1.2"),
        ([0.5, 0.5], Iid(np.full(3, 1 / 3), 2), "law over 3 tokens"),
        ([0.5, 0.25, 0.25], Iid(HALF, 2), "fractions and the other floats"),
        (HALF, Iid(np.full(3, 1 / 3), 2), "fractions and the other floats"),
        (np.full((2, 3), 1 / 3), Iid(np.full((2, 3), 1 / 3), 2), "one position"),
        (np.full(3, 1 / 3), Iid(np.full((2, 3), 1 / 3), 2), "one position"),
        (np.full(3, 1 / 3), HubPair(np.full((2, 3), 1 / 3)), "one position"),
        ([0.5, np.nan, 0.5], Iid(np.full(3, 1 / 3), 2), "entry nan"),
    ],
)
def test_bad_input_is_named(p, law, message):
    with pytest.raises(ValueError, match=message):
        membership_problem(p=p, law=law)


def test_more_drafts_than_support_is_refused_by_the_law():
    with pytest.raises(ValueError, match="can't draw 3 different tokens"):
        WithoutReplacement(np.array([F(1, 2), F(1, 2), F(0)]), 3)


@pytest.mark.parametrize("law", [Iid(np.full(40, 1 / 40), 4), WithoutReplacement(np.full(40, 1 / 40), 5)])
def test_too_large_is_said_before_the_work(law):
    with pytest.raises(ValueError, match=r"larger than 100000 pairs .* theory.bounds.optimal_acceptance"):
        membership_problem(p=np.full(40, 1 / 40), law=law)


def test_too_many_tuples_of_an_ordered_law():
    with pytest.raises(ValueError, match="Repeating with 3 drafts over 3 tokens is larger than 5 pairs"):
        drafted_sets(Repeating(), limit=5)


@pytest.mark.parametrize(
    ("sets", "weights", "message"),
    [
        (((0,), (0,)), [F(1, 2), F(1, 2)], "listed twice"),
        (((1, 0),), [F(1)], "ascending"),
        (((),), [F(1)], "at least one"),
        (((0, 3),), [F(1)], "outside of the vocabulary of 3"),
        (((-1,),), [F(1)], "vocabulary of 3"),
        (((0,), (1,)), [F(1)], "2 sets and 1 weights"),
        (((0,), (1,)), [F(1), F(1)], "weights sums to 2"),
    ],
)
def test_bad_sets_are_named(sets, weights, message):
    with pytest.raises(ValueError, match=message):
        MembershipProblem(HALF, sets, np.array(weights))
