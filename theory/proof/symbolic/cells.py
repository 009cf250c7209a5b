r"""Cells: sets of points at which every comparison of a program comes out the same.

A cell is given by strict signs of atoms. Where a program asks for the sign of one more atom, the
:class:`Judge` says which sides of it are left:

1. points of the pool on both sides: the cell is split, no solver is asked;
2. a side without a point goes to z3: an empty side means that the other sign is *implied* (recorded as a
   :class:`Refutation`), a point found is a new witness, and with an unknown answer the side is kept.

Only the conditions that share unknowns with the atom, directly or through others, are put to the solver:
if these can't hold together, neither can all. Keeping an empty cell costs time and never soundness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from theory.proof.symbolic.points import Pool, Rows
from theory.proof.symbolic.ring import Atom, Point, Ring
from theory.proof.symbolic.solver import Conditions, Solver


@dataclass(frozen=True)
class Cell:
    """Points at which some atoms have given signs.

    Attributes
    ----------
    signs
        All known signs, by the atoms' numbers.
    assumed
        The atoms whose signs define the cell, with their signs; the other signs follow.
    points
        Rows of the pool that are inside.
    """

    signs: Mapping[int, int]
    assumed: tuple[tuple[Atom, int], ...]
    points: Rows


@dataclass(frozen=True)
class Refutation:
    """A finding that some signs don't go together.

    Attributes
    ----------
    conditions
        The atoms and signs that can't hold at once, the refuted one last.
    """

    conditions: tuple[tuple[Atom, int], ...]


@dataclass
class Judge:
    """Decides which signs an atom can have in a cell.

    Parameters
    ----------
    ring
        The unknowns.
    pool
        Points.
    steps
        z3's step limit of a question.

    Examples
    --------
    >>> from theory.proof.symbolic.ring import Simplex
    >>> ring = Ring([Simplex("p", 2), Simplex("q", 2)])
    >>> judge = Judge(ring, Pool(ring))
    >>> first = ring.atom(ring.generators[0] - ring.generators[1])
    >>> above, below = judge.sides(judge.everything(), first)
    >>> above.assumed, below.assumed
    (((Atom(p1 - q1), 1),), ((Atom(p1 - q1), -1),))
    """

    ring: Ring
    pool: Pool
    steps: int = 3_000_000
    solver: Solver = field(init=False)
    refutations: list[Refutation] = field(default_factory=list)
    questions: int = 0
    _answers: dict[frozenset[tuple[int, int]], tuple[int, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.solver = Solver(self.ring)

    def everything(self) -> Cell:
        """The whole open domain."""
        return Cell({}, (), np.arange(len(self.pool), dtype=np.intp))

    def sides(self, cell: Cell, atom: Atom) -> tuple[Cell | None, Cell | None]:
        """The part of a cell where an atom is positive and the part where it is negative.

        A part that is known to be empty is None; the other part then keeps the cell's conditions.
        """
        signs = self.pool.signs(atom)[cell.points]
        above = self._side(cell, atom, 1, cell.points[signs > 0])
        below = self._side(cell, atom, -1, cell.points[signs < 0])
        if above is None and below is not None:
            return None, _implied(cell, atom, -1)
        if below is None and above is not None:
            return _implied(cell, atom, 1), None
        return above, below

    def filled(self, cell: Cell, *, steps: int) -> Cell | None:
        """The cell with a point in it, None if it is empty, the cell as it is if z3 can't tell."""
        if cell.points.size:
            return cell
        answer = self._ask(cell.assumed, steps)
        if answer is False:
            return None
        if not isinstance(answer, tuple):
            return cell
        return replace(cell, points=self.pool.inside(cell.signs, self.pool.add_near(answer)))

    def some_points(self, cell: Cell, *, most: int = 40) -> list[Point]:
        """Points of the cell, checked exactly, those of small denominators first."""
        points = [self.pool.point(int(row)) for row in cell.points[: 5 * most]]
        points.sort(key=lambda point: sum(x.denominator for x in point))
        inside = (
            point
            for point in points
            if all(self.ring.atoms[n].value(point) * sign > 0 for n, sign in cell.signs.items())
        )
        return list(islice(inside, most))

    def witness(self, cell: Cell) -> Point | None:
        """A point of the cell, checked exactly; None if none is known."""
        return next(iter(self.some_points(cell, most=1)), None)

    def _side(self, cell: Cell, atom: Atom, sign: int, rows: Rows) -> Cell | None:
        if not rows.size:
            linked = self._linked(cell, atom)
            answer = self._ask((*linked, (atom, sign)), self.steps)
            if answer is False:
                return None
            rows = self._new_rows(cell, atom, sign, answer)
        return Cell({**cell.signs, atom.number: sign}, (*cell.assumed, (atom, sign)), rows)

    def _ask(self, conditions: Conditions, steps: int) -> Any:
        key = frozenset((atom.number, sign) for atom, sign in conditions)
        limit, answer = self._answers.get(key, (0, None))
        if answer is None and limit < steps:
            self.questions += 1
            answer = self.solver.find(conditions, steps=steps)
            self._answers[key] = (steps, answer)
            if answer is False:
                self.refutations.append(Refutation(tuple(conditions)))
        return answer

    def _linked(self, cell: Cell, atom: Atom) -> Conditions:
        """The cell's conditions that share unknowns with the atom, through others if need be."""
        reached = self._blocks_of(atom)
        waiting, linked = list(cell.assumed), list[tuple[Atom, int]]()
        while True:
            near = [pair for pair in waiting if self._blocks_of(pair[0]) & reached]
            if not near:
                return linked
            linked.extend(near)
            waiting = [pair for pair in waiting if pair not in near]
            reached = reached.union(*(self._blocks_of(pair[0]) for pair in near))

    def _blocks_of(self, atom: Atom) -> frozenset[int]:
        """Generators that move with those of the atom: whole distributions, and positive numbers."""
        variables = atom.variables()
        blocks = (block for block in self.ring.blocks if variables.intersection(block))
        return variables.union(*blocks)

    def _new_rows(self, cell: Cell, atom: Atom, sign: int, answer: Point | bool | None) -> Rows:
        """Pool rows of a side that z3 found a point of: the point's linked coordinates in a cell's point."""
        if not isinstance(answer, tuple):
            return np.empty(0, dtype=np.intp)
        base = self.pool.point(int(cell.points[0])) if cell.points.size else answer
        linked = self._blocks_of(atom).union(*(self._blocks_of(a) for a, _ in self._linked(cell, atom)))
        point = tuple(answer[i] if i in linked else x for i, x in enumerate(base))
        return self.pool.inside({**cell.signs, atom.number: sign}, self.pool.add_near(point))


def _implied(cell: Cell, atom: Atom, sign: int) -> Cell:
    return Cell({**cell.signs, atom.number: sign}, cell.assumed, cell.points)
