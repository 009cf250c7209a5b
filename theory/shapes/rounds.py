r"""The static tree that needs the fewest rounds on recorded text.

Record for each position of a text the *rank* of its token among the draft's candidates there (0 the
likeliest; -1 if it is none of them). A static tree then replays exactly: a round that starts at position t
accepts the longest path of ranks :math:`r_t, r_{t+1}, \dots` in the tree, the target adds one token, and the
next round starts behind it.

Averages over all positions are not what counts: **where rounds start depends on the tree** (they start behind
rejections, where the draft is worse than average). Fewest rounds is a hard problem (each tree has its own
starts); here are

* :func:`count_rounds`: rounds of a given tree, exact;
* :func:`fewest_rounds`: a tree by re-weighting (count paths from the current tree's own starts, take the
  heaviest nodes, repeat) and exchange of single nodes: **an upper bound** with its tree;
* :func:`clairvoyant_rounds`: no tree of n nodes, not even one chosen anew each round with the text known,
  needs fewer: **a lower bound**, exact for that question;
* :mod:`theory.shapes.rounds_bound`: another lower bound, for static trees, with a certificate. It is mostly
  the better one by far, but neither includes the other: take the larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.shapes.best_first import check_caps
from theory.shapes.formats import from_choices
from theory.shapes.shape import TreeShape
from theory.simplex import Array

Path = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class RankTrace:
    """Ranks of recorded tokens, and the nodes that could ever be accepted.

    Parameters
    ----------
    texts
        For each text the ranks of its tokens, whole numbers of at least -1 (-1: not a candidate).
    max_depth
        Longest path looked at, at least 1.
    max_children
        Ranks beyond are no candidates.

    Examples
    --------
    >>> trace = RankTrace([[0, 1, 0]], max_depth=2, max_children=2)
    >>> trace.tokens, trace.nodes
    (3, ((0,), (0, 0), (0, 1), (1,), (1, 0)))
    """

    texts: tuple[tuple[int, ...], ...]
    max_depth: int
    max_children: int

    def __init__(self, texts: Sequence[Sequence[int]], *, max_depth: int, max_children: int) -> None:
        if max_depth < 1 or max_children < 1:
            raise ValueError(f"caps are at least 1, got max_depth={max_depth}, max_children={max_children}")
        given = tuple(tuple(int(rank) for rank in text) for text in texts)
        if not any(given) or min(min(text, default=0) for text in given) < -1:
            raise ValueError("give at least one rank; ranks are whole numbers of at least 0, or -1")
        object.__setattr__(self, "texts", given)
        object.__setattr__(self, "max_depth", max_depth)
        object.__setattr__(self, "max_children", max_children)

    @property
    def tokens(self) -> int:
        """Number of tokens of all texts."""
        return sum(len(text) for text in self.texts)

    def _path(self, text: Sequence[int], start: int) -> Path:
        """The longest acceptable path from a start."""
        stop = start
        limit = min(len(text), start + self.max_depth)
        while stop < limit and 0 <= text[stop] < self.max_children:
            stop += 1
        return tuple(text[start:stop])

    @cached_property
    def _numbered(self) -> tuple[tuple[Path, ...], Array]:
        """Nodes in order of their paths (parents and earlier siblings first), and each start's nodes."""
        paths = [self._path(text, start) for text in self.texts for start in range(len(text))]
        needed: set[Path] = set()
        for path in set(paths):
            for length in range(1, len(path) + 1):
                *before, rank = path[:length]
                needed.update((*before, earlier) for earlier in range(rank + 1))
        nodes = tuple(sorted(needed))
        number = {node: place for place, node in enumerate(nodes)}
        along = np.full((len(paths), self.max_depth), len(nodes), dtype=np.intp)
        for place, path in enumerate(paths):
            for length in range(1, len(path) + 1):
                along[place, length - 1] = number[path[:length]]
        return nodes, along

    @property
    def nodes(self) -> tuple[Path, ...]:
        """All nodes that some start could accept, with their earlier siblings."""
        return self._numbered[0]

    @property
    def along(self) -> Array:
        """For each start (text after text) its nodes by depth; the number of nodes where none is left."""
        return self._numbered[1]

    @cached_property
    def before(self) -> tuple[Array, Array]:
        """Number of each node's parent and of its earlier sibling; -1 for the root and for none."""
        number = {node: place for place, node in enumerate(self.nodes)}
        parents = [number.get(node[:-1], -1) for node in self.nodes]
        siblings = [number.get((*node[:-1], node[-1] - 1), -1) for node in self.nodes]
        return np.array(parents, dtype=np.intp), np.array(siblings, dtype=np.intp)

    @cached_property
    def ends(self) -> Array:
        """For each start the end of its text, in positions of all texts."""
        lengths = np.array([len(text) for text in self.texts])
        return np.repeat(np.cumsum(lengths), lengths)


