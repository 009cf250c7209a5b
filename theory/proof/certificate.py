r"""What a universal proof leaves behind: a certificate that checks itself.

A :class:`UniversalProof` lists its cells. Each has its sign conditions and, where one is known, a
*witness*: a rational point inside. :meth:`UniversalProof.verify` trusts nothing that the prover concluded:

1. *cover*: the cells, read as paths of one decision tree, leave no open region out;
2. *refutations*: every region that was left out as empty is put to z3 once more, and cells that were left
   out are empty or not in the claim's domain;
3. *identities*: in every cell the law is computed anew, path after path without any sharing between
   cells, and must equal the expected law as rational functions;
4. *witnesses*: they satisfy their cell's conditions exactly, and there the program's law, by plain
   enumeration on fractions, equals the expected one: this uses neither symbols nor z3;
5. *borders*: so does it at points with ties and zeros, which lie between the cells.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from theory.proof.claim import Claim, Values
from theory.proof.counterexample import (
    Counterexample,
    Inconclusive,
    condition_texts,
    law_or_failure,
    without_zeros,
)
from theory.proof.symbolic import Atom, Cell, Refutation, Ring, Undecided
from theory.proof.symbolic.flat import law_in_cell, value_in_cell
from theory.proof.symbolic.ring import Point
from theory.proof.symbolic.solver import Conditions, Solver
from theory.proof.symbolic.symbol import Unknowns

#: z3's step limit when a certificate is checked: more than any proof was found with.
_STEPS = 1_000_000_000


class BrokenCertificate(ValueError):
    """A certificate does not prove what it says; the message says which part."""


@dataclass(frozen=True)
class ProvenCell:
    """One cell in which the law is the expected one.

    Attributes
    ----------
    assumed
        The atoms and signs that define it.
    signs
        All signs known in it, by the atoms' numbers.
    witness
        A point inside, one fraction a generator; None if none was found (the cell may be empty).
    """

    assumed: Conditions
    signs: Mapping[int, int]
    witness: Point | None

    def __str__(self) -> str:
        return ", ".join(condition_texts(self.assumed)) or "everywhere"


@dataclass(frozen=True)
class Checked:
    """How much :meth:`UniversalProof.verify` looked at.

    Attributes
    ----------
    identities
        Cells whose law was computed anew.
    witnesses
        Points inside of cells at which enumeration agreed.
    borders
        Points with ties or zeros at which enumeration agreed.
    refutations
        Empty regions that z3 found empty again.
    """

    identities: int
    witnesses: int
    borders: int
    refutations: int


@dataclass(frozen=True)
class UniversalProof:
    """A claim holds for all distributions: the theorem and its certificate.

    Attributes
    ----------
    claim
        What was proved.
    cells
        The cells of the open domain, each with its conditions and a witness.
    outside
        Cells that are empty or not in the claim's domain.
    refutations
        Signs that don't go together, by z3: why other cells don't exist.
    equalities
        Quantities that the program tested with ``==``; on their zero sets the proof rests on continuity.
    ring
        The unknowns, for the cells' atoms.
    merged
        Whether cells were merged where they had the same laws, so that identities can't be checked again.
    runs
        Runs of the program.
    seconds
        Wall-clock time of the proof.
    """

    proved: ClassVar[bool] = True
    claim: Claim
    cells: tuple[ProvenCell, ...] = field(repr=False)
    outside: tuple[Cell, ...] = field(repr=False)
    refutations: tuple[Refutation, ...] = field(repr=False)
    equalities: tuple[str, ...]
    ring: Ring = field(repr=False)
    merged: bool
    runs: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"proved for all distributions: {self.claim.rule}, {self.claim.law}, "
            f"V = {self.claim.vocabulary}, k = {self.claim.k}; {len(self.cells)} cells, {self.seconds:.2f} s"
        )

    def verify(self, *, most: int | None = None, borders: int = 60) -> Checked:
        """Check the certificate; see the module's text.

        Parameters
        ----------
        most
            Check the identities and witnesses of this many cells only, spread evenly; all if left out.
        borders
            Number of border points.

        Raises
        ------
        BrokenCertificate
            If anything does not hold.

        Notes
        -----
        All identities cost more than the proof itself, which shares work between cells.

        Examples
        --------
        >>> from theory.couplings import Maximal
        >>> from theory.laws import Iid
        >>> from theory.proof.universal import prove
        >>> prove(coupling=Maximal(), law=lambda q: Iid(q, 1), vocabulary=2).verify(borders=4)
        Checked(identities=2, witnesses=2, borders=4, refutations=0)
        """
        check_cover([*self.cells, *self.outside])
        refutations = self._check_refutations()
        self._check_outside()
        chosen = self.cells if most is None else self.cells[:: -(-len(self.cells) // most)]
        identities = 0 if self.merged else len(chosen)
        for cell in chosen[:identities]:
            self._check_identity(cell)
        witnesses = sum(self._check_witness(cell) for cell in chosen)
        return Checked(identities, witnesses, self._check_borders(borders), refutations)

    def as_dict(self) -> dict[str, Any]:
        """The certificate in plain types: strings, numbers and lists."""
        return {
            "rule": self.claim.rule,
            "law": self.claim.law,
            "vocabulary": self.claim.vocabulary,
            "k": self.claim.k,
            "proved": True,
            "seconds": self.seconds,
            "runs": self.runs,
            "equalities": list(self.equalities),
            "refutations": [list(condition_texts(each.conditions)) for each in self.refutations],
            "cells": [
                {
                    "conditions": list(condition_texts(cell.assumed)),
                    "witness": None if cell.witness is None else _plain(self.ring.values_at(cell.witness)),
                }
                for cell in self.cells
            ],
        }

    def to_json(self) -> str:
        """The certificate as JSON."""
        return json.dumps(self.as_dict(), indent=1)

    def _check_refutations(self) -> int:
        solver = Solver(self.ring)
        for each in self.refutations:
            # a fresh solver and the conditions in another order
            if solver.find(tuple(reversed(each.conditions)), steps=_STEPS) is not False:
                raise BrokenCertificate(f"z3 does not find {condition_texts(each.conditions)} empty again")
        return len(self.refutations)

    def _check_outside(self) -> None:
        """Cells without a proof are empty or none of the claim's business."""
        values, solver = Unknowns(self.ring), Solver(self.ring)
        for cell in self.outside:
            if solver.find(cell.assumed, steps=_STEPS) is False:
                continue
            inside = value_in_cell(
                self.ring,
                lambda: self.claim.domain(values),
                signs=cell.signs,
                refutations=self.refutations,
            )
            if inside:
                raise BrokenCertificate(f"nothing is proved where {', '.join(condition_texts(cell.assumed))}")

    def _check_identity(self, cell: ProvenCell) -> None:
        values = Unknowns(self.ring)
        try:
            law, expected = law_in_cell(
                self.ring,
                lambda chance: self.claim.program(values, chance),
                lambda: self.claim.expected(values),
                signs=cell.signs,
                refutations=self.refutations,
            )
        except Undecided as event:
            raise BrokenCertificate(f"the sign of {event.atom.text} is open where {cell}") from None
        if not same_law(law, expected):
            raise BrokenCertificate(f"the law is not the expected one where {cell}")

    def _check_witness(self, cell: ProvenCell) -> bool:
        point = cell.witness
        if point is None:
            return False
        if not all(self.ring.atoms[number].value(point) * sign > 0 for number, sign in cell.signs.items()):
            raise BrokenCertificate(f"the witness {point} is not inside the cell {cell}")
        if not self.claim.holds_at(self.ring.values_at(point)):
            raise BrokenCertificate(f"enumeration contradicts the proof at {self.ring.values_at(point)}")
        return True

    def _check_borders(self, count: int) -> int:
        checked = 0
        for values in border_points(self.claim, count):
            if not _admits(self.claim, values):
                continue
            if law_or_failure(self.claim, values) != without_zeros(self.claim.expected(values)):
                raise BrokenCertificate(f"the law is another one at the border point {_plain(values)}")
            checked += 1
        return checked


