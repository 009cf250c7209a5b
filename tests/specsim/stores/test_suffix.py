"""Suffix retrieval and the sorted datastore against brute force over all positions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.stores import Datastore, Suffixes
from specsim.stores.suffix import counted

V = 3
texts = st.lists(st.integers(0, V - 1), max_size=25)
several = st.lists(texts, max_size=3)
contexts = st.lists(st.integers(0, V - 1), min_size=1, max_size=6).map(tuple)


def agreeing(document, place, context, most):
    length = 0
    while length < min(most, len(context), place + 1) and document[place - length] == context[-1 - length]:
        length += 1
    return length


def occurrences(documents, context, most):
    """(match, document number, position) of every position with a follower."""
    return [
        (agreeing(document, place, context, most), number, place)
        for number, document in enumerate(documents)
        for place in range(len(document) - 1)
    ]


@settings(max_examples=40)
@given(several, contexts, st.integers(1, 5))
def test_stretches_are_the_positions_that_end_with_the_context(documents, context, span):
    store = Datastore.of(documents, vocabulary=V, span=span)
    stretches = store.stretches(context)
    found = occurrences(documents, context, span)
    assert len(stretches) == max((match for match, *_ in found), default=0)
    for length, (low, high) in enumerate(stretches, start=1):
        right = Counter(documents[n][place + 1] for match, n, place in found if match >= length)
        assert Counter(store.followers(low, high).tolist()) == right
        pieces = Counter(tuple(documents[n][p + 1 : p + 4]) for match, n, p in found if match >= length)
        assert Counter(store.continuations(low, high, 3)) == pieces


@settings(max_examples=40)
@given(several, several, contexts, st.integers(1, 5), st.integers(1, 2))
def test_the_longest_match_is_the_longest(known, documents, context, longest, least):
    least = min(least, longest)
    store = Suffixes(datastore=Datastore.of(known, vocabulary=V))
    for document in documents:
        store = store.separated().observe(document)
    own, other = occurrences(documents, context, longest), occurrences(known, context, longest)
    span = max((match for match, *_ in own + other), default=0)
    match = store.longest(context, spans=(longest, least), length=2)
    if span < least:
        assert (match.span, match.continuations) == (0, ())
        return
    text = [tuple(documents[n][p + 1 : p + 3]) for m, n, p in reversed(own) if m == span]
    stored = [tuple(known[n][p + 1 : p + 3]) for m, n, p in other if m == span]
    assert match.span == span
    assert match.continuations[: match.from_text] == tuple(text)
    assert Counter(match.continuations[match.from_text :]) == Counter(stored)


@settings(max_examples=40)
@given(texts, contexts)
def test_prompt_lookup_takes_the_latest_or_the_earliest(text, context):
    store = Suffixes().observe(text)
    found = occurrences([text], context, 3)
    best = max((match for match, *_ in found), default=0)
    places = [place for match, _, place in found if match == best and best >= 1]
    for pick, place in (("latest", max(places, default=None)), ("earliest", min(places, default=None))):
        right = () if place is None else tuple(text[place + 1 : place + 5])
        assert store.lookup(context, spans=(3, 1), length=4, pick=pick) == right


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, V - 1), max_size=4).map(tuple), max_size=8), st.integers(0, 9))
def test_the_trie_keeps_the_most_counted_branches(pieces, branches):
    counts = Counter(piece[:end] for piece in pieces for end in range(1, len(piece) + 1))
    first = {path: next(n for n, p in enumerate(pieces) if p[: len(path)] == path) for path in counts}
    order = sorted(counts, key=lambda path: (-counts[path], len(path), first[path]))
    assert counted(pieces, branches) == order[:branches]


def test_the_end_of_the_text_is_no_occurrence():
    store = Suffixes().observe([1, 2, 3])
    assert store.lookup((2, 3)) == ()
    assert store.retrieve((2, 3), vocabulary=4).size == 0
    assert store.observe([2]).lookup((3, 2)) == (3, 2)


def test_nothing_runs_over_a_mark():
    store = Suffixes().observe([1, 2]).separated().observe([3, 1])
    assert store.lookup((1,), length=5) == (2,)
    assert store.lookup((2,), length=5) == ()


def test_continuations_of_one_source_are_capped():
    store = Suffixes(datastore=Datastore.of([[1, 2] * 20], vocabulary=3)).observe([1, 2] * 20)
    match = store.longest((1, 2), spans=(2, 1), length=1, most=5)
    assert (len(match.continuations), match.from_text) == (10, 5)


def test_bad_input():
    store = Suffixes()
    with pytest.raises(ValueError, match="longest >= shortest >= 1"):
        store.longest((1,), spans=(1, 2))
    with pytest.raises(ValueError, match="length and most must be at least 1"):
        store.lookup((1,), length=0)
    with pytest.raises(ValueError, match="branches must be at least 0"):
        store.retrieve((1,), vocabulary=3, branches=-1)
    with pytest.raises(ValueError, match="span must be at least 1"):
        Datastore.of([], vocabulary=3, span=0)
    with pytest.raises(ValueError, match=r"document 1 has tokens in 0\.\.3; the vocabulary is 0\.\.2"):
        Datastore.of([[], [0, 3]], vocabulary=3)
    with pytest.raises(ValueError, match="one axis of integer tokens"):
        Datastore.of([np.zeros((2, 2))], vocabulary=3)


def test_an_empty_datastore():
    assert Datastore.of([], vocabulary=3).stretches((1,)) == []
    assert Suffixes(datastore=Datastore.of([[], [1]], vocabulary=3)).lookup((1,)) == ()
