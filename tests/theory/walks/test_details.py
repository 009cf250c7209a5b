"""Walks: which streams they ask, what rounding leaves, where chains end; small parts by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.couplings.test_streams import Overheard
from tests.theory.strategies import F, floats, fractions
from tests.theory.walks.rounds_audit import models
from theory.chance import Enumerated, Sampled
from theory.couplings import Canonical, Maximal, Recursive
from theory.couplings.selections import UniformSlot
from theory.laws import HubPair, Iid, Point, WithoutReplacement
from theory.lossy import Lenient, TypicalPath
from theory.tree import DraftTree
from theory.walks import (
    Block,
    GreedyBlock,
    Joined,
    Labelled,
    Levels,
    MiddleChain,
    MultiPathBlock,
    Scheme,
    SurvivingPrefixes,
    TopDown,
    Traversal,
    UnsupportedTree,
    Verified,
    emitted,
    law_of_rounds,
    named,
    run_rounds,
    shifted,
)
from theory.walks.base import chain_nodes, keep_probability
from theory.walks.growers import FixedShape, Heaviest
from theory.walks.joined import children_of_all, joined, of_token

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])
ROOT_AND_LEAVES = {
    ("flip", "accept/0"),
    ("flip", "accept/1"),
    ("draw", "residual/0"),
    ("draw", "residual/1"),
    ("draw", "bonus"),
}
CHAIN = ROOT_AND_LEAVES | {("flip", "accept/2")}
WALKS = {
    "token level": (TopDown(Maximal()), (1, 1), ROOT_AND_LEAVES),
    "recursive": (TopDown(Recursive()), (2, 1), ROOT_AND_LEAVES),
    "block": (Block(), (1, 1), CHAIN - {("flip", "accept/0")}),
    "greedy block": (GreedyBlock(), (1, 1), CHAIN - {("flip", "accept/0")}),
    "traversal": (Traversal(), (2, 1), CHAIN - {("flip", "accept/0")}),
    "surviving": (SurvivingPrefixes(Recursive()), (2, 1), ROOT_AND_LEAVES),
    "multi-path block": (
        MultiPathBlock(UniformSlot()),
        (2, 1),
        CHAIN - {("flip", "accept/0")} | {("draw", "select/0"), ("draw", "select/1")},
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_streams(name):
    """Over all trees of two levels and all coins; a coin of the root that can't fail may be asked or not."""
    walk, branching, expected = WALKS[name]
    target, draft = models(1)
    grow = Levels(tuple(lambda q, k=k: Iid(q, k) for k in branching))
    heard: set[tuple[str, str]] = set()

    def program(chance):
        tree = grow(draft=draft, chance=chance)
        return walk.verify(tree=tree, target=target, chance=Overheard(chance, heard))

    total = 0
    for path in Enumerated().paths(program):
        total = total + path.weight
        last, found = path.choices[-1][0], path.outcome
        assert (last == "bonus") == found.bonus
        assert found.accepted_length == 2 or not found.bonus
    assert total == 1
    maybe = {("flip", "accept/0"), ("draw", "select/1")}
    assert heard - maybe == expected - maybe


def test_what_a_walk_says_of_itself():
    assert all(walk.lossless is True for walk, _, _ in WALKS.values())
    assert TypicalPath().lossless is False
    assert TopDown(Lenient()).lossless is False
    assert SurvivingPrefixes(Lenient()).lossless is False


class Tails:
    """A chance whose coins fail until told otherwise; it keeps the weights that it draws from."""

    def __init__(self, *, heads_at=None):
        self.weights, self.heads_at = None, heads_at

    def flip(self, probability, *, stream):
        return stream == self.heads_at

    def draw(self, weights, *, stream):
        self.weights = np.array(weights)
        return int(np.argmax(weights))


