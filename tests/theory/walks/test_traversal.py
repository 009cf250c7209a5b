"""Traversal verification: trees of any law, against recursion, block verification and the linear program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from tests.theory.strategies import F, fractions
from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, best_expected_length, models
from theory.chance import Enumerated
from theory.couplings import Recursive
from theory.laws import Iid, Point, TopKPlusSample, WithoutReplacement
from theory.simplex import residual
from theory.tree import DraftTree
from theory.walks import Levels, Scheme, TopDown, Traversal, Verified, expected_length, named
from theory.walks.growers import FixedShape

KINDS = ("positive", "zeros", "twisted")
LAWS = {"iid": named.iid, "without replacement": named.without_replacement, "point": named.top}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", LAWS)
class TestTwoThenOne:
    def test_lossless(self, law, kind):
        assert_rounds(named.traversal((2, 1), LAWS[law]), *models(5, kind=kind), rounds=1, length=3)

    def test_between_top_down_and_the_linear_program(self, law, kind):
        target, draft = models(5, kind=kind)
        scheme = named.traversal((2, 1), LAWS[law])
        length = expected_length(scheme=scheme, target=target, draft=draft)
        top_down = Scheme(scheme.grow, TopDown(Recursive()))
        assert length >= expected_length(scheme=top_down, target=target, draft=draft)
        assert float(length) <= best_expected_length(scheme, target, draft) + 1e-9


@pytest.mark.parametrize(
    "branching",
    [
        (lambda q: Iid(q, 1), named.without_replacement(2)),
        (named.top(3), lambda q: Iid(q, 1)),
        (lambda q: TopKPlusSample(q, 2), named.top(2)),
        (named.top(2), named.top(2), named.top(1)),
    ],
    ids=["iid, wor", "top, iid", "greedy drafts, top", "three levels"],
)
def test_mixed_laws(branching):
    assert_rounds(Scheme(Levels(branching), Traversal()), *models(3), rounds=1, length=len(branching) + 1)


def test_a_ragged_tree():
    """The first child has a child, the second has none."""
    scheme = Scheme(FixedShape((((),), ()), WithoutReplacement), Traversal())
    assert_rounds(scheme, *models(2), rounds=1, length=3)


def test_two_rounds():
    assert_rounds(named.traversal((2,), named.without_replacement), *models(1), rounds=2, length=3)
    assert_rounds(named.traversal((2, 2), named.top), *models(1), rounds=2, length=4)


@pytest.mark.slow
@pytest.mark.parametrize("law", [named.iid, named.without_replacement], ids=["iid", "without replacement"])
def test_full_binary_trees(law):
    assert_rounds(named.traversal((2, 2), law), *models(1, kind="zeros"), rounds=1, length=3)
    assert_rounds(named.traversal((1, 2), law), *models(2, kind="twisted"), rounds=2, length=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 25))
@pytest.mark.parametrize("law", [named.iid, named.without_replacement], ids=["iid", "without replacement"])
def test_never_shorter_than_top_down_on_more_tables(law, seed):
    for kind in KINDS:
        target, draft = models(seed, kind=kind)
        scheme = named.traversal((2, 1), law)
        top_down = Scheme(scheme.grow, TopDown(Recursive()))
        length = expected_length(scheme=scheme, target=target, draft=draft)
        assert length >= expected_length(scheme=top_down, target=target, draft=draft)


@pytest.mark.parametrize("law", LAWS)
def test_a_star_is_recursive_rejection(law):
    """The same joint law of token and acceptance for every drafted star."""
    target, draft = models(1, kind="zeros")
    grow = Levels((LAWS[law](2),))
    trees = Enumerated().law(lambda chance: grow(draft=draft, chance=chance).tokens[1:])
    for drafts in trees:
        tree = DraftTree.star(drafts, law=LAWS[law](2)(draft(())))
        assert summary(Traversal(), tree, target) == summary(TopDown(Recursive()), tree, target)


def summary(walk, tree, target):
    """First token and number of accepted drafts; a bonus after an accepted draft is left out."""
    law = Counter()
    for path in Enumerated().paths(lambda chance: walk.verify(tree=tree, target=target, chance=chance)):
        law[path.outcome.tokens[0], path.outcome.accepted_length] += path.weight
    return law


def test_a_refused_child_leaves_its_budget_to_the_next():
    """Point masses: p = (1/2, 1/2, 0), children 0 and 1 without children: one of them is always accepted."""
    target = {(): fractions([1, 1, 0])}
    tree = DraftTree.star((0, 1), law=Point([0, 1]))
    law = summary(Traversal(), tree, lambda s: target.get(s, fractions([1, 1, 1])))
    assert law == {(0, 1): F(1, 2), (1, 1): F(1, 2)}


def test_what_a_round_says():
    target, draft = models(5)
    scheme = named.traversal((2, 1))

    def program(chance):
        tree = scheme.grow(draft=draft, chance=chance)
        return tree, scheme.walk.verify(tree=tree, target=target, chance=chance)

    for path in Enumerated().paths(program):
        tree, verified = path.outcome
        node = verified.path[-1] if verified.path else 0
        assert verified.path == tree.path(node)
        assert verified.tokens[:-1] == tree.prefix(node)
        assert verified.bonus == (not tree.children(node))


@dataclass(frozen=True)
class Spoiled:
    """Traversal with one thing wrong."""

    mistake: str
    lossless = True

    def verify(self, *, tree, target, chance):
        found = self._below(tree, target, chance, 0, F(1))
        if found is None:
            found = Verified((chance.draw(target(()), stream="forgotten"),), (), bonus=False)
        return found

    def _below(self, tree, target, chance, node, budget):
        left = target(tree.prefix(node))
        children = tree.children(node)
        drafts = tuple(tree.tokens[child] for child in children)
        for rank, (child, token) in enumerate(zip(children, drafts, strict=True)):
            q = tree.laws[node].conditional(() if self.mistake == "with replacement" else drafts[:rank])
            ratio = left[token] / q[token] * (1 if self.mistake == "budget dropped" else budget)
            found = self._below(tree, target, chance, child, min(F(1), ratio))
            if found is not None:
                return found
            scale = 1 if self.mistake == "unscaled residual" else budget
            owed = residual(scale * left, q)
            surplus = owed.sum()
            if self.mistake != "budget kept":
                budget = F(1) if budget == 1 else surplus / (surplus + 1 - budget)
            left = owed / surplus if surplus > 0 else left
        if not chance.flip(budget, stream="accept"):
            return None
        return Verified((*tree.prefix(node), chance.draw(left, stream="last")), tree.path(node), not children)


class TestNegativeControls:
    @pytest.mark.parametrize("mistake", ["unscaled residual", "budget dropped", "budget kept"])
    def test_mistakes_are_refuted(self, mistake):
        scheme = Scheme(named.traversal((1, 2)).grow, Spoiled(mistake))
        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_on_tables(scheme, length=3)

    def test_accounting_as_if_with_replacement_is_refuted(self):
        scheme = Scheme(named.traversal((2,), named.without_replacement).grow, Spoiled("with replacement"))
        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_on_tables(scheme, length=2)

    def test_the_frame_without_a_mistake_is_sound(self):
        assert_on_tables(Scheme(named.traversal((1, 2)).grow, Spoiled("none")), length=3)
