"""What rules refuse, and how they say it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.strategies import LAWS, MAKERS, F, as_floats, floats, fractions
from theory.chance import Sampled
from theory.couplings import (
    GreedyDraft,
    KSeq,
    Maximal,
    NoClosedForm,
    OptimalPlan,
    Recursive,
    SampleAndMatch,
    SpecHub,
    UnsupportedLaw,
)
from theory.couplings.base import mean_of
from theory.laws import HubPair, Iid, Independent, Point, TopKPlusSample, WithoutReplacement

P, Q, OTHER = fractions([1, 2, 5]), fractions([4, 3, 1]), fractions([1, 1, 1])
RULES = {
    "Maximal": (Maximal(), {name: 1 for name in LAWS if name not in ("hub pair", "correlated")}),
    "Recursive": (Recursive(), dict.fromkeys(LAWS, 2)),
    "SampleAndMatch": (SampleAndMatch(), dict.fromkeys(LAWS, 2)),
    "KSeq": (KSeq(), {"iid": 2}),
    "GreedyDraft": (GreedyDraft(), {"top k plus sample": 2}),
    "SpecHub": (SpecHub(), {"hub pair": 2}),
    "OptimalPlan": (OptimalPlan(), dict.fromkeys(LAWS, 2)),
}
TAKEN = [(rule, law) for rule, (_, laws) in RULES.items() for law in laws]


def made(law, k=2):
    return MAKERS[law](Q, k, [OTHER, OTHER])


def chance():
    return Sampled(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("rule", "law", "allowed"),
    [
        (rule, law, allowed)
        for rule, allowed, taken in (
            (KSeq(), "Iid", "iid"),
            (GreedyDraft(), "TopKPlusSample", "top k plus sample"),
            (SpecHub(), "HubPair", "hub pair"),
        )
        for law in LAWS
        if law != taken
    ],
    ids=str,
)
def test_laws_a_rule_is_not_made_for(rule, law, allowed):
    law = made(law)
    message = f"{type(rule).__name__} verifies drafts of the law {allowed}, got {type(law).__name__}"
    with pytest.raises(UnsupportedLaw, match=message):
        rule.acceptance(p=P, law=law)
    with pytest.raises(UnsupportedLaw, match=message):
        rule.resolve(p=P, drafts=(0, 1), law=law, chance=chance())


@pytest.mark.parametrize("law", LAWS)
def test_the_maximal_coupling_takes_one_draft(law):
    for call in (
        lambda: Maximal().acceptance(p=P, law=made(law)),
        lambda: Maximal().resolve(p=P, drafts=(0, 1), law=made(law), chance=chance()),
    ):
        with pytest.raises(UnsupportedLaw, match="Maximal verifies one draft, got a law of 2; use Recursive"):
            call()


def test_laws_without_a_closed_form():
    law = WithoutReplacement(Q, 3)
    with pytest.raises(NoClosedForm, match="no closed form for 3 drafts of WithoutReplacement; use estimate"):
        Recursive().acceptance(p=P, law=law)
    for name in ("hub pair", "correlated"):
        with pytest.raises(NoClosedForm, match="no closed form for 2 drafts of"):
            Recursive().acceptance(p=P, law=made(name))
    with pytest.raises(NoClosedForm, match="no closed form without replacement; use estimate"):
        SampleAndMatch().acceptance(p=floats(P), law=WithoutReplacement(floats(Q), 2))


@pytest.mark.parametrize(("rule", "law"), TAKEN)
class TestEveryRuleOnEveryLawItTakes:
    def rule_and_law(self, rule, law):
        coupling, laws = RULES[rule]
        return coupling, made(law, laws[law])

    def test_targets_that_are_none(self, rule, law):
        coupling, law = self.rule_and_law(rule, law)
        for p, message in (
            ([0.5, float("nan"), 0.5], "p has the entry nan at token 1"),
            ([1.5, -0.5, 0.0], r"p has the entry -0\.5 at token 1"),
            ([0.5, 0.4, 0.0], r"p sums to 0\.9, not to 1"),
            ([F(1, 2), F(1, 3), F(0)], "p sums to 5/6, not to 1"),
        ):
            with pytest.raises(ValueError, match=message):
                coupling.acceptance(p=p, law=law)

    def test_vocabularies(self, rule, law):
        coupling, law = self.rule_and_law(rule, law)
        wide = fractions([1, 1, 1, 1])
        with pytest.raises(ValueError, match="is a law over 3 tokens, but p has 4"):
            coupling.acceptance(p=wide, law=law)

    def test_fractions_and_floats_do_not_mix(self, rule, law):
        coupling, law = self.rule_and_law(rule, law)
        if isinstance(law, Point) or "correlated" in type(law).__name__.lower():
            pytest.skip("a point mass has no kind of its own; the made-up law does not show its kind")
        with pytest.raises(ValueError, match="fractions"):
            coupling.acceptance(p=floats(P), law=law)
        with pytest.raises(ValueError, match="fractions"):
            coupling.acceptance(p=P, law=as_floats(law))


@pytest.mark.parametrize("rule", [name for name in RULES if name != "SampleAndMatch"])
def test_the_number_of_drafts_is_the_law_s(rule):
    """A draft too few, or too many, was not drawn from this law. (Sample-and-match does not look at it.)"""
    coupling, laws = RULES[rule]
    for name, k in laws.items():
        law = made(name, k)
        for drafts in ((0, 1, 2)[: law.k - 1], (0, 1, 2, 0)[: law.k + 1]):
            with pytest.raises(ValueError, match="drafts"):
                coupling.resolve(p=P, drafts=drafts, law=law, chance=chance())


@pytest.mark.parametrize("rule", [Maximal(), Recursive(), KSeq()], ids=lambda rule: type(rule).__name__)
def test_a_draft_of_probability_zero_is_never_emitted_for_its_own_sake(rule):
    """Token 2 has p = q = 0: the recorded law cannot have drawn it. Refuse it, or reject it; 0/0 is not 1."""
    p, law = floats([0.5, 0.5, 0]), Iid(floats([0.25, 0.75, 0]), 1)
    try:
        assert rule.resolve(p=p, drafts=(2,), law=law, chance=chance()).token != 2
    except ValueError as error:
        assert "law" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("rule", "law", "drafts"),
    [
        (GreedyDraft(), TopKPlusSample(floats([0.6, 0.4, 0, 0]), 2), (0, 3)),
        (SpecHub(), HubPair(floats([0.6, 0.4, 0, 0])), (3, 0)),
        (Recursive(), WithoutReplacement(floats([0.6, 0.3, 0.1, 0]), 2), (0, 0)),
        (Recursive(), WithoutReplacement(floats([0.6, 0.3, 0.1, 0]), 2), (1, 3)),
    ],
    ids=["greedy", "hub", "duplicate", "dead"],
)
def test_drafts_that_the_recorded_law_cannot_have_drawn(rule, law, drafts):
    """I.i.d. siblings recorded as drawn without replacement show themselves by a duplicate."""
    p = floats([0.1, 0.2, 0.7, 0])
    for seed in range(20):
        try:
            resolution = rule.resolve(
                p=p, drafts=drafts, law=law, chance=Sampled(np.random.default_rng(seed))
            )
        except ValueError as error:
            assert "law" in str(error)  # noqa: PT017
            return
        assert p[resolution.token] > 0
    pytest.fail("drafts of probability zero were resolved without a word")


class TestBatches:
    Q2 = floats([[0.5, 0.3, 0.2]] * 2)

    @pytest.mark.parametrize(
        ("rule", "law"),
        [
            (Maximal(), Iid(Q2, 1)),
            (Recursive(), Iid(Q2, 2)),
            (Recursive(), WithoutReplacement(Q2, 2)),
            (Recursive(), Point([[0, 1]] * 2, 3)),
            (SampleAndMatch(), Iid(Q2, 2)),
            (SampleAndMatch(), Point([[0, 1]] * 2, 3)),
            (KSeq(), Iid(Q2, 2)),
            (GreedyDraft(), TopKPlusSample(Q2, 2)),
            (SpecHub(), HubPair(Q2)),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_shapes_agree_or_are_refused(self, rule, law):
        for p in (floats([0.5, 0.3, 0.2]), floats([[0.5, 0.3, 0.2]] * 3)):
            with pytest.raises(ValueError, match="batch"):
                rule.acceptance(p=p, law=law)

    def test_independent_drafters_and_a_batch_of_targets(self):
        """Drafters are single distributions; a batch of targets may share them, or is refused."""
        p = floats([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
        law = Independent((floats([0.5, 0.3, 0.2]), floats([0.2, 0.3, 0.5])))
        for rule in (Recursive(), SampleAndMatch()):
            try:
                values = rule.acceptance(p=p, law=law)
            except ValueError as error:
                assert "batch" in str(error) or "position" in str(error)  # noqa: PT017
                continue
            np.testing.assert_allclose(values, [rule.acceptance(p=row, law=law) for row in p], rtol=1e-14)

    def test_exact_batches_without_replacement(self):
        p = np.array([[F(1, 2), F(1, 4), F(1, 4)], [F(1, 3)] * 3], dtype=object)
        q = p[::-1]
        values = SampleAndMatch().acceptance(p=p, law=WithoutReplacement(q, 2))
        single = [
            SampleAndMatch().acceptance(p=a, law=WithoutReplacement(b, 2)) for a, b in zip(p, q, strict=True)
        ]
        assert values.tolist() == single


class TestEstimates:
    @pytest.mark.parametrize("samples", [0, 1])
    @pytest.mark.parametrize("law", [Iid(floats(Q), 2), WithoutReplacement(floats(Q), 2)], ids=["iid", "wor"])
    @pytest.mark.parametrize("rule", [Recursive(), SampleAndMatch()], ids=["recursive", "match"])
    def test_too_few_samples(self, rule, law, samples):
        with pytest.raises(
            ValueError, match=f"needs at least 2 samples for its standard error, got {samples}"
        ):
            rule.estimate(p=floats(P), law=law, rng=np.random.default_rng(0), samples=samples)

    @pytest.mark.parametrize("samples", [-1, 2.5, "9"])
    @pytest.mark.parametrize("law", [Iid(floats(Q), 2), WithoutReplacement(floats(Q), 2)], ids=["iid", "wor"])
    @pytest.mark.parametrize("rule", [Recursive(), SampleAndMatch()], ids=["recursive", "match"])
    def test_samples_that_are_no_number(self, rule, law, samples):
        with pytest.raises((ValueError, TypeError), match=r"samples|integer"):
            rule.estimate(p=floats(P), law=law, rng=np.random.default_rng(0), samples=samples)

    @pytest.mark.parametrize("rule", [Recursive(), SampleAndMatch()], ids=["recursive", "match"])
    @pytest.mark.parametrize("law", [Iid, WithoutReplacement])
    def test_one_position_at_a_time(self, rule, law):
        p, q = floats([[0.5, 0.3, 0.2]] * 2), floats([[0.2, 0.3, 0.5]] * 2)
        with pytest.raises(ValueError, match="one position at a time, got p of shape"):
            rule.estimate(p=p, law=law(q, 2), rng=np.random.default_rng(0), samples=10)

    @pytest.mark.parametrize(
        "rule", [KSeq(), GreedyDraft(), SpecHub(), Maximal()], ids=lambda r: type(r).__name__
    )
    def test_rules_with_a_closed_form(self, rule):
        with pytest.raises(ValueError, match=f"{type(rule).__name__} has a closed form; call acceptance"):
            rule.estimate(p=floats(P), law=Iid(floats(Q), 1), rng=np.random.default_rng(0), samples=10)

    def test_means_and_their_errors(self):
        estimate = mean_of(np.array([[1.0, 2.0], [3.0, 2.0], [2.0, 2.0]]))
        assert estimate.value.tolist() == [2.0, 2.0]
        np.testing.assert_allclose(estimate.standard_error, [1 / np.sqrt(3), 0])
        assert estimate.samples == 3


class TestPlans:
    def test_another_target(self):
        plan = OptimalPlan.solved(p=P, law=Iid(Q, 2))
        with pytest.raises(ValueError, match="this plan was solved for another p"):
            plan.resolve(p=Q, drafts=(0, 1), law=Iid(Q, 2), chance=chance())

    def test_another_law(self):
        """A plan for one law carried out on drafts of another is not lossless: it has to be refused."""
        plan = OptimalPlan.solved(p=P, law=Iid(Q, 2))
        for law in (Iid(OTHER, 2), WithoutReplacement(Q, 2), TopKPlusSample(Q, 2)):
            with pytest.raises(ValueError, match="law"):
                plan.resolve(p=P, drafts=(0, 1), law=law, chance=chance())
            with pytest.raises(ValueError, match="law"):
                plan.acceptance(p=P, law=law)
