r"""A lower bound of the rounds that any static tree needs on recorded text, with its certificate.

Relax twice: a round may stop before its longest path (that only adds ways through the text), and the tree may
hold fractions :math:`x_v` of nodes, with :math:`\sum x_v \le n`, a node at most what its parent and its
earlier sibling are. Rounds are a flow of one unit through the positions of each text; a round from t over l
levels or more passes at most :math:`x_{v(t, l)}`. The cheapest flow is a linear program.

Its multipliers :math:`\mu_{t,l} \ge 0` prove a bound without the solver. For **any** :math:`\mu \ge 0` and
:math:`\theta \ge 0`

.. math:: \text{rounds} \;\ge\; \sum_{\text{texts}} \text{shortest path}\Bigl(1 + \sum_{j \le l}
\mu_{t,j}\Bigr)
          \;-\; \theta n \;-\; \max_T \sum_{v \in T} (M_v - \theta), \qquad M_v = \sum_{(t,l):\, v(t,l) = v}
          \mu_{t,l}

where T runs over trees of any size: with the sibling order that is a best closed set in a binary tree, one
pass from the last node to the first. :meth:`RoundsBound.verify` evaluates this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from theory.shapes.best_first import NotOptimal, check_caps
from theory.shapes.rounds import RankTrace
from theory.simplex import Array

_SLACK = 1e-6


@dataclass(frozen=True, eq=False)
class RoundsBound:
    """No static tree of so many nodes needs fewer rounds.

    Attributes
    ----------
    lower
        The bound, a whole number: ``relaxed`` rounded up.
    relaxed
        What the multipliers prove, before rounding.
    nodes
        Number of nodes.
    multipliers
        mu, shape ``(starts, max_depth)``.
    price
        theta, the worth of a node.
    trace
        The recorded ranks.
    """

    lower: int
    relaxed: float
    nodes: int
    multipliers: Array
    price: float
    trace: RankTrace

    def verify(self) -> None:
        """Evaluate the bound from its multipliers alone.

        Raises
        ------
        NotOptimal
            If a multiplier is negative or the bound claims more than they prove.
        """
        if (self.multipliers < 0).any() or self.price < 0:
            raise NotOptimal("multipliers must not be negative")
        proved = _dual(self.trace, self.multipliers, self.price, self.nodes)
        if self.lower > math.ceil(proved - _SLACK):
            raise NotOptimal(f"the multipliers prove {proved:.6f} rounds, not {self.lower}")


def rounds_bound(trace: RankTrace, *, nodes: int) -> RoundsBound:
    """A lower bound of the rounds of any static tree of at most so many nodes. Rigorous, by duality.

    Solves a linear program of about ``starts * depth`` variables (a few thousand take seconds); the bound
    holds whatever the solver did.

    Parameters
    ----------
    trace
        Recorded ranks; its caps are those of the trees.
    nodes
        Number of nodes, at least 0.

    Returns
    -------
    RoundsBound
        With the multipliers that prove it.

    Examples
    --------
    >>> trace = RankTrace([[0, 1, 0, 1, 1, 0, 1, 1, 0, 1]], max_depth=3, max_children=2)
    >>> bound = rounds_bound(trace, nodes=4)
    >>> bound.verify()
    >>> bound.lower
    4
    """
    check_caps(nodes=nodes, max_depth=None, max_children=None)
    multipliers, price = _multipliers(trace, nodes)
    relaxed = _dual(trace, multipliers, price, nodes)
    return RoundsBound(math.ceil(relaxed - _SLACK), relaxed, nodes, multipliers, price, trace)


def _multipliers(trace: RankTrace, nodes: int) -> tuple[Array, float]:
    """Multipliers of the linear program; whatever they are, they prove some bound."""
    starts, depth = trace.along.shape
    count = len(trace.nodes)
    tail, levels = _edges(trace)
    edges = len(tail)
    used = np.flatnonzero((trace.along < count).ravel())
    limits, order = _limits(trace, tail, levels)[used], _order(trace, edges)
    upper = vstack([limits, order, _budget(edges, count)]).tocsr()
    first = np.zeros(starts)
    first[0] = 1
    solved = linprog(
        np.concatenate([np.ones(edges), np.zeros(count)]),
        A_ub=upper,
        b_ub=np.append(np.zeros(upper.shape[0] - 1), nodes),
        A_eq=_flow(trace, tail, levels),
        b_eq=first,
        bounds=np.array([(0, None)] * edges + [(0, 1)] * count),
        method="highs",
    )
    multipliers = np.zeros(starts * depth)
    if solved.status != 0:
        return multipliers.reshape(starts, depth), 0.0
    prices = np.maximum(-solved.ineqlin.marginals, 0)
    multipliers[used] = prices[: len(used)]
    return multipliers.reshape(starts, depth), float(prices[-1])


def _edges(trace: RankTrace) -> tuple[Array, Array]:
    """The rounds there could be, a variable each: where they start and how many levels they take."""
    reach = (trace.along < len(trace.nodes)).sum(axis=1)
    tail = np.repeat(np.arange(len(reach)), reach + 1)
    return tail, np.concatenate([np.arange(most + 1) for most in reach])


def _flow(trace: RankTrace, tail: Array, levels: Array) -> Any:
    """What starts at a position minus what leads there; the variables of nodes come last."""
    starts, edges = len(trace.along), len(tail)
    head = np.minimum(tail + levels + 1, trace.ends[tail])
    values = np.concatenate([np.ones(edges), -np.ones(edges)])
    places = (np.concatenate([tail, head]), np.tile(np.arange(edges), 2))
    return coo_array((values, places), shape=(starts + 1, edges + len(trace.nodes))).tocsr()[:starts]


def _limits(trace: RankTrace, tail: Array, levels: Array) -> Any:
    """Rounds from a start over so many levels or more, minus the fraction of the node there."""
    (starts, depth), count, edges = trace.along.shape, len(trace.nodes), len(tail)
    edge, level = np.nonzero(levels[:, None] > np.arange(depth))
    start, place = np.nonzero(trace.along < count)
    values = np.concatenate([np.ones(len(edge)), -np.ones(len(start))])
    rows = np.concatenate([tail[edge] * depth + level, start * depth + place])
    columns = np.concatenate([edge, edges + trace.along[start, place]])
    return coo_array((values, (rows, columns)), shape=(starts * depth, edges + count)).tocsr()


def _order(trace: RankTrace, edges: int) -> Any:
    """A node's fraction is at most its parent's and its earlier sibling's."""
    count = len(trace.nodes)
    pairs = [
        (node, int(before))
        for befores in trace.before
        for node, before in enumerate(befores.tolist())
        if before >= 0
    ]
    later = np.array([pair[0] for pair in pairs], dtype=np.intp)
    sooner = np.array([pair[1] for pair in pairs], dtype=np.intp)
    number = np.arange(len(pairs))
    return coo_array(
        (
            np.concatenate([np.ones(len(pairs)), -np.ones(len(pairs))]),
            (np.concatenate([number, number]), edges + np.concatenate([later, sooner])),
        ),
        shape=(len(pairs), edges + count),
    )


