"""Canonical decomposition: any selection whose law is known is lossless; the clipped law is optimal."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import assert_lossless, assert_mean, outcomes, product_of_conditionals
from tests.theory.strategies import LAWS, F, floats, fractions, pairs, problems
from theory.bounds import optimal_acceptance
from theory.chance import Enumerated, Sampled
from theory.couplings import Canonical, NoClosedForm, UnsupportedLaw
from theory.couplings.selections import Picked, PooledClip, PriorityOrder, UniformSlot
from theory.couplings.selections.pooled_clip import any_inside, clipped_slopes
from theory.couplings.selections.priority import falling_ratio
from theory.laws import Iid, Point

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])


def picked_law(selection, p, law):
    """The law of the picked token by enumeration over drafts and the selection's own coins."""
    total = [F(0)] * p.size
    for drafts, weight in product_of_conditionals(law).items():
        slots = Enumerated().law(
            lambda chance, drafts=drafts: selection.pick(p=p, drafts=drafts, law=law, chance=chance).slot
        )
        for slot, share in slots.items():
            total[drafts[slot]] += weight * share
    return total


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("selection", [PriorityOrder(), UniformSlot()], ids=["priority", "uniform"])
def test_lossless_and_the_law_is_known(selection, name):
    @given(problem=problems(law=name, sizes=(3,), drafts=(1, 2)))
    @settings(max_examples=40)
    def check(problem):
        p, law = problem
        law = law.over(p.size)
        y = selection.law(p=p, law=law)
        assert y.tolist() == picked_law(selection, p, law)
        accepted = assert_lossless(Canonical(selection), p, law)
        assert accepted >= Canonical(selection).picked_acceptance(p=p, law=law)

    check()


@given(problem=problems(law="iid", sizes=(3, 4), drafts=(1, 2, 3)))
@settings(max_examples=60)
def test_the_clipped_selection_is_optimal(problem):
    p, law = problem
    y = PooledClip().law(p=p, law=law)
    assert sum(y) == 1
    best = optimal_acceptance(p=p, law=law).value
    assert np.minimum(p, y).sum() == best
    assert Canonical(PooledClip()).acceptance(p=p, law=law) == best


@given(problem=problems(law="iid", sizes=(3,), drafts=(2, 3)))
@settings(max_examples=30)
def test_the_pools_have_the_law_that_they_say(problem):
    p, law = problem
    assert PooledClip().law(p=p, law=law).tolist() == picked_law(PooledClip(), p, law)


@given(problem=problems(law="iid", sizes=(3,), drafts=(2,)))
@settings(max_examples=30)
def test_lossless_with_the_clipped_selection(problem):
    p, law = problem
    assert assert_lossless(Canonical(PooledClip()), p, law) == optimal_acceptance(p=p, law=law).value


@pytest.mark.slow
@given(problem=problems(law="iid", sizes=(3, 4, 5), drafts=(2, 3, 4)))
@settings(max_examples=100)
def test_lossless_with_the_clipped_selection_and_more_drafts(problem):
    p, law = problem
    assert assert_lossless(Canonical(PooledClip()), p, law) == optimal_acceptance(p=p, law=law).value


@pytest.mark.parametrize("budget", [F(1, 3), F(9, 10), F(0)])
@given(pair=pairs(size=4))
@settings(max_examples=50)
def test_clipping_for_a_budgeted_target(budget, pair):
    """For weights b p the most is min over A of f(A) + b p(outside of A): brute force over all sets."""
    p, q = pair
    law = Iid(q, 2)
    y = PooledClip().law(p=budget * p, law=law)
    assert sum(y) == 1
    best = min(
        any_inside(sum(q[list(inside)]), 2) + budget * (1 - sum(p[list(inside)]))
        for inside in ([x for x in range(4) if mask[x]] for mask in product([0, 1], repeat=4))
    )
    assert np.minimum(budget * p, y).sum() == best


def test_the_example_that_is_published():
    """p = (1/6, 1/6, 2/3), q uniform, two drafts: 8/9, against 7/9 of recursive rejection."""
    p, q = fractions([1, 1, 4]), fractions([1, 1, 1])
    assert Canonical(PooledClip()).acceptance(p=p, law=Iid(q, 2)) == F(8, 9)


def test_clips_are_on_either_side():
    slopes = clipped_slopes(np.array([F(1, 2), F(3, 10), F(1, 5)]), np.array([F(1, 5), F(3, 10), F(1, 2)]), 2)
    # lambda q_0 = g(1/5): ratio 5/2 is cut to 9/5; mu raises the last
    assert slopes == [F(9, 5), F(1), F(17, 25)]


