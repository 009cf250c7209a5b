"""Edges of the lossy rules: equal thresholds, empty residuals, who is trusted, what is never asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.theory.lossy.test_lossy import assert_stated
from tests.theory.strategies import F, floats, fractions
from theory.couplings import UnsupportedLaw
from theory.laws import HubPair, Iid, Point
from theory.lossy import (
    EngineThreshold,
    GreedyMatch,
    HubShortcut,
    Judge,
    Lenient,
    Rapid,
    Typical,
    TypicalPath,
    joint_distortion,
)
from theory.lossy.base import accept_reject_law, capped_ratios, live_residual
from theory.lossy.power_products import coprime_base, sign_of_logarithms
from theory.tree import DraftTree
from theory.walks import Scheme, TopDown, Verified, named

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])


class Tails:
    """A chance whose coins always fail; it keeps what is drawn from."""

    def __init__(self):
        self.weights, self.streams = None, []

    def flip(self, probability, *, stream):
        self.streams.append(stream)
        return False

    def draw(self, weights, *, stream):
        self.weights = np.array(weights)
        self.streams.append(stream)
        return int(np.argmax(weights))


LIGHT = floats(np.array([0.5, 0.3, 0.2]) * (1 - 5e-7))
HEAVY = floats([0.5, 0.3 + 9e-7, 0.2])
RULES = [Lenient(F(1)), Judge((0, 0, 0)), Rapid(0)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_where_rounding_leaves_nothing_the_target_is_drawn_from(rule):
    """The draft is above the target everywhere: no residual; then p is the right law."""
    chance = Tails()
    rule.resolve(p=LIGHT, drafts=(1,), law=Iid(HEAVY, 1), chance=chance)
    np.testing.assert_allclose(chance.weights / chance.weights.sum(), LIGHT / LIGHT.sum(), rtol=1e-12)
    output = rule.output(p=LIGHT, law=Iid(HEAVY, 1))
    expected = LIGHT + (1 - LIGHT.sum()) * LIGHT / LIGHT.sum()
    np.testing.assert_allclose(output, expected, atol=3e-14, rtol=0)


class TestRapid:
    def reference(self, p, q, eta, confident):
        trusted = [mass >= confident * max(q) for mass in q]
        factors = [
            F(float(np.exp(float(b - a) * float(eta)))) if sure else F(1)
            for a, b, sure in zip(p, q, trusted, strict=True)
        ]
        weights = [a * factor for a, factor in zip(p, factors, strict=True)]
        return [weight / sum(weights) for weight in weights]

    @pytest.mark.parametrize("confident", [F(0), F(1, 10), F(2, 5), F(3, 5), F(1)])
    def test_tokens_are_trusted_by_the_drafts_probability_alone(self, confident):
        for p, q in ((P, Q), (Q, P), (fractions([1, 8, 1]), fractions([10, 1, 9]))):
            for eta in (1, F(5, 2)):
                assert Rapid(eta, confident).enriched(p, q).tolist() == self.reference(p, q, eta, confident)

    def test_the_edge_of_trust_is_trusted(self):
        p, q = fractions([1, 1, 1]), fractions([10, 1, 9])
        enriched = Rapid(3, F(1, 10)).enriched(p, q)
        assert enriched[1] < enriched.sum() - enriched[0] - enriched[2] + F(1, 10**12)
        assert enriched.tolist() == self.reference(p, q, 3, F(1, 10))
        assert Rapid(3, F(1, 10)).enriched(p, q)[1] != Rapid(3, F(11, 100)).enriched(p, q)[1]

    def test_floats(self):
        p, q = floats(P), floats(Q)
        exact = np.array(self.reference(P, Q, 2, F(1, 2)), dtype=float)
        np.testing.assert_allclose(Rapid(2, F(1, 2)).enriched(p, q), exact, rtol=1e-14)

    def test_limits_of_its_parameters(self):
        assert Rapid(0, 0).confident == 0
        assert Rapid(0, 1).eta == 0
        for confident in (-F(1, 10), F(11, 10)):
            with pytest.raises(ValueError, match=r"confident must be in \[0, 1\]"):
                Rapid(1, confident)

    @pytest.mark.parametrize("confident", [F(0), F(1, 2), F(1)])
    def test_stated(self, confident):
        for p, q in ((P, Q), (Q, P), (P, P)):
            assert_stated(Rapid(3, confident), p, Iid(q, 1))

    def test_defaults(self):
        assert Rapid() == Rapid(1, F(1, 10))


class TestThresholds:
    def test_a_hub_at_its_limit_is_no_shortcut(self):
        p, law = fractions([1, 0, 1]), HubPair(fractions([3, 2, 1]))
        at, below = HubShortcut(F(1, 2)), HubShortcut(F(49, 100))
        assert assert_stated(at, p, law).tv == 0
        assert at.acceptance(p=p, law=law) == F(5, 6)
        assert assert_stated(below, p, law).tv == F(1, 2)

    def test_an_approval_at_its_threshold_is_none(self):
        law = Iid(Q, 1)
        at = assert_stated(Judge((F(1, 2), F(1, 2), F(1, 2)), F(1, 2)), P, law)
        above = assert_stated(Judge((F(1, 2), F(1, 2), F(1, 2)), F(49, 100)), P, law)
        assert at.tv == 0
        assert above.output_law.tolist() == Q.tolist()
        assert Judge((0, 1)).threshold == F(1, 2)

    def test_approvals_may_be_certain(self):
        assert Judge([0, 1]).approval == (0, 1)
        for approval in ((0, -F(1, 9)), (0, F(10, 9))):
            with pytest.raises(ValueError, match="approval of token 1"):
                Judge(approval)

    def test_a_single_threshold_that_is_met_exactly_passes(self):
        law = Point([1, 0], 3)
        output = EngineThreshold(single=F(3, 10)).output(p=P, law=law)
        assert output.tolist() == [0, 1, 0]
        output = EngineThreshold(single=F(31, 100)).output(p=P, law=law)
        assert output.tolist() == [F(7, 10), F(3, 10), 0]
        assert EngineThreshold() == EngineThreshold(F(1), F(1))

    def test_a_cumulative_threshold_that_is_met_exactly_is_certain(self):
        law = Point([1, 0, 2], 3)
        assert_stated(EngineThreshold(cumulative=F(8, 10)), P, law)
        assert_stated(EngineThreshold(cumulative=F(3, 10)), P, law)
        assert EngineThreshold(cumulative=F(8, 10)).acceptance(p=P, law=Point([1, 0], 3)) == 1

    @pytest.mark.parametrize("name", ["single", "cumulative"])
    def test_thresholds_of_engines(self, name):
        assert getattr(EngineThreshold(**{name: F(1)}), name) == 1
        for value in (0, F(11, 10), -1):
            with pytest.raises(ValueError, match=name):
                EngineThreshold(**{name: value})

    def test_lenience(self):
        assert Lenient(1).epsilon == 1
        assert Lenient().epsilon == F(1, 2)
        assert Lenient(F(1, 2), "square").raised(P).tolist() == (P * 4).tolist()
        assert Lenient(F(1, 2)).raised(P).tolist() == (P * 2).tolist()
        np.testing.assert_allclose(Lenient(F(1, 3), "exponential").raised(floats(P)), floats(P) ** (1 / 3))
        assert Lenient(F(1, 3)).raised(floats(P)).dtype == np.float64
        batch = np.array([P.tolist(), Q.tolist()], dtype=object)
        law = Iid(np.array([Q.tolist(), Q.tolist()], dtype=object), 1)
        values = Lenient(F(4, 5)).acceptance(p=batch, law=law)
        assert values.tolist() == [Lenient(F(4, 5)).acceptance(p=row, law=Iid(Q, 1)) for row in (P, Q)]


@pytest.mark.parametrize(
    ("rule", "law"), [(EngineThreshold(), Iid(Q, 2)), (HubShortcut(), Iid(Q, 2))], ids=["engine", "hub"]
)
def test_drafts_of_another_law_are_refused_everywhere(rule, law):
    for ask in (
        lambda: rule.resolve(p=P, drafts=(0, 1), law=law, chance=Tails()),
        lambda: rule.acceptance(p=P, law=law),
        lambda: rule.output(p=P, law=law),
    ):
        with pytest.raises(UnsupportedLaw, match="verifies drafts of the law"):
            ask()


class TestTypicalDetails:
    def test_defaults_are_the_released_ones(self):
        assert Typical() == Typical(F(9, 100), F(3, 10), "greedy")
        assert TypicalPath().rule == Typical()

    def test_both_thresholds_count(self):
        """p > min(epsilon, delta exp(-H)): either lets a token pass, and equality doesn't."""
        p = fractions([60, 30, 9, 1])
        assert Typical(F(9, 100), F(100)).passes(p).tolist() == [True, True, False, False]
        assert Typical(F(89, 1000), F(100)).passes(p).tolist() == [True, True, True, False]
        assert Typical(F(100), F(1, 1000)).passes(p).tolist() == [True] * 4
        assert Typical(F(9, 100), F(100)).passes(floats([0.6, 0.3, 0.09, 0.01])).tolist() == [
            True, True, False, False,
        ]  # fmt: skip
        assert Typical(F(9), F(1, 2)).passes(floats(p)).tolist() == Typical(F(9), F(1, 2)).passes(p).tolist()

    def test_a_uniform_law_over_some_tokens(self):
        """exp(-H) is 1/2 exactly; tokens of probability zero never pass, however small the threshold."""
        p = fractions([1, 1, 0])
        assert Typical(F(10), F(1)).passes(p).tolist() == [False, False, False]
        assert Typical(F(10), F(99, 100)).passes(p).tolist() == [True, True, False]

    def test_a_tie_of_floats_does_not_pass(self):
        """exp(-log 2) is one half to the last bit."""
        p = floats([0.5, 0.5, 0])
        assert not Typical(F(10), F(1)).passes(p).any()
        assert Typical(F(10), F(1, 2)).passes(p).tolist() == [True, True, False]

    def test_each_draft_is_judged_by_its_own_entry(self):
        p, rule = fractions([60, 30, 9, 1]), Typical(F(9, 100), F(100))
        for drafts, emitted in (([2], 0), ([3], 0), ([1], 1), ([2, 1], 1), ([3, 2], 0), ([1, 0], 0)):
            assert np.argmax(rule.output(p=p, law=Point(drafts, 4))) == emitted
            chance = Tails()
            assert (
                rule.resolve(p=p, drafts=tuple(drafts), law=Point(drafts, 4), chance=chance).token == emitted
            )

    @pytest.mark.parametrize(("epsilon", "taken"), [(F(39, 100), 1), (F(2, 5), 0)])
    def test_neither_a_temperature_nor_single_precision_comes_in_between(self, epsilon, taken):
        """At half the temperature 2/5 would be 0.381; in single precision it would be above 2/5."""
        p, rule, law = fractions([5, 4, 1]), Typical(epsilon, F(100)), Point([1], 3)
        assert np.argmax(rule.output(p=p, law=law)) == taken
        assert rule.acceptance(p=p, law=law) == taken
        assert rule.resolve(p=p, drafts=(1,), law=law, chance=Tails()).token == taken
        chain = DraftTree.chain((1,), laws=[law])
        found = TypicalPath(rule).verify(tree=chain, target=lambda s: p, chance=Tails())
        assert len(found.path) == taken

    def test_weights_that_miss_one_are_normalised(self):
        rule, law = Typical(F(10), F(10), "target"), Point([1], 3)
        assert rule.acceptance(p=LIGHT, law=law) == pytest.approx(0.3, rel=1e-12)
        assert rule.output(p=LIGHT, law=law).sum() == pytest.approx(1, rel=1e-12)
        typical = Typical(F(1, 4), F(10), "typical").output(p=fractions([3, 5, 2]), law=Point([2], 3))
        assert typical.tolist() == [F(3, 8), F(5, 8), 0]

    def test_corrections(self):
        p = fractions([3, 5, 2])
        assert Typical(F(10), F(10)).corrections(p).tolist() == [0, 1, 0]
        assert Typical(F(10), F(10), "target").corrections(p).tolist() == p.tolist()
        assert Typical(F(1, 4), F(10), "typical").corrections(p).tolist() == [F(3, 10), F(1, 2), 0]
        assert Typical(F(10), F(10), "typical").corrections(p).tolist() == [0, 1, 0]

    def test_first_of_equals(self):
        tie = fractions([2, 2, 1])
        assert Typical().resolve(p=tie, drafts=(1, 0), law=Point([1, 0], 3), chance=Tails()).token == 1
        assert Typical().output(p=tie, law=Point([1, 0], 3)).tolist() == [0, 1, 0]

    def test_several_drafts_in_the_correction(self):
        rule = Typical(F(10), F(10), "target")
        assert rule.acceptance(p=P, law=Point([0, 2], 3)) == F(7, 10)
        assert rule.output(p=P, law=Point([0, 2], 3)).tolist() == P.tolist()

    @pytest.mark.parametrize("epsilon", [0, -1])
    def test_positive(self, epsilon):
        for given in ((epsilon, 1), (1, epsilon)):
            with pytest.raises(ValueError, match="must be positive"):
                Typical(*given)

    TREE = DraftTree(
        (-1, 0, 1, 0, 1, 2),
        (-1, 0, 0, 1, 1, 2),
        (Point([0, 1], 3), Point([0, 1], 3), Point([2], 3), None, None, None),
    )

    def ends(self, rows, rule=None):
        """Where a walk ends, and which streams it asks."""
        tree = replace(self.TREE)
        chance = Tails()
        walk = TypicalPath(rule or Typical(F(1, 4), F(10)))
        found = walk.verify(tree=tree, target=lambda s: fractions(rows.get(s, [1, 1, 1])), chance=chance)
        return found, chance.streams

    def test_the_deepest_the_likeliest_the_first(self):
        deep = {(): [4, 4, 2], (0,): [4, 5, 1], (1,): [1, 1, 8]}
        found, streams = self.ends(deep)
        assert found == Verified((1, 2, 0), (2, 5), True)
        assert streams == ["bonus"]
        likelier = {(): [5, 3, 2], (0,): [2, 8, 0], (1,): [1, 1, 8]}
        assert self.ends(likelier)[0] == Verified((0, 1, 0), (1, 4), True)
        tie = {(): [5, 5, 0], (0,): [4, 4, 2], (1,): [3, 3, 4]}
        assert self.ends(tie)[0].path == (1, 3)

    def test_a_path_needs_all_its_nodes(self):
        rows = {(): [5, 1, 4], (0,): [1, 1, 8], (1,): [0, 0, 1]}
        found, streams = self.ends(rows)
        assert found == Verified((0, 2), (1,), False)
        assert streams == ["residual/1"]
        found, streams = self.ends({(): [1, 1, 8]})
        assert found == Verified((2,), (), False)
        assert streams == ["residual/0"]


