r"""Trees by Monte Carlo tree search over scored successors (ADED).

A table scores the successors of a context. The search walks from the root ``length`` tokens down, again and
again. At a node visited N times it goes to the child of largest

.. math:: \frac{\text{value}}{n} + \Bigl(c + \ln\frac{N + b + 1}{b}\Bigr)\, s\, \frac{\sqrt{N}}{1 + n},

where n is how often the child was visited, s its score, the first term 0 for n = 0, and c = 32, b = 8. Ties
go to the successor that is listed first. Then the walk's value is added to all its nodes. The draft is made
of the ``sequences`` ends of walks with most visits (ties: the longer, then the one that is listed first),
each extended by its best successor, as long as there is room.

The publication doesn't pin down the value of a walk. Here it is what the table promises of the walk as a
draft, the expected number of its accepted tokens :math:`\sum_d \prod_{i \le d} \min(1, s_i)`. With c = 32 the
exploration term rules, so visits go nearly in proportion to the scores.

No randomness is asked for ('Monte Carlo' is the name of the search), scores are taken as floats: chosen
tokens, point masses.

Lossless: yes, with top-down recursive rejection.
Complexity: O(iterations x length x width), and one look into the table a node.
Source: Liu et al. 2024 (ADED), arXiv 2407.12021
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Any

from theory.chance import Chance
from theory.laws import Tokens
from theory.shapes.dynamic.base import Workbench, check_budget, check_count
from theory.simplex import top_tokens
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.growers import support

#: The successors of a path of drafted tokens, best first, each with its score.
Successors = Callable[[Tokens], Sequence[tuple[int, Any]]]


@dataclass(eq=False, slots=True)
class _Node:
    """A node of the search: what it is, what it was worth, and its children once it has been left."""

    path: Tokens
    score: float
    visits: int = 0
    value: float = 0.0
    below: list[_Node] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Mcts:
    """Tree search under a budget of nodes.

    Parameters
    ----------
    iterations
        Walks, at least 1.
    length
        Tokens of a walk, at least 1.
    sequences
        Ends of walks that are kept, at least 1.
    extend
        Best successors appended to each of them.
    width
        Successors looked at where the scores come from a model's row: its likeliest.
    constant, base
        c and b of the formula; c at least 0, b positive.

    Raises
    ------
    ValueError
        For numbers out of their range.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.6, 0.3, 0.1])
    >>> tree = Mcts(length=2, extend=0).grow(
    ...     draft=lambda prefix: q, budget=4, chance=Sampled(np.random.default_rng(0)))
    >>> sorted(tree.prefix(node) for node in range(1, 5))
    [(0,), (0, 0), (0, 1), (1,)]
    """

    iterations: int = 150
    length: int = 4
    sequences: int = 24
    extend: int = 1
    width: int = 12
    constant: float = 32.0
    base: float = 8.0

    def __post_init__(self) -> None:
        for name in ("iterations", "length", "sequences", "width"):
            check_count(getattr(self, name), name=name)
        check_count(self.extend, name="extend", least=0)
        if not (self.constant >= 0 and self.base > 0):
            raise ValueError(
                "constant must be at least 0 and base positive, "
                f"got constant={self.constant}, base={self.base}"
            )

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Search with the draft's rows as scores; chance is not asked."""

        def successors(prefix: Tokens) -> list[tuple[int, Any]]:
            q = draft(prefix)
            return [(int(t), q[t]) for t in top_tokens(q, min(self.width, support(q)))]

        return self.search(successors, budget=budget, vocabulary=draft(()).size)

    def search(self, successors: Successors, *, budget: int, vocabulary: int) -> DraftTree:
        """Search with given scores.

        Parameters
        ----------
        successors
            The scored successors of a path of drafted tokens; scores of 0 or less are left out.
        budget
            Most nodes of the tree.
        vocabulary
            Number of tokens V.
        """
        check_budget(budget)
        root = _Node((), 1.0)
        for _ in range(self.iterations):
            self._walk(root, successors)
        ends = sorted(_ends(root), key=lambda node: (-node.visits, -len(node.path)))
        paths = [self._extended(node.path, successors) for node in ends[: self.sequences]]
        return _within(paths, budget, vocabulary)

    def _walk(self, root: _Node, successors: Successors) -> None:
        walked, reached, worth = [root], 1.0, 0.0
        while len(walked) <= self.length:
            node = walked[-1]
            if node.below is None:
                node.below = [_Node((*node.path, t), float(s)) for t, s in successors(node.path) if s > 0]
            if not node.below:
                break
            walked.append(self._best(node))
            reached *= min(1.0, walked[-1].score)
            worth += reached
        for node in walked:
            node.visits += 1
            node.value += worth

    def _best(self, node: _Node) -> _Node:
        """The child to go to; the first among equals."""
        rate = (self.constant + log((node.visits + self.base + 1) / self.base)) * sqrt(node.visits)
        best, most = node, -1.0
        for child in node.below or ():
            visits = child.visits
            here = child.score * rate / (1 + visits) + (child.value / visits if visits else 0.0)
            # before the first visit of the parent every index is 0 and the first successor is taken
            if here > most:
                best, most = child, here
        return best

    def _extended(self, path: Tokens, successors: Successors) -> Tokens:
        for _ in range(self.extend):
            best = max(successors(path), key=lambda scored: scored[1], default=None)
            if best is None or best[1] <= 0:
                break
            path = (*path, best[0])
        return path


def _ends(node: _Node) -> list[_Node]:
    """Visited nodes below which nothing was visited, in the order of the lists; the root is none."""
    below = [child for child in node.below or () if child.visits]
    if not below:
        return [node] if node.path else []
    return [end for child in below for end in _ends(child)]


def _within(paths: list[Tokens], budget: int, vocabulary: int) -> DraftTree:
    """The tree of some paths, one after the other, until the budget is used up."""
    bench = Workbench()
    place: dict[Tokens, int] = {(): 0}
    for path in paths:
        for end in range(1, len(path) + 1):
            if path[:end] not in place and bench.size < budget:
                place[path[:end]] = bench.add(place[path[: end - 1]], path[end - 1])
    return bench.chosen(vocabulary)
