"""Lossy rules: closed forms against enumeration, exact distances, and settings in which nothing is lost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.audit import outcomes
from tests.theory.strategies import F, distributions, floats, fractions, problems
from tests.theory.walks.rounds_audit import models
from theory.couplings import NoClosedForm, Recursive, UnsupportedLaw
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
    distortion,
    joint_distortion,
)
from theory.proof import target_law
from theory.simplex import Warp
from theory.walks import Scheme, TopDown, named

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])


def assert_stated(rule, p, law):
    """Output law and acceptance in closed form, equal to enumeration; distances by hand."""
    joint = outcomes(rule, p, law)
    emitted = [sum(joint.get((token, drafted), 0) for drafted in (True, False)) for token in range(p.size)]
    result = distortion(rule, p=p, law=law)
    assert result.output_law.tolist() == emitted
    assert result.acceptance == sum((weight for (_, drafted), weight in joint.items() if drafted), F(0))
    assert result.tv == sum((abs(a - b) for a, b in zip(p, emitted, strict=True)), F(0)) / 2
    assert result.kl_forward == pytest.approx(divergence(p, emitted))
    assert result.kl_reverse == pytest.approx(divergence(emitted, p))
    return result


def divergence(left, right):
    if any(a > 0 and b == 0 for a, b in zip(left, right, strict=True)):
        return math.inf
    return sum(float(a) * math.log(a / b) for a, b in zip(left, right, strict=True) if a > 0)


approvals = st.lists(st.sampled_from([F(0), F(1, 3), F(1, 2), F(9, 10), F(1)]), min_size=4, max_size=4).map(
    tuple
)


class TestOneDraft:
    @pytest.mark.parametrize("form", ["linear", "square"])
    @given(
        problem=problems(law="iid", drafts=(1,)), epsilon=st.sampled_from([F(1), F(4, 5), F(1, 2), F(1, 10)])
    )
    @settings(max_examples=60)
    def test_lenient(self, form, problem, epsilon):
        p, law = problem
        result = assert_stated(Lenient(epsilon, form), p, law)
        assert (result.output_law <= Lenient(epsilon, form).raised(p)).all()
        if epsilon == 1:
            assert result.tv == 0

    @given(problem=problems(law="iid", sizes=(4,), drafts=(1,)), approval=approvals)
    @settings(max_examples=60)
    def test_judge(self, problem, approval):
        p, law = problem
        for threshold in (None, F(1, 2), F(1)):
            result = assert_stated(Judge(approval, threshold), p, law)
            if threshold == 1 or not any(approval):
                assert result.tv == 0

    @given(problem=problems(law="iid", drafts=(1,)), eta=st.sampled_from([0, 1, 3, 10]))
    @settings(max_examples=60)
    def test_rapid(self, problem, eta):
        p, law = problem
        result = assert_stated(Rapid(eta), p, law)
        if eta == 0:
            assert result.tv == 0

    def test_rapid_has_neither_the_targets_nor_the_enriched_law(self):
        result = distortion(Rapid(10), p=P, law=Iid(Q, 1))
        enriched = Rapid(10).enriched(P, Q)
        assert result.tv > F(1, 50)
        assert abs(result.output_law - enriched).sum() > F(1, 50)

    def test_more_lenience_accepts_more_and_is_further_away(self):
        rules = [Lenient(F(n, 10)) for n in (10, 8, 6, 4)]
        results = [distortion(rule, p=P, law=Iid(Q, 1)) for rule in rules]
        assert [r.acceptance for r in results] == sorted(r.acceptance for r in results)
        assert [r.tv for r in results] == sorted(r.tv for r in results)

    def test_a_generous_judge_emits_the_draft(self):
        result = distortion(Judge((1, 1, 1)), p=P, law=Iid(Q, 1))
        assert result.output_law.tolist() == Q.tolist()
        assert result.acceptance == 1

    def test_the_exponential_form_is_for_floats(self):
        result = distortion(Lenient(0.5, "exponential"), p=floats(P), law=Iid(floats(Q), 1))
        assert result.acceptance == pytest.approx(np.minimum(np.sqrt(floats(P)), floats(Q)).sum())
        with pytest.raises(ValueError, match="the exponential form is irrational"):
            Lenient(F(1, 2), "exponential").acceptance(p=P, law=Iid(Q, 1))

    def test_floats_at_a_large_vocabulary(self):
        rng = np.random.default_rng(0)
        p, q = rng.dirichlet(np.full(5000, 0.2), size=2)
        for rule in (Lenient(0.5), Rapid(5.0), Judge(tuple(rng.random(5000)), 0.9)):
            result = distortion(rule, p=p, law=Iid(q, 1))
            assert result.output_law.sum() == pytest.approx(1)
            assert 0 < result.tv < 1

    @pytest.mark.parametrize(
        "rule", [Lenient(), Rapid(), Judge((0, 0, 0))], ids=["lenient", "rapid", "judge"]
    )
    def test_several_drafts_are_refused(self, rule):
        with pytest.raises(UnsupportedLaw, match=f"{type(rule).__name__} judges one draft, got a law of 2"):
            rule.acceptance(p=P, law=Iid(Q, 2))

    def test_bad_parameters(self):
        for epsilon in (0, F(3, 2)):
            with pytest.raises(ValueError, match=r"epsilon must be in \(0, 1\]"):
                Lenient(epsilon)
        with pytest.raises(ValueError, match="form must be 'linear', 'square' or 'exponential', got 'cubic'"):
            Lenient(F(1, 2), "cubic")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"approval of token 1 must be in \[0, 1\], got 2"):
            Judge((0, 2))
        with pytest.raises(ValueError, match="the judge has approvals of 2 tokens, p has 3"):
            Judge((0, 1)).acceptance(p=P, law=Iid(Q, 1))
        with pytest.raises(ValueError, match="eta must be at least 0, got -1"):
            Rapid(-1)
        with pytest.raises(ValueError, match=r"confident must be in \[0, 1\], got 2"):
            Rapid(1, 2)


class TestEngineThresholds:
    @given(
        problem=problems(law="point"),
        single=st.sampled_from([F(1), F(1, 2), F(1, 10)]),
        cumulative=st.sampled_from([F(1), F(3, 4), F(1, 10)]),
    )
    @settings(max_examples=100)
    def test_stated(self, problem, single, cumulative):
        p, law = problem
        result = assert_stated(EngineThreshold(single, cumulative), p, law.over(p.size))
        if single == cumulative == 1:
            assert result.tv == 0

    @given(problem=problems(law="point"))
    def test_against_the_kernels_single_uniform(self, problem):
        """The flips against one uniform number u for all children: integrate over u exactly."""
        p, law = problem
        drafts = [int(token) for token in law.tokens]
        single, cumulative = F(1, 2), F(3, 4)
        taken, done, mass = dict.fromkeys(drafts, F(0)), F(0), F(0)
        for token in drafts:
            mass += p[token]
            reach = F(1) if p[token] >= single else max(done, min(F(1), mass / cumulative))
            taken[token], done = taken[token] + reach - done, max(done, reach)
        output = EngineThreshold(single, cumulative).output(p=p, law=law)
        rest = sum(p[x] for x in range(p.size) if x not in drafts)
        for token in range(p.size):
            expected = taken.get(token, F(0))
            if token not in drafts and rest:
                expected += (1 - done) * p[token] / rest
            assert output[token] == expected

    def test_without_relaxation_it_is_recursive_rejection_of_point_masses(self):
        law = Point([2, 0], 3)
        assert EngineThreshold().acceptance(p=P, law=law) == Recursive().acceptance(p=P, law=law)

    def test_bad_input(self):
        with pytest.raises(ValueError, match=r"single must be in \(0, 1\], got 0"):
            EngineThreshold(single=0)
        with pytest.raises(ValueError, match=r"cumulative must be in \(0, 1\], got 2"):
            EngineThreshold(cumulative=2)
        with pytest.raises(UnsupportedLaw, match="EngineThreshold verifies drafts of the law Point, got Iid"):
            EngineThreshold().acceptance(p=P, law=Iid(Q, 2))


class TestGreedyMatch:
    @pytest.mark.parametrize("name", ["iid", "point", "without replacement"])
    def test_stated(self, name):
        @given(problem=problems(law=name))
        @settings(max_examples=60)
        def check(problem):
            p, law = problem
            result = assert_stated(GreedyMatch(), p, law.over(p.size))
            assert result.tv == 1 - max(p)

        check()

    @given(p=distributions(4))
    def test_it_is_the_law_of_temperature_zero(self, p):
        with np.errstate(divide="ignore"):
            logits = np.log(p.astype(float))
        cold = Warp(temperature=0).probabilities(logits)
        assert GreedyMatch().output(p=p, law=Point([0])).tolist() == cold.tolist()


class TestHubShortcut:
    @given(problem=problems(law="hub pair"))
    @settings(max_examples=60)
    def test_stated(self, problem):
        p, law = problem
        result = assert_stated(HubShortcut(F(1, 2)), p, law)
        hub = p[int(law.hub)]
        assert result.tv == (1 - hub if hub > F(1, 2) else 0)

    def test_the_shipped_limit(self):
        p, law = fractions([9995, 3, 2]), HubPair(fractions([3, 2, 1]))
        assert distortion(HubShortcut(), p=p, law=law).tv == F(1, 2000)
        assert distortion(HubShortcut(), p=P, law=law).tv == 0


class TestTypical:
    @pytest.mark.parametrize("correction", ["greedy", "target", "typical"])
    @given(problem=problems(law="point", sizes=(4,)), epsilon=st.sampled_from([F(9, 100), F(1, 2), F(1)]))
    @settings(max_examples=60)
    def test_stated(self, correction, problem, epsilon):
        p, law = problem
        small = F(1, 3) if epsilon < 1 else F(2)
        assert_stated(Typical(epsilon, small, correction), p, law.over(p.size))

    def test_random_drafts_are_enumerated(self):
        rule = Typical(F(1, 2), F(9, 10), "target")
        with pytest.raises(NoClosedForm, match="closed form for Point drafts, not for Iid"):
            rule.acceptance(p=P, law=Iid(Q, 2))
        result = assert_stated(rule, P, Iid(Q, 2))
        assert 0 < result.tv < 1

    @given(p=distributions(4), delta=st.sampled_from([F(3, 10), F(1), F(3, 2)]))
    def test_the_threshold_is_exact(self, p, delta):
        """Against floats wherever these can tell; epsilon is out of the way."""
        entropy = -sum(float(x) * math.log(x) for x in p if x > 0)
        limit = float(delta) * math.exp(-entropy)
        for mass, passed in zip(p, Typical(F(10), delta).passes(p), strict=True):
            if abs(float(mass) - limit) > 1e-9:
                assert passed == (mass > limit)

    def test_a_tie_does_not_pass(self):
        """Uniform: exp(-H) is 1/3 exactly, and the comparison is strict. Floats can't decide this."""
        uniform = fractions([1, 1, 1])
        assert not Typical(F(1), F(1)).passes(uniform).any()
        assert Typical(F(1), F(999, 1000)).passes(uniform).all()

    def test_the_likeliest_passing_draft_is_taken(self):
        assert Typical().output(p=P, law=Point([2, 0])).tolist() == [1, 0, 0]

    def test_bad_parameters(self):
        with pytest.raises(ValueError, match="epsilon and delta must be positive, got 0 and 1"):
            Typical(0, 1)
        with pytest.raises(ValueError, match="correction must be one of greedy, target, typical, got 'none'"):
            Typical(correction="none")  # type: ignore[arg-type]


