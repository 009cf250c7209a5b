"""Negative controls: broken rules are refuted, each with a point that plain enumeration confirms."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.strategies import F
from theory.couplings import Maximal, Recursive
from theory.couplings.base import Resolution, draw_residual, ratio_capped, resolved
from theory.laws import Iid, Point, WithoutReplacement
from theory.proof import output_law
from theory.proof.claim import rule_claim
from theory.proof.counterexample import Counterexample
from theory.proof.symbolic import NotExact
from theory.proof.universal import prove, prove_acceptance, prove_claim, prove_joint
from theory.simplex import residual
from theory.walks import Block, GreedyBlock
from theory.walks.base import keep_probability
from theory.walks.top_down import Verified


def one(q):
    return Iid(q, 1)


class SwappedSides:
    """Accepts with min(1, q / p)."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        (token,), q = drafts, law.conditional(())
        if chance.flip(ratio_capped(q[token], p[token]), stream="accept/0"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)


class ResampleFromTarget:
    """Draws from p after a rejection."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        (token,), q = drafts, law.conditional(())
        if chance.flip(ratio_capped(p[token], q[token]), stream="accept/0"):
            return resolved(token, drafts)
        return resolved(chance.draw(p, stream="residual/0"), drafts)


class DraftNotNormalised:
    """Without replacement, removes the drawn tokens from q but does not normalise what is left."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        left, q = p, law.q.copy()
        for token in drafts:
            if chance.flip(ratio_capped(left[token], q[token]), stream="accept/0"):
                return resolved(token, drafts)
            rest = residual(left, q)
            left = rest / rest.sum()
            q[token] = 0
        return resolved(draw_residual(left, fallback=p, chance=chance, level=level), drafts)


class IndependentTests:
    """Every draft is tested at full acceptance against p."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        q = law.conditional(())
        for token in drafts:
            if chance.flip(ratio_capped(p[token], q[token]), stream="accept/0"):
                return resolved(token, drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)


class GreedyDraftTestedAsSampled:
    """The draft is certain, but the test divides by a softmax probability."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        q = np.array([F(1, 2), F(1, 3), F(1, 6)], dtype=object)
        if chance.flip(ratio_capped(p[drafts[0]], q[drafts[0]]), stream="accept/0"):
            return resolved(drafts[0], drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)


class AlwaysAccepts:
    def resolve(self, *, p, drafts, law, chance, level=0):
        return Resolution(drafts[0], 0)


class UncappedRatio:
    """Asks for a probability above one where p exceeds q."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        (token,), q = drafts, law.conditional(())
        if chance.flip(p[token] / q[token], stream="accept/0"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)


class WrongInACorner:
    """Lossless but where p1 < 1/100 and q1 > 99/100."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        if p[0] < F(1, 100) and law.q[0] > F(99, 100):
            return resolved(drafts[0], drafts)
        return Maximal().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)


BROKEN = [
    (SwappedSides(), one),
    (ResampleFromTarget(), one),
    (DraftNotNormalised(), lambda q: WithoutReplacement(q, 2)),
    (IndependentTests(), lambda q: Iid(q, 2)),
    (GreedyDraftTestedAsSampled(), lambda q: Point([0])),
    (AlwaysAccepts(), one),
    (WrongInACorner(), one),
]


@pytest.mark.parametrize(("coupling", "law"), BROKEN, ids=lambda value: type(value).__name__)
def test_broken_rules_are_refuted_and_enumeration_agrees(coupling, law):
    found = prove(coupling=coupling, law=law, vocabulary=3)
    assert isinstance(found, Counterexample)
    assert not found.proved
    assert found.confirmed()
    # the law, computed by another module of the package
    plain = output_law(coupling=coupling, p=found.p, law=law(found.q))
    assert plain.tolist() != found.p.tolist()
    assert plain.tolist() == [found.found.get(token, 0) for token in range(3)]


@pytest.mark.parametrize(("coupling", "law"), BROKEN[:-1], ids=lambda value: type(value).__name__)
def test_counterexamples_are_short(coupling, law):
    found = prove(coupling=coupling, law=law, vocabulary=3)
    assert max(x.denominator for x in [*found.p, *found.q]) <= 12
    assert "refuted" in str(found)
    assert " not " in str(found)


def test_two_tokens_are_blind_to_a_draft_that_is_not_normalised():
    law = lambda q: WithoutReplacement(q, 2)  # noqa: E731
    assert prove(coupling=DraftNotNormalised(), law=law, vocabulary=2).proved
    assert not prove(coupling=DraftNotNormalised(), law=law, vocabulary=3).proved


def test_a_program_that_fails_is_refuted():
    found = prove(coupling=UncappedRatio(), law=one, vocabulary=3)
    assert found.confirmed()
    assert "the program fails: BadQuestion: flip needs a probability in [0, 1]" in str(found)


