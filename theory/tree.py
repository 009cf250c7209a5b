r"""Draft trees: one shape for every draft.

A *chain* is a tree of width one, a multi-draft *star* a tree of depth one, no speculation the tree that is
only its root. Each expanded node records **how its children were drawn**, so that verification uses the law
the tokens really came from.

Nodes are numbered in the order they were made, so a parent has a smaller number than its children; node 0
is the root and stands for the committed context. Siblings keep the order of their drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index

import numpy as np

from theory.ahead import announce
from theory.chance import Chance
from theory.laws import Law, Tokens
from theory.simplex import Array

#: The token number of the root, which stands for a context and not for a token.
ROOT = -1


@dataclass(frozen=True, eq=False)
class DraftTree:
    """Drafted tokens as a tree, with the law of each expanded node's children.

    Parameters
    ----------
    tokens
        One token id a node; ``tokens[0]`` is :data:`ROOT`.
    parents
        Number of each node's parent, smaller than its own; ``parents[0]`` is -1.
    laws
        For each node the law of its children, or None where it has none.

    Raises
    ------
    ValueError
        If lengths differ, a parent does not come before its child, a node with children has no law or a
        law of another number of drafts, what stands for a law is none, or a token is no id of the
        vocabulary of the law that drew it (where that law knows its vocabulary).

    Examples
    --------
    >>> from theory.laws import Point
    >>> tree = DraftTree.star((4, 2), law=Point([4, 2], 5))
    >>> tree.size, tree.depth, tree.children(0)
    (2, 1, (1, 2))
    >>> tree.prefix(2)
    (2,)
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    laws: tuple[Law | None, ...]

    def __post_init__(self) -> None:
        for name in ("tokens", "parents", "laws"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not len(self.tokens) == len(self.parents) == len(self.laws) >= 1:
            raise ValueError(
                "tokens, parents and laws need one entry a node and at least the root, got lengths "
                f"{len(self.tokens)}, {len(self.parents)} and {len(self.laws)}"
            )
        if self.parents[0] != -1 or self.tokens[0] != ROOT:
            raise ValueError("node 0 is the root: its parent and its token are -1")
        for node, parent in enumerate(self.parents[1:], start=1):
            if not 0 <= parent < node:
                raise ValueError(f"node {node} has parent {parent}; a parent comes before its child")
        self._check_laws()
        ids = [self._token_id(node) for node in range(1, len(self.tokens))]
        object.__setattr__(self, "tokens", (ROOT, *ids))

    def _token_id(self, node: int) -> int:
        token = self.tokens[node]
        limit = _vocabulary(self.laws[self.parents[node]])
        try:
            number = -1 if isinstance(token, bool) else index(token)
        except TypeError:
            number = -1
        if number < 0 or (limit is not None and number >= limit):
            allowed = "at least 0" if limit is None else f"in 0..{limit - 1} (the vocabulary of its law)"
            raise ValueError(f"node {node} has the token {token!r}; token ids are integers {allowed}")
        return number

    def _check_laws(self) -> None:
        for node, law in enumerate(self.laws):
            if not (law is None or _is_law(law)):
                raise ValueError(f"node {node} has {law!r} for a law; give a law of theory.laws, or None")
            count = len(self.children(node))
            expected = 0 if law is None else law.k
            if count != expected:
                raise ValueError(
                    f"node {node} has {count} children, but its law draws {expected}; "
                    "record the law that they were drawn from"
                )

    @classmethod
    def empty(cls) -> DraftTree:
        """The tree of no drafts."""
        return cls((ROOT,), (-1,), (None,))

    @classmethod
    def chain(cls, tokens: Sequence[int], *, laws: Sequence[Law]) -> DraftTree:
        """A chain: each token is the only child of the one before it."""
        count = len(tokens)
        return cls((ROOT, *tokens), tuple(range(-1, count)), (*laws, None))

    @classmethod
    def star(cls, tokens: Sequence[int], *, law: Law) -> DraftTree:
        """Several drafts of one next token."""
        count = len(tokens)
        return cls((ROOT, *tokens), (-1, *[0] * count), (law, *[None] * count))

    @property
    def size(self) -> int:
        """Number of drafted tokens, the root not counted."""
        return len(self.tokens) - 1

    @cached_property
    def _children(self) -> tuple[tuple[int, ...], ...]:
        lists: list[list[int]] = [[] for _ in self.tokens]
        for node, parent in enumerate(self.parents[1:], start=1):
            lists[parent].append(node)
        return tuple(tuple(nodes) for nodes in lists)

    def children(self, node: int) -> tuple[int, ...]:
        """The children of a node, in the order of their drawing."""
        return self._children[node]

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Depth of each node; the root has depth 0."""
        depths = [0]
        for parent in self.parents[1:]:
            depths.append(depths[parent] + 1)
        return tuple(depths)

    @property
    def depth(self) -> int:
        """Length of the longest path from the root."""
        return max(self.depths)

    def path(self, node: int) -> tuple[int, ...]:
        """Nodes from below the root down to the given one."""
        nodes: list[int] = []
        while node != 0:
            nodes.append(node)
            node = self.parents[node]
        return tuple(reversed(nodes))

    def prefix(self, node: int) -> Tokens:
        """Tokens from below the root down to the given node."""
        return tuple(self.tokens[step] for step in self.path(node))

    def ancestor_mask(self) -> Array:
        """Boolean ``(n, n)``: whether a row's node may attend to a column's (itself or an ancestor).

        Root included; with :attr:`depths` as position offsets it is what one tree-attention call needs.
        """
        mask = np.eye(len(self.tokens), dtype=bool)
        for node, parent in enumerate(self.parents[1:], start=1):
            mask[node] |= mask[parent]
        return mask


def _is_law(law: object) -> bool:
    """Whether an object offers a law's number of drafts and methods; asks for no vocabulary."""
    methods = (getattr(law, name, None) for name in ("conditional", "sample"))
    return hasattr(law, "k") and all(callable(method) for method in methods)


def _vocabulary(law: Law | None) -> int | None:
    """The number of tokens of a law, or None where it was made without."""
    if law is None:
        return None
    try:
        return law.vocabulary
    except ValueError:
        return None


def grow_levels(
    *,
    draft: Callable[[Tokens], Array],
    branching: Sequence[Callable[[Array], Law]],
    chance: Chance,
) -> DraftTree:
    """Draw a tree level by level: every node of a level is expanded by that level's law.

    Parameters
    ----------
    draft
        The draft's next-token distribution after a prefix of drafted tokens.
    branching
        For each level the law of a node's children, made from the draft's distribution there, such as
        ``lambda q: Iid(q, 2)``.
    chance
        Source of randomness; a node of depth d draws from the stream ``"draft/d"``.

    Returns
    -------
    DraftTree
        A full tree of depth ``len(branching)``. Siblings may carry the same token where the law allows.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.chance import Enumerated
    >>> from theory.laws import Iid
    >>> q = np.array([F(1, 2), F(1, 2)])
    >>> law = Enumerated().law(lambda chance: grow_levels(
    ...     draft=lambda prefix: q, branching=[lambda q: Iid(q, 1)] * 2, chance=chance).tokens)
    >>> law[(-1, 0, 1)]
    Fraction(1, 4)
    """
    tokens, parents, laws = [ROOT], [-1], list[Law | None]()
    prefixes: list[Tokens] = [()]
    level = [0]
    for depth, law_of in enumerate(branching):
        following: list[int] = []
        announce(draft, (prefixes[node] for node in level))
        for node in level:
            law = law_of(draft(prefixes[node]))
            laws.append(law)
            for token in law.sample(chance, stream=f"draft/{depth}"):
                following.append(len(tokens))
                tokens.append(token)
                parents.append(node)
                prefixes.append((*prefixes[node], token))
        level = following
    laws.extend([None] * len(level))
    return DraftTree(tuple(tokens), tuple(parents), tuple(laws))
