"""Zeros and ties of p and q, proved and not left to continuity."""

from __future__ import annotations

import pytest

from theory.couplings import Maximal, Recursive
from theory.couplings.base import resolved
from theory.laws import Iid, WithoutReplacement
from theory.proof.closed import describe, prove_closed, strata
from theory.proof.symbolic import Simplex
from theory.proof.universal import prove


def one(q):
    return Iid(q, 1)


def test_the_maximal_coupling_is_proved_on_every_stratum():
    proof = prove_closed(coupling=Maximal(), law=one, vocabulary=3)
    assert proof.proved
    assert len(proof.proofs) == len(list(strata(3))) == 74
    assert proof.refused == ()
    # it compares p and q only, so nothing is left to continuity
    assert all(part.equalities == () for part in proof.proofs)
    assert "74 strata" in str(proof)


@pytest.mark.parametrize("law", [lambda q: Iid(q, 2), lambda q: WithoutReplacement(q, 2)])
def test_recursive_rejection_is_proved_with_zeros_and_ties(law):
    proof = prove_closed(coupling=Recursive(), law=law, vocabulary=2)
    assert proof.proved
    checked = [part.verify(borders=0) for part in proof.proofs]
    assert all(each.identities == each.witnesses > 0 for each in checked)


def test_strata_without_a_law_are_named():
    proof = prove_closed(coupling=Recursive(), law=lambda q: WithoutReplacement(q, 2), vocabulary=2)
    assert len(proof.proofs) + len(proof.refused) == 10
    assert "p on 12, q on 1, no ties" in proof.refused


class WrongOn:
    """Lossless but where a condition holds."""

    def __init__(self, condition):
        self.condition = condition

    def resolve(self, *, p, drafts, law, chance, level=0):
        if self.condition(p, law.q):
            return resolved(0, drafts)
        return Maximal().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)


@pytest.mark.parametrize(
    "condition",
    [lambda p, q: p[0] == q[0], lambda p, q: p[1] == 0, lambda p, q: p[2] == 0 and q[1] == 0],
    ids=["tie", "zero of p", "zeros of both"],
)
def test_a_rule_that_is_wrong_on_a_border_only_is_refuted_there(condition):
    rule = WrongOn(condition)
    assert prove(coupling=rule, law=one, vocabulary=3).proved
    found = prove_closed(coupling=rule, law=one, vocabulary=3)
    assert not found.proved
    assert found.confirmed()
    assert condition(found.p, found.q)


def test_one_stratum_can_be_proved_by_itself():
    unknowns = (Simplex("p", 4, (0, 1, 2)), Simplex("q", 4, (1, 2, 3), equal_to="p", ties=(1,)))
    proof = prove(coupling=Maximal(), law=one, vocabulary=4, unknowns=unknowns)
    assert proof.proved
    for cell in proof.cells:
        values = proof.ring.values_at(cell.witness)
        assert values["p"][1] == values["q"][1]
        assert values["p"][3] == values["q"][0] == 0
    assert describe(unknowns) == "p on 123, q on 234, equal at 2"


def test_strata_are_all_patterns():
    seen = {describe(unknowns) for unknowns in strata(3)}
    assert len(seen) == 74
    assert "p on 123, q on 123, equal at 123" in seen
    assert "p on 1, q on 23, no ties" in seen
    # all but one token equal means all equal
    assert "p on 123, q on 123, equal at 12" not in seen


@pytest.mark.slow
@pytest.mark.parametrize("law", [lambda q: Iid(q, 2), lambda q: WithoutReplacement(q, 2)])
def test_recursive_rejection_on_every_stratum_of_three_tokens(law):
    assert prove_closed(coupling=Recursive(), law=law, vocabulary=3).proved
