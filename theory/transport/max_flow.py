r"""The transport problem as a maximum flow, solved exactly in whole numbers.

The network: source -> token x with capacity :math:`p_x`, token -> every drafted set that holds it without
limit, set -> sink with capacity :math:`w_D`. A flow is a plan; a finite cut separates tokens H from the
source and pays :math:`p(H)` plus the weights of sets not inside H, so a minimum cut is the dual set.

All capacities are multiplied by their common denominator, so the flow is one of integers of any length and
nothing rounds: primal equals dual with ``==``. Floats are taken as the fractions that they exactly are. Their
sums may then miss one by some :math:`10^{-16}`; the problem is solved as it stands (it has inequalities, and
stays feasible), and its value is off the ideal one by at most as much as the sums are.
"""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction
from typing import Any

import networkx as nx
import numpy as np
from networkx.algorithms.flow import shortest_augmenting_path

from theory.simplex import Array
from theory.transport.problem import MembershipProblem
from theory.transport.solution import TransportSolution

Node = tuple[str, int]
_SOURCE: Node = ("source", 0)
_SINK: Node = ("sink", 0)


def solve_max_flow(problem: MembershipProblem) -> TransportSolution:
    """The exact optimum, an optimal plan and a dual set; fractions throughout.

    Parameters
    ----------
    problem
        In fractions, or in floats (then solved for the fractions that the floats exactly are).

    Returns
    -------
    TransportSolution
        Of kind ``"exact"``: primal and dual are the same fraction.

    Notes
    -----
    Pure Python on long integers: milliseconds for up to 100 drafted sets, seconds for some ten thousand.

    Examples
    --------
    >>> from theory.laws import Point
    >>> from theory.transport import membership_problem
    >>> p = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    >>> solve_max_flow(membership_problem(p=p, law=Point([0, 2]))).value
    Fraction(2, 3)
    """
    p, weights = problem.fractions
    unit = math.lcm(*(value.denominator for value in (*p, *weights)))
    residual = shortest_augmenting_path(_network(problem, p * unit, weights * unit), _SOURCE, _SINK)
    plan = _plan(problem, residual, unit)
    dual_set = _cut(problem, residual)
    return TransportSolution(
        problem=problem,
        plan=plan,
        dual_set=dual_set,
        primal=Fraction(plan.sum()),
        dual=problem.dual_value(dual_set),
        kind="exact",
        method="max-flow",
    )


def _network(problem: MembershipProblem, supply: Array, demand: Array) -> Any:
    graph = nx.DiGraph()
    graph.add_nodes_from([_SOURCE, _SINK])
    for token in np.flatnonzero(supply).tolist():
        graph.add_edge(_SOURCE, ("token", token), capacity=int(supply[token]))
    for column in np.flatnonzero(demand).tolist():
        graph.add_edge(("set", column), _SINK, capacity=int(demand[column]))
        for token in problem.sets[column]:
            graph.add_edge(("token", token), ("set", column))
    return graph


def _plan(problem: MembershipProblem, residual: Any, unit: int) -> Array:
    plan = np.full(problem.membership.shape, Fraction(0), dtype=object)
    for column, tokens in enumerate(problem.sets):
        for token in tokens:
            edge = residual.get_edge_data(("token", token), ("set", column), {"flow": 0})
            plan[token, column] = Fraction(edge["flow"], unit)
    return plan


def _cut(problem: MembershipProblem, residual: Any) -> Array:
    """H: the tokens that the source can't reach any more."""
    reached, waiting = {_SOURCE}, deque([_SOURCE])
    while waiting:
        for node, edge in residual[waiting.popleft()].items():
            if edge["flow"] < edge["capacity"] and node not in reached:
                reached.add(node)
                waiting.append(node)
    return np.array([("token", token) not in reached for token in range(problem.vocabulary)])