@pytest.mark.parametrize("walk", [Block(), GreedyBlock()], ids=["block", "greedy"])
@pytest.mark.parametrize("depth", [0, 1])
def test_where_rounding_leaves_nothing_the_row_of_that_node_is_drawn_from(walk, depth):
    rows = {(): floats([0.5, 0.25, 0.25]), (0,): floats([0.25, 0.5, 0.25]), (0, 1): floats([0, 0, 1])}
    draft = {key: row * (1 + 2.0**-21) for key, row in rows.items()}
    chain = DraftTree.chain((0, 1), laws=[Iid(draft[()], 1), Iid(draft[(0,)], 1)])
    chance = Tails(heads_at=f"accept/{depth}")
    found = walk.verify(tree=chain, target=lambda s: rows[s], chance=chance)
    assert len(found.path) == depth
    assert chance.weights.tolist() == rows[(0, 1)[:depth]].tolist()


@pytest.mark.parametrize(
    "walk", [MultiPathBlock(UniformSlot()), Traversal()], ids=["multi-path block", "traversal"]
)
def test_where_nothing_is_owed_below_a_tree_the_root_row_is_drawn_from(walk):
    """All coins but the root's fail; the draft is a little above the target everywhere."""
    p = floats([0.5, 0.25, 0.25])
    q = floats([0.5 + 2.0**-22, 0.25, 0.25])
    tree = DraftTree((-1, 0), (-1, 0), (Iid(q, 1), None))
    chance = Tails(heads_at="accept/0")
    assert walk.verify(tree=tree, target=lambda s: p, chance=chance).path == ()
    assert (chance.weights / chance.weights.sum()).tolist() == p.tolist()


def test_the_walk_goes_on_below_the_accepted_child():
    tree = DraftTree(
        (-1, 0, 1, 0, 2),
        (-1, 0, 0, 1, 2),
        (Point([0, 1], 3), Point([0], 3), Point([2], 3), None, None),
    )
    rows = {(): fractions([0, 1, 0]), (1,): fractions([0, 0, 1]), (1, 2): fractions([1, 0, 0])}
    chance = Sampled(np.random.default_rng(0))
    for walk in (TopDown(Recursive()), Traversal(), SurvivingPrefixes(Recursive())):
        found = walk.verify(tree=tree, target=lambda s: rows.get(s, P), chance=chance)
        assert found == Verified((1, 2, 0), (2, 4), True)


class TestChains:
    BRANCHING = DraftTree((-1, 0, 1, 2), (-1, 0, 1, 1), (Iid(Q, 1), Iid(Q, 2), None, None))

    @pytest.mark.parametrize("walk", [Block(), GreedyBlock()], ids=["block", "greedy"])
    def test_a_branch_below_the_root_is_refused(self, walk):
        with pytest.raises(UnsupportedTree, match="verifies chains, but node 1 has 2 children"):
            walk.verify(tree=self.BRANCHING, target=lambda s: P, chance=Sampled(np.random.default_rng(0)))

    def test_nodes(self):
        assert chain_nodes(DraftTree.chain((0, 1), laws=[Iid(Q, 1)] * 2), walk="x") == (1, 2)

    def test_keeping(self):
        assert keep_probability(F(1, 4), F(1, 2)) == F(1, 3)
        assert keep_probability(F(0), F(1)) == 1
        assert keep_probability(F(5), F(2)) == 1
        assert keep_probability(F(0), F(1, 2)) == 0

    def test_shifted(self):
        assert shifted(lambda tokens: tokens, (4, 2))((7,)) == (4, 2, 7)


