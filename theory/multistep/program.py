"""The linear program of one round, solved by HiGHS and certified in fractions."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array

from theory.multistep.problem import MultistepProblem, dual_bound, primal_value
from theory.multistep.solution import MultistepSolution
from theory.simplex import Array
from theory.transport.solution import round_down, round_up

#: Shares are kept as integers of so many bits.
_BITS = 44


class NotSolved(RuntimeError):
    """The solver gave up; the message says why."""


def solve(problem: MultistepProblem, *, method: str = "highs") -> MultistepSolution:
    """The optimum of one round, as a proved interval.

    Parameters
    ----------
    problem
        Any problem of up to some 10^5 states (``problem.size``); beyond that see
        :func:`~theory.multistep.solve_by_columns`.
    method
        ``"highs"`` (the solver's choice), ``"highs-ds"`` (dual simplex) or ``"highs-ipm"`` (interior point).

    Returns
    -------
    MultistepSolution
        Both ends are computed in fractions from what the solver returned, whatever it returned; usually
        1e-12 apart.

    Raises
    ------
    NotSolved
        If the solver returns no solution.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> problem = MultistepProblem.paths(target=lambda s: p, draft=lambda s: q, count=1, length=2)
    >>> solution = solve(problem)
    >>> round(solution.value, 9), solution.gap < 1e-9
    (1.25, True)
    """
    gain, matrix, right = _program(problem)
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(-gain, A_eq=matrix, b_eq=right, bounds=(0, None), method=method, options=tight)
    if found.x is None or found.status not in (0, 4):
        raise NotSolved(f"the solver stopped: {found.message}")
    shares = _shares(problem, found.x.reshape(-1, problem.vocabulary))
    prices = found.eqlin.marginals[problem.size :].reshape(len(problem.rows), -1)
    full = np.concatenate([prices, np.zeros((len(prices), 1))], axis=1)
    # either sign of the solver's prices proves a bound; the right one proves the better
    multipliers = min((full, -full), key=lambda lam: float(dual_bound(problem, lam, exact=False)))
    lower = round_down(primal_value(problem, shares, exact=True))
    upper = round_up(dual_bound(problem, multipliers, exact=True))
    return MultistepSolution(problem, shares, multipliers, lower, upper)


def _program(problem: MultistepProblem) -> tuple[Array, csr_array, Array]:
    """Gains, rows (each state's flow, then the law at each prefix but for the last token), right sides."""
    states, size = problem.states, problem.vocabulary
    count = problem.size
    column = np.arange(count * size).reshape(count, size)
    state = np.repeat(np.arange(count), size)
    moved = states.child.ravel() >= 0
    entries = [
        (state, column.ravel(), np.ones(count * size)),
        (states.child.ravel()[moved], column.ravel()[moved], -np.ones(int(moved.sum()))),
    ]
    rows = problem.rows.astype(float)
    for token in range(size - 1):
        line = count + states.place * (size - 1) + token
        entries.append((line, column[:, token], np.ones(count)))
        for other in range(size):
            entries.append((line, column[:, other], -rows[states.place, token]))
    row, col, value = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    height = count + len(rows) * (size - 1)
    right = np.zeros(height)
    right[: len(problem.trees)] = [float(weight) for weight in problem.trees.values()]
    matrix = coo_array((value, (row, col)), shape=(height, count * size)).tocsr()
    return states.drafted.ravel().astype(float), matrix, right


def _shares(problem: MultistepProblem, flow: Array) -> Array:
    """Flows as integer shares; states that are not reached go on with the target's law."""
    flow = np.maximum(flow, 0)
    total = flow.sum(axis=1, keepdims=True)
    own = problem.rows.astype(float)[problem.states.place]
    part = np.where(total > 1e-13, flow / np.where(total > 0, total, 1), own)
    out = np.rint(part * 2.0**_BITS).astype(np.int64)
    # all rows of one sum: fractions then share one denominator
    best = out.argmax(axis=1)
    out[np.arange(len(out)), best] += 2**_BITS - out.sum(axis=1)
    return out
