"""Verdicts: what they say, in all their forms, and that they never say more."""

from __future__ import annotations

import json
import re

import pytest

from specsim.testing import Budget, audit
from specsim.testing.verdict import ERROR, EXACT, PRECISE, PROVED, REFUTED, STATISTICAL, STATUSES, Verdict
from tests.specsim.testing import rules_for_tests as rules

LOSSLESS = {EXACT: True, PRECISE: True, PROVED: True, STATISTICAL: True, REFUTED: False, ERROR: None}


def by_floats(p, drafts, law, chance):
    return chance.draw([float(mass) for mass in p], stream="any")


def by_samples(p, q, token, rng):
    return int(rng.choice(p.size, p=p))


def verdicts():
    yield EXACT, audit(rules.right, drafts=1, examples=5)
    yield PRECISE, audit(by_floats, drafts=1, examples=5)
    yield REFUTED, audit(rules.always_accept, drafts=1)
    yield ERROR, audit(rules.unclamped, drafts=1)
    yield (
        STATISTICAL,
        audit(by_samples, method="sample", budget=Budget(pairs=2, first=50, batch=50, total=200)),
    )


ALL = list(verdicts())


@pytest.mark.parametrize(("status", "verdict"), ALL, ids=[status for status, _ in ALL])
def test_status_and_what_it_means(status, verdict):
    assert verdict.status == status
    assert verdict.lossless is LOSSLESS[status]


@pytest.mark.parametrize("status", STATUSES)
def test_no_status_claims_more_than_it_can(status):
    scope = Verdict(status, "rule", "form").scope
    if status in (EXACT, PRECISE):
        assert "not a proof" in scope
    if status == STATISTICAL:
        assert "may exist" in scope
    if status == PROVED:
        assert "other sizes were not proved" in scope
    assert "lossless" not in status or "on all examples" in status


@pytest.mark.parametrize(("status", "verdict"), ALL, ids=[status for status, _ in ALL])
def test_json(status, verdict):
    plain = json.loads(verdict.to_json())
    assert plain["status"] == status
    assert plain["lossless"] is LOSSLESS[status]
    assert plain["examples"] == verdict.examples > 0
    assert plain["seconds"] >= 0
    assert [check["name"] for check in plain["checks"]] == [check.name for check in verdict.checks]
    if status == REFUTED:
        laws = plain["counterexample"]["laws"]
        assert {entry["found"] for entry in laws} == {"0", "1"}
        assert plain["counterexample"]["explanation"] == verdict.counterexample.explain()


@pytest.mark.parametrize(("status", "verdict"), ALL, ids=[status for status, _ in ALL])
def test_the_page_needs_no_other_file(status, verdict):
    page = verdict.to_html()
    assert page.startswith("<!doctype html>")
    assert status in page
    assert not re.search(r"(src|href)\s*=|https?://|@import|url\(", page)


def test_the_page_escapes():
    page = Verdict(ERROR, "<script>", "form", reason="a < b & c").to_html()
    assert "<script>" not in page
    assert "a &lt; b &amp; c" in page


def test_floats_are_not_called_exact():
    verdict = audit(by_floats, drafts=1, examples=5)
    assert [check.method for check in verdict.checks] == ["floats"]
    assert verdict.checks[0].precision > 0


def test_samples_state_their_power():
    text = str(dict(ALL)[STATISTICAL])
    assert "false alarms at most 1e-09" in text
    assert "would have been found" in text


def test_as_text():
    lines = str(dict(ALL)[EXACT]).splitlines()
    assert lines[0] == "right: lossless on all examples (exact)"
    assert lines[2].startswith("  passed: law of the emitted token (1 draft, iid): 5 examples, exact")
