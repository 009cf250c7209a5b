"""Foresight block verification: exactly lossless, and longer than level-by-level selection."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from tests.theory.strategies import F, fractions
from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, models
from theory.bounds import optimal_acceptance
from theory.chance import Enumerated, Sampled
from theory.couplings.selections import PooledClip
from theory.laws import Iid
from theory.multistep import foresight_length, path_levels, pooled_ways, selected_length, traversal_length
from theory.tree import DraftTree
from theory.walks import Foresight, UnsupportedTree, Verified, expected_length, named
from theory.walks.foresight import _interval, _least, _paths
from theory.walks.scores import NodePlan, ScoreLaw


def narrow(draft):
    """The draft without one token, which depends on the context."""

    def row(prefix):
        out = draft(prefix).copy()
        out[len(prefix) % 3] = F(0)
        return out / out.sum() if out.sum() else fractions([0, 0, 1])

    return row


def test_lossless():
    assert_rounds(named.paths(2, 2, Foresight()), *models(2, kind="twisted"), rounds=1, length=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3, 4])
@pytest.mark.parametrize("kind", ["positive", "zeros", "twisted"])
def test_lossless_on_more_tables(seed, kind):
    assert_rounds(named.paths(2, 2, Foresight()), *models(seed, kind=kind), rounds=1, length=3)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "length"), [(3, 2), (2, 3)])
def test_lossless_with_more_paths_or_levels(count, length):
    target, draft = models(2, kind="zeros")
    assert_rounds(named.paths(count, length, Foresight()), target, narrow(draft), rounds=1, length=length + 1)


def test_two_rounds_of_a_star():
    assert_rounds(named.paths(2, 1, Foresight()), *models(1, kind="zeros"), rounds=2, length=3)


def test_one_path_is_block_verification():
    for seed in (1, 2):
        target, draft = models(seed, kind="twisted")
        block = expected_length(scheme=named.block(3), target=target, draft=draft)
        single = expected_length(scheme=named.paths(1, 3, Foresight()), target=target, draft=draft)
        assert single == block


def test_one_level_is_the_optimum():
    for seed in (1, 2, 3):
        target, draft = models(seed, kind="zeros")
        for count in (2, 3):
            best = optimal_acceptance(p=target(()), law=Iid(draft(()), count)).value
            assert foresight_length(target=target, draft=draft, count=count, length=1) == best


@pytest.mark.parametrize("kind", ["positive", "zeros", "twisted"])
@pytest.mark.parametrize("count", [2, 3])
def test_never_shorter_on_two_levels(kind, count):
    """The theorem of the docs, in fractions, and strictly longer somewhere."""
    longer = 0
    for seed in range(12):
        target, draft = models(seed, kind=kind)
        both = {"target": target, "draft": draft, "count": count, "length": 2}
        found, before = foresight_length(**both), selected_length(**both, ways=pooled_ways)
        assert found >= before
        assert found >= traversal_length(target=target, draft=draft, levels=path_levels(1, 2))
        longer += found > before
    assert longer >= 3


def test_the_picked_path_has_the_law_that_is_verified_against():
    """Selection alone, enumerated: the product of the plans' laws."""
    target, draft = models(2, kind="twisted")
    scheme = named.paths(2, 2, Foresight())

    def picked(chance):
        tree = scheme.grow(draft=draft, chance=chance)
        paths, nodes, cuts = _paths(tree), {}, {}
        scored = [_interval(tree, path, target, chance, nodes, cuts) for path in paths]
        chosen = paths[_least(scored, chance, stream="select/2")]
        law = F(1)
        for depth, node in enumerate(chosen):
            law *= nodes[tree.prefix(node)[:depth]].plan.law[tree.tokens[node]]
        return tree.prefix(chosen[-1]), law

    found = Enumerated().law(picked)
    assert sum(found.values()) == 1
    assert all(mass == stated for (_, stated), mass in found.items())


def test_the_clip_law_of_the_whole_scale_is_the_pooled_clip():
    p, q = fractions([1, 5, 2, 4]), fractions([3, 2, 4, 1])
    for count in (1, 2, 3):
        plan = NodePlan.of(p=p, q=q, scores=ScoreLaw.whole(count))
        assert plan.law.tolist() == PooledClip().law(p=p, law=Iid(q, count)).tolist()
        assert sum(weight for weight, _ in plan.cuts) == 1


def test_score_laws_are_concave_and_nest():
    """A node's law is the mean of what is below its tokens."""
    p, q = fractions([1, 5, 2, 4]), fractions([3, 2, 4, 1])
    plan = NodePlan.of(p=p, q=q, scores=ScoreLaw.whole(3))
    for token in range(4):
        below = plan.below(token)
        assert below.slope(F(1), F(0)) == plan.law[token] / q[token]
        grid = [below(F(i, 7)) for i in range(8)]
        steps = [b - a for a, b in pairwise(grid)]
        assert (grid[0], grid[-1]) == (0, 1)
        assert all(a >= b for a, b in pairwise(steps))


@dataclass(frozen=True)
class Overrated(Foresight):
    """Verifies the picked path as if the draw inside of a pool were fair: the law is another one."""

    def verify(self, *, tree, target, chance):
        drafts = tree.children(0)
        slot = max(range(len(drafts)), key=lambda i: tree.tokens[tree.children(drafts[i])[0]])
        single = DraftTree.chain(
            tree.prefix(tree.children(drafts[slot])[0]),
            laws=[Iid(tree.laws[0].q, 1), tree.laws[drafts[slot]]],
        )
        return Foresight().verify(tree=single, target=target, chance=chance)


def test_looking_ahead_without_accounting_is_refuted():
    with pytest.raises(AssertionError, match="the joint law is not the target's"):
        assert_on_tables(named.paths(2, 2, Overrated()), length=3)


def test_floats_and_no_drafts():
    chance = Sampled(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    rows = {}

    def row(kind):
        return lambda prefix: rows.setdefault((kind, prefix), rng.dirichlet([0.3] * 50))

    scheme = named.paths(4, 3, Foresight())
    for _ in range(20):
        tree = scheme.grow(draft=row("q"), chance=chance)
        found = scheme.walk.verify(tree=tree, target=row("p"), chance=chance)
        assert found.tokens[:-1] == tree.prefix(found.path[-1] if found.path else 0)
    assert Foresight().verify(
        tree=DraftTree.empty(), target=lambda s: np.array([0.0, 1.0]), chance=chance
    ) == Verified((1,), (), bonus=True)


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        (named.full_tree((2, 2), named.iid, Foresight()), "branches below the root"),
        (named.full_tree((2, 1), named.without_replacement, Foresight()), "are of WithoutReplacement"),
    ],
)
def test_other_trees_are_refused(scheme, message):
    target, draft = models(1)
    tree = scheme.grow(draft=draft, chance=Sampled(np.random.default_rng(0)))
    with pytest.raises(UnsupportedTree, match=message):
        scheme.walk.verify(tree=tree, target=target, chance=Sampled(np.random.default_rng(0)))
