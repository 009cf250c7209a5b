"""Block verification: its derivation step by step, its optimality, and the ways to get it wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from tests.theory.audit import assert_frequencies
from tests.theory.strategies import F, floats, fractions
from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, best_expected_length, models
from theory.chance import Enumerated, Sampled
from theory.couplings import Maximal
from theory.laws import Iid, Point
from theory.proof import target_law
from theory.simplex import residual
from theory.tree import DraftTree
from theory.walks import (
    Block,
    TopDown,
    Traversal,
    UnsupportedTree,
    Verified,
    emitted,
    expected_length,
    named,
)
from theory.walks.base import keep_probability

SEEDS = (1, 2, 3, 4)
KINDS = ("positive", "zeros", "twisted")


def verdicts(walk, tree, target):
    """Exact law of what a walk says about one drafted tree."""
    return Enumerated().law(lambda chance: walk.verify(tree=tree, target=target, chance=chance))


def chain(tokens, draft):
    return DraftTree.chain(tokens, laws=[Iid(draft(tokens[:depth]), 1) for depth in range(len(tokens))])


def possible(draft, length):
    return target_law(target=draft, length=length)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
class TestOneRound:
    def test_lossless(self, seed, kind):
        assert_rounds(named.block(2), *models(seed, kind=kind), rounds=1, length=3)

    def test_never_shorter_than_token_level(self, seed, kind):
        target, draft = models(seed, kind=kind)
        token = expected_length(scheme=named.token_level(2), target=target, draft=draft)
        assert expected_length(scheme=named.block(2), target=target, draft=draft) >= token

    def test_optimal_for_one_path(self, seed, kind):
        """Equal to the linear program that may use all it knows; token level is below it."""
        target, draft = models(seed, kind=kind)
        scheme = named.block(2)
        best = best_expected_length(scheme, target, draft)
        assert float(expected_length(scheme=scheme, target=target, draft=draft)) == pytest.approx(
            best, abs=1e-9
        )
        assert float(expected_length(scheme=named.token_level(2), target=target, draft=draft)) <= best + 1e-9

    def test_the_coins_are_those_of_the_paper(self, seed, kind):
        """Lengths from the paper's h_i, multiplied out by hand; budgets as capped joint ratios."""
        target, draft = models(seed, kind=kind)
        for tokens in possible(draft, 2):
            by_hand, missed = Counter(), F(1)
            for depth in (2, 1, 0):
                w = capped_ratio(tokens[:depth], target, draft)
                surplus = residual(w * target(tokens[:depth]), draft(tokens[:depth])).sum()
                h = w if depth == 2 else (F(1) if w == 1 else surplus / (surplus + 1 - w))
                by_hand[depth] = missed * h
                missed = missed * (1 - h)
            assert missed == 0
            law = Counter()
            for verified, weight in verdicts(Block(), chain(tokens, draft), target).items():
                law[verified.accepted_length] += weight
            assert {k: v for k, v in law.items() if v} == {k: v for k, v in by_hand.items() if v}

    def test_traversal_of_a_chain_is_block_verification(self, seed, kind):
        target, draft = models(seed, kind=kind)
        for tokens in possible(draft, 2):
            tree = chain(tokens, draft)
            assert verdicts(Traversal(), tree, target) == verdicts(Block(), tree, target)


def capped_ratio(tokens, target, draft):
    """R_i / max(1, max R_j): the budget by another road than the recursion."""
    ratios = [F(1)]
    for depth, token in enumerate(tokens):
        ratios.append(ratios[-1] * target(tokens[:depth])[token] / draft(tokens[:depth])[token])
    return ratios[-1] / max(ratios)


@pytest.mark.parametrize("seed", [1, 2])
def test_longer_blocks(seed):
    target, draft = models(seed, kind="zeros")
    assert_rounds(named.block(3), target, draft, rounds=1, length=4)
    token = expected_length(scheme=named.token_level(3), target=target, draft=draft)
    assert expected_length(scheme=named.block(3), target=target, draft=draft) >= token


def test_two_and_three_rounds():
    assert_rounds(named.block(2), *models(1, kind="zeros"), rounds=2, length=5)
    assert_rounds(named.block(2), *models(2, kind="twisted"), rounds=3, length=5)


def test_the_example_of_the_paper():
    """Two tokens, p = (1/3, 2/3), q = (2/3, 1/3), two drafts: 11/9 tokens against 10/9, optimum 11/9."""
    p, q = fractions([1, 2]), fractions([2, 1])
    models_ = {"target": lambda prefix: p, "draft": lambda prefix: q}
    assert expected_length(scheme=named.token_level(2), **models_) == F(10, 9)
    assert expected_length(scheme=named.block(2), **models_) == F(11, 9)
    assert expected_length(scheme=named.greedy_block(2), **models_) == F(12, 9)


def test_a_later_success_overrules_an_earlier_failure():
    """The first draft alone is rejected with probability 1/2, the pair never: the block keeps both."""
    target = {(): fractions([1, 1, 2]), (0,): fractions([1, 0, 0])}
    draft = {(): fractions([2, 1, 1]), (0,): fractions([1, 1, 0])}
    tree = chain((0, 0), draft.__getitem__)
    law = Counter()
    for verified, weight in verdicts(Block(), tree, lambda s: target.get(s, fractions([1, 1, 1]))).items():
        law[verified.accepted_length] += weight
    # p(0) / q(0) = 1/2, p(00) / q(00) = 1
    assert {length: weight for length, weight in law.items() if weight} == {2: F(1)}