@dataclass(frozen=True, eq=False)
class FewestRounds:
    """A static tree for a recorded text, and how close it is proved to be.

    Attributes
    ----------
    shape
        The tree found.
    rounds
        Its rounds, exact: an upper bound of the fewest.
    start_rounds
        Rounds of the tree that is best for averages over all positions.
    clairvoyant
        A lower bound: no tree of so many nodes needs fewer.
    tokens
        Number of tokens.
    """

    shape: TreeShape
    rounds: int
    start_rounds: int
    clairvoyant: int
    tokens: int

    @property
    def tokens_per_round(self) -> float:
        """Tokens over rounds."""
        return self.tokens / self.rounds


def count_rounds(shape: TreeShape, trace: RankTrace) -> int:
    """Rounds that a static tree needs for the texts. Exact; a text's last round may be cut short.

    Examples
    --------
    >>> count_rounds(TreeShape((-1, 0, 1)), RankTrace([[0, 0, 0, 1, 0]], max_depth=2, max_children=2))
    3
    """
    chosen = set(shape.choices())
    inside = np.array([*(node in chosen for node in trace.nodes), False])
    return len(_starts(inside, trace))


def clairvoyant_rounds(trace: RankTrace, *, nodes: int) -> int:
    """Fewest rounds of trees chosen anew each round by one who knows the text. Exact; a lower bound.

    A path of ranks r needs ``sum(r + 1)`` nodes, earlier siblings included. The longest affordable path is
    best: from a later start one gets at least as far.

    Examples
    --------
    >>> clairvoyant_rounds(RankTrace([[0, 1, 0, -1, 0]], max_depth=4, max_children=2), nodes=3)
    3
    """
    check_caps(nodes=nodes, max_depth=None, max_children=None)
    rounds = 0
    for text in trace.texts:
        start = 0
        while start < len(text):
            path = trace._path(text, start)
            accepted = np.searchsorted(np.cumsum([rank + 1 for rank in path]), nodes, side="right")
            start += int(accepted) + 1
            rounds += 1
    return rounds


def fewest_rounds(trace: RankTrace, *, nodes: int, exchanges: int = 2000) -> FewestRounds:
    """A static tree of at most so many nodes with few rounds: an upper bound, and a lower one.

    Starts from the best tree for averages over all positions; re-weights by the current tree's own starts
    until nothing new comes; then exchanges single nodes while that helps.

    Parameters
    ----------
    trace
        Recorded ranks.
    nodes
        Number of nodes, at least 0.
    exchanges
        Largest number of exchanges tried.

    Returns
    -------
    FewestRounds
        The best tree seen; never more rounds than the one it starts from.

    Examples
    --------
    >>> trace = RankTrace([[0, 1, 0, 1, 1, 0, 1, 1, 0, 1]], max_depth=3, max_children=2)
    >>> result = fewest_rounds(trace, nodes=4)
    >>> result.clairvoyant <= result.rounds <= result.start_rounds
    True
    """
    check_caps(nodes=nodes, max_depth=None, max_children=None)
    best = current = _heaviest(trace, np.arange(len(trace.along)), nodes)
    fewest = first = len(_starts(current, trace))
    seen = {current.tobytes()}
    for _ in range(50):
        current = _heaviest(trace, _starts(current, trace), nodes)
        if current.tobytes() in seen:
            break
        seen.add(current.tobytes())
        rounds = len(_starts(current, trace))
        if rounds < fewest:
            best, fewest = current, rounds
    best, fewest = _exchange(trace, best, fewest, exchanges)
    shape = from_choices(node for node, kept in zip(trace.nodes, best, strict=False) if kept)
    return FewestRounds(shape, fewest, first, clairvoyant_rounds(trace, nodes=nodes), trace.tokens)