def test_a_wrong_acceptance_formula_is_refuted():
    class Optimist(Maximal):
        def acceptance(self, *, p, law):
            return super().acceptance(p=p, law=law) + p[0] * p[0]

    found = prove_acceptance(coupling=Optimist(), law=one, vocabulary=3)
    assert not found.proved
    assert found.confirmed()


class FirstFailureEnds(Block):
    """Block verification that stops at the first coin that fails, counted from the front."""

    def verify(self, *, tree, target, chance):
        rows = [target(tree.prefix(node)) for node in range(len(tree.tokens))]
        laws = [tree.laws[node].conditional(()) for node in range(len(rows) - 1)]
        budget, path = 1, []
        for node, (p, q) in enumerate(zip(rows, laws, strict=False)):
            token = tree.tokens[node + 1]
            following = ratio_capped(budget * p[token], q[token])
            if not chance.flip(following, stream=f"accept/{node}"):
                left = residual(budget * p, q)
                token = draw_residual(left, fallback=p, chance=chance, level=node)
                return Verified((*tree.prefix(node), token), tuple(path), bonus=False)
            budget = following
            path.append(node + 1)
        return Verified(
            (*tree.prefix(len(path)), chance.draw(rows[-1], stream="bonus")), tuple(path), bonus=True
        )


class UnscaledResidual(Block):
    """Block verification that corrects from (p - q)+ instead of (w p - q)+."""

    def verify(self, *, tree, target, chance):
        rows = [target(tree.prefix(node)) for node in range(len(tree.tokens))]
        laws = [tree.laws[node].conditional(()) for node in range(len(rows) - 1)]
        budgets = [1]
        for node, q in enumerate(laws):
            token = tree.tokens[node + 1]
            budgets.append(ratio_capped(budgets[-1] * rows[node][token], q[token]))
        end = len(laws)
        if chance.flip(budgets[end], stream="accept"):
            return Verified((*tree.prefix(end), chance.draw(rows[end], stream="bonus")), (1,), bonus=True)
        while True:
            end -= 1
            surplus = residual(budgets[end] * rows[end], laws[end]).sum()
            if chance.flip(keep_probability(surplus, budgets[end]), stream=f"accept/{end}"):
                wrong = residual(rows[end], laws[end])
                token = draw_residual(wrong, fallback=rows[end], chance=chance, level=end)
                return Verified((*tree.prefix(end), token), (), bonus=False)


def test_a_block_that_stops_at_the_first_failure_is_refuted():
    found = prove_joint(FirstFailureEnds(), branching=[one, one], vocabulary=2)
    assert not found.proved
    assert found.confirmed()


def test_two_tokens_are_blind_to_an_unscaled_residual_of_a_block():
    assert prove_joint(UnscaledResidual(), branching=[one, one], vocabulary=2).proved


@pytest.mark.slow
def test_three_tokens_see_an_unscaled_residual_of_a_block():
    found = prove_joint(UnscaledResidual(), branching=[one, one], vocabulary=3)
    assert found.confirmed()
    assert "the other contexts uniform" in str(found)


def test_a_changed_target_that_is_not_carried_over_is_refuted():
    assert prove_joint(GreedyBlock(), branching=[one, one], vocabulary=2).proved
    found = prove_joint(_Plain(), branching=[one, one], vocabulary=2)
    assert not found.proved
    assert found.confirmed()


class _Plain:
    """Greedy block verification completed with the unchanged target."""

    lossless = False

    def verify(self, *, tree, target, chance):
        return GreedyBlock().verify(tree=tree, target=target, chance=chance)


def test_floats_in_a_program_are_an_error_and_no_refutation():
    class Rounded:
        def resolve(self, *, p, drafts, law, chance, level=0):
            return resolved(0 if chance.flip(0.5 * p[0], stream="x") else 1, drafts)

    with pytest.raises(NotExact, match=r"write a constant such as 0\.5 as Fraction"):
        prove(coupling=Rounded(), law=one, vocabulary=3)


def test_what_symbols_can_not_do_is_an_error_and_no_refutation():
    class TakesRoots:
        def resolve(self, *, p, drafts, law, chance, level=0):
            return resolved(chance.draw(np.sqrt(p), stream="x"), drafts)

    with pytest.raises(NotExact, match="can't run on symbols"):
        prove(coupling=TakesRoots(), law=one, vocabulary=3)


def test_a_claim_that_is_true_at_one_point_may_be_false():
    claim = rule_claim(coupling=AlwaysAccepts(), law=one, vocabulary=3)
    thirds = np.array([F(1, 3)] * 3, dtype=object)
    assert claim.holds_at({"p": thirds, "q": thirds})
    assert not prove_claim(claim).proved


def test_mutating_the_target_does_not_leak_into_the_next_run():
    class Destroys:
        def resolve(self, *, p, drafts, law, chance, level=0):
            found = Recursive().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)
            p[0], p[1] = p[1], p[0]
            return found

    assert prove(coupling=Destroys(), law=one, vocabulary=3).proved
