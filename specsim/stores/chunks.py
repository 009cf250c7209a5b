r"""Chunks of a long text and the search for those that bear on what is being written (RAPID's draft side).

The text is cut into chunks of n tokens. A query (the last tokens, say) is held against every chunk:

* **BM25** over token ids: for each token t of the query, the inverse frequency
  :math:`\ln(1 + (N - d_t + 1/2) / (d_t + 1/2))` times :math:`f (k + 1) / (f + k)`, with f the count of t in
  the chunk, d the number of the N chunks that hold it, and k = 1.5 (all chunks are of one length, so BM25's
  b has no effect);
* **cosine** of mean embeddings, for any table of token embeddings (a model's input embeddings will do).

The best chunks, in the order of the text, with the unfinished end behind them, are the short context that a
draft runs on. Ties go to the earlier chunk.

A token costs O(log n) to observe: postings are chains through persistent maps, as in
:class:`~specsim.stores.text.Text`. A BM25 query looks only at chunks that share a token with it.

Source: Chen et al. 2025 (RAPID), arXiv 2502.20330; Robertson and Zaragoza 2009 for BM25
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import log

import numpy as np

from specsim.stores.datastore import Array
from specsim.stores.persistent import PersistentMap
from specsim.stores.text import Tokens, checked_tokens

#: BM25's saturation of counts.
_K = 1.5


@dataclass(frozen=True)
class Chunks:
    """A text in chunks; equal texts cut alike are equal values.

    Parameters
    ----------
    size
        Tokens of a chunk, at least 1.
    whole
        The chunks that are full, by number.
    rest
        What doesn't fill a chunk yet.

    Examples
    --------
    >>> store = Chunks(size=2).observe([1, 2, 3, 4, 5, 1, 9])
    >>> store.best((1,), top=1), store.best((1, 4), top=2), store.rest
    ((0,), (0, 1), (9,))
    >>> store.context((5, 1), top=1)
    (5, 1, 9)
    """

    size: int = 512
    whole: PersistentMap[int, Tokens] = field(default_factory=PersistentMap, repr=False)
    rest: Tokens = ()
    # token -> (its last chunk, number of chunks that hold it); (token, chunk) -> (count, the chunk before)
    _last: PersistentMap[int, tuple[int, int]] = field(
        default_factory=PersistentMap, compare=False, repr=False
    )
    _posting: PersistentMap[tuple[int, int], tuple[int, int]] = field(
        default_factory=PersistentMap, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be at least 1, got {self.size}")

    def observe(self, tokens: Iterable[int]) -> Chunks:
        """The store with some tokens more; chunks are indexed as they fill."""
        store, rest = self, (*self.rest, *checked_tokens(tokens))
        while len(rest) >= self.size:
            store, rest = store._with(rest[: self.size]), rest[self.size :]
        return replace(store, rest=rest)

    def __len__(self) -> int:
        return len(self.whole)

    def best(self, query: Sequence[int], *, top: int, embeddings: Array | None = None) -> tuple[int, ...]:
        """The numbers of the best chunks, in the order of the text.

        Parameters
        ----------
        query
            Token ids.
        top
            Most chunks, at least 0; chunks that share nothing with the query (score 0 or less) are not taken.
        embeddings
            Rank by the cosine of mean embeddings, shape ``(V, D)``; None ranks by BM25.

        Raises
        ------
        ValueError
            For a negative ``top``, or tokens that have no embedding.
        """
        if top < 0:
            raise ValueError(f"top must be at least 0, got {top}")
        scores = self.by_words(query) if embeddings is None else self.by_cosine(query, embeddings)
        ranked = sorted((-score, chunk) for chunk, score in scores.items() if score > 0)
        return tuple(sorted(chunk for _, chunk in ranked[:top]))

    def context(self, query: Sequence[int], *, top: int, embeddings: Array | None = None) -> Tokens:
        """The best chunks and the unfinished end, in the order of the text: a short context for a draft."""
        chosen = self.best(query, top=top, embeddings=embeddings)
        return (*(token for chunk in chosen for token in self.whole.get(chunk)), *self.rest)

    def by_words(self, query: Sequence[int]) -> dict[int, float]:
        """BM25 of each chunk that shares a token with the query."""
        scores: dict[int, float] = {}
        for token, times in sorted(Counter(query).items()):
            _, holding = self._last.get(token, (-1, 0))
            rarity = log(1 + (len(self) - holding + 0.5) / (holding + 0.5))
            for chunk, count in self._chunks_of(token):
                gain = times * rarity * count * (_K + 1) / (count + _K)
                scores[chunk] = scores.get(chunk, 0.0) + gain
        return scores

    def by_cosine(self, query: Sequence[int], embeddings: Array) -> dict[int, float]:
        """Cosine of mean embeddings of each chunk; O(text x D)."""
        table = np.asarray(embeddings)
        if table.ndim != 2:
            raise ValueError(f"embeddings are a table of shape (V, D), got shape {table.shape}")
        asked = _direction(table, query)
        return {
            chunk: float(_direction(table, tokens) @ asked) for chunk, tokens in sorted(self.whole.items())
        }

    def _chunks_of(self, token: int) -> Iterator[tuple[int, int]]:
        chunk, _ = self._last.get(token, (-1, 0))
        while chunk >= 0:
            count, earlier = self._posting.get((token, chunk))
            yield chunk, count
            chunk = earlier

    def _with(self, tokens: Tokens) -> Chunks:
        number, last, posting = len(self.whole), self._last, self._posting
        for token, count in Counter(tokens).items():
            earlier, holding = last.get(token, (-1, 0))
            last = last.set(token, (number, holding + 1))
            posting = posting.set((token, number), (count, earlier))
        return Chunks(self.size, self.whole.set(number, tokens), (), last, posting)


def _direction(table: Array, tokens: Sequence[int]) -> Array:
    """The mean embedding at length one; zeros where there is none."""
    ids = checked_tokens(tokens, vocabulary=len(table))
    mean = table[list(ids)].mean(axis=0) if ids else np.zeros(table.shape[1])
    norm = float(np.linalg.norm(mean))
    return np.asarray(mean / norm if norm > 0 else mean)
