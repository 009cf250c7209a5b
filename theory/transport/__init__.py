"""Optimal transport with membership cost: the best rule for a law of drafts, with a proof, at few tokens.

Build a problem with :func:`membership_problem`; solve it with :func:`solve_max_flow` (exact) or
:func:`solve_linear_program` (floats, a rigorous interval); turn the plan into a rule with
:func:`conditional_plan`. For the value alone, at any vocabulary, see :mod:`theory.bounds`.
"""

from theory.transport.drafted_sets import SIZE_LIMIT, drafted_sets
from theory.transport.linear_program import SolverFailed, solve_linear_program
from theory.transport.max_flow import solve_max_flow
from theory.transport.plan import PlanTable, conditional_plan
from theory.transport.problem import MembershipProblem, drafted_set, membership_problem
from theory.transport.solution import BadCertificate, TransportSolution

__all__ = [
    "SIZE_LIMIT",
    "BadCertificate",
    "MembershipProblem",
    "PlanTable",
    "SolverFailed",
    "TransportSolution",
    "conditional_plan",
    "drafted_set",
    "drafted_sets",
    "membership_problem",
    "solve_linear_program",
    "solve_max_flow",
]
