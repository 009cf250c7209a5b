r"""Longest-suffix retrieval: what followed the last tokens of the context wherever they stood before.

Let the *match* of a position be the number of tokens up to it that agree with the end of the context. The
store finds the longest match within given spans, in the text observed so far and in a fixed datastore alike,
and hands out what followed there:

* **prompt lookup** (:meth:`Suffixes.lookup`): the continuation of one occurrence, a chain;
* **retrieval** (:meth:`Suffixes.retrieve`; REST, He et al. 2024, as RASD uses it): the trie of all
  continuations, each prefix counted once an occurrence; the prefixes of largest count are kept. A prefix
  counts at least as much as what extends it, so they are a tree. Ties go to the shallower prefix, then to
  the one that was seen first, the latest occurrence in the text first, the datastore after the text.

Occurrences are those with a follower, so the end of the text, where the context itself stands, is none.

Costs: observing a token is O(log n). A query looks at the places of the context's last token in the text,
O(places x match), and bisects in the datastore, O(span log N).

Source: Saxena 2023 (prompt lookup); He et al. 2024 (REST), arXiv 2311.08252; Quan et al. 2025 (RASD),
arXiv 2503.03434: spans 16 to 2, continuations of 10, the 64 most counted branches
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

import numpy as np

from specsim.stores.datastore import Array, Datastore
from specsim.stores.text import MARK, Text, Tokens
from theory.shapes.dynamic import tree_of_paths
from theory.tree import DraftTree


@dataclass(frozen=True)
class Match:
    """The longest match of a context.

    Attributes
    ----------
    span
        Number of tokens that agree, 0 where nothing was found.
    continuations
        What followed, the text's latest occurrence first, then the datastore's.
    from_text
        How many of them come from the text.
    """

    span: int
    continuations: tuple[Tokens, ...]
    from_text: int


@dataclass(frozen=True)
class Suffixes:
    """A growing text and a fixed datastore (or none), searched by the longest suffix.

    Parameters
    ----------
    text
        What was observed.
    datastore
        What was there before.

    Examples
    --------
    >>> store = Suffixes().observe([1, 2, 3, 4, 1, 2, 3])
    >>> store.lookup((1, 2, 3), length=2)
    (4, 1)
    >>> store.retrieve((3, 3), spans=(16, 1), length=2, vocabulary=5).tokens
    (-1, 4, 1)
    """

    text: Text = field(default_factory=Text)
    datastore: Datastore | None = None

    def observe(self, tokens: Iterable[int]) -> Suffixes:
        """The store with some committed tokens more; O(log n) a token."""
        return replace(self, text=self.text.extend(tokens))

    def separated(self) -> Suffixes:
        """The store with a mark behind the text: what comes is another document."""
        return replace(self, text=self.text.separated())

    def longest(
        self, context: Sequence[int], *, spans: tuple[int, int] = (16, 2), length: int = 10, most: int = 5000
    ) -> Match:
        """The longest match of a context and what followed.

        Parameters
        ----------
        context
            Its end is looked for.
        spans
            The longest and the shortest match, both at least 1; a datastore's span caps the first for it.
        length
            Tokens of a continuation, at least 1; fewer where a document ends.
        most
            Most continuations from each source: the text's latest ones, the datastore's first in its order.

        Raises
        ------
        ValueError
            For numbers out of their range.
        """
        longest, least = _checked(spans, length, most)
        in_text = self._in_text(context, longest)
        stretches = self._stretches(context, longest)
        span = max(len(stretches), max((found for found, _ in in_text), default=0))
        if span < least:
            return Match(0, (), 0)
        places = [place for found, place in in_text if found == span][:most]
        own = [self.text.slice(place + 1, length) for place in places]
        return Match(span, (*own, *self._stored(stretches, span, length, most)), len(own))

    def lookup(
        self,
        context: Sequence[int],
        *,
        spans: tuple[int, int] = (16, 1),
        length: int = 10,
        pick: Literal["latest", "earliest"] = "latest",
    ) -> Tokens:
        """What followed one occurrence of the longest match: prompt lookup; () where there is none.

        Parameters
        ----------
        context, spans, length
            As in :meth:`longest`.
        pick
            The latest occurrence in the text, or the earliest (of releases that scan from the start). The
            datastore is asked only if the text has no match as long.
        """
        most = max(1, len(self.text))
        match = self.longest(context, spans=spans, length=length, most=most)
        if not match.continuations:
            return ()
        if pick == "earliest" and match.from_text:
            return match.continuations[match.from_text - 1]
        return match.continuations[0]

    def retrieve(
        self,
        context: Sequence[int],
        *,
        vocabulary: int,
        spans: tuple[int, int] = (16, 2),
        length: int = 10,
        branches: int = 64,
        most: int = 5000,
    ) -> DraftTree:
        """The most counted branches of the trie of all continuations, as a tree of point masses.

        Parameters
        ----------
        context, spans, length, most
            As in :meth:`longest`.
        vocabulary
            Number of tokens V.
        branches
            Nodes kept, at least 0.

        Raises
        ------
        ValueError
            For numbers out of their range, or a token outside of the vocabulary.
        """
        if branches < 0:
            raise ValueError(f"branches must be at least 0, got {branches}")
        found = self.longest(context, spans=spans, length=length, most=most).continuations
        return tree_of_paths(counted(found, branches), vocabulary=vocabulary)

    def _in_text(self, context: Sequence[int], longest: int) -> list[tuple[int, int]]:
        """Match and position of each occurrence of the last token that has a follower, latest first."""
        if not context:
            return []
        text = self.text
        return [
            (text.span(place, context, longest), place)
            for place in text.places(context[-1])
            if text.at.get(place + 1, MARK) != MARK
        ]

    def _stretches(self, context: Sequence[int], longest: int) -> list[tuple[int, int]]:
        return [] if self.datastore is None else self.datastore.stretches(context[-longest:])

    def _stored(
        self, stretches: list[tuple[int, int]], span: int, length: int, most: int
    ) -> Iterable[Tokens]:
        if self.datastore is None or len(stretches) < span:
            return ()
        low, high = stretches[span - 1]
        return self.datastore.continuations(low, min(high, low + most), length)


def counted(continuations: Sequence[Tokens], branches: int) -> list[Tokens]:
    """The prefixes of largest count, parents before children; see the module's text for ties.

    Level by level; a level keeps at most ``branches`` prefixes, as deeper ones count no more than they do.

    Examples
    --------
    >>> counted([(1, 2), (3,), (1, 4)], 3)
    [(1,), (3,), (1, 2)]
    """
    rows = _padded(continuations)
    group = np.zeros(len(rows), dtype=np.int64)
    prefixes: list[Tokens] = [()]
    kept: list[tuple[int, int, int, Tokens]] = []
    for depth in range(rows.shape[1] if branches else 0):
        live = rows[:, depth] != MARK
        rows, group = rows[live], group[live]
        if not len(rows):
            break
        names, first, number, count = np.unique(
            group << 32 | rows[:, depth], return_index=True, return_inverse=True, return_counts=True
        )
        best = np.lexsort((first, -count))[:branches]
        level = [(*prefixes[names[i] >> 32], int(names[i] & 0xFFFFFFFF)) for i in best]
        kept += [(-int(count[i]), depth, int(first[i]), path) for i, path in zip(best, level, strict=True)]
        place = np.full(len(names), -1)
        place[best] = np.arange(len(best))
        group = place[number]
        rows, group, prefixes = rows[group >= 0], group[group >= 0], level
    return [path for *_, path in islice(sorted(kept), branches)]


def _padded(continuations: Sequence[Tokens]) -> Array:
    width = max(map(len, continuations), default=0)
    out = np.full((len(continuations), width), MARK, dtype=np.int64)
    for row, tokens in zip(out, continuations, strict=True):
        row[: len(tokens)] = tokens
    return out


def _checked(spans: tuple[int, int], length: int, most: int) -> tuple[int, int]:
    longest, least = spans
    if not 1 <= least <= longest:
        raise ValueError(f"spans are (longest, shortest) with longest >= shortest >= 1, got {spans}")
    if length < 1 or most < 1:
        raise ValueError(f"length and most must be at least 1, got length={length}, most={most}")
    return longest, least
