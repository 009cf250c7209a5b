"""A map that is a value: an update gives a new map, shares all that did not change, and costs O(log n).

A hash trie with sixteen ways: the bits of a key's hash lead from the root to its entry, four at a time. An
update copies the nodes on one way down, at most sixteen, in practice ``log16(n)``. What is stored where
depends on the contents alone, never on the order in which they came.

Each map carries a *digest*, the sum of the hashes of its entries, which an update changes in O(1). So maps
are hashable at once; two maps of unlike digests differ, and two of one digest are compared entry by entry,
except for what they share. An enumeration over rounds can so use whole stores as keys and merge the equal
ones, exactly.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)

_BITS = 4
_WAYS = 1 << _BITS
_WORD = (1 << 64) - 1
_MISSING = object()
_EMPTY: tuple[Any, ...] = (None,) * _WAYS


class _Leaf(NamedTuple):
    """The entries of one hash, nearly always one."""

    code: int
    entries: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, eq=False, slots=True)
class PersistentMap(Generic[K, V]):
    """An immutable map from hashable keys to hashable values.

    Make one with :meth:`of`, change it with :meth:`set` or :meth:`update`.

    Examples
    --------
    >>> one = PersistentMap.of({3: "c"})
    >>> two = one.set(4, "d")
    >>> len(one), len(two), two.get(4), two == PersistentMap.of({4: "d", 3: "c"})
    (1, 2, 'd', True)
    """

    _root: Any = field(default=None, repr=False)
    _size: int = 0
    _digest: int = field(default=0, repr=False)

    @classmethod
    def of(cls, entries: dict[K, V] | Iterable[tuple[K, V]] = ()) -> PersistentMap[K, V]:
        """A map of some entries; the last of equal keys counts."""
        return cls().update(entries.items() if isinstance(entries, dict) else entries)

    def get(self, key: K, default: Any = None) -> Any:
        """The value of a key, or the default; O(log n)."""
        code = rest = hash(key) & _WORD
        node = self._root
        while type(node) is tuple:
            node = node[rest & (_WAYS - 1)]
            rest >>= _BITS
        if node is not None and node.code == code:
            for known, value in node.entries:
                if known == key:
                    return value
        return default

    def set(self, key: K, value: V) -> PersistentMap[K, V]:
        """The map with one entry put or replaced; itself if that changes nothing. O(log n)."""
        old = self.get(key, _MISSING)
        if old is not _MISSING and old == value:
            return self
        digest = self._digest + hash((key, value))
        if old is not _MISSING:
            digest -= hash((key, old))
        root = _put(self._root, hash(key) & _WORD, 0, key, value)
        return PersistentMap(root, self._size + (old is _MISSING), digest & _WORD)

    def update(self, entries: Iterable[tuple[K, V]]) -> PersistentMap[K, V]:
        """The map with some entries put or replaced, in order."""
        out = self
        for key, value in entries:
            out = out.set(key, value)
        return out

    def items(self) -> Iterator[tuple[K, V]]:
        """All entries, in the order of their hashes' bits; O(n)."""
        return _items(self._root)

    def __len__(self) -> int:
        return self._size

    def __contains__(self, key: K) -> bool:
        return self.get(key, _MISSING) is not _MISSING

    def __hash__(self) -> int:
        return hash((self._size, self._digest))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PersistentMap):
            return NotImplemented
        alike = self._size == other._size and self._digest == other._digest
        return alike and _same(self._root, other._root)


def _put(node: Any, code: int, shift: int, key: Any, value: Any) -> Any:
    if node is None:
        return _Leaf(code, ((key, value),))
    if type(node) is tuple:
        way = (code >> shift) & (_WAYS - 1)
        return (*node[:way], _put(node[way], code, shift + _BITS, key, value), *node[way + 1 :])
    if node.code == code:
        return _Leaf(code, (*(entry for entry in node.entries if entry[0] != key), (key, value)))
    way = (node.code >> shift) & (_WAYS - 1)
    return _put((*_EMPTY[:way], node, *_EMPTY[way + 1 :]), code, shift, key, value)


def _items(node: Any) -> Iterator[tuple[Any, Any]]:
    if type(node) is tuple:
        for below in node:
            yield from _items(below)
    elif node is not None:
        yield from node.entries


def _same(left: Any, right: Any) -> bool:
    if left is right:
        return True
    if type(left) is not type(right) or left is None:
        return False
    if type(left) is tuple:
        return all(map(_same, left, right))
    return left.code == right.code and dict(left.entries) == dict(right.entries)
