r"""What is drafted in one round, as a law over token trees.

A drafted tree is a nested tuple: for each drafted next token, in order, the token and what is drafted below
it; ``()`` is a leaf. Equal paths are one node, and paths that are exchangeable give the same tuple, so the
law is over *sets* of paths. A rule with all information can use nothing else: which of two equal paths a
token came from is noise that is independent of everything a promise is made about.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import Any

from theory.chance import Chance, Enumerated
from theory.laws import Tokens
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.rounds import Scheme

#: A drafted tree: ``((token, tree below), ...)``, tokens rising; ``()`` is a leaf.
Tree = tuple[tuple[int, "Tree"], ...]


def path_trees(*, draft: Model, count: int, length: int) -> dict[Tree, Any]:
    """The law of the tree of some i.i.d. paths; exact for fractions.

    Parameters
    ----------
    draft
        The draft's next-token distribution after a prefix.
    count
        Number of paths K, at least 1.
    length
        Tokens of each L, at least 1.

    Returns
    -------
    dict
        Probabilities of at most ``comb(V**L + K - 1, K)`` trees.

    Raises
    ------
    ValueError
        If a number is below 1.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> law = path_trees(draft=lambda prefix: np.array([F(1, 3), F(2, 3)]), count=2, length=1)
    >>> law[((0, ()), (1, ()))]
    Fraction(4, 9)
    """
    if min(count, length) < 1:
        raise ValueError(f"count and length must be at least 1, got count={count}, length={length}")
    return _below(draft, (), count, length)


def _below(draft: Model, prefix: Tokens, count: int, length: int) -> dict[Tree, Any]:
    if length == 0:
        return {(): 1}
    q = draft(prefix)
    tokens = [token for token in range(q.size) if q[token] > 0]
    parts = {
        (token, some): _below(draft, (*prefix, token), some, length - 1)
        for token in tokens
        for some in range(1, count + 1)
    }
    law: dict[Tree, Any] = {}
    for shares in _compositions(count, len(tokens)):
        partial: dict[Tree, Any] = {(): 1}
        left = count
        for token, some in zip(tokens, shares, strict=True):
            if some:
                ways = comb(left, some) * q[token] ** some
                left -= some
                partial = {
                    (*tree, (token, below)): weight * ways * mass
                    for tree, weight in partial.items()
                    for below, mass in parts[token, some].items()
                }
        for tree, weight in partial.items():
            law[tree] = law.get(tree, 0) + weight
    return law


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def scheme_trees(*, scheme: Scheme, draft: Model) -> dict[Tree, Any]:
    """The law of the trees that a scheme's grower draws, by enumeration; any shape and any laws.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from theory.walks import named
    >>> model = lambda prefix: np.array([F(1, 3), F(2, 3)])
    >>> scheme_trees(scheme=named.block(2), draft=model) == path_trees(draft=model, count=1, length=2)
    True
    """

    def program(chance: Chance) -> Tree:
        return nested(scheme.grow(draft=draft, chance=chance))

    return Enumerated().law(program)


def nested(tree: DraftTree, nodes: tuple[int, ...] = (0,)) -> Tree:
    """A draft tree as a nested tuple; nodes of one prefix become one.

    Examples
    --------
    >>> from theory.laws import Point
    >>> nested(DraftTree.star((2, 1), law=Point([2, 1])))
    ((1, ()), (2, ()))
    """
    children = [child for node in nodes for child in tree.children(node)]
    tokens = sorted({tree.tokens[child] for child in children})
    return tuple(
        (token, nested(tree, tuple(child for child in children if tree.tokens[child] == token)))
        for token in tokens
    )
