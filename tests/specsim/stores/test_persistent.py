"""The persistent map against a dictionary, its sharing, its equality; the text over it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.stores import PersistentMap, Text


class Clash:
    """A key whose hash is that of all others."""

    def __init__(self, name: int, code: int = 7) -> None:
        self.name, self.code = name, code

    def __hash__(self) -> int:
        return self.code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clash) and other.name == self.name


keys = st.one_of(st.integers(-40, 40), st.tuples(st.integers(0, 9), st.integers(0, 9)), st.text(max_size=2))
entries = st.lists(st.tuples(keys, st.integers(0, 3)), max_size=80)


@settings(max_examples=40)
@given(entries)
def test_a_map_is_a_dictionary(found):
    made, plain = PersistentMap.of(found), dict(found)
    assert dict(made.items()) == plain
    assert len(made) == len(plain)
    for key in [*plain, 99, (99, 99)]:
        assert made.get(key, "none") == plain.get(key, "none")
        assert (key in made) == (key in plain)


@settings(max_examples=40)
@given(entries, st.randoms())
def test_equality_and_hash_are_of_the_contents(found, random):
    plain = dict(found)
    shuffled = list(plain.items())
    random.shuffle(shuffled)
    made, again = PersistentMap.of(found), PersistentMap.of(shuffled)
    assert made == again
    assert hash(made) == hash(again)
    for key in plain:
        assert made != made.set(key, 9)
        assert made.set(key, 9).set(key, plain[key]) == made


@settings(max_examples=40)
@given(entries, st.tuples(keys, st.integers(0, 3)))
def test_an_update_leaves_the_old_map_alone(found, entry):
    made = PersistentMap.of(found)
    made.set(*entry)
    assert dict(made.items()) == dict(found)


def test_keys_of_one_hash():
    made = PersistentMap.of((Clash(name), name) for name in range(5)).set(Clash(3), 30)
    assert [made.get(Clash(name)) for name in range(6)] == [0, 1, 2, 30, 4, None]
    assert made == PersistentMap.of((Clash(name), 30 if name == 3 else name) for name in (4, 3, 0, 2, 1))
    # 7 and 7 + 2**60 part at the last four bits only
    deep = PersistentMap.of({Clash(0, 7): 0, Clash(1, 7 + 2**60): 1})
    assert [deep.get(Clash(0, 7)), deep.get(Clash(1, 7 + 2**60)), deep.get(Clash(0, 7 + 2**61))] == [
        0,
        1,
        None,
    ]


def test_equal_digests_do_not_make_maps_equal():
    made = PersistentMap.of({1: 1, 2: 2})
    forged = PersistentMap(PersistentMap.of({1: 1, 3: 2})._root, made._size, made._digest)
    assert hash(made) == hash(forged)
    assert made != forged


def test_an_update_copies_one_way_down():
    """Of the nodes of a map of 20,000 entries at most 16 are new after an update; all others are shared."""
    made = PersistentMap.of((token, token) for token in range(20_000))
    after = made.set(13_337, 0)
    assert 0 < len(_nodes(after._root) - _nodes(made._root)) <= 16
    assert after.set(13_337, 0) is after


def _nodes(node):
    own = {id(node)} if node is not None else set()
    if type(node) is tuple:
        own |= {number for below in node for number in _nodes(below)}
    return own


texts = st.lists(st.integers(0, 3), max_size=30)


@settings(max_examples=40)
@given(texts, texts, st.integers(0, 4))
def test_a_text_knows_its_places(first, second, token):
    text = Text.of(first).separated().extend(second)
    flat = [*first, *([-1] if first else []), *second]
    assert list(text.places(token)) == [n for n in reversed(range(len(flat))) if flat[n] == token]
    assert text == Text.of(first).separated().separated().extend(second)
    assert text.tail(5) == tuple(second[-5:] if second else [])
    assert text.slice(0, 99) == tuple(first or second)


@pytest.mark.parametrize("bad", [-1, 1.0, "a", True])
def test_texts_hold_token_ids(bad):
    with pytest.raises(ValueError, match="token ids are integers of at least 0"):
        Text.of([bad])