def _starts(inside: Array, trace: RankTrace) -> Array:
    """Where the rounds start, given which nodes the tree holds (and False behind them)."""
    accepted = np.logical_and.accumulate(inside[trace.along], axis=1).sum(axis=1)
    following = np.minimum(np.arange(len(accepted)) + accepted + 1, trace.ends).tolist()
    starts, place = [], 0
    while place < len(following):
        starts.append(place)
        place = following[place]
    return np.array(starts, dtype=np.intp)


def _visits(trace: RankTrace, starts: Array) -> Array:
    """How many of the starts could accept each node."""
    counts: Array = np.bincount(trace.along[starts].ravel(), minlength=len(trace.nodes) + 1)[:-1]
    return counts


def _heaviest(trace: RankTrace, starts: Array, nodes: int) -> Array:
    """A tree of the nodes that most starts could accept; a node counts with the run of siblings it opens."""
    counts = _visits(trace, starts)
    parents, siblings = trace.before
    worth, run, total = counts.astype(float), np.ones(len(counts)), counts.astype(float)
    # a light node before heavy siblings is worth the average of the run that it opens
    for node in range(len(counts) - 1, -1, -1):
        left = siblings[node]
        if left >= 0 and worth[node] > worth[left]:
            run[left] += run[node]
            total[left] += total[node]
            worth[left] = total[left] / run[left]
    inside = np.zeros(len(counts) + 1, dtype=bool)
    order = np.argsort(-worth, kind="stable")
    _take(inside, order, parents, siblings, nodes)
    return inside


def _take(inside: Array, order: Array, parents: Array, siblings: Array, nodes: int) -> None:
    """Take nodes in order, each with what must come before it, as long as they fit."""
    left = nodes
    for node in order.tolist():
        chain, waiting = [], [node]
        while waiting:
            place = waiting.pop()
            if place >= 0 and not inside[place] and place not in chain:
                chain.append(place)
                waiting += [int(parents[place]), int(siblings[place])]
        if len(chain) <= left:
            inside[chain] = True
            left -= len(chain)
        if left == 0:
            return


def _exchange(trace: RankTrace, inside: Array, fewest: int, exchanges: int) -> tuple[Array, int]:
    """Exchange a last node for one that could be added while rounds fall."""
    tried, improved = 0, True
    while improved and tried < exchanges:
        improved = False
        visits = _visits(trace, _starts(inside, trace))
        for added in _addable(inside, trace, visits):
            for removed in _removable(inside, trace, visits, added):
                other = inside.copy()
                other[removed], other[added] = False, True
                rounds = len(_starts(other, trace))
                tried += 1
                if rounds < fewest:
                    inside, fewest, improved = other, rounds, True
                    break
                if tried >= exchanges:
                    return inside, fewest
            if improved:
                break
    return inside, fewest


def _addable(inside: Array, trace: RankTrace, visits: Array) -> list[int]:
    """The nodes that could be added, most visited first."""
    parents, siblings = trace.before
    fits = ~inside[:-1] & ((parents < 0) | inside[parents]) & ((siblings < 0) | inside[siblings])
    found = np.flatnonzero(fits)
    return [int(node) for node in found[np.argsort(-visits[found], kind="stable")][:24]]


def _removable(inside: Array, trace: RankTrace, visits: Array, added: int) -> list[int]:
    """The nodes that nothing hangs on or comes after, least visited first."""
    needed = np.zeros(len(visits), dtype=bool)
    for before in trace.before:
        needs = before[np.append(np.flatnonzero(inside[:-1]), added)]
        needed[needs[needs >= 0]] = True
    found = np.flatnonzero(inside[:-1] & ~needed)
    return [int(node) for node in found[np.argsort(visits[found], kind="stable")][:12]]
