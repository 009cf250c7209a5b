"""Two levels of speculation: the submitted chain has the middle model's law, and streams stay apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, models
from theory.chance import Enumerated, Sampled
from theory.couplings import Recursive
from theory.laws import Iid
from theory.lossy import GreedyMatch
from theory.proof import target_law
from theory.rules import blurred
from theory.tree import DraftTree
from theory.walks import Block, GreedyBlock, Labelled, MiddleChain, Scheme, TopDown, Traversal, named

INNER = {"token": named.token_level(1), "block": named.block(2), "star": named.specinfer((2,))}


@pytest.mark.parametrize("inner", INNER)
def test_the_chain_has_the_middle_models_law(inner):
    _, middle = models(1, kind="zeros")
    grow = MiddleChain(INNER[inner], 2, blurred)
    law = Enumerated().law(lambda chance: grow(draft=middle, chance=chance).tokens[1:])
    assert law == target_law(target=middle, length=2)


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize(
    "walk", [TopDown(Recursive()), Block(), Traversal()], ids=["top-down", "block", "traversal"]
)
def test_lossless(inner, walk):
    scheme = named.two_level(1 if inner == "star" else 2, inner=INNER[inner], small=blurred, walk=walk)
    assert_rounds(scheme, *models(2, kind="zeros"), rounds=1, length=3)


def test_two_rounds():
    scheme = named.two_level(1, inner=named.token_level(1), small=blurred)
    assert_rounds(scheme, *models(1, kind="zeros"), rounds=2, length=3)


def test_three_levels():
    inner = named.two_level(1, inner=named.token_level(1), small=blurred)
    assert_rounds(named.two_level(1, inner=inner, small=blurred), *models(1), rounds=1, length=2)


def test_greedy_block_inside():
    """The inner level may carry its own changed target from round to round."""
    scheme = named.two_level(2, inner=named.greedy_block(2), small=blurred)
    assert_rounds(scheme, *models(3), rounds=1, length=3)


def test_no_stream_is_shared_between_the_levels():
    target, draft = models(1)
    scheme = named.two_level(2, inner=named.token_level(1), small=blurred)

    def program(chance):
        tree = scheme.grow(draft=draft, chance=chance)
        return scheme.walk.verify(tree=tree, target=target, chance=chance)

    for path in Enumerated().paths(program):
        inner = [stream.startswith("middle/") for stream, _, _ in path.choices]
        # all questions of the inner level come first, the target's after them
        assert inner == sorted(inner, reverse=True)
        assert not all(inner)


def test_labels_rename_draws_and_flips():
    asked = Labelled(Sampled(np.random.default_rng(0)), "inner")
    assert asked.flip(1, stream="x") is True
    assert asked.draw([0.0, 1.0], stream="y") == 1


@pytest.mark.parametrize("walk", [TopDown(Recursive()), Block()], ids=["top-down", "block"])
@pytest.mark.parametrize("inner", ["token", "block"])
def test_the_surplus_of_the_last_inner_round_may_be_submitted(inner, walk):
    """Chains of two or three tokens; how long depends on the tokens, yet each has the middle model's law."""
    scheme = named.two_level(1, inner=INNER[inner], small=blurred, walk=walk, surplus=True)
    lengths = Enumerated().law(lambda chance: scheme.grow(draft=models(3)[1], chance=chance).size)
    assert len(lengths) > 1
    assert_rounds(scheme, *models(3), rounds=1, length=max(lengths) + 1)


@dataclass(frozen=True)
class OpenBlock:
    """Greedy block verification that hides that it carries a target."""

    lossless = True

    def verify(self, *, tree, target, chance):
        return GreedyBlock().verify(tree=tree, target=target, chance=chance)


class TestNegativeControls:
    def test_the_surplus_of_an_open_block_is_refuted(self):
        inner = Scheme(named.greedy_block(3).grow, OpenBlock())
        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_on_tables(named.two_level(1, inner=inner, small=blurred, surplus=True), length=4)

    def test_the_surplus_of_an_open_block_is_refused(self):
        with pytest.raises(ValueError, match="GreedyBlock leaves an open block, so its surplus is biased"):
            MiddleChain(named.greedy_block(2), 1, blurred, surplus=True)

    def test_a_wrong_middle_law_is_refuted(self):
        """The chain is recorded as drawn from the small model, though it has the middle model's law."""

        class Mislabelled:
            def __call__(self, *, draft, chance):
                tree = MiddleChain(named.token_level(1), 2, blurred)(draft=draft, chance=chance)
                laws = [Iid(blurred(draft)(tree.prefix(node)), 1) for node in range(2)]
                return DraftTree.chain(tree.tokens[1:], laws=laws)

        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_on_tables(Scheme(Mislabelled(), TopDown(Recursive())), length=3)

    def test_a_lossy_inner_scheme_is_refused(self):
        lossy = named.paths(1, 1, TopDown(GreedyMatch()))
        with pytest.raises(ValueError, match="the inner scheme is lossy"):
            MiddleChain(lossy, 2, blurred)

    def test_a_chain_needs_a_token(self):
        with pytest.raises(ValueError, match="a chain needs at least 1 token, got length 0"):
            MiddleChain(named.token_level(1), 0, blurred)
