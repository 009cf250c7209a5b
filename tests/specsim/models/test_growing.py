"""A tree that grows equals, on every path, a pass over the path's text without a cache."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.models import EarlyExit, Full, GrowingTree, LayerMask, Model, View, hidden_states, toy_model
from specsim.models.growing import bucket, row_logits

TOY = toy_model(seed=3)
PREFIX = [10, 20, 30, 40, 50]
#: Largest difference allowed of a logit, toy and real weights (measured: see docs/views.md).
CLOSE, CLOSE_REAL = 1e-4, 5e-4


def plain(model: Model, tokens: list[int], view: View) -> np.ndarray:
    """Logits after a whole text, read without a cache."""
    return hidden_states(model, tokens, {"view": view})["view"][-1] @ model.head().T


def grow(model: Model, tree: GrowingTree, levels: list[tuple[list[int], list[int]]]) -> tuple:
    """Logits of all nodes of a tree that is extended level by level, and the tree."""
    rows = []
    for tokens, parents in levels:
        hidden, tree = tree.extend(tokens, parents)
        assert hidden.shape == (len(tokens), model.config.hidden)
        rows.append(row_logits(model.params, hidden))
    return np.concatenate(rows), tree


def largest_difference(
    model: Model, view: View, prefix: list[int], tree: GrowingTree, rows: np.ndarray
) -> float:
    gaps = []
    for node in range(tree.nodes):
        path = [tree.tokens[step] for step in tree.path(node)]
        gaps.append(np.abs(rows[node] - plain(model, prefix + path, view)).max())
    return float(max(gaps))


@st.composite
def growths(draw: st.DrawFn) -> list[tuple[list[int], list[int]]]:
    """Batches of new nodes; parents reach into earlier batches and into their own."""
    levels, start = [], 0
    for _ in range(draw(st.integers(1, 4))):
        count = draw(st.integers(1, 4))
        parents = [draw(st.integers(-1, start + new - 1)) for new in range(count)]
        levels.append((draw(st.lists(st.integers(0, 255), min_size=count, max_size=count)), parents))
        start += count
    return levels


@pytest.mark.parametrize("view", [Full(), LayerMask(skip=(1,)), EarlyExit(2)], ids=repr)
@settings(max_examples=4, deadline=None)
@given(first=growths(), second=growths(), data=st.data())
def test_every_path_equals_a_pass_without_a_cache(
    view: View, first: list, second: list, data: st.DataObject
) -> None:
    empty = GrowingTree.open(TOY.params, TOY.config, PREFIX, view=view)
    rows, tree = grow(TOY, empty, first)
    assert largest_difference(TOY, view, PREFIX, tree, rows) <= CLOSE
    path = tree.path(data.draw(st.integers(-1, tree.nodes - 1)))
    kept = tree.commit(path)
    text = PREFIX + [tree.tokens[node] for node in path]
    assert (kept.length, kept.nodes) == (len(text), 0)
    rows, after = grow(TOY, kept, second)
    assert largest_difference(TOY, view, text, after, rows) <= CLOSE
    again, _ = grow(TOY, tree.rollback(), first)
    np.testing.assert_array_equal(again, grow(TOY, empty, first)[0])


def test_level_by_level_equals_at_once() -> None:
    tokens, parents = [5, 6, 7, 8], [-1, -1, 0, 2]
    empty = GrowingTree.open(TOY.params, TOY.config, PREFIX)
    once, _ = grow(TOY, empty, [(tokens, parents)])
    for cuts in ([1, 2], [2], [1, 2, 3]):
        edges = [0, *cuts, len(tokens)]
        levels = [(tokens[a:b], parents[a:b]) for a, b in pairwise(edges)]
        stepped, _ = grow(TOY, empty, levels)
        np.testing.assert_allclose(stepped, once, rtol=0, atol=CLOSE)


def test_a_cousin_would_be_seen() -> None:
    """Negative control: the tolerance tells a node's own ancestors from others."""
    empty = GrowingTree.open(TOY.params, TOY.config, PREFIX)
    rows, _ = grow(TOY, empty, [([1, 2], [-1, -1]), ([3], [0])])
    assert np.abs(rows[2] - plain(TOY, [*PREFIX, 1, 3], Full())).max() <= CLOSE
    assert np.abs(rows[2] - plain(TOY, [*PREFIX, 2, 3], Full())).max() > 100 * CLOSE


@pytest.mark.slow
def test_more_nodes_and_more_context_than_there_is_room_for() -> None:
    """71 nodes outgrow the first 64 slots of the draft, and a commit outgrows the context's 256."""
    prefix = [(7 * i * i + 3) % 256 for i in range(250)]
    tree = GrowingTree.open(TOY.params, TOY.config, prefix)
    wide = [(i % 256) for i in range(63)]
    rows, tree = grow(TOY, tree, [(wide, [-1] * 63), ([9] * 8, [62, *range(63, 70)])])
    expected = plain(TOY, [*prefix, wide[62], *[9] * 8], Full())
    np.testing.assert_allclose(rows[-1], expected, rtol=0, atol=CLOSE)
    kept = tree.commit(tree.path(70))
    assert (kept.length, kept.context.slots) == (259, 512)
    rows, _ = grow(TOY, kept, [([4], [-1])])
    expected = plain(TOY, [*prefix, wide[62], *[9] * 8, 4], Full())
    np.testing.assert_allclose(rows[0], expected, rtol=0, atol=CLOSE)


def test_few_shapes() -> None:
    assert [bucket(count) for count in (1, 2, 3, 5, 8, 33, 128)] == [1, 2, 4, 8, 8, 64, 128]


def test_what_a_growing_tree_refuses() -> None:
    tree = GrowingTree.open(TOY.params, TOY.config, PREFIX)
    _, tree = tree.extend([1, 2], [-1, 0])
    with pytest.raises(ValueError, match=r"node 2 has parent 2; a parent is -1 .the committed tip. or"):
        tree.extend([3], [2])
    with pytest.raises(ValueError, match="one length, got 1 and 2"):
        tree.extend([3], [0, 1])
    with pytest.raises(ValueError, match="token 256 at index 0"):
        tree.extend([256], [0])
    with pytest.raises(ValueError, match=r"\[1\] isn't a path from the tip: node 1 is reached by \[0, 1\]"):
        tree.commit([1])
    with pytest.raises(ValueError, match="there is no node 2: the tree has 2 nodes"):
        tree.commit([2])
    last = replace(tree, context=replace(tree.context, shift=512 - 7))
    with pytest.raises(ValueError, match="513 tokens don't fit in the model's context of 512"):
        last.extend([1], [1])


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    prefix = smollm2.tokenizer.encode("The capital of France is a city of")
    words = smollm2.tokenizer.encode(" light and love, of bread and wine, and of many people too")
    levels = [(words[:2], [-1, -1]), (words[2:6], [0, 0, 1, 1]), (words[6:9], [2, 5, 7])]
    for view in (Full(), LayerMask.middle(3, of=30), EarlyExit(26)):
        tree = GrowingTree.open(smollm2.params, smollm2.config, prefix, view=view)
        rows, tree = grow(smollm2, tree, levels)
        assert largest_difference(smollm2, view, prefix, tree, rows) <= CLOSE_REAL
        path = tree.path(8)
        kept, text = tree.commit(path), prefix + [tree.tokens[node] for node in path]
        rows, after = grow(smollm2, kept, [(words[9:11], [-1, 0])])
        assert largest_difference(smollm2, view, text, after, rows) <= CLOSE_REAL
