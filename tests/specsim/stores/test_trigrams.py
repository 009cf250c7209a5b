"""ADED's table against dictionaries: counts, shares, the window, the step and the cap."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.stores import Trigrams, TrigramTable
from theory.shapes.dynamic import Mcts

V = 3
texts = st.lists(st.integers(0, V - 1), max_size=25)
PAIRS = [(u, v) for u in range(V) for v in range(V)]


@settings(max_examples=40)
@given(st.lists(texts, max_size=3), st.integers(1, 3))
def test_rows_are_shares_of_counts(documents, successors):
    table = TrigramTable.of(documents, vocabulary=V, successors=successors)
    counts = Counter(tuple(d[i : i + 3]) for d in documents for i in range(len(d) - 2))
    for u, v in PAIRS:
        here = {w: counts[u, v, w] for w in range(V) if counts[u, v, w]}
        order = sorted(here, key=lambda w: (-here[w], w))[:successors]
        assert [w for w, _ in table.row(u, v)] == order
        assert [s for _, s in table.row(u, v)] == pytest.approx([here[w] / sum(here.values()) for w in order])


@settings(max_examples=40)
@given(st.lists(texts, max_size=5), st.sampled_from([0, 3, 4, 8]))
def test_each_round_raises_the_trigrams_of_the_window(rounds, window):
    """A plain dictionary with the same rule; the cap is reached within a few rounds."""
    table = TrigramTable.of([[0, 1, 2, 0, 1, 0]], vocabulary=V)
    store = Trigrams(table, window=window, step=0.25, cap=1.0, successors=2)
    rows = {pair: dict(table.row(*pair)) for pair in PAIRS}
    text: list[int] = []
    for emitted in rounds:
        store, text = store.observe(emitted), text + emitted
        last = text[-window:] if window else []
        for place in range(len(last) - 2):
            row = rows[last[place], last[place + 1]]
            token = last[place + 2]
            row[token] = max(row.get(token, 0), min(1.0, row.get(token, 0) + 0.25))
            best = sorted(row, key=lambda w: (-row[w], w))[:2]
            rows[last[place], last[place + 1]] = {w: row[w] for w in best}
    assert all(dict(store.row(*pair)) == rows[pair] for pair in PAIRS)


def test_published_numbers():
    store = Trigrams(TrigramTable.of([], vocabulary=V))
    for _ in range(74):
        store = store.observe([]) if store.recent else store.observe([0, 1, 2])
    assert store.row(0, 1) == ((2, pytest.approx(2.96)),)
    assert store.observe([]).observe([]).row(0, 1) == ((2, 3.0),)


def test_equal_histories_make_equal_stores():
    table = TrigramTable.of([[0, 1, 2]], vocabulary=V)
    left, right = Trigrams(table).observe([0, 1, 2]), Trigrams(table).observe([0, 1, 2])
    assert left == right
    assert hash(left) == hash(right)
    assert left == Trigrams(table).observe([0, 1]).observe([2])
    assert left != left.observe([])
    assert left.separated().recent == ()


def test_a_short_context_has_no_successors():
    store = Trigrams(TrigramTable.of([[0, 1, 2]], vocabulary=V))
    assert store.tree((1,)).size == 0
    assert store.tree((0, 1), search=Mcts(iterations=1)).tokens == (-1, 2)


def test_bad_input():
    with pytest.raises(ValueError, match="vocabulary must be in 1"):
        TrigramTable.of([], vocabulary=2**21)
    with pytest.raises(ValueError, match="successors must be at least 1"):
        TrigramTable.of([], vocabulary=3, successors=0)
    with pytest.raises(ValueError, match=r"document 0 (must be one axis of integer tokens|has tokens in 0)"):
        TrigramTable.of([[0, 1, 3]], vocabulary=3)
    with pytest.raises(ValueError, match="step must be in"):
        Trigrams(TrigramTable.of([], vocabulary=3), step=4.0)
    with pytest.raises(ValueError, match="window must be at least 0"):
        Trigrams(TrigramTable.of([], vocabulary=3), window=-1)
    with pytest.raises(ValueError, match=r"token 3 is outside of the vocabulary 0\.\.2"):
        Trigrams(TrigramTable.of([], vocabulary=3)).observe([3])
