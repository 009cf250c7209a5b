"""A text that grows, with an index of where each token stands: a value that shares its past.

Three maps: position to token, token to its last position, and position to the position before it that holds
the same token. So the places of a token are a chain that is followed from the latest backwards, and one more
token costs three entries, however long the text is.

Several documents (requests, sessions) may stand in one text, with a mark between them; nothing is matched
across a mark and no continuation runs over one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import index

from specsim.stores.persistent import PersistentMap

#: Stands between documents.
MARK = -1

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Text:
    """An indexed text; make one with :meth:`of`, go on with :meth:`extend`. Equal texts are equal values.

    Examples
    --------
    >>> text = Text.of([5, 7, 5]).extend([7, 9])
    >>> len(text), text.slice(1, 3), list(text.places(5)), list(text.places(8))
    (5, (7, 5, 7), [2, 0], [])
    """

    at: PersistentMap[int, int] = field(default_factory=PersistentMap)
    last: PersistentMap[int, int] = field(default_factory=PersistentMap, compare=False, repr=False)
    before: PersistentMap[int, int] = field(default_factory=PersistentMap, compare=False, repr=False)

    @classmethod
    def of(cls, tokens: Iterable[int]) -> Text:
        """The text of some tokens."""
        return cls().extend(tokens)

    def extend(self, tokens: Iterable[int]) -> Text:
        """The text with some tokens behind it; O(log n) a token.

        Raises
        ------
        ValueError
            For what is no token id.
        """
        at, last, before = self.at, self.last, self.before
        for token in map(checked_token, tokens):
            place = len(at)
            at = at.set(place, token)
            earlier = last.get(token)
            if earlier is not None:
                before = before.set(place, earlier)
            last = last.set(token, place)
        return Text(at, last, before)

    def separated(self) -> Text:
        """The text with a mark behind it, unless it is empty or has one there."""
        size = len(self.at)
        if size == 0 or self.at.get(size - 1) == MARK:
            return self
        return Text(self.at.set(size, MARK), self.last, self.before)

    def places(self, token: int) -> Iterator[int]:
        """The positions of a token, the latest first."""
        place = self.last.get(token)
        while place is not None:
            yield place
            place = self.before.get(place)

    def slice(self, start: int, length: int) -> Tokens:
        """At most ``length`` tokens from a position on, up to the next mark or the end."""
        out: list[int] = []
        for place in range(start, start + length):
            token = self.at.get(place, MARK)
            if token == MARK:
                break
            out.append(token)
        return tuple(out)

    def tail(self, count: int) -> Tokens:
        """The last tokens, at most ``count`` and none from before the last mark."""
        out: list[int] = []
        for place in range(len(self.at) - 1, max(-1, len(self.at) - 1 - count), -1):
            token = self.at.get(place)
            if token == MARK:
                break
            out.append(token)
        return tuple(reversed(out))

    def span(self, place: int, context: Sequence[int], most: int) -> int:
        """How many tokens up to and with a position agree with the end of a context, at most ``most``."""
        length = 0
        while length < min(most, len(context)) and place >= length:
            if self.at.get(place - length) != context[-1 - length]:
                break
            length += 1
        return length

    def __len__(self) -> int:
        return len(self.at)


def checked_token(token: int) -> int:
    """A token id, or ValueError.

    Examples
    --------
    >>> checked_token(3)
    3
    """
    try:
        number = -1 if isinstance(token, bool) else index(token)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"token ids are integers of at least 0, got {token!r}")
    return number


def checked_tokens(tokens: Iterable[int], *, vocabulary: int | None = None) -> Tokens:
    """Token ids, or ValueError where one is none or outside of the vocabulary.

    Examples
    --------
    >>> checked_tokens([3, 1], vocabulary=4)
    (3, 1)
    """
    ids = tuple(map(checked_token, tokens))
    if vocabulary is not None and ids and max(ids) >= vocabulary:
        raise ValueError(f"token {max(ids)} is outside of the vocabulary 0..{vocabulary - 1}")
    return ids
