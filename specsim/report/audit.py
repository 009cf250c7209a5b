"""The checks that are made while a report is computed, and what they found.

Every bound comes with a dual set, which proves it without the program that found it; sets are evaluated anew
by :meth:`theory.bounds.Bound.verify`. And no rule may accept more often than its bound: an exact value that
does, beyond rounding, stops the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.report.cells import EXACT, Cells
from theory.bounds import Bound
from theory.laws import Law

Array = NDArray[Any]

#: By how much an exact value may exceed its bound: float64 rounding over a vocabulary, and no more.
ROUNDING = 1e-9


class RuleAboveBound(ArithmeticError):
    """An exact acceptance exceeds the bound of its law: a rule, a bound or an input is wrong."""


@dataclass(frozen=True)
class Tally:
    """How many were checked, out of how many, and the largest discrepancy met."""

    checked: int = 0
    total: int = 0
    largest: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.checked + other.checked, self.total + other.total, max(self.largest, other.largest))


@dataclass(frozen=True)
class Audit:
    """What the checks found.

    Attributes
    ----------
    certificates
        By law: dual sets that were evaluated anew, and the largest distance from the bound they prove.
    comparisons
        Exact values held against their bounds, and the largest excess (rounding; 0 if none).
    """

    certificates: Mapping[str, Tally] = field(default_factory=dict)
    comparisons: Tally = Tally()

    def __add__(self, other: Audit) -> Audit:
        laws = {*self.certificates, *other.certificates}
        none = Tally()
        merged = {
            law: self.certificates.get(law, none) + other.certificates.get(law, none) for law in sorted(laws)
        }
        return Audit(merged, self.comparisons + other.comparisons)


def verify_certificate(bound: Bound, p: Array, law: Law) -> Tally:
    """Evaluate a bound's dual set anew at every position of a batch.

    Raises
    ------
    ValueError
        If a set does not prove its bound.
    """
    value = np.asarray(bound.verify(p=p, law=law))
    largest = float(np.abs(value - bound.upper).max(initial=0.0))
    return Tally(value.size, value.size, largest)


def compare(cells: Cells, bound: Cells, rows: Array, *, what: str) -> Tally:
    """Hold exact cells against their bound's upper ends; ``rows`` are the positions' numbers for the message.

    Raises
    ------
    RuleAboveBound
        If one is above by more than rounding, or any value is not a number.
    """
    finite = np.isfinite(cells["value"]) & np.isfinite(bound["value"])
    exact = cells["kind"] == EXACT
    excess = np.where(finite, np.where(exact, cells["value"] - bound["upper"], -np.inf), np.inf)
    largest = float(excess.max(initial=0.0))
    if largest > ROUNDING:
        place = int(np.argmax(excess))
        raise RuleAboveBound(
            f"{what} accepts {float(cells['value'][place])!r} in row {int(rows[place])}, "
            f"where its bound is {float(bound['upper'][place])!r}: one of the two is wrong, please report it"
        )
    count = int(exact.sum())
    return Tally(count, count, largest)