Verdict = UniversalProof | Counterexample | Inconclusive


def same_law(law: Mapping[Hashable, Any], expected: Mapping[Hashable, Any]) -> bool:
    """Whether two laws of symbols are equal as functions."""
    outcomes = law.keys() | expected.keys()
    return all(law.get(outcome, 0) - expected.get(outcome, 0) == 0 for outcome in outcomes)


def check_cover(cells: Sequence[ProvenCell | Cell]) -> None:
    """Raise :class:`BrokenCertificate` unless the cells are all the leaves of one decision tree."""
    _check_subtree([tuple(cell.assumed) for cell in cells], 0)


def _check_subtree(paths: Sequence[tuple[tuple[Atom, int], ...]], depth: int) -> None:
    if len(paths) == 1 and len(paths[0]) == depth:
        return
    if any(len(path) <= depth for path in paths) or len({path[depth][0].number for path in paths}) != 1:
        raise BrokenCertificate("the cells are not the leaves of one decision tree")
    sides = [[path for path in paths if path[depth][1] == sign] for sign in (1, -1)]
    if not all(sides):
        raise BrokenCertificate(f"no cell has {paths[0][depth][0].text} of the other sign")
    for side in sides:
        _check_subtree(side, depth + 1)


def border_points(claim: Claim, count: int, *, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Points with ties and zeros: distributions with small integer weights, zeros among them.

    None for a claim whose distributions are tied already.
    """
    if any(simplex.ties for simplex in claim.simplices):
        return
    rng = np.random.default_rng(seed)
    for index in range(count):
        rows: dict[str, Any] = {}
        for simplex in claim.simplices:
            weights = rng.integers(0, 3, size=len(simplex.tokens))
            earlier = [row for row in rows.values() if len(row) == simplex.size]
            if index % 3 == 0 and earlier and simplex.support is None:
                rows[simplex.name] = earlier[0].copy()
                continue
            weights[rng.integers(len(weights))] += 1
            row = np.array([Fraction(0)] * simplex.size, dtype=object)
            row[list(simplex.tokens)] = [Fraction(int(w), int(weights.sum())) for w in weights]
            rows[simplex.name] = row
        for name in claim.positives:
            rows[name] = Fraction(int(rng.integers(1, 9)), 4)
        yield rows


def _admits(claim: Claim, values: Values) -> bool:
    """Whether a border point is one that the claim is about: in its domain, and its drafts can be drawn."""
    try:
        claim.make_laws(values)
    except ValueError:
        return False
    return claim.domain(values)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [str(x) for x in value] if isinstance(value, np.ndarray) else str(value)
        for name, value in values.items()
    }
