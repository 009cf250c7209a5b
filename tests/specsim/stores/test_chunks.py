"""Chunks against BM25 and cosine by their definitions."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.stores import Chunks

V = 6
texts = st.lists(st.integers(0, V - 1), max_size=30)


def plain_scores(chunks, query):
    scores = [0.0] * len(chunks)
    for token in query:
        holding = sum(token in chunk for chunk in chunks)
        rarity = log(1 + (len(chunks) - holding + 0.5) / (holding + 0.5))
        for n, chunk in enumerate(chunks):
            count = chunk.count(token)
            scores[n] += rarity * count * 2.5 / (count + 1.5)
    return scores


@settings(max_examples=40)
@given(texts, texts, texts, st.integers(0, 4))
def test_words(first, second, query, top):
    store = Chunks(size=4).observe(first).observe(second)
    text = first + second
    chunks = [text[i : i + 4] for i in range(0, len(text) - len(text) % 4, 4)]
    assert (len(store), store.rest) == (len(chunks), tuple(text[len(chunks) * 4 :]))
    scores = plain_scores(chunks, query)
    found = store.by_words(query)
    assert [found.get(n, 0.0) for n in range(len(chunks))] == pytest.approx(scores)
    best = store.best(query, top=top)
    assert list(best) == sorted(best)
    assert len(best) == min(top, sum(score > 0 for score in scores))
    assert store == Chunks(size=4).observe(text)
    assert hash(store) == hash(Chunks(size=4).observe(text))


def test_context_is_in_the_order_of_the_text():
    store = Chunks(size=2).observe([5, 5, 1, 0, 2, 2, 1, 3, 4])
    assert store.best((1,), top=9) == (1, 3)
    assert store.context((1,), top=9) == (1, 0, 1, 3, 4)
    assert store.context((1,), top=1) == (1, 0, 4)
    assert store.context((1,), top=0) == (4,)


def test_embeddings():
    table = np.eye(V)
    table[3] = [0, 1, 0, 0, 0, 0]
    store = Chunks(size=2).observe([1, 1, 2, 2, 3, 2])
    assert store.by_cosine((3,), table) == pytest.approx({0: 1.0, 1: 0.0, 2: np.sqrt(0.5)})
    assert store.best((3,), top=1, embeddings=table) == (0,)
    # words know nothing of kinship
    assert store.best((3,), top=1) == (2,)
    assert store.best((), top=3, embeddings=table) == ()


def test_bad_input():
    with pytest.raises(ValueError, match="size must be at least 1"):
        Chunks(size=0)
    with pytest.raises(ValueError, match="top must be at least 0"):
        Chunks().best((1,), top=-1)
    with pytest.raises(ValueError, match=r"token 6 is outside of the vocabulary 0\.\.5"):
        Chunks().best((6,), top=1, embeddings=np.eye(V))
    with pytest.raises(ValueError, match="embeddings are a table"):
        Chunks().best((1,), top=1, embeddings=np.zeros(3))
