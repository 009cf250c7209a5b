"""Certificates check themselves, and a certificate that was tampered with does not pass."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.theory.strategies import F
from theory.couplings import Maximal, Recursive
from theory.couplings.base import resolved
from theory.laws import Iid, WithoutReplacement
from theory.proof.certificate import BrokenCertificate, border_points
from theory.proof.claim import rule_claim
from theory.proof.counterexample import Inconclusive
from theory.proof.symbolic import Cell, Effort
from theory.proof.symbolic.cells import Refutation
from theory.proof.symbolic.solver import Solver
from theory.proof.universal import prove, prove_claim, prove_k_seq


def one(q):
    return Iid(q, 1)


@pytest.fixture(scope="module")
def proof():
    return prove(coupling=Recursive(), law=lambda q: WithoutReplacement(q, 2), vocabulary=3)


def test_a_certificate_verifies_itself(proof):
    checked = proof.verify()
    assert checked.identities == checked.witnesses == len(proof.cells)
    assert checked.refutations == len(proof.refutations)
    assert checked.borders > 40


def test_part_of_a_certificate_can_be_checked(proof):
    checked = proof.verify(most=3, borders=0)
    assert 3 <= checked.identities < len(proof.cells)
    assert checked.borders == 0


def test_a_certificate_can_be_written_down(proof):
    written = json.loads(proof.to_json())
    assert written["rule"] == "Recursive()"
    assert written["proved"] is True
    assert len(written["cells"]) == len(proof.cells)
    for cell in written["cells"]:
        assert sum(map(F, cell["witness"]["p"])) == 1
        assert all(text.endswith("0") for text in cell["conditions"])


def test_a_missing_cell_is_noticed(proof):
    with pytest.raises(BrokenCertificate, match="of the other sign"):
        replace(proof, cells=proof.cells[1:]).verify()
    with pytest.raises(BrokenCertificate, match="leaves of one decision tree"):
        replace(proof, cells=(*proof.cells, proof.cells[0])).verify()


def test_missing_refutations_are_noticed(proof):
    with pytest.raises(BrokenCertificate, match=r"the sign of .* is open where"):
        replace(proof, refutations=()).verify()


def test_a_cell_that_was_put_aside_is_noticed(proof):
    aside, *rest = proof.cells
    hidden = Cell(aside.signs, aside.assumed, np.empty(0, dtype=np.intp))
    with pytest.raises(BrokenCertificate, match="nothing is proved where"):
        replace(proof, cells=tuple(rest), outside=(hidden,)).verify()


def test_cells_out_of_the_domain_are_allowed():
    proof = prove_k_seq(vocabulary=2, k=2)
    assert proof.outside
    assert proof.verify().identities == len(proof.cells)


def test_a_witness_of_another_cell_is_noticed(proof):
    first, second, *rest = proof.cells
    swapped = (replace(first, witness=second.witness), second, *rest)
    with pytest.raises(BrokenCertificate, match="is not inside the cell"):
        replace(proof, cells=swapped).verify()


def test_a_false_refutation_is_noticed(proof):
    atom, sign = proof.cells[0].assumed[0]
    false = Refutation(((atom, sign),))
    with pytest.raises(BrokenCertificate, match=r"does not find .* empty again"):
        replace(proof, refutations=(*proof.refutations, false)).verify()


def test_another_rule_s_certificate_is_noticed(proof):
    wrong = rule_claim(coupling=AlwaysFirst(), law=lambda q: WithoutReplacement(q, 2), vocabulary=3)
    with pytest.raises(BrokenCertificate, match="the law is not the expected one"):
        replace(proof, claim=wrong).verify()


class AlwaysFirst:
    def resolve(self, *, p, drafts, law, chance, level=0):
        return resolved(drafts[0], drafts)


def test_a_solver_that_finds_everything_empty_is_caught(monkeypatch):
    """z3 only prunes: if it pruned too much, the check of the certificate would say so."""
    honest = Solver.find
    monkeypatch.setattr(Solver, "find", lambda self, conditions, *, steps: False)
    pruned = prove(coupling=WrongOffTheDiagonal(), law=one, vocabulary=3)
    monkeypatch.setattr(Solver, "find", honest)
    assert pruned.proved
    with pytest.raises(BrokenCertificate, match="empty again"):
        pruned.verify()
    assert not prove(coupling=WrongOffTheDiagonal(), law=one, vocabulary=3).proved


class WrongOffTheDiagonal:
    """Wrong in a region so thin that no point of the pool is in it."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        if p[0] < F(1, 10**9):
            return resolved(drafts[0], drafts)
        return Maximal().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)


class WrongOnATie:
    """Lossless off the points where p1 = q1 exactly."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        if p[0] == law.q[0]:
            return resolved(0, drafts)
        return Maximal().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)


def test_a_rule_that_is_wrong_on_a_tie_only_is_named_and_caught_on_the_border():
    proof = prove(coupling=WrongOnATie(), law=one, vocabulary=3)
    # the theorem is about open cells, and says on which surface it rests on continuity
    assert proof.proved
    assert proof.equalities == ("p1 - q1",)
    with pytest.raises(BrokenCertificate, match="at the border point"):
        proof.verify()


def test_rules_without_equality_tests_rest_on_no_surface():
    assert prove(coupling=Maximal(), law=one, vocabulary=3).equalities == ()


def test_border_points_have_ties_and_zeros():
    claim = rule_claim(coupling=Maximal(), law=one, vocabulary=3)
    points = list(border_points(claim, 60))
    assert sum(values["p"].tolist() == values["q"].tolist() for values in points) >= 10
    assert sum(0 in values["p"] for values in points) >= 10
    assert all(sum(values["p"]) == 1 == sum(values["q"]) for values in points)


def test_a_failing_cell_that_z3_can_not_settle_is_inconclusive(monkeypatch):
    """Neither a proof nor a refutation, where a thin failing cell has no point and no contradiction."""
    monkeypatch.setattr(Solver, "find", lambda self, conditions, *, steps: None)
    found = prove(coupling=WrongOffTheDiagonal(), law=one, vocabulary=3)
    assert isinstance(found, Inconclusive)
    assert not found.proved
    assert "neither proved nor refuted" in str(found)


def test_merged_certificates_keep_their_witnesses():
    claim = rule_claim(coupling=Recursive(), law=lambda q: Iid(q, 2), vocabulary=3)
    merged = prove_claim(claim, effort=Effort(merge=True))
    checked = merged.verify()
    assert (checked.identities, checked.witnesses) == (0, len(merged.cells))
    assert len(merged.cells) < len(prove_claim(claim).cells)
