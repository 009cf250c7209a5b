"""z3 as an oracle for emptiness: whether some atoms can have given signs at once.

Its answer 'no' removes a cell, so it is trusted (z3 gives no proof that is checked here); its 'yes' comes
with a point, which is checked exactly; 'unknown' removes nothing. Limits are counted in z3's own steps, not
in seconds, so that an answer does not depend on how busy the machine is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theory.proof.symbolic.ring import Atom, Point, Ring

try:
    import z3
except ImportError as error:  # pragma: no cover - depends on the installation
    raise ImportError(
        "universal proofs need python-flint and z3-solver; install them with: pip install 'specsim[proofs]'"
    ) from error

#: Signs asked of atoms.
Conditions = Sequence[tuple[Atom, int]]


class Solver:
    """A ring's domain and atoms in z3's terms.

    Parameters
    ----------
    ring
        The unknowns.

    Examples
    --------
    >>> from theory.proof.symbolic.ring import Simplex
    >>> ring = Ring([Simplex("p", 3)])
    >>> p1, p2 = ring.generators
    >>> Solver(ring).find([(ring.atom(p1 - p2), 1), (ring.atom(2 * p2 - 1), 1)], steps=1_000_000)
    False
    """

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.context = z3.Context()
        self.unknowns = [z3.Real(f"x{i}", self.context) for i in range(len(ring.names))]
        self._terms: dict[int, Any] = {}

    def find(self, conditions: Conditions, *, steps: int) -> Point | bool | None:
        """A point where the conditions hold; False if there is none, None if unknown.

        True stands for a point that exists but has no fractions for coordinates at hand.
        """
        linear = all(atom.degree <= 1 for atom, _ in conditions)
        solver = z3.SolverFor("QF_LRA" if linear else "QF_NRA", ctx=self.context)
        solver.set("rlimit", steps)
        solver.add(*self._domain(), *(self._condition(atom, sign) for atom, sign in conditions))
        answer = solver.check()
        if answer == z3.unsat:
            return False
        if answer != z3.sat:
            return None
        point = tuple(_fraction(solver.model().eval(x, model_completion=True)) for x in self.unknowns)
        sound = all(atom.value(point) * sign > 0 for atom, sign in conditions)
        return point if sound and self._inside(point) else True

    def _domain(self) -> list[Any]:
        rules = [x > 0 for x in self.unknowns]
        rules.extend(z3.Sum([self.unknowns[i] for i in block]) < 1 for block in self.ring.blocks if block)
        return rules

    def _inside(self, point: Point) -> bool:
        return all(x > 0 for x in point) and all(
            sum(point[i] for i in block) < 1 for block in self.ring.blocks
        )

    def _condition(self, atom: Atom, sign: int) -> Any:
        if atom.number not in self._terms:
            self._terms[atom.number] = self._expression(atom)
        expression = self._terms[atom.number]
        return expression > 0 if sign > 0 else expression < 0

    def _expression(self, atom: Atom) -> Any:
        terms = []
        for coefficient, powers in zip(atom.coefficients, atom.exponents.tolist(), strict=True):
            factors = [x for x, power in zip(self.unknowns, powers, strict=True) for _ in range(power)]
            terms.append(z3.Product([z3.RealVal(coefficient, self.context), *factors]))
        return z3.Sum(terms)


def _fraction(value: Any) -> Fraction:
    number = value if z3.is_rational_value(value) else value.approx(20)
    return Fraction(number.numerator_as_long(), number.denominator_as_long())