class TestGreedyBlockFollowing:
    def test_where_the_block_is_complete_the_target_is_the_models_own(self):
        target, draft = models(3)
        walk = GreedyBlock()
        for emitted_tokens in ((0, 1), (0, 1, 2)):
            model = walk.following(depth=2, target=target, draft=draft, emitted=emitted_tokens)
            assert model((1,)).tolist() == target((*emitted_tokens, 1)).tolist()
        model = walk.following(depth=3, target=target, draft=draft, emitted=(0,))
        assert model((1, 2)).tolist() == target((0, 1, 2)).tolist()

    def test_the_deficit_by_hand(self):
        target, draft = models(3)
        model = GreedyBlock().following(depth=3, target=target, draft=draft, emitted=(0,))
        for below in ((), (1,)):
            prefix = (0, *below)
            mass_p = np.prod([target(prefix[:d])[x] for d, x in enumerate(prefix)])
            mass_q = np.prod([draft(prefix[:d])[x] for d, x in enumerate(prefix)])
            owed = np.maximum(mass_p * target(prefix) - mass_q * draft(prefix), 0)
            expected = owed / owed.sum() if owed.sum() > 0 else target(prefix)
            assert model(below).tolist() == expected.tolist()

    def test_where_nothing_is_owed_the_target_stays(self):
        same = lambda s: P  # noqa: E731
        model = GreedyBlock().following(depth=2, target=same, draft=same, emitted=(0,))
        assert model(()).tolist() == P.tolist()


class TestRounds:
    SCHEME = Scheme(Levels((lambda q: Iid(q, 1),)), TopDown(Maximal()))

    def test_no_round_starts_once_there_are_enough_tokens(self):
        asked = []

        def target(prefix):
            asked.append(prefix)
            return fractions([0, 1, 0])

        tokens, after = run_rounds(
            scheme=self.SCHEME, target=target, draft=lambda s: fractions([0, 1, 0]), rounds=9, at_least=2,
            chance=Sampled(np.random.default_rng(0)),
        )  # fmt: skip
        assert tokens == (1, 1)
        assert max(len(prefix) for prefix in asked) == 1
        asked.clear()
        after((2,))
        assert asked == [(1, 1, 2)]

    def test_completion(self):
        heard: set[tuple[str, str]] = set()
        target, draft = models(4)
        program = lambda chance: emitted(  # noqa: E731
            scheme=self.SCHEME,
            target=target,
            draft=draft,
            rounds=1,
            length=3,
            chance=Overheard(chance, heard),
        )
        law = Enumerated().law(program)
        assert {len(tokens) for tokens in law} == {3}
        assert ("draw", "completion") in heard
        assert law == law_of_rounds(scheme=self.SCHEME, target=target, draft=draft, rounds=1, length=3)

    @pytest.mark.parametrize(("length", "completions"), [(1, 0), (2, 0), (3, 1), (4, 2)])
    def test_only_what_is_missing_is_completed(self, length, completions):
        """One round emits two tokens for certain, equal ones."""
        certain = lambda s: fractions([0, 1, 0])  # noqa: E731
        program = lambda chance: emitted(  # noqa: E731
            scheme=self.SCHEME, target=certain, draft=certain, rounds=1, length=length, chance=chance
        )
        (path,) = Enumerated().paths(program)
        assert path.outcome == (1,) * length
        assert [stream for stream, _, _ in path.choices].count("completion") == completions

    def test_drafts_are_the_drafts(self):
        """A lossless rule hides whose drafts they are; what is accepted does not."""
        target, draft = (lambda s: fractions([0, 1, 0])), (lambda s: fractions([1, 0, 0]))
        program = lambda chance: emitted(  # noqa: E731
            scheme=self.SCHEME, target=target, draft=draft, rounds=1, length=2, chance=chance
        )
        (path,) = Enumerated().paths(program)
        assert [stream for stream, _, _ in path.choices] == [
            "draft/0",
            "accept/0",
            "residual/0",
            "completion",
        ]

    def test_no_round_is_enumerated_once_there_are_enough_tokens(self):
        def draft(prefix):
            assert len(prefix) < 2
            return fractions([0, 1, 0])

        law = law_of_rounds(
            scheme=self.SCHEME, target=lambda s: fractions([0, 1, 0]), draft=draft, rounds=3, length=2
        )
        assert law == {(1, 1): 1}

    def test_zero_rounds_are_the_target_alone(self):
        target, draft = models(4)
        law = law_of_rounds(scheme=self.SCHEME, target=target, draft=draft, rounds=0, length=1)
        assert law == {(x,): target(())[x] for x in range(3)}

    @pytest.mark.parametrize("length", [1, 2, 3])
    def test_texts_longer_than_asked_are_cut(self, length):
        target, draft = models(5)
        law = law_of_rounds(scheme=named.block(2), target=target, draft=draft, rounds=2, length=length)
        assert {len(tokens) for tokens in law} == {length}
        assert sum(law.values()) == 1


