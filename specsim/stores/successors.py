r"""Token Recycling's matrix: for each token the eight tokens that the target lately held likeliest after it.

Row x holds, best first, the target's top tokens at the last node that carried the token x. Every verified
node of a draft tree, taken or not, tells one row: the candidates that were thrown away are *recycled*. The
matrix starts empty (or as zeros, as released: then token 0 is every token's only successor until it is told
otherwise) and is kept from one request to the next.

The draft is a static template filled from the matrix (:func:`filled`): child number j of a node that carries
x is entry j of row x. Those are chosen tokens, point masses, whatever the matrix says; so it is lossless with
any history.

The tree is that of :class:`theory.shapes.dynamic.TokenRecycling`. Here only the rows that the template asks
for are looked at, and an update shares all other rows with the matrix before: O(log V) a row.

Source: Luo et al. 2024 (Token Recycling), arXiv 2408.08696
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from specsim.stores.datastore import Array
from specsim.stores.persistent import PersistentMap
from specsim.stores.text import Tokens, checked_token, checked_tokens
from theory.shapes import TreeShape
from theory.shapes.dynamic.base import Workbench
from theory.shapes.templates import PUBLISHED
from theory.simplex import top_tokens
from theory.tree import DraftTree

#: The published template: 80 nodes, 8, 21, 25, 15, 8 and 3 of depth 1 to 6.
TEMPLATE = PUBLISHED["Token Recycling 2.2.2"]


@dataclass(frozen=True)
class Successors:
    """A matrix of successors, V rows of at most ``ranks`` tokens.

    Parameters
    ----------
    vocabulary
        Number of tokens V.
    ranks
        Most successors of a token.
    zeros
        What a row is before it is told: all zeros (as released) instead of empty.
    rows
        The rows that were told.

    Examples
    --------
    >>> store = Successors(vocabulary=5, ranks=2).observe([(1, (4, 2)), (4, (0,)), (1, (3,))])
    >>> store.row(1), store.row(4), store.row(0)
    ((3,), (0,), ())
    >>> store.matrix()[1].tolist()
    [3, -1]
    """

    vocabulary: int
    ranks: int = 8
    zeros: bool = False
    rows: PersistentMap[int, Tokens] = field(default_factory=PersistentMap, repr=False)

    def __post_init__(self) -> None:
        if self.vocabulary < 1 or self.ranks < 1:
            raise ValueError(
                "vocabulary and ranks must be at least 1, "
                f"got vocabulary={self.vocabulary}, ranks={self.ranks}"
            )

    @classmethod
    def of_matrix(cls, matrix: Array) -> Successors:
        """A store from a table of token ids, shape ``(V, ranks)``; rows end at their first negative entry.

        Examples
        --------
        >>> Successors.of_matrix(np.array([[1, -1], [0, 1]])).row(0)
        (1,)
        """
        table = np.asarray(matrix)
        if table.ndim != 2 or table.dtype.kind not in "iu":
            raise ValueError(
                f"the matrix holds token ids, shape (V, ranks), got {table.dtype} of shape {table.shape}"
            )
        store = cls(vocabulary=table.shape[0], ranks=table.shape[1])
        return store.observe((token, _until_negative(row)) for token, row in enumerate(table.tolist()))

    def row(self, token: int) -> Tokens:
        """The successors of a token, best first."""
        known: Tokens = self.rows.get(token, (0,) * self.ranks if self.zeros else ())
        return known

    def observe(self, nodes: Iterable[tuple[int, Sequence[int]]]) -> Successors:
        """The store after some verified nodes: each one's token and the target's top tokens there.

        The last of several nodes that carry one token counts. O(log V) a node.

        Raises
        ------
        ValueError
            For tokens outside of the vocabulary.
        """
        rows = self.rows
        for token, top in nodes:
            (place,) = checked_tokens([token], vocabulary=self.vocabulary)
            best = checked_tokens(top[: self.ranks], vocabulary=self.vocabulary)
            rows = rows.set(place, best)
        return replace(self, rows=rows)

    def matrix(self) -> Array:
        """All rows, int32, shape ``(V, ranks)``, -1 where there is none; O(V)."""
        out = np.full((self.vocabulary, self.ranks), 0 if self.zeros else -1, dtype=np.int32)
        for token, row in self.rows.items():
            out[token] = (*row, *[-1] * (self.ranks - len(row)))
        return out

    def tree(self, last: int, *, template: TreeShape = TEMPLATE, budget: int | None = None) -> DraftTree:
        """The template filled from the matrix, below the last committed token."""
        return filled(self.row, last=last, template=template, vocabulary=self.vocabulary, budget=budget)


def filled(
    successors: Callable[[int], Sequence[int]],
    *,
    last: int,
    template: TreeShape,
    vocabulary: int,
    budget: int | None = None,
) -> DraftTree:
    """A static shape filled from lists of successors, as a tree of point masses; O(nodes).

    Parameters
    ----------
    successors
        Candidates after a token, best first.
    last
        The committed token that the root stands for.
    template
        The shape; a node whose candidate is missing or is an earlier sibling's is left out with all below.
    vocabulary
        Number of tokens V.
    budget
        The first nodes of the template, breadth first; None for all.

    Examples
    --------
    >>> tree = filled(lambda token: (token + 1, 0), last=0, template=TreeShape((-1, 0, 0, 1)), vocabulary=3)
    >>> [tree.prefix(node) for node in range(1, tree.size + 1)]
    [(1,), (0,), (1, 2)]
    """
    if budget is not None and budget < 0:
        raise ValueError(f"budget must be at least 0, got {budget}")
    bench, number = Workbench(), {0: 0}
    taken: set[tuple[int, int]] = set()
    most = template.size if budget is None else min(budget, template.size)
    start = checked_token(last)
    for node in range(1, most + 1):
        parent, rank = number.get(template.parents[node]), template.ranks[node]
        if parent is None:
            continue
        row = successors(bench.tokens[parent] if parent else start)
        if rank < len(row) and (parent, row[rank]) not in taken:
            taken.add((parent, row[rank]))
            number[node] = bench.add(parent, row[rank])
    return bench.chosen(vocabulary)


def told_by(
    tree: DraftTree,
    *,
    last: int,
    row: Callable[[Tokens], Array],
    ranks: int = 8,
    path: Sequence[int] | None = None,
) -> list[tuple[int, Tokens]]:
    """What a verified tree tells: the token of each node and the target's top tokens at it, in node order.

    Parameters
    ----------
    tree
        The verified draft.
    last
        The committed token that the root stands for.
    row
        The target's distribution after a prefix of drafted tokens.
    ranks
        Top tokens wanted; fewer where the support is smaller. Ties go to the smaller token.
    path
        Only these nodes and the root (the accepted ones); None for all nodes.

    Examples
    --------
    >>> told_by(DraftTree.empty(), last=2, row=lambda prefix: np.array([0.5, 0.0, 0.5]), ranks=8)
    [(2, (0, 2))]
    """
    nodes = range(tree.size + 1) if path is None else (0, *path)
    tokens = (last, *tree.tokens[1:])
    return [(tokens[node], top_of(row(tree.prefix(node)), ranks)) for node in nodes]


def top_of(row: Array, ranks: int) -> Tokens:
    """The likeliest tokens of a distribution, at most ``ranks``, none of probability zero.

    Examples
    --------
    >>> top_of(np.array([0.2, 0.8, 0.0]), 8)
    (1, 0)
    """
    live = int(np.count_nonzero(row > 0))
    return tuple(top_tokens(row, min(ranks, live)).tolist())


def _until_negative(row: list[int]) -> list[int]:
    return row[: next((place for place, token in enumerate(row) if token < 0), len(row))]
