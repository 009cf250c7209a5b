"""The optimal rule for i.i.d. drafts: output law == p and acceptance == the optimum, by enumeration."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.audit import assert_lossless, brute_force_bound, outcomes
from tests.theory.clip.reference import drafted
from tests.theory.strategies import floats, fractions, pairs
from theory.bounds import optimal_acceptance
from theory.chance import Enumerated, Sampled
from theory.clip import ClipPlan
from theory.couplings import Canonical, Clipped, NoClosedForm, OptimalPlan, UnsupportedLaw
from theory.couplings.selections import PooledClip
from theory.laws import Iid, WithoutReplacement


def joint_law(rule, p, law):
    """Law of (token, accepted) over multisets of drafts: a test below checks that slots are treated alike."""
    joint = {}
    for drafts, weight in drafted(law.q, law.k):
        decided = Enumerated().law(
            lambda chance, drafts=drafts: rule.resolve(p=p, drafts=drafts, law=law, chance=chance)
        )
        for resolution, share in decided.items():
            key = (resolution.token, resolution.accepted)
            joint[key] = joint.get(key, 0) + weight * share
    return joint


def assert_optimal(p, q, k, **options):
    law = Iid(q, k)
    rule = Clipped.planned(p=p, law=law, **options)
    joint = joint_law(rule, p, law)
    assert [joint.get((x, True), 0) + joint.get((x, False), 0) for x in range(p.size)] == p.tolist()
    accepted = sum((weight for (_, drafted), weight in joint.items() if drafted), F(0))
    best = optimal_acceptance(p=p, law=law).value
    if options:
        assert rule.picked_acceptance(p=p, law=law) <= accepted <= best
    else:
        assert rule.acceptance(p=p, law=law) == accepted == best


@given(pair=st.integers(3, 5).flatmap(lambda size: pairs(size=size)), k=st.sampled_from([1, 2, 2, 2, 3]))
@settings(max_examples=500)
def test_lossless_and_optimal(pair, k):
    assert_optimal(*pair, k)


@given(pair=pairs(size=3), k=st.just(4))
@settings(max_examples=20)
def test_four_drafts(pair, k):
    assert_optimal(*pair, k)


@pytest.mark.slow
@given(pair=st.integers(3, 5).flatmap(lambda size: pairs(size=size)), k=st.sampled_from([3, 4]))
@settings(max_examples=150)
def test_lossless_and_optimal_at_length(pair, k):
    assert_optimal(*pair, k)


@given(pair=pairs(size=5), k=st.integers(2, 3), bits=st.integers(0, 1))
@settings(max_examples=60)
def test_closed_bins_are_lossless(pair, k, bits):
    assert_optimal(*pair, k, bits=bits)


@given(pair=pairs(size=3), k=st.integers(1, 3))
@settings(max_examples=40)
def test_every_tuple_of_drafts(pair, k):
    """The same without merging tuples, by the auditor of all rules, and without a plan at hand."""
    p, q = pair
    law = Iid(q, k)
    assert assert_lossless(Clipped.planned(p=p, law=law), p, law) == brute_force_bound(p, law)
    if k < 3:
        assert outcomes(Clipped(), p, law) == outcomes(Clipped.planned(p=p, law=law), p, law)


@given(pair=pairs(size=3), k=st.integers(2, 3))
@settings(max_examples=40)
def test_slots_are_treated_alike(pair, k):
    p, q = pair
    law = Iid(q, k)
    rule = Clipped.planned(p=p, law=law)
    for drafts, _ in drafted(q, k):
        laws = []
        for order in (drafts, drafts[::-1]):
            decided = Enumerated().law(
                lambda chance, order=order: rule.resolve(p=p, drafts=order, law=law, chance=chance).token
            )
            laws.append(decided)
        assert laws[0] == laws[1]


@given(pair=pairs(size=4), k=st.integers(1, 3))
@settings(max_examples=60)
def test_other_optimal_rules_accept_as_often(pair, k):
    p, q = pair
    law = Iid(q, k)
    accepted = Clipped().acceptance(p=p, law=law)
    assert accepted == OptimalPlan().acceptance(p=p, law=law)
    assert accepted == Canonical(PooledClip()).acceptance(p=p, law=law)


def test_batches():
    p, q = floats([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]]), floats([[0.2, 0.3, 0.5], [0.4, 0.4, 0.2]])
    values = Clipped().acceptance(p=p, law=Iid(q, 2))
    single = [Clipped().acceptance(p=p[row], law=Iid(q[row], 2)) for row in range(2)]
    assert values.tolist() == single
    np.testing.assert_allclose(values, optimal_acceptance(p=p, law=Iid(q, 2)).value, atol=1e-15)


def test_estimates_agree():
    """False alarm below 1e-9: 6.2 standard errors. Off by seven hundredths it would fail."""
    p, q = floats([0.5, 0.3, 0.15, 0.05]), floats([0.1, 0.2, 0.3, 0.4])
    law, rng = Iid(q, 3), np.random.default_rng(0)
    exact = Clipped().acceptance(p=p, law=law)
    estimate = Clipped().estimate(p=p, law=law, rng=rng, samples=4000)
    assert abs(estimate.value - exact) < 6.2 * estimate.standard_error < 0.035
    bucketed = Clipped(bits=0)
    estimate = bucketed.estimate(p=p, law=law, rng=rng, samples=500)
    assert bucketed.picked_acceptance(p=p, law=law) - 6.2 * estimate.standard_error < estimate.value
    assert estimate.value < exact + 6.2 * estimate.standard_error


def test_sampled_frequencies():
    """The sampler runs the enumerated program: frequencies within 6.5 deviations, false alarm below 1e-9."""
    p, q = floats([0.45, 0.3, 0.2, 0.05]), floats([0.1, 0.2, 0.3, 0.4])
    law, chance = Iid(q, 2), Sampled(np.random.default_rng(3))

    def frequencies(rule, samples=8_000):
        counts = np.zeros(4)
        for _ in range(samples):
            counts[rule.resolve(p=p, drafts=law.sample(chance), law=law, chance=chance).token] += 1
        return counts / samples

    radius = 6.5 * np.sqrt(p * (1 - p) / 8_000)
    assert np.all(np.abs(frequencies(Clipped.planned(p=p, law=law)) - p) < radius)


def test_a_wrong_law_of_the_pick_is_noticed():
    """Negative control: the plan of another q, forced on the drafts, is biased by enumeration."""
    p, q, other = fractions([5, 3, 2]), fractions([1, 2, 3]), fractions([3, 2, 1])
    law = Iid(q, 2)
    plan = ClipPlan.exact(p=p, q=other, k=2)
    forced = ClipPlan(p, q, other, 2, plan.solved, plan.cells, plan.pools)
    joint = joint_law(Clipped(forced), p, law)
    assert [joint.get((x, True), 0) + joint.get((x, False), 0) for x in range(3)] != p.tolist()


class TestErrors:
    P, LAW = fractions([1, 2, 3]), Iid(fractions([3, 2, 1]), 2)

    def test_a_plan_for_another_problem(self):
        rule, chance = Clipped.planned(p=self.P, law=self.LAW), Sampled(np.random.default_rng(0))
        for p, law in (
            (fractions([2, 2, 1]), self.LAW),
            (self.P, Iid(self.LAW.q, 3)),
            (self.P, Iid(fractions([1, 1, 1]), 2)),
        ):
            with pytest.raises(ValueError, match="this plan was solved for another p or law"):
                rule.resolve(p=p, drafts=(0,) * law.k, law=law, chance=chance)

    def test_other_laws(self):
        law = WithoutReplacement(self.LAW.q, 2)
        for call in (Clipped().acceptance, Clipped().picked_acceptance, Clipped.planned):
            with pytest.raises(UnsupportedLaw, match="Clipped verifies drafts of the law Iid, got Without"):
                call(p=self.P, law=law)
        with pytest.raises(UnsupportedLaw, match="Clipped verifies drafts of the law Iid"):
            Clipped().resolve(p=self.P, drafts=(0, 1), law=law, chance=Sampled(np.random.default_rng(0)))

    def test_closed_bins_have_no_closed_form(self):
        with pytest.raises(NoClosedForm, match="picked_acceptance"):
            Clipped(bits=3).acceptance(p=self.P, law=self.LAW)
        assert Clipped(bits=3).acceptance(p=self.P, law=Iid(self.LAW.q, 1)) == F(2, 3)