def test_equal_models_accept_everything():
    """The 0/0 of h_i: p = q, budgets one, surplus zero. Never reached, and one if it were."""
    _, draft = models(1)
    assert expected_length(scheme=named.block(3), target=draft, draft=draft) == 3
    assert keep_probability(F(0), F(1)) == keep_probability(0.0, 1) == 1
    assert keep_probability(F(0), F(1, 2)) == 0


def test_empty_trees_and_point_masses():
    target, _ = models(1)
    law = verdicts(Block(), DraftTree.empty(), target)
    assert {verified.tokens: weight for verified, weight in law.items()} == target_law(
        target=target, length=1
    )
    tree = DraftTree.chain((1, 2), laws=[Point([1]), Point([2])])
    law = verdicts(Block(), tree, target)
    assert (
        sum(weight for verified, weight in law.items() if verified.bonus) == target(())[1] * target((1,))[2]
    )


def test_trees_are_refused():
    tree = DraftTree.star((0, 1), law=Point([0, 1]))
    with pytest.raises(
        UnsupportedTree, match="Block verifies chains, but node 0 has 2 children; use Traversal"
    ):
        Block().verify(tree=tree, target=models(1)[0], chance=Sampled(np.random.default_rng(0)))


def test_sampled_in_floats():
    """False alarm 1e-9; 6,000 rounds resolve a cell of 1/27 to about 0.024."""
    target, draft = models(1)
    chance, counts = Sampled(np.random.default_rng(1)), Counter()
    rounded = {"target": lambda s: floats(target(s)), "draft": lambda s: floats(draft(s))}
    for _ in range(6000):
        counts[emitted(scheme=named.block(2), rounds=1, length=3, chance=chance, **rounded)] += 1
    expected = target_law(target=target, length=3)
    assert_frequencies(counts, expected)
    wrong = target_law(target=draft, length=3)
    with pytest.raises(AssertionError):
        assert_frequencies(counts, wrong)


@dataclass(frozen=True)
class Spoiled:
    """Block verification with one thing wrong."""

    mistake: str
    lossless = True

    def verify(self, *, tree, target, chance):
        tokens = tree.tokens[1:]
        q = [tree.laws[node].conditional(()) for node in range(len(tokens))]
        p = [target(tokens[:depth]) for depth in range(len(tokens) + 1)]
        w = [F(1)]
        for depth, token in enumerate(tokens):
            ratio = w[-1] * p[depth][token] / q[depth][token]
            w.append(ratio if self.mistake == "uncapped" else min(F(1), ratio))
        keeps = [self._keep(w, p, q, depth) for depth in range(len(tokens) + 1)]
        if self.mistake == "first failure":
            length = 0
            while length < len(tokens) and chance.flip(keeps[length + 1], stream="accept"):
                length += 1
        else:
            length = next(
                d for d in reversed(range(len(tokens) + 1)) if chance.flip(keeps[d], stream=f"a{d}")
            )
        return self._ended(tokens, length, w, p, q, chance)

    def _keep(self, w, p, q, depth):
        if depth == 0:
            return F(1)
        if depth == len(q):
            return min(F(1), w[depth])
        surplus = residual(w[depth] * p[depth], q[depth]).sum()
        if self.mistake == "wrong h":
            surplus = residual(p[depth], q[depth]).sum()
        slack = 1 - w[depth]
        if self.mistake == "h is the budget":
            return w[depth]
        return F(1) if slack <= 0 else surplus / (surplus + slack)

    def _ended(self, tokens, length, w, p, q, chance):
        if length == len(tokens):
            token = chance.draw(p[length], stream="bonus")
        else:
            scale = F(1) if self.mistake == "unscaled residual" else w[length]
            left = residual(scale * p[length], q[length])
            token = chance.draw(left if left.sum() > 0 else p[length], stream="residual")
        return Verified((*tokens[:length], token), tuple(range(1, length + 1)), length == len(tokens))


def spoiled_scheme(mistake, length=2):
    return named.paths(1, length, Spoiled(mistake))


class TestNegativeControls:
    @pytest.mark.parametrize(
        ("mistake", "length"),
        [
            ("first failure", 2),
            ("wrong h", 2),
            ("h is the budget", 2),
            ("unscaled residual", 2),
            ("uncapped", 2),
            ("uncapped", 3),
        ],
    )
    def test_mistakes_are_refuted(self, mistake, length):
        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_on_tables(spoiled_scheme(mistake, length), length=length + 1)

    def test_the_frame_without_a_mistake_is_sound(self):
        assert_on_tables(spoiled_scheme("none"), length=3)
        assert_on_tables(spoiled_scheme("none", 3), length=4, kind="zeros")

    def test_two_tokens_hide_the_unscaled_residual(self):
        """With a vocabulary of two the residual has one token: the mistake can't be seen there."""
        rows = {(): ([1, 2], [2, 1]), (0,): ([2, 3], [3, 1]), (1,): ([1, 4], [1, 1])}

        def model(side):
            return lambda prefix: fractions(rows.get(prefix, ([1, 1], [1, 1]))[side])

        assert_rounds(spoiled_scheme("unscaled residual"), model(0), model(1), rounds=1, length=3)


def test_token_level_is_top_down_with_single_draft_rejection():
    assert named.token_level(2).walk == TopDown(Maximal())
