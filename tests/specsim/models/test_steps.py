"""Caches and trees: whatever is read in steps equals what is read at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.models import (
    Cache,
    Full,
    LayerMask,
    commit,
    decode_step,
    hidden_states,
    prefill,
    toy_model,
    tree_step,
)
from specsim.models.steps import ancestors

TOY = toy_model(seed=3)
#: Largest difference allowed between two orders of float32 arithmetic (measured: see docs/models.md).
CLOSE = 2e-5

PREFIX = [10, 20, 30, 40, 50]


def full(tokens: list[int]) -> np.ndarray:
    """The hidden state after a whole text, read without a cache."""
    return hidden_states(TOY, tokens, {"full": Full()})["full"][-1]


def path_to(node: int, parents: list[int]) -> list[int]:
    path = []
    while node >= 0:
        path.append(node)
        node = parents[node]
    return path[::-1]


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    count = draw(st.integers(1, 9))
    parents = [draw(st.integers(-1, node - 1)) for node in range(count)]
    tokens = draw(st.lists(st.integers(0, 255), min_size=count, max_size=count))
    return tokens, parents


@settings(max_examples=25, deadline=None)
@given(tree=trees(), data=st.data())
def test_a_tree_equals_every_path_and_a_commit_keeps_one(tree: tuple, data: st.DataObject) -> None:
    tokens, parents = tree
    _, cache = prefill(TOY.params, TOY.config, tokens=PREFIX)
    hidden, scored = tree_step(TOY.params, TOY.config, cache=cache, tokens=tokens, parents=parents)
    for node in range(len(tokens)):
        path = [tokens[step] for step in path_to(node, parents)]
        np.testing.assert_allclose(hidden[0, node], full(PREFIX + path), rtol=0, atol=CLOSE)
    path = path_to(data.draw(st.integers(-1, len(tokens) - 1)), parents)
    kept = commit(scored, path=path)
    assert kept.length == len(PREFIX) + len(path)
    after, _ = decode_step(TOY.params, TOY.config, cache=kept, tokens=[7, 8])
    accepted = [tokens[step] for step in path]
    np.testing.assert_allclose(after[0, 1], full([*PREFIX, *accepted, 7, 8]), rtol=0, atol=CLOSE)


def test_a_wrong_parent_would_be_seen() -> None:
    """Negative control: the tolerance tells a path from its sibling."""
    _, cache = prefill(TOY.params, TOY.config, tokens=PREFIX)
    hidden, _ = tree_step(TOY.params, TOY.config, cache=cache, tokens=[1, 2, 3], parents=[-1, -1, 0])
    assert np.abs(hidden[0, 2] - full([*PREFIX, 1, 3])).max() <= CLOSE
    assert np.abs(hidden[0, 2] - full([*PREFIX, 2, 3])).max() > 100 * CLOSE


def test_decoding_equals_reading_at_once() -> None:
    text = [(7 * i * i + 3) % 256 for i in range(70)]
    whole, cache = prefill(TOY.params, TOY.config, tokens=text)
    first, stepped = prefill(TOY.params, TOY.config, tokens=text[:3])
    rows = [first[0]]
    for token in text[3:20]:
        hidden, stepped = decode_step(TOY.params, TOY.config, cache=stepped, tokens=[token])
        rows.append(hidden[0])
    hidden, stepped = decode_step(TOY.params, TOY.config, cache=stepped, tokens=text[20:])
    np.testing.assert_allclose(np.concatenate([*rows, hidden[0]]), whole[0], rtol=0, atol=CLOSE)
    assert stepped.length == cache.length == 70
    for ours, theirs in zip(stepped.keys + stepped.values, cache.keys + cache.values, strict=True):
        np.testing.assert_allclose(ours[:, :70], theirs[:, :70], rtol=0, atol=CLOSE)


def test_rejected_drafts_leave_no_trace() -> None:
    _, cache = prefill(TOY.params, TOY.config, tokens=PREFIX)
    clean, _ = decode_step(TOY.params, TOY.config, cache=cache, tokens=[9])
    _, scored = tree_step(TOY.params, TOY.config, cache=cache, tokens=[1, 2], parents=[-1, 0])
    dropped, _ = decode_step(TOY.params, TOY.config, cache=commit(scored, path=[]), tokens=[9])
    np.testing.assert_array_equal(clean, dropped)
    longer, after = decode_step(TOY.params, TOY.config, cache=cache, tokens=[1, 2])
    again, _ = decode_step(TOY.params, TOY.config, cache=after.truncate(5), tokens=[9])
    np.testing.assert_array_equal(clean, again)
    assert longer.shape == (1, 2, 32)


def test_a_view_has_a_cache_of_its_own_layers() -> None:
    view = LayerMask(skip=(1, 2))
    layers = view.layers(TOY.config)
    _, cache = prefill(TOY.params, TOY.config, tokens=PREFIX, layers=layers)
    assert cache.layers == (0, 3)
    hidden, _ = decode_step(TOY.params, TOY.config, cache=cache, tokens=[9])
    expected = hidden_states(TOY, [*PREFIX, 9], {"view": view})["view"][-1]
    np.testing.assert_allclose(hidden[0, 0], expected, rtol=0, atol=CLOSE)


def test_ancestors() -> None:
    depths, mask = ancestors([-1, -1, 0, 2, 1])
    assert depths.tolist() == [0, 0, 1, 2, 1]
    assert [np.flatnonzero(row).tolist() for row in mask] == [[0], [1], [0, 2], [0, 2, 3], [1, 4]]


@pytest.mark.parametrize("parents", [[0], [-1, 1], [-1, 2, 0], [-2]])
def test_a_parent_comes_first(parents: list[int]) -> None:
    with pytest.raises(ValueError, match=r"a parent is -1 .the context. or an earlier node"):
        ancestors(parents)


def test_steps_refuse_what_does_not_fit() -> None:
    params, config = TOY.params, TOY.config
    _, cache = prefill(params, config, tokens=PREFIX)
    with pytest.raises(ValueError, match="one length, got 2 and 1"):
        tree_step(params, config, cache=cache, tokens=[1, 2], parents=[-1])
    with pytest.raises(ValueError, match="token 256 at index 1 isn't in the vocabulary of 256"):
        tree_step(params, config, cache=cache, tokens=[1, 256], parents=[-1, 0])
    with pytest.raises(ValueError, match="non-empty list of ids"):
        prefill(params, config, tokens=[])
    with pytest.raises(ValueError, match="token ids must be integers, got float64"):
        prefill(params, config, tokens=[1.5])
    with pytest.raises(ValueError, match="513 tokens don't fit in the model's context of 512"):
        prefill(params, config, tokens=[1] * 513)
    _, brim = prefill(params, config, tokens=[1] * 250)
    with pytest.raises(ValueError, match=r"256 slots, 250 of them committed; there is no room for 7"):
        tree_step(params, config, cache=brim, tokens=[1] * 7, parents=[-1] * 7)
    hidden, _ = tree_step(params, config, cache=brim.grow(300), tokens=[1] * 7, parents=[-1] * 7)
    assert hidden.shape == (1, 7, 32)
    _, last = prefill(params, config, tokens=[1] * 511, slots=600)
    with pytest.raises(ValueError, match="513 tokens don't fit"):
        tree_step(params, config, cache=last, tokens=[1, 2], parents=[-1, 0])


def test_caches_refuse_what_does_not_fit() -> None:
    cache = Cache.empty(TOY.config, slots=8)
    with pytest.raises(ValueError, match=r"strictly increasing from 0 or more, got \[1, 0\]"):
        commit(cache, path=[1, 0])
    with pytest.raises(ValueError, match="strictly increasing"):
        commit(cache, path=[-1])
    with pytest.raises(ValueError, match="no room for 9 more tokens"):
        commit(cache, path=[0, 8])
    with pytest.raises(ValueError, match="can't truncate a cache of length 0 to 1"):
        cache.truncate(1)
    with pytest.raises(ValueError, match="can't shrink a cache from 8 to 4"):
        cache.grow(4)
