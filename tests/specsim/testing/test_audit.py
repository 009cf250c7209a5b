"""The audit of rules against chance: right rules pass, each kind of mistake is caught by its check."""

from __future__ import annotations

import pytest

from specsim.testing import (
    NotLossless,
    RuleFailed,
    assert_lossless,
    audit,
    counterexample,
    scheme_rule,
)
from specsim.testing.examine import ACCEPTANCE, LAW, REPORT
from specsim.testing.simplify import SMALL, _size
from tests.specsim.testing import rules_for_tests as rules
from theory.couplings import GreedyDraft, KSeq, Maximal, Recursive, SampleAndMatch, SpecHub
from theory.rules import rule as published
from theory.walks import Block, GreedyBlock, TopDown

LOSSLESS = [Maximal, Recursive, KSeq, SampleAndMatch, SpecHub, GreedyDraft]


@pytest.mark.parametrize("coupling", LOSSLESS, ids=lambda coupling: coupling.__name__)
def test_lossless_couplings_pass_exactly(coupling):
    verdict = assert_lossless(coupling(), examples=5)
    assert verdict.status == "lossless on all examples (exact)"
    assert all(check.method == "exact" and check.examples == 5 for check in verdict.checks)
    assert verdict.counterexample is None


def test_laws_that_a_rule_refuses_are_said():
    verdict = audit(SpecHub(), examples=5)
    assert [check.name for check in verdict.checks] == ["law of the emitted token (2 drafts, hub-pair)"]
    assert any("SpecHub verifies drafts of the law HubPair" in text for text in verdict.refused)


def test_a_rule_that_takes_nothing_has_no_verdict():
    verdict = audit(SpecHub(), laws="iid", examples=5)
    assert verdict.lossless is None
    assert "takes none of the laws tried" in verdict.reason


@pytest.mark.parametrize("walk", [TopDown(Recursive()), Block()], ids=["top-down", "block"])
def test_lossless_walks_pass_exactly(walk):
    assert assert_lossless(walk, examples=2, laws=("iid", "without-replacement")).lossless


def test_walks_that_change_later_rounds():
    assert_lossless(GreedyBlock(), laws="iid", drafts=1, examples=8, rounds=2)


def test_a_published_scheme():
    entry = published("traversal, without replacement")
    assert_lossless(scheme_rule(entry.build(), entry.name, depth=entry.depth), examples=5)


def test_a_lossy_published_scheme_is_refuted():
    entry = published("greedy match")
    with pytest.raises(NotLossless, match="greedy match: refuted: not lossless"):
        assert_lossless(scheme_rule(entry.build(), entry.name), examples=20)


@pytest.mark.parametrize(
    ("rule", "within"),
    [(rules.always_accept, 2), (rules.swapped, 5), (rules.residual_is_p, 10), (rules.a_millionth_off, 10)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_wrong_laws_are_found_within_a_few_examples(rule, within):
    found = counterexample(rule, drafts=1)
    assert found is not None
    assert found.check == LAW
    assert found.examples <= within
    assert _size(found.case) <= SMALL
    assert found.total_variation > 0


def test_the_right_rule_is_not_refuted():
    assert counterexample(rules.right, drafts=1, examples=150) is None


def test_two_tokens_are_blind_where_three_see():
    # token-level residual after a changed acceptance: with two tokens a residual has one place to go
    def unscaled(p, drafts, law, chance):
        q, token = law.conditional(()), drafts[0]
        if chance.flip(rules.ratio(p, q, token), stream="accept"):
            return token
        rest = rules.leftover(p, q)
        return chance.draw(rest * rest, stream="residual")

    assert counterexample(unscaled, drafts=1, vocabulary=2) is None
    assert counterexample(unscaled, drafts=1, vocabulary=3) is not None


def test_context_is_what_shows_rows_from_the_wrong_place():
    found = counterexample(rules.ChainFromTheFirstRow(), laws="iid", drafts=1, examples=20)
    assert found is not None
    assert len(found.case.target.rows) > 1
    assert_lossless(rules.ChainRight(), laws="iid", drafts=1, examples=15)


def test_a_second_round_shows_what_was_forgotten():
    options = {"laws": "iid", "drafts": 1, "examples": 6}
    found = counterexample(rules.ForgetsAfterARound(), rounds=2, shrink=False, **options)
    assert found is not None
    assert "2 rounds" in found.explain()
    assert_lossless(rules.ChainRight(), rounds=2, **options)


def test_a_wrong_report_is_its_own_check():
    assert counterexample(rules.Claims(slot=0), drafts=1, examples=50).check == REPORT
    assert_lossless(rules.Claims(), drafts=1, examples=20, laws="iid")


def test_a_wrong_closed_form_is_its_own_check():
    found = counterexample(rules.Claims(claimed=rules.F(1, 2)), drafts=1, laws="iid", examples=50)
    assert found.check == ACCEPTANCE
    assert "says that it accepts with probability 1/2" in found.reason


def test_a_rule_that_raises_has_no_verdict_but_fails():
    with pytest.raises(RuleFailed, match=r"raises BadQuestion: draw: weights has the entry -1") as failure:
        assert_lossless(rules.unclamped, drafts=1)
    assert failure.value.verdict.lossless is None
    # the smallest case that raises is part of the sentence
    assert "p = (0, 1, 0), q = (1, 0, 0)" in failure.value.verdict.reason


def test_randomness_from_elsewhere_is_no_refutation():
    verdict = audit(rules.own_randomness, drafts=1)
    assert verdict.lossless is None
    assert "take all randomness from the source that is passed in" in verdict.reason


def test_endless_questions_are_no_refutation():
    verdict = audit(rules.retries, drafts=1, examples=10, shrink=False)
    assert verdict.lossless is None
    assert "asked chance more than 300 questions" in verdict.reason


def test_writing_to_inputs_is_a_warning_or_strictly_a_failure():
    verdict = assert_lossless(rules.writes_to_p, drafts=1, examples=20)
    assert verdict.warnings == ("it writes to its inputs: p",)
    with pytest.raises(NotLossless, match="strictly: it writes to its inputs"):
        assert_lossless(rules.writes_to_p, drafts=1, examples=20, strict=True)


def test_bad_output_is_no_refutation():
    verdict = audit(lambda p, drafts, law, chance: 3, drafts=1, name="outside")
    assert verdict.lossless is None
    assert "outside of a vocabulary of 3" in verdict.reason


def test_the_same_seed_gives_the_same_counterexample():
    first, again, other = (counterexample(rules.residual_is_p, drafts=1, seed=seed) for seed in (5, 5, 6))
    assert first.explain() == again.explain()
    assert first.examples == again.examples
    assert other is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": 1}, "vocabulary must be at least 2"),
        ({"drafts": 0}, "drafts must be numbers of at least 1"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"examples": 0}, "examples must be at least 1"),
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"laws": "gaussian"}, "unknown law 'gaussian'; the laws are iid"),
        ({"method": "guess"}, "method must be one of auto, sample"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        audit(Maximal(), **options)


@pytest.mark.slow
@pytest.mark.parametrize("coupling", LOSSLESS)
@pytest.mark.parametrize("seed", range(1, 4))
def test_no_lossless_coupling_is_ever_refuted(coupling, seed):
    assert_lossless(coupling(), seed=seed, examples=60, drafts=(1, 2, 3), vocabulary=4)


def test_without_shrinking_the_first_counterexample_is_returned():
    found = counterexample(rules.a_millionth_off, drafts=1, shrink=False)
    small = counterexample(rules.a_millionth_off, drafts=1)
    assert found.examples == small.examples
    assert _size(found.case) >= _size(small.case)