class TestBase:
    def test_a_model_is_not_asked_past_an_impossible_token(self):
        def target(prefix):
            if 0 in prefix:
                raise AssertionError("asked past a token of probability zero")
            return fractions([0, 1, 2])

        scheme = Scheme(named.paths(1, 1, TopDown(GreedyMatch())).grow, TopDown(GreedyMatch()))
        result = joint_distortion(scheme, target=target, draft=lambda s: fractions([0, 1, 1]), length=3)
        assert result.output_law.sum() == 1
        assert result.output_law.shape == (27,)

    def test_parts(self):
        assert capped_ratios(P, Q).tolist() == [1, 1, F(2, 5)]
        assert capped_ratios(np.array([F(0), F(1)]), np.array([F(0), F(0)])).tolist() == [1, 1]
        law = accept_reject_law(
            q=Q, accept=np.array([F(1), F(1, 2), F(0)]), residual=np.array([1, 0, 3]) * F(2)
        )
        assert law.tolist() == [F(2, 10) + F(65, 100) / 4, F(15, 100), F(65, 100) * 3 / 4]
        assert live_residual(np.array([F(0), F(0)]), fallback=P).tolist() == P.tolist()
        assert live_residual(np.array([F(0), F(1)]), fallback=P).tolist() == [0, 1]


class TestPowerProducts:
    def test_signs(self):
        assert sign_of_logarithms([]) == 0
        assert sign_of_logarithms([(F(2, 3), F(1)), (F(3, 2), F(1))]) == 0
        assert sign_of_logarithms([(F(2, 3), F(1))]) == -1
        assert sign_of_logarithms([(F(2, 3), F(-1))]) == 1
        assert sign_of_logarithms([(F(10**60 + 1, 10**60), F(1)), (F(10**60, 10**60 + 2), F(1, 2))]) == 1

    def test_bases(self):
        assert coprime_base([1]) == ()
        assert coprime_base([2, 2]) == (2,)
        assert coprime_base([4, 8]) == (2,)
        assert coprime_base([6, 10, 15]) == (2, 3, 5)
        assert coprime_base([12, 18, 35]) == (2, 3, 35)
