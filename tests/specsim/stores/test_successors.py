"""Token Recycling's store: the tree is theory's, updates are those of a plain table."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.stores import Successors
from specsim.stores.successors import TEMPLATE, filled, told_by, top_of
from theory.chance import Sampled
from theory.shapes import TreeShape
from theory.shapes.dynamic import TokenRecycling
from theory.tree import DraftTree

V = 5
NO_CHANCE = Sampled(np.random.default_rng(0))
told = st.lists(st.tuples(st.integers(0, V - 1), st.lists(st.integers(0, V - 1), max_size=4)), max_size=12)


@settings(max_examples=40)
@given(told, st.integers(0, V - 1), st.integers(0, 30), st.booleans())
def test_the_tree_is_that_of_the_theory(found, last, budget, zeros):
    store = Successors(vocabulary=V, ranks=3, zeros=zeros).observe(found)
    theory = TokenRecycling(store.matrix(), TEMPLATE, last=last)
    right = theory.grow(draft=lambda prefix: np.full(V, 0.2), budget=budget, chance=NO_CHANCE)
    tree = store.tree(last, budget=budget)
    assert (tree.tokens, tree.parents) == (right.tokens, right.parents)
    assert [law and law.tokens.tolist() for law in tree.laws] == [
        law and law.tokens.tolist() for law in right.laws
    ]


@settings(max_examples=40)
@given(told)
def test_the_last_word_counts(found):
    store = Successors(vocabulary=V, ranks=3).observe(found)
    plain = {token: tuple(top[:3]) for token, top in found}
    assert all(store.row(token) == plain.get(token, ()) for token in range(V))
    assert Successors.of_matrix(store.matrix()).matrix().tolist() == store.matrix().tolist()
    # orders of telling that end in the same rows end in equal stores
    again = Successors(vocabulary=V, ranks=3).observe(plain.items())
    assert store == again
    assert hash(store) == hash(again)


def test_the_published_template():
    assert TEMPLATE.size == 80
    assert [Counter(TEMPLATE.depths)[depth] for depth in range(1, 7)] == [8, 21, 25, 15, 8, 3]


def test_what_a_tree_tells():
    rows = {(): [0.0, 0.7, 0.3], (1,): [0.5, 0.5, 0.0], (2,): [1.0, 0.0, 0.0]}
    tree = filled(lambda token: (1, 2), last=0, template=TreeShape((-1, 0, 0)), vocabulary=3)
    row = lambda prefix: np.array(rows[prefix])  # noqa: E731
    assert told_by(tree, last=0, row=row) == [(0, (1, 2)), (1, (0, 1)), (2, (0,))]
    assert told_by(tree, last=0, row=row, path=(2,)) == [(0, (1, 2)), (2, (0,))]
    assert told_by(DraftTree.empty(), last=0, row=row, ranks=1) == [(0, (1,))]
    assert top_of(np.array([0.0, 0.4, 0.4, 0.2]), 2) == (1, 2)


def test_cold_zeros_draft_token_zero():
    tree = Successors(vocabulary=V, zeros=True).tree(3)
    assert tree.tokens == (-1, *[0] * tree.depth)
    assert Successors(vocabulary=V).tree(3).size == 0


def test_the_cost_of_a_round_does_not_grow_with_the_vocabulary():
    """An update of 81 rows makes at most 81 ways of new nodes (one row of 8 is a way of five here)."""
    large = Successors.of_matrix(np.arange(8 * 5_000).reshape(5_000, 8) % 5_000)
    after = large.observe((token * 7, (1, 2)) for token in range(81))
    fresh = _nodes(after.rows._root) - _nodes(large.rows._root)
    assert len(fresh) <= 81 * 6


def _nodes(node):
    own = {id(node)} if node is not None else set()
    return own | {n for below in node for n in _nodes(below)} if type(node) is tuple else own


def test_bad_input():
    with pytest.raises(ValueError, match="vocabulary and ranks must be at least 1"):
        Successors(vocabulary=3, ranks=0)
    with pytest.raises(ValueError, match=r"token 3 is outside of the vocabulary 0\.\.2"):
        Successors(vocabulary=3).observe([(3, ())])
    with pytest.raises(ValueError, match=r"token 4 is outside of the vocabulary 0\.\.2"):
        Successors(vocabulary=3).observe([(2, (1, 4))])
    with pytest.raises(ValueError, match="the matrix holds token ids"):
        Successors.of_matrix(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="budget must be at least 0"):
        Successors(vocabulary=3).tree(0, budget=-1)
