r"""Column generation: the optimum of one round of i.i.d. paths without listing the drafted trees.

The columns are priority orders over exits (:mod:`theory.multistep.priorities`). The master program mixes
them so that the target's law is kept; its prices are multipliers, the exits' weights under them give the
next order, and any multipliers prove an upper end. The lower end is the lossless rule that thins the
mixture.

Both ends are floats moved outward by a bound of the rounding error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linprog

from theory.multistep.interval import Interval
from theory.multistep.priorities import Passing, PathProblem, exit_law, exit_weights
from theory.simplex import Array
from theory.transport.solution import BadCertificate

#: Share of the best multipliers so far in those that are priced: it damps the zigzag of the prices.
_SMOOTHING = 0.5


@dataclass(frozen=True, eq=False)
class ColumnSolution(Interval):
    """A proved interval for expected accepted drafts (bonus not counted) of the best rule of one round.

    Attributes
    ----------
    problem
        What was solved.
    orders
        Ranks of the exits, one row an order that is used, shape ``(orders, exits)``.
    weights
        How often each order is used; sums to one.
    multipliers
        What proves the upper end, flat, level by level.
    lower, upper
        The ends.
    iterations
        Orders that were priced.
    """

    problem: PathProblem
    orders: Array
    weights: Array
    multipliers: Array
    lower: float
    upper: float
    iterations: int
    kind: Literal["interval"] = "interval"

    def verify(self) -> tuple[float, float]:
        """Recompute both ends from orders, weights and multipliers; no solver.

        Raises
        ------
        BadCertificate
            If weights are none or a stated end is not on the safe side of the recomputed one.
        """
        if np.any(self.weights < 0) or not np.isclose(self.weights.sum(), 1, rtol=0, atol=1e-12):
            raise BadCertificate("weights must be nonnegative and sum to 1")
        law = sum(w * exit_law(self.problem, rank) for w, rank in zip(self.weights, self.orders, strict=True))
        lower, upper = _lower(self.problem, np.asarray(law)), _upper(self.problem, self.multipliers)[0]
        if self.lower > lower or self.upper < upper:
            raise BadCertificate(
                f"the stated ends {self.lower}, {self.upper} are inside of what is proved, {lower}, {upper}: "
                "they were altered"
            )
        return lower, upper


def solve_by_columns(problem: PathProblem, *, gap: float = 1e-9, iterations: int = 2000) -> ColumnSolution:
    """Solve by column generation until the interval is as short as wanted, or iterations are used up.

    Parameters
    ----------
    problem
        From :meth:`PathProblem.of`.
    gap
        Wanted length of the interval, above 0.
    iterations
        Most orders priced; the interval is rigorous whenever it stops.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> problem = PathProblem.of(target=lambda s: p, draft=lambda s: q, count=2, length=1)
    >>> solution = solve_by_columns(problem)
    >>> round(solution.value, 9), solution.gap < 1e-9
    (0.86, True)
    """
    if not gap > 0 or iterations < 1:
        raise ValueError(f"gap must be above 0 and iterations at least 1, got {gap} and {iterations}")
    size = sum(p.size for p in problem.p)
    best, best_value = np.zeros(size), np.inf
    lam, orders, laws, columns = best, list[Array](), list[Array](), list[Array]()
    mixed, lower = np.array([]), -np.inf
    for step in range(1, iterations + 1):
        bound, rank, law = _upper(problem, lam)
        orders.append(rank)
        laws.append(law)
        passing = Passing.of(problem, law)
        columns.append(np.append(passing.excess(problem), passing.accepted))
        if bound < best_value:
            best, best_value = lam, bound
        prices, weights, promised = _master(problem, np.array(columns).T)
        # the mixture's own value costs a pass; it is due when the master says that it may be enough
        if best_value - promised <= gap or step == iterations:
            value = _lower(problem, np.asarray(weights @ np.array(laws)))
            if value > lower:
                lower, mixed = value, weights
            if best_value - lower <= gap:
                break
        lam = _SMOOTHING * best + (1 - _SMOOTHING) * prices if bound >= best_value + gap / 4 else prices
    used = np.flatnonzero(mixed)
    kept = np.array(orders)[used]
    return ColumnSolution(problem, kept, mixed[used], best, lower, best_value, step)


def _upper(problem: PathProblem, flat: Array) -> tuple[float, Array, Array]:
    """The bound of multipliers, and the order of their exits' weights with its law."""
    weights = exit_weights(problem, _levels(problem, flat))
    order = np.argsort(-weights, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    law = exit_law(problem, rank)
    slack = problem.rounding * float(weights.max() - weights.min())
    terms = (problem.length + 1) * (problem.vocabulary + 4)
    slack += 8 * np.finfo(float).eps * terms * (1 + np.abs(flat).max())
    return float(law @ weights / law.sum() + law.size * slack), rank, law


def _levels(problem: PathProblem, flat: Array) -> tuple[Array, ...]:
    ends = np.cumsum([p.size for p in problem.p])[:-1]
    return tuple(part.reshape(p.shape) for part, p in zip(np.split(flat, ends), problem.p, strict=True))


def _master(problem: PathProblem, columns: Array) -> tuple[Array, Array, float]:
    """Mix the orders: prices of the target's law, weights, and the mixture's promised value.

    A column holds an order's excess over the target's law, and its expected accepted drafts below.
    """
    excess, gain = columns[:-1], columns[-1]
    rows = excess.shape[0]
    cost = np.concatenate([-gain, np.full(2 * rows, 2.0 * problem.length)])
    matrix = np.concatenate([excess, np.eye(rows), -np.eye(rows)], axis=1)
    total = np.concatenate([np.ones(gain.size), np.zeros(2 * rows)])
    found = linprog(
        cost,
        A_eq=np.concatenate([matrix, total[None]]),
        b_eq=np.append(np.zeros(rows), 1.0),
        bounds=(0, None),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    weights = np.maximum(found.x[: gain.size], 0)
    return -found.eqlin.marginals[:rows], weights / weights.sum(), -float(found.fun)


def _lower(problem: PathProblem, law: Array) -> float:
    """Expected accepted drafts of the lossless rule that thins a law of exits, rounded down."""
    passing = Passing.of(problem, law)
    slack = problem.rounding * law.size
    reached, value = np.ones(1), 0.0
    for level, p in enumerate(problem.p):
        inside, emitted = passing.inside[level], passing.emitted[level]
        drafted = np.maximum(passing.inside[level + 1].reshape(p.shape) - slack, 0)
        wanted = p * np.maximum(inside - slack, 0)[:, None]
        kept = np.minimum(1, wanted / (emitted + slack))
        reached = (reached[:, None] * drafted / (inside + slack)[:, None] * kept).ravel()
        value += float(reached.sum())
    return float(value * (1 - 64 * np.finfo(float).eps * (problem.length + 1) * (problem.vocabulary + 1)))
