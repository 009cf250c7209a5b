"""Step lemmas for every vocabulary; wrong lemmas fail."""

from __future__ import annotations

import pytest

z3 = pytest.importorskip("z3")

from theory.proof import lemmas as module  # noqa: E402
from theory.proof.lemmas import Obligation, lemma, lemmas  # noqa: E402

p, q, b, total = z3.Reals("p q b S")


def least(first, second):
    return z3.If(first <= second, first, second)


def positive(value):
    return z3.If(value > 0, value, z3.RealVal(0))


#: One token of a target of mass b and of a proposal, and the sum of (b p - q)+.
STEP = (p >= 0, p <= 1, q >= 0, q <= 1, b >= 0, b <= 1, total >= positive(b * p - q), total <= b)


@pytest.mark.parametrize("found", lemmas(), ids=lambda found: found.name)
def test_lemmas_are_proved_within_a_second(found):
    assert found.proved, found
    assert found.seconds < 1
    assert len(found.formal) >= 3
    assert found.statement.endswith(".")
    assert found.composition.endswith(".")


def test_there_is_a_lemma_for_each_step():
    assert [found.name for found in lemmas()] == [
        "maximal coupling",
        "recursive rejection, any proposal",
        "block step with budget",
        "traversal step",
        "K-SEQ",
    ]


def result_of(*obligations):
    return lemma("test", statement="", composition="", obligations=obligations).result


def step(correction):
    """The block step with some correction in place of (b p - q)+."""
    return Obligation(
        "test",
        (*STEP, total > 0),
        least(b * p, q) + (total + 1 - b) * (total / (total + 1 - b)) * (correction / total) == b * p,
    )


def test_the_step_with_its_own_residual_is_proved():
    assert result_of(step(positive(b * p - q))) == "proved"


@pytest.mark.parametrize(
    "correction",
    [positive(p - q), b * p - q, positive(q - b * p), p * total],
    ids=["unscaled", "not clamped", "swapped", "resampled from the target"],
)
def test_wrong_residuals_are_refuted(correction):
    assert result_of(step(correction)) == "refuted"


def test_a_wrong_stopping_probability_is_refuted():
    wrong = total / (total + b)
    held = Obligation("test", (*STEP, total > 0), (total + 1 - b) * (1 - wrong) == 1 - b)
    assert result_of(held) == "refuted"


def test_an_uncapped_budget_is_refuted():
    assert result_of(Obligation("test", (*STEP, q > 0), b * p / q <= 1)) == "refuted"


def test_k_seq_without_its_condition_is_refuted():
    rho, beta, series = z3.Reals("rho beta G")
    mass = least(p / rho, q)
    premises = (p >= 0, q >= 0, rho >= 1, beta > 0, beta <= 1, mass <= beta, series >= 1, beta * series <= 1)
    assert result_of(Obligation("test", premises, p - mass * series >= 0)) == "refuted"
    assert result_of(Obligation("test", (*premises, series <= rho), p - mass * series >= 0)) == "proved"


def test_contradictory_premises_prove_nothing():
    assert result_of(Obligation("test", (p > 1, p < 0), q == 7)) == "vacuous"


def test_one_failing_obligation_fails_the_lemma():
    good, bad = Obligation("good", (), p * p >= 0), Obligation("bad", (), p > 0)
    found = lemma("test", statement="", composition="", obligations=[good, bad, good])
    assert (found.result, found.proved) == ("refuted", False)


def test_no_answer_in_time_is_unknown(monkeypatch):
    monkeypatch.setattr(module, "_check", lambda *formulas: z3.unknown)
    assert result_of(Obligation("test", (), p > 0)) == "unknown"