class TestJoined:
    LAW = Joined((Point([1], 3), WithoutReplacement(Q, 2), HubPair(P)))

    def test_counts(self):
        assert self.LAW.k == 5
        assert self.LAW.vocabulary == Joined((Point([1], 3),)).vocabulary == 3
        assert not self.LAW.history_free
        assert Joined((Point([1], 3), Iid(Q, 2))).history_free

    def test_turns(self):
        assert self.LAW.conditional(()).tolist() == [0, 1, 0]
        assert self.LAW.conditional((1,)).tolist() == Q.tolist()
        assert self.LAW.conditional((1, 2)).tolist() == [F(2, 5), F(3, 5), 0]
        assert self.LAW.conditional((1, 2, 0)).tolist() == P.tolist()
        assert self.LAW.conditional((1, 2, 0, 1)).tolist() == [1, 0, 0]
        with pytest.raises(ValueError, match="all 5 drafts are drawn already"):
            self.LAW.conditional((1, 2, 0, 1, 0))

    def test_one_law(self):
        one = Iid(Q, 2)
        assert joined([one]) is one
        both = joined([Iid(Q, 1), Iid(np.array(Q), 2)])
        assert isinstance(both, Iid)
        assert both.k == 3
        assert both.q.tolist() == Q.tolist()
        assert isinstance(joined([Iid(Q, 1), Iid(P, 1)]), Joined)
        assert isinstance(joined([Iid(Q, 1), Point([0], 3)]), Joined)
        assert isinstance(joined([Point([0], 3), Point([0], 3)]), Joined)

    def test_vocabularies(self):
        law = Joined((Point([1]), Point([0]))).over(3)
        assert [part.vocabulary for part in law.parts] == [3, 3]

    def test_children(self):
        tree = DraftTree(
            (-1, 0, 0, 1, 2, 2), (-1, 0, 0, 1, 2, 2), (Iid(Q, 2), Iid(Q, 1), Iid(P, 2), None, None, None)
        )
        nodes, law = children_of_all(tree, (1, 2), over=P)
        assert nodes == (3, 4, 5)
        assert law is not None
        assert law.k == 3
        assert children_of_all(tree, (3, 4), over=P) == ((), None)
        nodes, law = children_of_all(tree, (2, 3), over=P)
        assert nodes == (4, 5)
        assert law is not None
        assert law.conditional(()).tolist() == P.tolist()
        assert of_token(tree, (1, 2, 3), 0) == (1, 2)


