"""What the linear program hands back, and how it proves itself without a solver."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from theory.multistep.interval import Interval
from theory.multistep.problem import MultistepProblem, dual_bound, primal_value
from theory.simplex import Array
from theory.transport.solution import BadCertificate


@dataclass(frozen=True, eq=False)
class MultistepSolution(Interval):
    """Expected accepted drafts (bonus not counted) of the best rule of one round: a proved interval.

    Attributes
    ----------
    problem
        What was solved.
    shares
        Nonnegative integers, shape ``(states, V)``: how a state's mass is shared among next tokens, each row
        over its sum. They make the lossless rule of :class:`~theory.multistep.Planned`.
    multipliers
        Floats, shape ``(prefixes, V)``; any values prove an upper end.
    lower, upper
        The expected length of that rule, rounded down, and the bound, rounded up.
    kind
        Always ``"interval"``.

    Examples
    --------
    >>> from theory.multistep import solve
    >>> F = Fraction
    >>> p, q = np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 3)] * 3)
    >>> problem = MultistepProblem.paths(target=lambda s: p, draft=lambda s: q, count=2, length=1)
    >>> solution = solve(problem)
    >>> solution.gap < 1e-9, bool(solution.lower <= F(8, 9) <= solution.upper)
    (True, True)
    >>> ends = solution.verify()
    """

    problem: MultistepProblem
    shares: Array
    multipliers: Array
    lower: float
    upper: float
    kind: Literal["interval"] = "interval"

    def verify(self) -> tuple[Fraction, Fraction]:
        """Recompute both ends in fractions; no solver.

        Returns
        -------
        tuple of Fraction
            The rule's expected length and the multipliers' bound: the optimum lies between.

        Raises
        ------
        BadCertificate
            If shares or multipliers are none, or a stated end is not on the safe side of the recomputed one.

        Notes
        -----
        O(states V) operations on fractions: a second for some 2000 states.
        """
        shape = (self.problem.size, self.problem.vocabulary)
        if self.shares.shape != shape or np.any(self.shares < 0) or np.any(self.shares.sum(axis=1) <= 0):
            raise BadCertificate(f"shares must be nonnegative, of shape {shape}, no row all zero")
        if self.multipliers.shape != self.problem.rows.shape or not np.all(np.isfinite(self.multipliers)):
            raise BadCertificate(f"multipliers must be finite, of shape {self.problem.rows.shape}")
        lower = primal_value(self.problem, self.shares, exact=True)
        upper = dual_bound(self.problem, self.multipliers, exact=True)
        _check("lower", Fraction(self.lower), lower, side=1)
        _check("upper", Fraction(self.upper), upper, side=-1)
        return lower, upper


def _check(name: str, stated: Any, recomputed: Any, *, side: int) -> None:
    slack = side * (recomputed - stated)
    if not 0 <= slack <= Fraction(1, 10**12):
        raise BadCertificate(
            f"the stated {name} end {float(stated)} is not what shares and multipliers prove, "
            f"{float(recomputed)}: it was altered"
        )