class TestWalks:
    def test_joint_distance_of_a_lossless_scheme_is_zero(self):
        target, draft = models(1)
        result = joint_distortion(named.block(2), target=target, draft=draft, length=3)
        assert result.tv == 0
        assert result.kl_forward == result.kl_reverse == 0
        assert result.output_law.sum() == 1

    def test_joint_distance_of_a_chain_of_lossy_steps(self):
        target, draft = models(1)
        scheme = named.paths(1, 1, TopDown(Lenient(F(1, 2))))
        result = joint_distortion(scheme, target=target, draft=draft, length=1)
        single = distortion(Lenient(F(1, 2)), p=target(()), law=Iid(draft(()), 1))
        assert result.output_law.tolist() == single.output_law.tolist()
        assert result.tv == single.tv
        longer = joint_distortion(scheme, target=target, draft=draft, length=3, rounds=2)
        assert longer.tv >= result.tv

    def test_the_longest_typical_path(self):
        """Two paths pass; the longer one wins although the shorter is likelier; ties go by likelihood."""
        rows = {(): fractions([6, 3, 1]), (1,): fractions([1, 8, 1])}
        target = lambda s: rows.get(s, fractions([1, 1, 98]))  # noqa: E731
        grow = named.top(2)

        def shape(*, draft, chance):
            return named.eagle((2, 1)).grow(draft=draft, chance=chance)

        scheme = Scheme(shape, TypicalPath())
        draft = lambda s: fractions([5, 4, 1]) if not s else fractions([1, 8, 1])  # noqa: E731
        result = joint_distortion(scheme, target=target, draft=draft, length=3)
        assert grow(draft(())).tokens.tolist() == [0, 1]
        # (1, 1) passes twice; (0, 1) passes once: p(1 | 0) = 1/100; then the argmax after (1, 1)
        assert {i for i, mass in enumerate(result.output_law) if mass} == {1 * 9 + 1 * 3 + 2}
        assert set(target_law(target=target, length=1)) == {(0,), (1,), (2,)}

    def test_a_one_level_path_is_the_coupling(self):
        target, draft = models(2)
        one = named.full_tree((2,), named.top, TypicalPath())
        node = named.full_tree((2,), named.top, TopDown(Typical()))
        left = joint_distortion(one, target=target, draft=draft, length=1)
        right = joint_distortion(node, target=target, draft=draft, length=1)
        assert left.output_law.tolist() == right.output_law.tolist()


def test_distortion_of_lossless_rules_is_zero():
    result = distortion(Recursive(), p=P, law=Iid(Q, 2))
    assert (result.tv, result.kl_forward, result.kl_reverse) == (0, 0, 0)
    with pytest.raises(ValueError, match=r"distortion is of one position at a time, got p of shape \(1, 3\)"):
        distortion(Recursive(), p=floats(P)[None], law=Iid(floats(Q)[None], 2))
