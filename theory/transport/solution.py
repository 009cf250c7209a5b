"""What a solver of the transport problem hands back, and how it proves itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from theory.simplex import Array
from theory.transport.problem import MembershipProblem, to_fractions


class BadCertificate(ValueError):
    """A stated solution does not prove what it says; the message names the first fault."""


@dataclass(frozen=True, eq=False)
class TransportSolution:
    """A feasible plan and a set H: a lower and an upper end of the best acceptance probability.

    Attributes
    ----------
    problem
        What was solved.
    plan
        ``S``, shape ``(V, D)``: joint mass of output token and drafted set; zero off membership. Feasible
        without any tolerance.
    dual_set
        Boolean, shape ``(V,)``: the set H.
    primal
        Mass of the plan: the acceptance probability that it attains. A lower end of the optimum.
    dual
        Value of H, :math:`1 + p(H) - Q(H)`: an upper end of the optimum.
    kind
        ``"exact"``: primal and dual are equal fractions. ``"interval"``: rigorous ends.
    method
        Name of the solver.

    Notes
    -----
    For a problem in floats, both ends are about the problem whose numbers are exactly these floats. Their
    sums may miss one by rounding, and the optimum of the ideal problem is off by no more than that.

    Examples
    --------
    >>> from theory.laws import Iid
    >>> from theory.transport import membership_problem, solve_max_flow
    >>> F = Fraction
    >>> law = Iid([F(1, 3)] * 3, 2)
    >>> solution = solve_max_flow(membership_problem(p=[F(1, 6), F(1, 6), F(2, 3)], law=law))
    >>> solution.value, solution.gap, solution.dual_set.tolist()
    (Fraction(8, 9), Fraction(0, 1), [True, True, False])
    >>> solution.verify()
    (Fraction(8, 9), Fraction(8, 9))
    """

    problem: MembershipProblem
    plan: Array
    dual_set: Array
    primal: Any
    dual: Any
    kind: Literal["exact", "interval"]
    method: str

    @property
    def lower(self) -> Any:
        """The primal value, under the name that :class:`theory.bounds.Bound` has for it."""
        return self.primal

    @property
    def upper(self) -> Any:
        """The dual value, under the name that :class:`theory.bounds.Bound` has for it."""
        return self.dual

    @property
    def value(self) -> Any:
        """The optimum if exact, else the middle of the interval."""
        return self.dual if self.kind == "exact" else (self.primal + self.dual) / 2

    @property
    def gap(self) -> Any:
        """``dual - primal``, at least zero."""
        return self.dual - self.primal

    def verify(self, *, tolerance: float = 1e-9) -> tuple[Fraction, Fraction]:
        """Check the plan and recompute both values in exact arithmetic, without any solver.

        Parameters
        ----------
        tolerance
            How far the stated ends of an interval may be from the recomputed values, on the safe side
            only. Feasibility has no tolerance, and an exact solution none at all.

        Returns
        -------
        tuple of Fraction
            Primal and dual value as recomputed: the optimum lies between.

        Raises
        ------
        BadCertificate
            If the plan has a negative entry, mass off membership, a row above p or a column above its
            weight; or if a stated value is not the recomputed one.

        Notes
        -----
        O(VD) operations on fractions.
        """
        self._check_shapes()
        plan = to_fractions(self.plan)
        self._check_plan(plan)
        primal, dual = Fraction(plan.sum()), self.problem.dual_value(self.dual_set)
        if self.kind == "exact":
            _check_equal("primal", self.primal, primal)
            _check_equal("dual", self.dual, dual)
            _check_equal("gap", primal, dual)
        else:
            _check_end("primal", self.primal, slack=primal - Fraction(self.primal), tolerance=tolerance)
            _check_end("dual", self.dual, slack=Fraction(self.dual) - dual, tolerance=tolerance)
        return primal, dual

    def _check_shapes(self) -> None:
        shape = self.problem.membership.shape
        if self.plan.shape != shape or not (self.plan.dtype == object or np.all(np.isfinite(self.plan))):
            raise BadCertificate(
                f"the plan must be finite numbers of shape {shape}, got shape {self.plan.shape}"
            )
        if self.dual_set.shape != shape[:1] or self.dual_set.dtype != bool:
            raise BadCertificate(
                f"the dual set must be a boolean mask of shape {shape[:1]}, "
                f"got {self.dual_set.dtype} of shape {self.dual_set.shape}"
            )

    def _check_plan(self, plan: Array) -> None:
        p, weights = self.problem.fractions
        faults = [
            ("a negative entry", np.argwhere(plan < 0)),
            ("mass where the token is not in the set", np.argwhere((plan != 0) & ~self.problem.membership)),
            ("a row of more mass than its token's p", np.argwhere(plan.sum(axis=1) > p)),
            ("a column of more mass than its set's weight", np.argwhere(plan.sum(axis=0) > weights)),
        ]
        for fault, places in faults:
            if len(places):
                raise BadCertificate(f"the plan has {fault}, first at index {places[0].tolist()}")


def _check_equal(name: str, stated: Any, recomputed: Fraction) -> None:
    if stated != recomputed:
        raise BadCertificate(
            f"the stated {name} is {stated}, recomputed from plan and set it is {recomputed}; "
            "an exact solution has them equal: it was altered"
        )


def _check_end(name: str, stated: Any, *, slack: Fraction, tolerance: float) -> None:
    if not 0 <= slack <= tolerance:
        raise BadCertificate(
            f"the stated {name} {stated} misses its recomputed value by {float(slack):.3g} "
            f"(allowed: 0 to {tolerance:g}, on the safe side): it was altered"
        )


def round_down(value: Fraction) -> float:
    """The largest float that is not above a fraction.

    Examples
    --------
    >>> Fraction(round_down(Fraction(1, 3))) <= Fraction(1, 3)
    True
    """
    near = float(value)
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def round_up(value: Fraction) -> float:
    """The smallest float that is not below a fraction.

    Examples
    --------
    >>> round_up(Fraction(1, 2))
    0.5
    """
    return -round_down(-value)