class TestGrowers:
    def test_shapes_that_the_support_does_not_fill(self):
        grow = FixedShape((((),), (), ((), ())), lambda q, k: Iid(q, k))
        tree = grow(draft=lambda s: P, chance=Sampled(np.random.default_rng(0)))
        assert tree.parents == (-1, 0, 0, 0, 1, 3, 3)
        assert [law is None for law in tree.laws] == [False, False, True, False, True, True, True]
        fewer = FixedShape(((), (), ()), lambda q, k: WithoutReplacement(q, min(k, 2)))
        assert fewer(draft=lambda s: P, chance=Sampled(np.random.default_rng(0))).parents == (-1, 0, 0)

    def test_streams_and_contexts(self):
        asked = []

        def draft(prefix):
            asked.append(prefix)
            return fractions([0, 1, 0])

        heard: set[tuple[str, str]] = set()
        chance = Overheard(Sampled(np.random.default_rng(0)), heard)
        FixedShape((((),),), lambda q, k: Iid(q, k))(draft=draft, chance=chance)
        assert asked == [(), (1,)]
        assert heard == {("draw", "draft/0"), ("draw", "draft/1")}

    def test_heaviest(self):
        rows = {(): fractions([5, 4, 1]), (0,): fractions([1, 1, 8]), (1,): fractions([9, 1, 0])}
        draft = lambda s: rows.get(s, fractions([1, 1, 1]))  # noqa: E731
        tree = Heaviest(nodes=4, top_k=2, depth=2)(draft=draft, chance=Sampled(np.random.default_rng(0)))
        # 5/10; then 4/10 before (0, 2) with 8/20 by age of the candidate; then 9/10 of 4/10
        assert [tree.prefix(node) for node in range(1, 5)] == [(0,), (1,), (0, 2), (1, 0)]
        assert tree.laws[0].tokens.tolist() == [0, 1]
        assert tree.laws[1].tokens.tolist() == [2]
        assert tree.laws[0].vocabulary == 3

    def test_the_heaviest_run_out(self):
        tree = Heaviest(nodes=9, top_k=3, depth=1)(
            draft=lambda s: fractions([1, 0, 2]), chance=Sampled(np.random.default_rng(0))
        )
        assert [tree.prefix(node) for node in range(1, len(tree.tokens))] == [(2,), (0,)]
        for given in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
            with pytest.raises(ValueError, match="must be at least 1, got"):
                Heaviest(*given)
        assert Heaviest(1, 1, 1).nodes == 1

    def test_near_ties_are_told_apart_in_double_precision(self):
        q = floats([0.375 - 1e-12, 0.375 + 1e-12, 0.25])
        tree = Heaviest(1, 1, 1)(draft=lambda s: q, chance=Sampled(np.random.default_rng(0)))
        assert tree.tokens[1:] == (1,)
        assert named.top(1)(q).tokens.tolist() == [1]


class TestHierarchy:
    def test_a_chain_of_one_token(self):
        inner = named.token_level(1)
        grow = MiddleChain(inner, 1, lambda middle: middle)
        tree = grow(draft=lambda s: P, chance=Sampled(np.random.default_rng(0)))
        assert len(tree.tokens) == 2
        assert tree.laws[0].conditional(()).tolist() == P.tolist()
        with pytest.raises(ValueError, match="at least 1 token, got length 0"):
            MiddleChain(inner, 0, lambda middle: middle)

    def test_surplus(self):
        inner = named.token_level(2)
        certain = lambda s: fractions([0, 1, 0])  # noqa: E731
        chance = Sampled(np.random.default_rng(0))
        cut = MiddleChain(inner, 4, lambda middle: middle)(draft=certain, chance=chance)
        whole = MiddleChain(inner, 4, lambda middle: middle, surplus=True)(draft=certain, chance=chance)
        assert (len(cut.tokens), len(whole.tokens)) == (5, 7)
        assert not MiddleChain(inner, 4, lambda middle: middle).surplus
        with pytest.raises(ValueError, match="leaves an open block, so its surplus is biased"):
            MiddleChain(Scheme(inner.grow, GreedyBlock()), 2, lambda middle: middle, surplus=True)
        assert MiddleChain(Scheme(inner.grow, GreedyBlock()), 2, lambda middle: middle).length == 2

    def test_labels(self):
        heard: set[tuple[str, str]] = set()
        chance = Labelled(Overheard(Sampled(np.random.default_rng(0)), heard), "middle")
        chance.flip(F(1, 2), stream="accept/0")
        chance.draw(P, stream="draft/1")
        assert heard == {("flip", "middle/accept/0"), ("draw", "middle/draft/1")}


def test_a_canonical_rule_walks_down_as_it_resolves():
    """The level that a coupling is told is its depth."""
    heard: set[tuple[str, str]] = set()
    walk, grow = TopDown(Canonical(UniformSlot())), Levels((lambda q: Iid(q, 2), lambda q: Iid(q, 2)))
    target, draft = models(6)
    chance = Sampled(np.random.default_rng(0))
    found = [
        walk.verify(tree=grow(draft=draft, chance=chance), target=target, chance=Overheard(chance, heard))
        for _ in range(60)
    ]
    assert all(isinstance(one, Verified) for one in found)
    assert {stream for _, stream in heard} == {
        "select/0", "select/1", "accept/0", "accept/1", "residual/0", "residual/1", "bonus",
    }  # fmt: skip
