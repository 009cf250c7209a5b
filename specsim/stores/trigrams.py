r"""ADED's table of trigrams: the likeliest successors of each bigram, raised by what is being written.

The table starts from a corpus: for each pair of tokens the twelve tokens that followed it most often, scored
by their share of all that followed. After every round each trigram of the last 16 tokens of the text gets
0.04 more, up to 3; a token that was none of the pair's successors comes in with 0.04, and the lowest goes if
there are more than twelve. So scores are no probabilities any more, and need not be: the tree is searched by
them (:class:`theory.shapes.dynamic.mcts.Mcts`) and verified as point masses.

A trigram stays in the window for several rounds and is raised in each; one that stands twice in the window is
raised twice. That is the published adaptation read literally.

What the corpus says is an array that all stores share; only raised rows are kept beside it, in a persistent
map: O(window) entries a round, whatever the size of the corpus.

Source: Liu et al. 2024 (ADED), arXiv 2407.12021
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from specsim.stores.datastore import Array
from specsim.stores.documents import packed_trigrams
from specsim.stores.persistent import PersistentMap
from specsim.stores.text import Tokens, checked_tokens
from theory.shapes.dynamic.mcts import Mcts
from theory.tree import DraftTree

#: Scored successors, best first.
Row = tuple[tuple[int, float], ...]


@dataclass(frozen=True, eq=False)
class TrigramTable:
    """The successors of each pair of tokens in a corpus; compared by identity, it never changes.

    Make one with :meth:`of`.

    Parameters
    ----------
    vocabulary
        Number of tokens V, below 2**21.
    keys
        Pairs ``u V + v``, ascending, one for each successor.
    tokens, scores
        The successors and their shares; within a pair by falling score, then by token.

    Examples
    --------
    >>> TrigramTable.of([[0, 1, 2, 0, 1, 3, 0, 1, 2]], vocabulary=4).row(0, 1)
    ((2, 0.6666666666666666), (3, 0.3333333333333333))
    """

    vocabulary: int
    keys: Array
    tokens: Array
    scores: Array

    @classmethod
    def of(cls, documents: Iterable[ArrayLike], *, vocabulary: int, successors: int = 12) -> TrigramTable:
        """Count the trigrams of some documents; two sorts of all trigrams.

        Raises
        ------
        ValueError
            For tokens outside of the vocabulary or parameters out of their range.
        """
        if not 1 <= vocabulary < 2**21:
            raise ValueError(f"vocabulary must be in 1..{2**21 - 1}, got {vocabulary}")
        if successors < 1:
            raise ValueError(f"successors must be at least 1, got {successors}")
        packed = [
            packed_trigrams(document, number=n, vocabulary=vocabulary) for n, document in enumerate(documents)
        ]
        keys, counts = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *packed]), return_counts=True)
        order = np.lexsort((keys, -counts, keys // vocabulary))
        pairs, counts, tokens = keys[order] // vocabulary, counts[order], keys[order] % vocabulary
        _, start, number = np.unique(pairs, return_index=True, return_inverse=True)
        kept = np.arange(len(pairs)) - start[number] < successors if len(pairs) else np.zeros(0, dtype=bool)
        shares = counts / np.bincount(number, weights=counts)[number] if len(pairs) else np.zeros(0)
        return cls(vocabulary, pairs[kept], tokens[kept].astype(np.int32), shares[kept])

    def row(self, first: int, second: int) -> Row:
        """The successors of a pair of tokens, best first; O(log N)."""
        key = first * self.vocabulary + second
        low, high = np.searchsorted(self.keys, [key, key + 1])
        return tuple(zip(self.tokens[low:high].tolist(), self.scores[low:high].tolist(), strict=True))


@dataclass(frozen=True)
class Trigrams:
    """The table with what the text has raised.

    Parameters
    ----------
    table
        From a corpus.
    window
        Last tokens whose trigrams are raised after each round; below 3 the table is static.
    step, cap
        What a trigram gets, and the largest score that it is raised to.
    successors
        Most successors of a pair.
    recent
        The last tokens observed, at most ``window`` (or 2).
    raised
        Rows that differ from the corpus'.

    Examples
    --------
    >>> store = Trigrams(TrigramTable.of([[0, 1, 2]], vocabulary=4)).observe([0, 1, 3])
    >>> store.row(0, 1)
    ((2, 1.0), (3, 0.04))
    >>> tree = store.tree((0, 1), budget=8)
    >>> [tree.prefix(node) for node in range(1, tree.size + 1)]
    [(2,), (3,)]
    """

    table: TrigramTable
    window: int = 16
    step: float = 0.04
    cap: float = 3.0
    successors: int = 12
    recent: Tokens = ()
    raised: PersistentMap[tuple[int, int], Row] = field(default_factory=PersistentMap, repr=False)

    def __post_init__(self) -> None:
        if self.window < 0 or self.successors < 1:
            raise ValueError(
                "window must be at least 0 and successors at least 1, "
                f"got window={self.window}, successors={self.successors}"
            )
        if not 0 <= self.step <= self.cap:
            raise ValueError(f"step must be in 0..cap, got step={self.step}, cap={self.cap}")

    def row(self, first: int, second: int) -> Row:
        """The scored successors of a pair of tokens, best first."""
        known: Row | None = self.raised.get((first, second))
        return self.table.row(first, second) if known is None else known

    def observe(self, tokens: Iterable[int]) -> Trigrams:
        """The store after a round that committed some tokens: every trigram of the window is raised once."""
        new = checked_tokens(tokens, vocabulary=self.table.vocabulary)
        recent = (*self.recent, *new)[-max(self.window, 2) :]
        raised = self.raised
        for place in range(len(recent) - 2 if self.window >= 3 else 0):
            pair = recent[place], recent[place + 1]
            known = raised.get(pair)
            row = self.table.row(*pair) if known is None else known
            raised = raised.set(pair, self._with(row, recent[place + 2]))
        return replace(self, recent=recent, raised=raised)

    def separated(self) -> Trigrams:
        """The store before another document: no trigram reaches back to this one's end."""
        return replace(self, recent=())

    def after(self, context: Sequence[int]) -> Row:
        """The scored successors of a context; none for contexts of less than two tokens."""
        return self.row(context[-2], context[-1]) if len(context) >= 2 else ()

    def tree(self, context: Sequence[int], *, budget: int = 64, search: Mcts | None = None) -> DraftTree:
        """The tree that the search finds below a context; ``search`` is that of ADED unless given."""
        end = tuple(context[-2:])
        return (search or Mcts()).search(
            lambda path: self.after((*end, *path)), budget=budget, vocabulary=self.table.vocabulary
        )

    def _with(self, row: Row, token: int) -> Row:
        scores = dict(row)
        old = scores.get(token, 0.0)
        scores[token] = max(old, min(self.cap, old + self.step))
        return tuple(sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))[: self.successors])
