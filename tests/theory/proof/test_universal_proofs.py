"""Rules that are lossless are proved so, for all distributions; and other claims of the same kind."""

from __future__ import annotations

import pytest

from tests.theory.strategies import F
from theory.couplings import GreedyDraft, Maximal, Recursive, SampleAndMatch, SpecHub
from theory.laws import HubPair, Iid, Independent, Point, TopKPlusSample, WithoutReplacement
from theory.proof.claim import UnknownContext
from theory.proof.symbolic import Effort
from theory.proof.universal import prove, prove_acceptance, prove_joint, prove_k_seq, prove_scheme
from theory.rules import rule
from theory.walks import Block, GreedyBlock, SurvivingPrefixes, TopDown, Traversal


def one(q):
    return Iid(q, 1)


def two(q):
    return Iid(q, 2)


def two_different(q):
    return WithoutReplacement(q, 2)


RULES = [
    (Maximal(), one, 3, 6),
    (Maximal(), one, 4, 14),
    (Recursive(), two, 3, 12),
    (Recursive(), two_different, 3, 9),
    (Recursive(), lambda q: Iid(q, 3), 3, 18),
    (Recursive(), lambda q: WithoutReplacement(q, 3), 3, 9),
    (Recursive(), lambda q: Point([2, 0]), 4, 1),
    (SampleAndMatch(), two, 3, 1),
    (SpecHub(), HubPair, 3, 18),
    (GreedyDraft(), lambda q: TopKPlusSample(q, 2), 3, 18),
]


@pytest.mark.parametrize(("coupling", "law", "vocabulary", "cells"), RULES)
def test_lossless_rules_are_proved(coupling, law, vocabulary, cells):
    proof = prove(coupling=coupling, law=law, vocabulary=vocabulary)
    assert proof.proved, str(proof)
    assert len(proof.cells) == cells
    assert all(cell.witness is not None for cell in proof.cells)


def test_single_draft_cells_are_the_sign_patterns_of_p_minus_q():
    proof = prove(coupling=Maximal(), law=one, vocabulary=3)
    patterns = {tuple(str(cell).count(sign) for sign in "<>") for cell in proof.cells}
    assert all(2 <= sum(pattern) <= 3 for pattern in patterns)
    assert len({str(cell) for cell in proof.cells}) == 2**3 - 2


def test_independent_drafters_have_unknowns_of_their_own():
    proof = prove(coupling=Recursive(), law=lambda q, r: Independent((q, r)), drafters=2, vocabulary=3)
    assert proof.proved
    assert [simplex.name for simplex in proof.claim.simplices] == ["p", "q", "q'"]


@pytest.mark.parametrize(
    ("coupling", "law"),
    [(Maximal(), one), (Recursive(), two), (Recursive(), two_different), (SpecHub(), HubPair)],
)
def test_closed_forms_of_the_acceptance_hold_everywhere(coupling, law):
    assert prove_acceptance(coupling=coupling, law=law, vocabulary=3).proved


def test_k_seq_is_proved_for_every_factor_that_its_condition_allows():
    proof = prove_k_seq(vocabulary=3, k=2)
    assert proof.proved
    assert len(proof.cells) == 2**3 - 1
    # the other side of the condition is outside of the claim
    assert len(proof.outside) >= 6
    for cell in proof.cells:
        values = proof.ring.values_at(cell.witness)
        rho = 1 + values["s"]
        beta = sum(min(p / rho, q) for p, q in zip(values["p"], values["q"], strict=True))
        assert 1 - (1 - beta) ** 2 <= rho * beta


def test_a_chain_is_proved_for_distributions_that_depend_on_the_context():
    proof = prove_joint(TopDown(Maximal()), branching=[one], vocabulary=3)
    assert proof.proved
    assert {simplex.name for simplex in proof.claim.simplices} == {"p", "p|1", "p|2", "p|3", "q"}
    assert sorted(proof.claim.expected(proof.ring.values_at(proof.cells[0].witness))) == [
        (a, b) for a in range(3) for b in range(3)
    ]


