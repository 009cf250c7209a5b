r"""The transport problem as a linear program, with ends that do not depend on trust in the solver.

A solver in floats returns a plan and prices that are right up to its tolerances. Both are made rigorous:

* **Plan.** Negative entries are set to zero, then every row, then every column of too much mass is scaled
  down (with a margin for rounding). Mass is only ever removed, so the result is feasible, and its total,
  summed exactly and rounded down, is a lower end.
* **Set.** With prices :math:`0 \le u \le 1` of the rows, the sets :math:`H_t = \{x : u_x \ge t\}` for t
  uniform on [0, 1] have on average the dual value
  :math:`\sum_x p_x u_x + \sum_D w_D (1 - \min_{x \in D} u_x)`, so the best of these at most V + 1 sets is at
  least as good as the prices were. Single tokens are then moved in or out while that helps. Any set gives an
  upper end, computed exactly and rounded up.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import sparse

from theory.simplex import Array
from theory.transport.problem import MembershipProblem, to_fractions
from theory.transport.solution import TransportSolution, round_down, round_up

#: Solvers in order of preference. Simplex vertices are sharper than interior points.
SOLVERS = ("HIGHS", "CLARABEL")
_OPTIONS: dict[str, dict[str, Any]] = {
    "HIGHS": {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    "CLARABEL": {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
}
_MARGIN = 1 - 2.0**-49  # above the rounding of one exact sum, a division and two products
_DUST = 1e-300  # entries too small to be scaled without loss


class SolverFailed(RuntimeError):
    """A solver returned no plan; the message gives its status."""


def solve_linear_program(problem: MembershipProblem, *, solver: str | None = None) -> TransportSolution:
    """A rigorous interval for the optimum, with a feasible plan and a dual set.

    Parameters
    ----------
    problem
        In floats or fractions (which the solver sees as floats; plan and ends are fractions again).
    solver
        Name of a linear-programming solver of cvxpy. By default HiGHS, or Clarabel where that is not
        installed.

    Returns
    -------
    TransportSolution
        Of kind ``"interval"``; the gap is mostly 1e-15 and below 1e-9 with HiGHS, some 1e-9 with Clarabel.

    Raises
    ------
    ValueError
        If the solver is not installed.
    SolverFailed
        If it returns no plan.

    Notes
    -----
    Milliseconds for up to 200 drafted sets, seconds for some ten thousand.

    Examples
    --------
    >>> from theory.laws import Iid
    >>> from theory.transport import membership_problem
    >>> problem = membership_problem(p=np.array([1, 1, 4]) / 6, law=Iid(np.full(3, 1 / 3), 2))
    >>> solution = solve_linear_program(problem)
    >>> round(solution.value, 9), solution.gap < 1e-12, solution.dual_set.tolist()
    (0.888888889, True, [True, True, False])
    """
    name = _installed(solver)
    raw, prices = _solved(problem, name)
    plan = _feasible(problem, raw)
    dual_set = _improved(problem, _best_level_set(problem, prices))
    primal, dual = to_fractions(plan).sum(), problem.dual_value(dual_set)
    return TransportSolution(
        problem=problem,
        plan=plan,
        dual_set=dual_set,
        primal=primal if problem.exact else round_down(primal),
        dual=dual if problem.exact else round_up(dual),
        kind="interval",
        method=f"linear program ({name})",
    )


def _cvxpy() -> Any:
    """The modelling package; imported when first needed, as that takes more than a second."""
    import cvxpy

    return cvxpy


def _installed(solver: str | None) -> str:
    available = _cvxpy().installed_solvers()
    for name in SOLVERS if solver is None else (solver,):
        if name in available:
            return name
    wanted = solver or " or ".join(SOLVERS)
    raise ValueError(f"solver {wanted} is not installed; cvxpy has {', '.join(available)}")


def _solved(problem: MembershipProblem, solver: str) -> tuple[Array, Array]:
    """The solver's plan, shape ``(V, D)``, and its prices of the rows, shape ``(V,)``."""
    token, column = np.nonzero(problem.membership)
    count = np.arange(token.size)
    of_token = sparse.csr_array((np.ones(token.size), (token, count)), (problem.vocabulary, token.size))
    of_set = sparse.csr_array((np.ones(token.size), (column, count)), (len(problem.sets), token.size))

    cp = _cvxpy()
    mass = cp.Variable(token.size, nonneg=True)
    rows = of_token @ mass <= problem.p.astype(np.float64)
    columns = of_set @ mass <= problem.weights.astype(np.float64)
    program = cp.Problem(cp.Maximize(cp.sum(mass)), [rows, columns])
    program.solve(solver=solver, **_OPTIONS.get(solver, {}))

    if mass.value is None or rows.dual_value is None:
        raise SolverFailed(f"{solver} found no plan, its status is {program.status!r}; try another solver")
    plan = np.zeros(problem.membership.shape)
    plan[token, column] = mass.value
    return plan, np.asarray(rows.dual_value)


def _feasible(problem: MembershipProblem, raw: Array) -> Array:
    """A plan without negative entries and without any row or column above its limit."""
    plan = np.where(raw > _DUST, raw, 0.0)
    if problem.exact:
        plan = to_fractions(plan)
    plan = plan * _factors(plan, problem.p)[:, None]
    scaled: Array = plan * _factors(plan.T, problem.weights)[None, :]
    return scaled


def _factors(lines: Array, limits: Array) -> Array:
    """For each line the factor, at most one, that brings its sum to its limit."""
    if lines.dtype == object:
        pairs = zip(lines.sum(axis=1), limits, strict=True)
        return np.array([min(1, limit / total) if total else 1 for total, limit in pairs], dtype=object)
    totals = np.array([math.fsum(line) for line in lines])
    factors: Array = np.minimum(1.0, limits / np.maximum(totals, _DUST)) * _MARGIN
    return factors


def _best_level_set(problem: MembershipProblem, prices: Array) -> Array:
    levels = [*np.unique(prices), np.inf]
    candidates = [prices >= level for level in levels]
    return min(candidates, key=lambda dual_set: _float_dual(problem, dual_set))


def _float_dual(problem: MembershipProblem, dual_set: Array) -> float:
    return float(problem.p[dual_set].sum() + problem.weights[problem.escaping(dual_set)].sum())


def _improved(problem: MembershipProblem, dual_set: Array) -> Array:
    """Move single tokens in or out of H while its value falls."""
    best = _float_dual(problem, dual_set)
    moved = True
    while moved:
        moved = False
        for token in range(problem.vocabulary):
            other = dual_set.copy()
            other[token] = not other[token]
            value = _float_dual(problem, other)
            if value < best:
                dual_set, best, moved = other, value, True
    return dual_set
