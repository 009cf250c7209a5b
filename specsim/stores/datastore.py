"""A corpus that does not change, sorted so that every context of up to 16 tokens is found by bisection.

The positions of the corpus are sorted by the tokens up to and with them, read backwards. All positions that
end with a given context are then one stretch, and the stretch of a longer context lies within that of its
end: each further token is two bisections. One such table answers the longest match (retrieval) and the counts
of n-grams of every order (interpolated models), as the followers of a stretch are its next tokens.

Sorting goes by doubling: ranks by one token, then by two, four, eight and sixteen; a sort each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from specsim.stores.documents import checked_document
from specsim.stores.text import MARK, Tokens

Array = NDArray[Any]

_LARGE = 4096


@dataclass(frozen=True, eq=False)
class Datastore:
    """Documents in one array, and the positions that have a follower in the order of what leads to them.

    Make one with :meth:`of`. It is compared by identity: it never changes.

    Parameters
    ----------
    tokens
        All documents, a mark behind each; int32, shape ``(N,)``.
    order
        Positions, int32 or int64, shape ``(M,)``.
    vocabulary
        Number of tokens V.
    span
        Longest context that the order is sorted by.

    Examples
    --------
    >>> store = Datastore.of([[1, 2, 3], [0, 2, 4]], vocabulary=5)
    >>> low, high = store.stretches((2,))[-1]
    >>> sorted(store.followers(low, high).tolist())
    [3, 4]
    >>> len(store.stretches((0, 2))), len(store.stretches((4, 2)))
    (2, 1)
    """

    tokens: Array
    order: Array
    vocabulary: int
    span: int
    _counted: dict[tuple[int, int], tuple[Array, Array]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, documents: Iterable[ArrayLike], *, vocabulary: int, span: int = 16) -> Datastore:
        """Sort some documents; nothing crosses from one to the next.

        Raises
        ------
        ValueError
            For tokens outside of the vocabulary, or a span below 1.

        Notes
        -----
        ``ceil(log2(span)) + 1`` sorts of N numbers.
        """
        if span < 1:
            raise ValueError(f"span must be at least 1, got {span}")
        parts = [
            np.append(checked_document(d, number=n, vocabulary=vocabulary), MARK)
            for n, d in enumerate(documents)
        ]
        tokens = np.concatenate([np.zeros(0, dtype=np.int32), *parts]).astype(np.int32)
        followed = np.append(tokens[:-1] != MARK, False) & np.append(tokens[1:] != MARK, False)
        order = np.argsort(_ranks(tokens, span), kind="stable")
        return cls(tokens, order[followed[order]].astype(np.int32), vocabulary, span)

    def stretches(self, context: Sequence[int]) -> list[tuple[int, int]]:
        """For the last 1, 2, ... tokens of a context the stretch of positions that end with them.

        The list ends with the longest context that occurs with a follower. O(span log N).
        """
        out: list[tuple[int, int]] = []
        low, high = 0, len(self.order)
        places = range(high)
        for back in range(min(len(context), self.span)):
            token = context[-1 - back]

            def key(place: int, back: int = back) -> int:
                at = int(self.order[place]) - back
                return int(self.tokens[at]) if at >= 0 else MARK

            low = bisect_left(places, token, low, high, key=key)
            high = bisect_right(places, token, low, high, key=key)
            if low == high:
                break
            out.append((low, high))
        return out

    def followers(self, low: int, high: int) -> Array:
        """The tokens behind the positions of a stretch; O(high - low)."""
        return np.asarray(self.tokens[self.order[low:high] + 1])

    def counts(self, low: int, high: int) -> tuple[Array, Array]:
        """The tokens behind the positions of a stretch, ascending, and how often each.

        O(n log n) for n positions; stretches of more than 4,096 (there are few) are counted once.
        """
        if high - low <= _LARGE:
            return np.unique(self.followers(low, high), return_counts=True)
        if (low, high) not in self._counted:
            self._counted[low, high] = np.unique(self.followers(low, high), return_counts=True)
        return self._counted[low, high]

    def continuations(self, low: int, high: int, length: int) -> list[Tokens]:
        """What follows the positions of a stretch, each up to ``length`` tokens or its document's end."""
        out = []
        for place in self.order[low:high].tolist():
            piece = self.tokens[place + 1 : place + 1 + length].tolist()
            out.append(tuple(piece[: piece.index(MARK)] if MARK in piece else piece))
        return out


def _ranks(tokens: Array, span: int) -> Array:
    """Ranks of the positions by at least ``span`` tokens up to and with them, read backwards."""
    ranks = tokens.astype(np.int64) + 1
    reach = 1
    while reach < span:
        earlier = np.zeros_like(ranks)
        earlier[reach:] = ranks[:-reach] + 1
        _, ranks = np.unique(ranks * (int(ranks.max(initial=0)) + 2) + earlier, return_inverse=True)
        reach *= 2
    return np.asarray(ranks)
