"""Draft trees: what is refused, what masks and prefixes say, and the law of a grown tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.strategies import F, fractions
from theory.chance import Enumerated, Sampled
from theory.laws import Iid, Independent, Point, TopKPlusSample, WithoutReplacement
from theory.tree import ROOT, DraftTree, grow_levels

Q = fractions([3, 2, 1])
ONE, TWO = Iid(Q, 1), Iid(Q, 2)


@st.composite
def trees(draw):
    """Any shape: parents are drawn, laws are point masses or i.i.d. of the right number."""
    count = draw(st.integers(0, 8))
    parents = [-1, *(draw(st.integers(0, node)) for node in range(count))]
    children = [parents.count(node) for node in range(count + 1)]
    tokens = [ROOT, *(draw(st.integers(0, 2)) for _ in range(count))]
    return DraftTree(tuple(tokens), tuple(parents), tuple(Iid(Q, n) if n else None for n in children))


class TestValidation:
    @pytest.mark.parametrize(
        ("tokens", "parents", "laws", "message"),
        [
            ((), (), (), "at least the root, got lengths 0, 0 and 0"),
            ((ROOT, 1), (-1,), (None,), "one entry a node and at least the root, got lengths 2, 1 and 1"),
            ((ROOT, 1), (-1, 0), (ONE,), "got lengths 2, 2 and 1"),
            ((0,), (-1,), (None,), "node 0 is the root: its parent and its token are -1"),
            ((ROOT,), (0,), (None,), "node 0 is the root"),
            ((ROOT, 1), (-1, 1), (ONE, None), "node 1 has parent 1; a parent comes before its child"),
            ((ROOT, 1), (-1, -1), (ONE, None), "node 1 has parent -1; a parent comes before its child"),
            ((ROOT, 1, 2), (-1, 2, 0), (ONE, ONE, None), "node 1 has parent 2"),
            ((ROOT, 1), (-1, 0), (None, None), "node 0 has 1 children, but its law draws 0; record the law"),
            ((ROOT, 1), (-1, 0), (TWO, None), "node 0 has 1 children, but its law draws 2"),
            ((ROOT, 1), (-1, 0), (ONE, ONE), "node 1 has 0 children, but its law draws 1"),
        ],
    )
    def test_shapes(self, tokens, parents, laws, message):
        with pytest.raises(ValueError, match=message):
            DraftTree(tokens, parents, laws)

    @pytest.mark.parametrize("token", [ROOT, 3, 1.5, True, "a"])
    def test_tokens_that_the_law_cannot_have_drawn(self, token):
        """A drafted token is an id of its law's vocabulary; the root's -1 stands for no token."""
        with pytest.raises(ValueError, match=r"node 1|token"):
            DraftTree((ROOT, token), (-1, 0), (ONE, None))

    @pytest.mark.parametrize("law", ["iid", 2, Q])
    def test_laws_that_are_none(self, law):
        with pytest.raises((ValueError, TypeError), match="law"):
            DraftTree((ROOT, 1), (-1, 0), (law, None))

    def test_chains_and_stars_of_the_wrong_length(self):
        with pytest.raises(ValueError, match="lengths 3, 3 and 2"):
            DraftTree.chain((1, 2), laws=[ONE])
        with pytest.raises(ValueError, match="node 0 has 3 children, but its law draws 2"):
            DraftTree.star((1, 2, 0), law=TWO)


class TestShapes:
    def test_empty(self):
        tree = DraftTree.empty()
        assert (tree.size, tree.depth, tree.depths, tree.children(0)) == (0, 0, (0,), ())
        assert tree.prefix(0) == ()
        assert tree.ancestor_mask().tolist() == [[True]]
        assert DraftTree.chain((), laws=[]).tokens == tree.tokens

    def test_chain(self):
        tree = DraftTree.chain((2, 0, 2), laws=[ONE] * 3)
        assert tree.parents == (-1, 0, 1, 2)
        assert (tree.size, tree.depth) == (3, 3)
        assert tree.prefix(3) == (2, 0, 2)
        assert tree.ancestor_mask().tolist() == np.tri(4, dtype=bool).tolist()
        assert tree.laws == (ONE, ONE, ONE, None)

    def test_star_keeps_the_order_and_duplicates(self):
        tree = DraftTree.star((2, 0, 2), law=Iid(Q, 3))
        assert tree.children(0) == (1, 2, 3)
        assert [tree.prefix(node) for node in tree.children(0)] == [(2,), (0,), (2,)]

    def test_lists_are_taken_and_stored_as_tuples(self):
        tree = DraftTree([ROOT, 1], [-1, 0], [ONE, None])  # type: ignore[arg-type]
        assert tree.tokens == (ROOT, 1)
        assert isinstance(tree.parents, tuple)

    @given(tree=trees())
    def test_against_brute_force(self, tree):
        count = len(tree.tokens)
        ancestors = []
        for node in range(count):
            line = [node]
            while line[-1]:
                line.append(tree.parents[line[-1]])
            ancestors.append(line)
        mask = [[column in ancestors[row] for column in range(count)] for row in range(count)]
        assert tree.ancestor_mask().tolist() == mask
        assert tree.ancestor_mask().dtype == bool
        assert tree.depths == tuple(len(line) - 1 for line in ancestors)
        assert tree.depth == max(tree.depths)
        for node in range(count):
            path = tuple(reversed(ancestors[node]))[1:]
            assert tree.path(node) == path
            assert tree.prefix(node) == tuple(tree.tokens[step] for step in path)
            assert tree.children(node) == tuple(n for n in range(count) if tree.parents[n] == node)


def draft(prefix):
    """A context-dependent draft over three tokens."""
    return fractions(np.roll([1, 2, 4], sum(prefix) + len(prefix)).tolist())


class TestGrowLevels:
    @pytest.mark.parametrize("children", [Iid, WithoutReplacement, TopKPlusSample])
    def test_law_of_a_two_level_tree(self, children):
        """Product of the recorded conditionals at every node, and one in total."""
        law = Enumerated().law(
            lambda chance: (
                grow_levels(
                    draft=draft, branching=[lambda q: children(q, 2), lambda q: Iid(q, 1)], chance=chance
                ).tokens
            )
        )
        assert sum(law.values()) == 1
        for tokens, weight in law.items():
            _, a, b, c, d = tokens
            top = children(draft(()), 2)
            expected = top.conditional(())[a] * top.conditional((a,))[b]
            assert weight == expected * draft((a,))[c] * draft((b,))[d]

    def test_the_shape_and_the_laws_recorded(self):
        tree = grow_levels(
            draft=draft,
            branching=[
                lambda q: WithoutReplacement(q, 2),
                lambda q: Point.top(q, 3),
                lambda q: Independent((q, Q)),
            ],
            chance=Sampled(np.random.default_rng(0)),
        )
        assert tree.depths == (0, *[1] * 2, *[2] * 6, *[3] * 12)
        for node, law in enumerate(tree.laws):
            assert (law is None) == (tree.depths[node] == 3)
            if isinstance(law, WithoutReplacement):
                assert law.q.tolist() == draft(tree.prefix(node)).tolist()
            if isinstance(law, Independent):
                assert law.drafters[0].tolist() == draft(tree.prefix(node)).tolist()

    def test_no_level_is_the_empty_tree(self):
        tree = grow_levels(draft=draft, branching=[], chance=Sampled(np.random.default_rng(0)))
        assert tree.size == 0

    def test_siblings_that_carry_the_same_token_have_children_of_their_own(self):
        law = Enumerated().law(
            lambda chance: (
                grow_levels(
                    draft=draft, branching=[lambda q: Iid(q, 2), lambda q: Iid(q, 1)], chance=chance
                ).tokens
            )
        )
        twins = {tokens[3:]: weight for tokens, weight in law.items() if tokens[1:3] == (0, 0)}
        assert len(twins) == 9
        assert twins[0, 1] == draft(())[0] ** 2 * draft((0,))[0] * draft((0,))[1]

    def test_each_level_has_a_stream_of_its_own(self):
        path = next(
            Enumerated().paths(
                lambda chance: (
                    grow_levels(draft=draft, branching=[lambda q: Iid(q, 2)] * 2, chance=chance).size
                )
            )
        )
        assert [stream for stream, _, _ in path.choices] == ["draft/0"] * 2 + ["draft/1"] * 4
        assert isinstance(path.weight, F)