def _budget(edges: int, count: int) -> Any:
    return coo_array(
        (np.ones(count), (np.zeros(count, dtype=np.intp), edges + np.arange(count))),
        shape=(1, edges + count),
    )


def _dual(trace: RankTrace, multipliers: Array, price: float, nodes: int) -> float:
    """What the multipliers prove."""
    count = len(trace.nodes)
    worth = np.bincount(trace.along.ravel(), weights=multipliers.ravel(), minlength=count + 1)[:-1]
    return _shortest(trace, multipliers) - price * nodes - _best_closed(trace, worth - price)


def _shortest(trace: RankTrace, multipliers: Array) -> float:
    """Cost of the cheapest way through all texts, each round costing one and its levels' multipliers."""
    count = len(trace.nodes)
    reach = (trace.along < count).sum(axis=1).tolist()
    ends = trace.ends.tolist()
    sums = np.cumsum(multipliers, axis=1).tolist()
    starts = len(reach)
    best = [0.0] * (starts + 1)
    for start in range(starts - 1, -1, -1):
        end, row = ends[start], sums[start]
        ways = [best[start + 1]]
        ways += [best[min(start + level + 2, end)] + row[level] for level in range(reach[start])]
        best[start] = 1 + min(ways)
    return best[0]


def _best_closed(trace: RankTrace, worth: Array) -> float:
    """Largest worth of a tree of any size: a node hands what hangs on it to whom it comes after."""
    parents, siblings = trace.before
    gain = worth.tolist()
    total = 0.0
    for node in range(len(gain) - 1, -1, -1):
        if gain[node] <= 0:
            continue
        # it comes after its earlier sibling, or after its parent if it is the first child
        before = int(siblings[node]) if siblings[node] >= 0 else int(parents[node])
        if before < 0:
            total += gain[node]
        else:
            gain[before] += gain[node]
    return total
