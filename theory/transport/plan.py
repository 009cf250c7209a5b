r"""From an optimal plan to a rule: what to output, given the drafts.

A plan S leaves :math:`p^{res} = p - \sum_D S` and :math:`w^{res} = w - \sum_x S`, of equal total. Joining
them independently,

.. math:: C_{x, D} = S_{x, D} + \frac{p^{res}_x \, w^{res}_D}{\sum p^{res}},

is a coupling of p with the law of drafts, so the rule 'given D, output x with probability
:math:`C_{x, D} / w_D`' has the output law p, and hits as often as S has mass. In words: given the drafts,
take one of them by the law :math:`S_{\cdot, D} / w_D`, whose missing mass is the probability of a miss; after
a miss draw from p's rest, the same law for all sets.

It is lossless for every feasible plan, optimal or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.laws import Tokens
from theory.simplex import Array
from theory.transport.problem import MembershipProblem
from theory.transport.solution import TransportSolution


@dataclass(frozen=True, eq=False)
class PlanTable:
    """The output law of every drafted set, as a hit or from the residual; see the module's text.

    Attributes
    ----------
    problem
        The problem whose plan this is.
    hits
        Shape ``(D, V)``: probability of taking each drafted token, given the set. A row sums to the
        probability of a hit.
    residual
        Shape ``(V,)``: law of the output after a miss.

    Notes
    -----
    Lossless: yes. In fractions the output law is p exactly. In floats it is p up to the rounding of sums
    (some 1e-16).

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import Iid
    >>> from theory.transport import conditional_plan, membership_problem, solve_max_flow
    >>> p = [F(1, 6), F(1, 6), F(2, 3)]
    >>> table = conditional_plan(solve_max_flow(membership_problem(p=p, law=Iid([F(1, 3)] * 3, 2))))
    >>> sum(table.output_given((1, 0)))
    Fraction(1, 1)
    >>> table.hit_probability((2, 2))
    Fraction(1, 1)
    >>> table.output_law().tolist() == p
    True
    """

    problem: MembershipProblem
    hits: Array
    residual: Array

    def hits_given(self, drafts: Tokens) -> Array:
        """Mass of taking each token as a hit, given the drafts in any order; shape ``(V,)``."""
        row: Array = self.hits[self.problem.column(drafts)]
        return row

    def hit_probability(self, drafts: Tokens) -> Any:
        """Probability that the plan takes one of the drafts.

        After a miss the residual may still fall on a draft, but only if the plan is not optimal.
        """
        return self.hits_given(drafts).sum()

    def output_given(self, drafts: Tokens) -> Array:
        """Law of the output token, given the drafts in any order; shape ``(V,)``, sums to one.

        Raises
        ------
        ValueError
            For drafts that the law never draws.
        """
        return self._output(self.problem.column(drafts))

    def output_law(self) -> Array:
        """Law of the output over all drafts, shape ``(V,)``: equal to p."""
        laws = [weight * self._output(column) for column, weight in enumerate(self.problem.weights)]
        law: Array = np.sum(laws, axis=0)
        return law

    def _output(self, column: int) -> Array:
        hits = self.hits[column]
        missed = 1 - hits.sum()
        law: Array = hits + max(missed, missed * 0) * self.residual
        return law


def conditional_plan(solution: TransportSolution) -> PlanTable:
    """The rule that carries out a plan.

    Parameters
    ----------
    solution
        Any feasible solution. It is not verified here; call its ``verify`` where it comes from elsewhere.

    Returns
    -------
    PlanTable
        In the arithmetic of the problem: floats for floats, fractions for fractions.

    Notes
    -----
    Where nothing of p is left after the plan (acceptance one), the residual is never asked for but with
    the probability of a rounding error; it is then p itself. The same holds for a listed set of
    probability zero: its hits are zero.
    """
    problem = solution.problem
    weights: Array = problem.weights if solution.plan.dtype != object else problem.fractions[1]
    p: Array = problem.p if solution.plan.dtype != object else problem.fractions[0]
    live = np.array([bool(weight > 0) for weight in weights])
    hits = solution.plan.T * 0
    hits[live] = solution.plan.T[live] / weights[live, None]
    left = np.maximum(p - solution.plan.sum(axis=1), 0)
    total = left.sum()
    residual = left / total if total > 0 else p
    if problem.exact:
        return PlanTable(problem, hits, residual)
    return PlanTable(problem, hits.astype(np.float64), residual.astype(np.float64))
