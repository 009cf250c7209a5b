r"""The optimal rule from a solved plan, at small vocabulary.

Solve the transport problem of p and the law of the drafts (:mod:`theory.transport`), and output x given the
drafts D with probability :math:`C_{x,D} / w_D`, where C is the plan completed by its residual. The output law
is p whatever plan is used, optimal or not; with an optimal one the acceptance is :math:`\alpha^*`.

Lossless: yes
Complexity: a maximum flow over V tokens and the drafted sets, once for each p and law
Source: Sun et al. 2023 (SpecTr), section 3; Hu et al. 2025
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, check_drafts, checked, resolved
from theory.laws import Law, Tokens
from theory.simplex import Array
from theory.transport import (
    PlanTable,
    conditional_plan,
    membership_problem,
    solve_linear_program,
    solve_max_flow,
)


@dataclass(frozen=True)
class OptimalPlan(ClosedForm):
    """Carry out an optimal transport plan.

    Lossless: yes. Takes any law whose drafted sets can be listed.

    Parameters
    ----------
    table
        A solved plan, for repeated use at one node. None solves for every node by exact maximum flow; the
        vocabulary has to be small.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import Iid
    >>> p, law = np.array([F(1, 6), F(1, 6), F(2, 3)]), Iid(np.array([F(1, 3)] * 3), 2)
    >>> OptimalPlan().acceptance(p=p, law=law)
    Fraction(8, 9)
    """

    table: PlanTable | None = None
    lossless: ClassVar[bool] = True

    @classmethod
    def solved(cls, *, p: ArrayLike, law: Law, exact: bool = True) -> OptimalPlan:
        """A rule with its plan solved once: exactly by maximum flow, or in floats by linear programming."""
        problem = membership_problem(p=p, law=law)
        return cls(conditional_plan(solve_max_flow(problem) if exact else solve_linear_program(problem)))

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit a token of the plan's law given the drafts.

        Raises
        ------
        ValueError
            If the given plan was solved for another p or law.
        """
        law = law.over(p.shape[-1])
        output = self._table(p, law).output_given(check_drafts(drafts, law))
        return resolved(chance.draw(output, stream=f"accept/{level}"), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the output was drafted, by the plan; exact for fractions."""
        target, law = checked(p, law)
        table = self._table(target, law)
        accepted: Any = 0
        for drafts, weight in law.enumerate().items():
            accepted = accepted + weight * table.output_given(drafts)[sorted(set(drafts))].sum()
        return accepted

    def _table(self, p: Array, law: Law) -> PlanTable:
        if self.table is None:
            return conditional_plan(solve_max_flow(membership_problem(p=p, law=law)))
        if not np.array_equal(self.table.problem.p, p):
            raise ValueError("this plan was solved for another p; use OptimalPlan.solved(p=, law=)")
        asked, solved = membership_problem(p=p, law=law), self.table.problem
        if asked.sets != solved.sets or not np.array_equal(asked.weights, solved.weights):
            raise ValueError("this plan was solved for another law; use OptimalPlan.solved(p=, law=)")
        return self.table
