"""The parts of couplings, one by one and exactly: what tests of whole rules leave undecided."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import outcomes
from tests.theory.couplings.test_streams import Overheard
from tests.theory.strategies import F, floats, fractions, problems
from theory.chance import Enumerated, Sampled
from theory.couplings import Canonical, Clipped, KSeq, Recursive, SampleAndMatch
from theory.couplings.base import (
    check_estimate,
    draw_residual,
    mean_of,
    ratio_capped,
    resolved,
    sibling_law,
)
from theory.couplings.clipped import _Selection
from theory.couplings.k_seq import _scaled_overlap
from theory.couplings.recursive import _rejected_path
from theory.couplings.selections import PooledClip, PriorityOrder, UniformSlot
from theory.laws import HubPair, Iid, Independent, Point, TopKPlusSample, WithoutReplacement

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])


def exact_mean(program):
    return Enumerated().expectation(program)


def accepted(coupling, p, law):
    return sum((w for (_, drafted), w in outcomes(coupling, p, law).items() if drafted), F(0))


class TestBase:
    def test_the_slot_is_the_first_of_equals(self):
        assert [resolved(token, (1, 3, 3)).slot for token in (1, 3, 2)] == [0, 1, None]
        assert [resolved(token, (1, 3, 3)).accepted for token in (1, 3, 2)] == [True, True, False]

    @pytest.mark.parametrize("empty", [[0, 0, 0], [0, -1, 0]])
    def test_an_empty_residual_is_replaced_by_the_fallback(self, empty):
        for left in (np.array(empty, dtype=object) * F(1), np.array(empty, dtype=float)):
            law = Enumerated().law(
                lambda chance, left=left: draw_residual(left, fallback=P, chance=chance, level=0)
            )
            assert law == dict(enumerate(P))

    def test_a_residual_with_one_token(self):
        left = np.array([F(0), F(-1), F(1, 9)])
        assert Enumerated().law(lambda c: draw_residual(left, fallback=P, chance=c, level=0)) == {2: 1}

    def test_ratios(self):
        assert ratio_capped(F(1, 3), F(1, 2)) == F(2, 3)
        assert [type(ratio_capped(a, F(1, 2))) for a in (F(1, 2), F(2, 3), F(0))] == [F, F, F]
        assert [type(ratio_capped(a, 0.5)) for a in (0.5, 0.75, 0.25)] == [float] * 3
        with pytest.raises(ValueError, match="a draft has probability 0 under the law"):
            ratio_capped(F(0), F(0))

    def test_an_estimate_needs_two_samples_and_two_do(self):
        check_estimate(floats(P), 2)
        check_estimate(floats(P), np.int64(2))
        assert mean_of(np.array([0.0, 1.0])).value == 0.5
        assert mean_of(np.array([0.0, 1.0])).standard_error == pytest.approx(0.5)
        with pytest.raises(ValueError, match="needs at least 2 samples for its standard error, got 1"):
            mean_of(np.array([0.5]))
        for samples in (True, 2.0):
            with pytest.raises(ValueError, match="must be an integer of at least 2"):
                check_estimate(floats(P), samples)

    def test_point_masses_beside_fractions_are_python_numbers(self):
        """An int64 one times a large denominator would overflow."""
        beside = sibling_law(Point([1], 3), (), like=P)
        assert beside.dtype == object
        assert all(type(entry) is int for entry in beside)
        assert sibling_law(Point([1], 3), (), like=floats(P)).dtype.kind == "i"
        assert sibling_law(Iid(floats(Q), 1), (), like=floats(P)).dtype.kind == "f"
        huge = F(10**30 + 1, 3 * 10**30)
        p = np.array([huge, 1 - huge, F(0)])
        assert Recursive().acceptance(p=p, law=Point([0, 2], 3)) == huge


SELECTIONS = [UniformSlot(), PriorityOrder(), PriorityOrder((2, 0, 1)), PooledClip()]


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda one: type(one).__name__)
def test_picks_among_three_drafts_have_their_law(selection):
    """Duplicates keep their slots: the best of (0, 0, 2) may be the third."""
    law, total = Iid(Q, 3), P * 0
    for drafts, weight in law.enumerate().items():
        picks = Enumerated().law(
            lambda chance, drafts=drafts: selection.pick(p=P, drafts=drafts, law=law, chance=chance).slot
        )
        for slot, share in picks.items():
            total[drafts[slot]] = total[drafts[slot]] + weight * share
    assert total.tolist() == selection.law(p=P, law=law).tolist()


def test_a_fair_pick_is_among_all_slots():
    picks = Enumerated().law(
        lambda chance: UniformSlot().pick(p=P, drafts=(0, 0, 2), law=Iid(Q, 3), chance=chance).slot
    )
    assert picks == {0: F(1, 3), 1: F(1, 3), 2: F(1, 3)}


class TestEstimatesHaveTheRightMean:
    """One sample of an estimate, enumerated: its expectation is the acceptance, as a fraction."""

    @pytest.mark.parametrize("selection", SELECTIONS, ids=lambda one: type(one).__name__)
    @given(problem=problems(law="iid", sizes=(3,), drafts=(1, 2)))
    @settings(max_examples=30)
    def test_canonical(self, selection, problem):
        p, law = problem
        rule = Canonical(selection)
        assert exact_mean(lambda chance: rule._given_drafts(p, law, chance)) == accepted(rule, p, law)

    def test_canonical_with_a_residual_that_was_drafted_twice(self):
        rule, law = Canonical(UniformSlot()), Iid(Q, 3)
        assert exact_mean(lambda chance: rule._given_drafts(P, law, chance)) == accepted(rule, P, law)

    @given(problem=problems(law="iid", sizes=(3,), drafts=(2,)))
    @settings(max_examples=30)
    def test_clipped(self, problem):
        p, law = problem
        rule = Canonical(_Selection(Clipped.planned(p=p, law=law).plan))
        assert exact_mean(lambda chance: rule._given_drafts(p, law, chance)) == Clipped().acceptance(
            p=p, law=law
        )

    @pytest.mark.parametrize("name", ["without replacement", "hub pair", "correlated", "independent"])
    def test_recursive(self, name):
        @given(problem=problems(law=name, sizes=(3, 4)))
        @settings(max_examples=30)
        def check(problem):
            p, law = problem
            law = law.over(p.size)
            one = exact_mean(lambda chance: _rejected_path(p, law, chance))
            assert one == accepted(Recursive(), p, law)

        check()

    def test_the_last_rejected_draft_is_summed_out(self):
        """k drafts need k - 1 questions, each from a stream of its own."""
        heard = set()
        law = WithoutReplacement(Q, 3)
        exact_mean(lambda chance: _rejected_path(P, law, Overheard(chance, heard)))
        assert heard == {("draw", "rejected/0"), ("draw", "rejected/1")}
        heard = set()
        exact_mean(lambda chance: _rejected_path(P, Iid(Q, 2), Overheard(chance, heard)))
        assert heard == {("draw", "rejected/0")}

    def test_a_plans_pick_has_its_own_stream(self):
        heard = set()
        plan = Clipped.planned(p=P, law=Iid(Q, 2)).plan
        assert plan is not None
        selection = _Selection(plan)
        for drafts in ((0, 1), (1, 2), (0, 2), (2, 2), (0, 0), (1, 1)):
            Enumerated().law(
                lambda c, drafts=drafts: (
                    selection.pick(
                        p=P, drafts=drafts, law=Iid(Q, 2), chance=Overheard(c, heard), level=3
                    ).slot
                )
            )
            Enumerated().law(
                lambda c, drafts=drafts: (
                    selection.pick(p=P, drafts=drafts, law=Iid(Q, 2), chance=Overheard(c, heard)).slot
                )
            )
        assert {stream for _, stream in heard} == {"select/3", "select/0"}
        assert not selection.optimal


class TestEstimatesAreInDoublePrecision:
    """Where every sample is the same number, an estimate is that number, to the last digits."""

    P = floats([0.3, 0.3, 0.4])

    def check(self, rule, law, value):
        estimate = rule.estimate(p=self.P, law=law, rng=np.random.default_rng(0), samples=5)
        # as Python's floats: numpy would compare a float32 in float32
        assert abs(float(estimate.value) - value) < 1e-15
        assert float(estimate.standard_error) < 1e-15
        assert estimate.samples == 5

    def test_canonical(self):
        self.check(Canonical(UniformSlot()), Point([0, 1], 3), 0.6)
        self.check(Canonical(PriorityOrder((0, 1, 2))), Point([0, 1], 3), 0.6)

    def test_clipped(self):
        self.check(Clipped(), Iid(floats([1, 0, 0]), 2), 0.3)
        law = Iid(floats([1, 0, 0]), 2)
        self.check(Clipped.planned(p=self.P, law=law), law, 0.3)

    def test_recursive(self):
        self.check(Recursive(), Point([0, 1], 3), 0.6)
        self.check(Recursive(), WithoutReplacement(floats([0.5, 0.5, 0]), 2), 0.6)
        self.check(Recursive(), HubPair(floats([0.5, 0.5, 0])), 0.6)

    def test_sample_and_match(self):
        self.check(SampleAndMatch(), Point([0, 1], 3), 0.6)
        self.check(SampleAndMatch(), Iid(floats([1, 0, 0]), 2), 0.3)
        self.check(SampleAndMatch(), WithoutReplacement(floats([0.5, 0.5, 0]), 2), 0.6)
        self.check(SampleAndMatch(), TopKPlusSample(floats([0.5, 0.5, 0]), 2), 0.6)

    def test_fractions_are_estimated_too(self):
        estimate = SampleAndMatch().estimate(
            p=P, law=WithoutReplacement(fractions([1, 1, 0]), 2), rng=np.random.default_rng(0), samples=3
        )
        assert estimate.value == pytest.approx(0.8, abs=1e-15)


class TestBatchesOfFractionsStayFractions:
    BATCH_P = np.array([P.tolist(), Q.tolist()], dtype=object)
    BATCH_Q = np.array([Q.tolist(), Q.tolist()], dtype=object)

    @pytest.mark.parametrize("law", [Iid, WithoutReplacement], ids=lambda one: one.__name__)
    @pytest.mark.parametrize(
        "rule", [Clipped(), KSeq(), Recursive(), SampleAndMatch()], ids=lambda one: type(one).__name__
    )
    def test_values(self, rule, law):
        if law is WithoutReplacement and isinstance(rule, Clipped | KSeq):
            return
        values = rule.acceptance(p=self.BATCH_P, law=law(self.BATCH_Q, 2))
        assert values.dtype == object
        assert values.tolist() == [
            rule.acceptance(p=a, law=law(b, 2)) for a, b in zip(self.BATCH_P, self.BATCH_Q, strict=True)
        ]

    def test_two_batch_axes(self):
        p = np.broadcast_to(self.BATCH_P, (3, 2, 3))
        q = np.broadcast_to(self.BATCH_Q, (3, 2, 3))
        for rule, law in (
            (Clipped(), Iid(q, 2)),
            (KSeq(), Iid(q, 2)),
            (Recursive(), WithoutReplacement(q, 2)),
        ):
            assert rule.acceptance(p=p, law=law).shape == (3, 2)


class TestIndependentDrafters:
    def test_inclusion_of_three(self):
        law = Independent((P, Q, fractions([1, 1, 1])))
        shown = [1 - (1 - P[x]) * (1 - Q[x]) * F(2, 3) for x in range(3)]
        assert SampleAndMatch().acceptance(p=P, law=law) == sum(P * np.array(shown))


def test_the_scaled_overlap_by_sorting_is_the_plain_sum():
    rng = np.random.default_rng(0)
    for _ in range(30):
        p, q = rng.dirichlet(np.full(7, 0.5), size=2)
        fast = _scaled_overlap(p, q)
        for rho in (1.0, 1.3, 2.0, 5.0, *(p / q)[p > q]):
            assert fast(rho) == pytest.approx(np.minimum(p / rho, q).sum(), abs=1e-14)


def test_sampled_and_enumerated_are_the_same_program():
    """A sampled run of each rule ends in an outcome that enumeration has."""
    for rule in (Clipped(), Canonical(PooledClip()), Recursive()):
        joint = outcomes(rule, P, Iid(Q, 2))
        for seed in range(20):
            chance = Sampled(np.random.default_rng(seed))
            drafts = Iid(floats(Q), 2).sample(chance)
            result = rule.resolve(p=floats(P), drafts=drafts, law=Iid(floats(Q), 2), chance=chance)
            assert joint[result.token, result.accepted] > 0
