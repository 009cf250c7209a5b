"""Audits with proofs: the status says 'proved' only where everything examined was proved."""

from __future__ import annotations

import pytest

from specsim.testing import audit
from tests.specsim.testing import rules_for_tests as rules
from theory.couplings import Maximal, Recursive
from theory.couplings.base import ratio_capped
from theory.rules import rule as published
from theory.simplex import residual
from theory.walks import TopDown

pytest.importorskip("z3", reason="needs z3: pip install 'specsim[proofs]'")


def a_plain_function(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if chance.flip(ratio_capped(p[token], q[token]), stream="accept"):
        return token
    return chance.draw(residual(p, q), stream="residual")


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (Maximal(), {"laws": "iid", "drafts": 1}),
        (Recursive(), {"laws": ("iid", "without-replacement"), "drafts": 2}),
        (a_plain_function, {"drafts": 1}),
        (TopDown(Maximal()), {"laws": "iid", "drafts": 1, "depth": 1}),
    ],
    ids=["maximal", "recursive", "function", "walk"],
)
def test_proved(rule, options):
    verdict = audit(rule, prove=True, examples=4, **options)
    assert verdict.status == "proved (universal)", str(verdict)
    assert verdict.lossless
    assert any(check.method == "universal" and "cells" in check.detail for check in verdict.checks)
    assert "other sizes were not proved" in verdict.scope


def test_a_rule_that_can_not_run_on_symbols_is_not_called_proved():
    verdict = audit(rules.right, drafts=1, prove=True, examples=4)
    assert verdict.status == "lossless on all examples (exact)"
    assert verdict.notes


def test_a_wrong_rule_is_refuted_before_any_proof():
    verdict = audit(rules.residual_is_p, drafts=1, prove=True)
    assert verdict.status == "refuted"
    assert verdict.notes == ()


def test_what_drafts_by_itself_is_not_called_proved():
    verdict = audit(published("block verification").build(), prove=True, examples=2)
    assert verdict.status == "lossless on all examples (exact)"
    assert "it drafts by itself" in verdict.notes[0]
