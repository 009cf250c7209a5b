r"""The optimal value of trees too large to build, by counting.

Under a positional profile the weight of a node depends only on *how often* each rank occurs along its path.
There are :math:`(c_1 + \dots + c_B)! / (c_1! \cdots c_B!)` nodes with counts c, all of weight :math:`\prod
p_k^{c_k}`. So the n heaviest nodes are found among count vectors, of which there are only about :math:`\ln^B
n`: G at n = 1e18 takes milliseconds for a few ranks. Ranks of equal probability are counted together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import binom

from theory.shapes.best_first import NotOptimal
from theory.shapes.profile import Profile
from theory.simplex import Array

_MOST = 3_000_000


def value_by_counts(p: Sequence[float] | Array, *, nodes: int) -> float:
    """Optimal value of n drafted nodes under a non-rising positional profile. Exact but for rounding.

    Relative error about 1e-13. Costs the number of count vectors down to the n-th weight: about
    ``ln(n)^B / (B! prod ln(1 / p))`` for B different probabilities.

    Parameters
    ----------
    p
        Non-rising acceptance probabilities below one; depth is unlimited.
    nodes
        Number of drafted nodes, the root not counted.

    Returns
    -------
    float
        G(n), the root counted.

    Raises
    ------
    ValueError
        If p rises, is no profile, has an entry of one, or there are too many count vectors (over 3e6).

    Examples
    --------
    >>> from theory.shapes import best_first
    >>> p = [0.6, 0.25, 0.15]
    >>> round(value_by_counts(p, nodes=1000) - best_first(Profile.positional(p), nodes=1000).value(1000), 10)
    0.0
    >>> round(value_by_counts(p, nodes=10**18), 4)
    44.8041
    """
    profile = Profile.positional(p)
    row = profile.rows[0].astype(np.float64)
    if not profile.is_monotone:
        raise NotOptimal("the heaviest nodes are a tree only if p does not rise; sort it for an upper bound")
    if nodes < 0:
        raise ValueError(f"nodes must be at least 0, got {nodes}")
    if row[0] >= 1:
        raise ValueError("a rank is accepted with certainty: the chain of that rank is optimal at every size")
    costs, copies = np.unique(-np.log(row[row > 0]), return_counts=True)
    if nodes == 0 or not costs.size:
        return 1.0
    if costs.size == 1 and copies[0] == 1:
        return float(-np.expm1(-(nodes + 1) * costs[0]) / (1 - row[0]))
    # there are at most about n nodes of weight 1/n
    reach = max(2 * float(costs[0]), 0.8 * float(np.log(nodes)))
    while True:
        cost, count = _compositions(costs, copies, reach)
        if count.sum() >= nodes + 1:
            return _heaviest(cost, count, float(nodes) + 1)
        reach *= 1.25


def _compositions(costs: Array, copies: Array, reach: float) -> tuple[Array, Array]:
    """Cost (minus the log weight) and number of nodes of every count vector of cost at most ``reach``."""
    cost, total, count = np.zeros(1), np.zeros(1), np.ones(1)
    for one, number in zip(costs.tolist(), copies.tolist(), strict=True):
        times = np.floor((reach - cost) / one + 1e-12).astype(np.intp) + 1
        if times.sum() > _MOST:
            raise ValueError(f"more than {_MOST} count vectors; ask for fewer nodes or ranks")
        index = np.repeat(np.arange(len(cost)), times)
        step = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
        cost, total = cost[index] + step * one, total[index] + step
        # binomial(total, step) ways to place so many of this rank among the others
        count = count[index] * binom(total, step) * float(number) ** step
    return cost, count


def _heaviest(cost: Array, count: Array, nodes: float) -> float:
    """Total weight of so many nodes of least cost."""
    order = np.argsort(cost, kind="stable")
    cost, count = cost[order], count[order]
    before = np.cumsum(count) - count
    used = np.clip(nodes - before, 0, count)
    return float(np.sum(used * np.exp(-cost)))
