"""Greedy block verification: longest round, and a changed target for the next ones."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.theory.walks.rounds_audit import assert_rounds, best_expected_length, models
from theory.chance import Enumerated
from theory.laws import Iid
from theory.proof import target_law
from theory.tree import DraftTree
from theory.walks import (
    CarryingWalk,
    GreedyBlock,
    Scheme,
    TopDown,
    Traversal,
    emitted,
    expected_length,
    law_of_rounds,
    named,
)

KINDS = ("positive", "zeros", "twisted")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
class TestGammaTwo:
    @pytest.mark.parametrize("rounds", [1, 2, 3])
    def test_lossless(self, seed, kind, rounds):
        assert_rounds(named.greedy_block(2), *models(seed, kind=kind), rounds=rounds, length=4)

    def test_expected_length_is_the_shared_mass_of_all_prefixes(self, seed, kind):
        target, draft = models(seed, kind=kind)
        shared = sum(
            min(mass, target_law(target=draft, length=length).get(tokens, 0))
            for length in (1, 2)
            for tokens, mass in target_law(target=target, length=length).items()
        )
        greedy = expected_length(scheme=named.greedy_block(2), target=target, draft=draft)
        assert greedy == shared
        assert greedy >= expected_length(scheme=named.block(2), target=target, draft=draft)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_gamma_three(kind, rounds):
    """Two corrections inside one block: the changed target is changed once more."""
    assert_rounds(named.greedy_block(3), *models(1, kind=kind), rounds=rounds, length=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("kind", KINDS)
def test_gamma_three_on_more_tables(kind, seed):
    for rounds in (1, 2, 3, 4):
        assert_rounds(named.greedy_block(3), *models(seed, kind=kind), rounds=rounds, length=5)


def test_it_exceeds_what_rules_that_keep_each_round_can_reach():
    target, draft = models(1)
    scheme = named.greedy_block(2)
    greedy = expected_length(scheme=scheme, target=target, draft=draft)
    assert float(greedy) > best_expected_length(scheme, target, draft) + 0.01


def test_the_program_of_several_rounds_has_the_law_that_is_computed():
    """Replayed in one go, with the carried target."""
    target, draft = models(2)
    law = law_of_rounds(scheme=named.greedy_block(2), target=target, draft=draft, rounds=2, length=3)
    program = Enumerated().law(
        lambda chance: emitted(
            scheme=named.greedy_block(2), target=target, draft=draft, rounds=2, length=3, chance=chance
        )
    )
    assert program == law == target_law(target=target, length=3)


class TestFollowing:
    def test_a_bonus_leaves_the_target_as_it_is(self):
        target, draft = models(1)
        after = GreedyBlock().following(depth=2, target=target, draft=draft, emitted=(0, 1, 2))
        assert after((1,)).tolist() == target((0, 1, 2, 1)).tolist()

    def test_the_target_is_changed_up_to_the_end_of_the_block_only(self):
        target, draft = models(1)
        token = next(x for x in range(3) if target(())[x] > draft(())[x])
        after = GreedyBlock().following(depth=2, target=target, draft=draft, emitted=(token,))
        joint = [
            target(())[token] * p - draft(())[token] * q
            for p, q in zip(target((token,)), draft((token,)), strict=True)
        ]
        owed = [max(mass, 0) for mass in joint]
        assert after(()).tolist() == [mass / sum(owed) for mass in owed]
        assert after((2,)).tolist() == target((token, 2)).tolist()

    def test_which_walks_carry(self):
        assert isinstance(GreedyBlock(), CarryingWalk)
        assert not isinstance(Traversal(), CarryingWalk)
        assert not isinstance(TopDown(None), CarryingWalk)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Forgetful:
    """Greedy block verification that goes on with the unchanged target."""

    lossless = True

    def verify(self, *, tree, target, chance):
        return GreedyBlock().verify(tree=tree, target=target, chance=chance)


class TestNegativeControls:
    def test_the_unchanged_target_is_refuted(self):
        """Already after one round, since the completion is part of the text; gamma 2, three tokens."""
        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_rounds(Scheme(named.greedy_block(2).grow, Forgetful()), *models(1), rounds=1, length=2)

    def test_one_drafted_token_hides_it(self):
        """With one draft there is no block to keep open."""
        assert_rounds(Scheme(named.greedy_block(1).grow, Forgetful()), *models(1), rounds=2, length=3)

    def test_forgetting_after_the_second_correction_only(self):
        """Gamma 3: the first carried target is right, the second one is dropped. Needs two rounds to show."""

        @dataclass(frozen=True)
        class OnceOnly(Forgetful):
            def following(self, *, depth, target, draft, emitted):
                right = GreedyBlock().following(depth=depth, target=target, draft=draft, emitted=emitted)
                if getattr(target, "carried", False):
                    return lambda tokens: target((*emitted, *tokens))

                def carried(tokens):
                    return right(tokens)

                carried.carried = True
                return carried

        scheme = Scheme(named.greedy_block(3).grow, OnceOnly())
        target, draft = models(1)
        assert_rounds(scheme, target, draft, rounds=1, length=4)
        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_rounds(scheme, target, draft, rounds=2, length=4)


def test_trees_are_refused():
    tree = DraftTree.star((0, 1), law=Iid(models(1)[1](()), 2))
    with pytest.raises(ValueError, match="GreedyBlock verifies chains, but node 0 has 2 children"):
        GreedyBlock().verify(tree=tree, target=models(1)[0], chance=None)  # type: ignore[arg-type]