class TestPriority:
    def test_order_of_falling_ratio(self):
        assert falling_ratio(fractions([1, 0, 1, 2]), fractions([1, 1, 0, 1])) == (2, 3, 0, 1)

    def test_a_given_order(self):
        y = PriorityOrder((2, 0, 1)).law(p=P, law=Iid(Q, 2))
        assert y.tolist() == [
            F(49, 100) - F(0) - (F(1, 2) - F(1, 5)) ** 2 - F(0) - F(24, 100),
            F(9, 100),
            F(3, 4),
        ]
        with pytest.raises(ValueError, match=r"an order holds each of the 3 tokens once, got \(0, 1\)"):
            PriorityOrder((0, 1)).law(p=P, law=Iid(Q, 2))


class TestCanonical:
    def test_closed_forms_and_where_there_are_none(self):
        assert Canonical(PriorityOrder()).acceptance(p=P, law=Iid(Q, 1)) == F(7, 10)
        with pytest.raises(
            NoClosedForm, match="PriorityOrder has no closed form of its acceptance with 2 drafts"
        ):
            Canonical(PriorityOrder()).acceptance(p=P, law=Iid(Q, 2))
        with pytest.raises(ValueError, match=r"one position at a time, got p of shape \(1, 3\)"):
            Canonical(PooledClip()).acceptance(p=floats(P)[None], law=Iid(floats(Q)[None], 2))

    def test_the_clipped_selection_takes_iid_only(self):
        with pytest.raises(UnsupportedLaw, match="PooledClip selects among drafts of the law Iid, got Point"):
            PooledClip().law(p=P, law=Point([0, 1]))
        assert PooledClip().law(p=P, law=Point([1])).tolist() == [0, 1, 0]

    @pytest.mark.parametrize(
        ("selection", "law"),
        [
            (PriorityOrder(), Iid(floats(Q), 2)),
            (UniformSlot(), Iid(floats(Q), 3)),
            (PooledClip(), Iid(floats(Q), 2)),
        ],
        ids=["priority", "uniform", "clipped"],
    )
    def test_estimates(self, selection, law):
        """Rao-Blackwellised over drafts; false alarm 1e-9 by empirical Bernstein on values in [0, 1]."""
        exact_law = type(law)(Q, law.k)
        joint = outcomes(Canonical(selection), P, exact_law)
        exact = sum(weight for (_, drafted), weight in joint.items() if drafted)
        rng = np.random.default_rng(0)
        estimate = Canonical(selection).estimate(p=floats(P), law=law, rng=rng, samples=3000)
        assert abs(estimate.value - float(exact)) <= 7 * estimate.standard_error + 0.01

    def test_floats_and_ties(self):
        """Float noise in the clip costs acceptance, not losslessness: the reported law is the pools' own."""
        rng = np.random.default_rng(0)
        for _ in range(200):
            p, q = rng.dirichlet(np.ones(6), size=2)
            if rng.random() < 0.5:
                p = np.where(rng.random(6) < 0.5, q, p)
                p = p / p.sum()
            y = PooledClip().law(p=p, law=Iid(q, 3))
            assert abs(y.sum() - 1) < 1e-12
            best = optimal_acceptance(p=p, law=Iid(q, 3)).value
            assert abs(np.minimum(p, y).sum() - best) < 1e-10

    def test_the_sampled_pick_has_the_law(self):
        chance, law = Sampled(np.random.default_rng(0)), Iid(floats(Q), 2)
        picks = []
        for _ in range(4000):
            drafts = law.sample(chance)
            picks.append(drafts[PooledClip().pick(p=floats(P), drafts=drafts, law=law, chance=chance).slot])
        y = PooledClip().law(p=P, law=Iid(Q, 2))
        for token in range(3):
            assert_mean(np.array(picks) == token, y[token]) if y[token] else None


class TestNegativeControls:
    def test_a_selection_that_misstates_its_law_is_refuted(self):
        class Liar(PriorityOrder):
            def pick(self, *, p, drafts, law, chance, level=0):
                slot = super().pick(p=p, drafts=drafts, law=law, chance=chance).slot
                return Picked(slot, law.conditional(()))

        with pytest.raises(AssertionError, match="is not p"):
            assert_lossless(Canonical(Liar()), P, Iid(Q, 2))

    def test_picking_from_the_best_token_instead_of_the_best_pool_is_refuted(self):
        class OneToken(PooledClip):
            def pick(self, *, p, drafts, law, chance, level=0):
                order = falling_ratio(p, law.conditional(()))
                slot = min(range(len(drafts)), key=lambda index: order.index(drafts[index]))
                return Picked(slot, self.law(p=p, law=law))

        with pytest.raises(AssertionError, match="is not p"):
            assert_lossless(Canonical(OneToken()), P, Iid(Q, 2))