@pytest.mark.parametrize(
    ("walk", "branching", "vocabulary", "cells"),
    [
        (Block(), [one, one], 2, 12),
        (Traversal(), [two], 3, 12),
        (Traversal(), [two_different], 3, 9),
        (Traversal(), [one, two], 2, 20),
        (SurvivingPrefixes(Recursive()), [two, one], 2, 8),
    ],
)
def test_walks_are_proved(walk, branching, vocabulary, cells):
    proof = prove_joint(walk, branching=branching, vocabulary=vocabulary)
    assert proof.proved, str(proof)
    assert len(proof.cells) == cells


@pytest.mark.parametrize("memory", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_several_rounds_of_a_rule_that_changes_the_next_target(memory):
    proof = prove_joint(GreedyBlock(), branching=[one, one], vocabulary=2, rounds=2, length=3, memory=memory)
    assert proof.proved
    assert len(proof.claim.simplices) == (6 if memory else 2)
    # signs here follow from others that follow in turn
    assert proof.verify(most=20, borders=5).identities > 0


def test_merged_proofs_have_fewer_cells():
    flat = prove_joint(Block(), branching=[one, one], vocabulary=2)
    merged = prove_joint(Block(), branching=[one, one], vocabulary=2, effort=Effort(merge=True))
    assert merged.proved
    assert len(merged.cells) < len(flat.cells)
    assert merged.verify().identities == 0


@pytest.mark.parametrize(
    "name", ["canonical, priority order", "canonical, uniform slot", "SpecHub", "greedy drafts"]
)
def test_registered_schemes_are_proved_by_name(name):
    proof = prove_scheme(rule(name).build(), depth=1, vocabulary=3, length=1, name=name)
    assert proof.proved
    assert name in str(proof)


def test_contexts_beyond_the_claim_are_an_error_and_no_refutation():
    with pytest.raises(UnknownContext, match="larger depth, or with a memory"):
        prove_scheme(rule("block verification").build(length=2), depth=1, vocabulary=2)


def test_a_proof_is_the_same_the_second_time():
    first, second = (prove(coupling=Recursive(), law=two_different, vocabulary=3) for _ in range(2))
    assert [str(cell) for cell in first.cells] == [str(cell) for cell in second.cells]
    assert [cell.witness for cell in first.cells] == [cell.witness for cell in second.cells]


def test_programs_may_use_constants_that_are_exact():
    class Half:
        """A fair coin between two lossless rules is lossless."""

        def resolve(self, *, p, drafts, law, chance, level=0):
            which = Maximal() if chance.flip(F(1, 2), stream="which") else SampleAndMatch()
            return which.resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)

    assert prove(coupling=Half(), law=one, vocabulary=3).proved


# the sizes that the documentation lists ----------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("vocabulary", [5, 6])
def test_the_maximal_coupling_of_larger_vocabularies(vocabulary):
    proof = prove(coupling=Maximal(), law=one, vocabulary=vocabulary)
    assert len(proof.cells) == 2**vocabulary - 2
    assert proof.verify(most=20).identities >= 10


@pytest.mark.slow
@pytest.mark.parametrize("law", [two, two_different, lambda q: WithoutReplacement(q, 3)])
def test_recursive_rejection_with_four_tokens(law):
    proof = prove(coupling=Recursive(), law=law, vocabulary=4)
    assert proof.proved
    assert proof.verify(most=20).witnesses >= 10


@pytest.mark.slow
def test_k_seq_with_three_drafts_of_four_tokens():
    assert prove_k_seq(vocabulary=4, k=3).proved


@pytest.mark.slow
def test_block_verification_of_two_tokens_of_three():
    proof = prove_joint(Block(), branching=[one, one], vocabulary=3)
    assert proof.proved
    assert len(proof.cells) == 1638
    assert proof.verify(most=10).witnesses >= 10


@pytest.mark.slow
def test_block_verification_of_three_tokens_of_two():
    proof = prove_joint(Block(), branching=[one, one, one], vocabulary=2)
    assert len(proof.cells) == 504
