r"""A paper's claims, held against what was measured.

``expected.csv`` beside a ``reproduce.py`` has a row for each claim:

=============  =======================================================================================
``quantity``   a name of the script's measured numbers
``expected``   a number, or a relation: ``> 1``, ``<= 0.3``, ``>= speculative`` (another quantity)
``tolerance``  how far off a number may be, or by how much a relation may be missed; empty: 0
``source``     where the claim is from: ``table 2``, ``section 4.1``, ``recorded``
``here``       what came out at this scale: ``reached`` (also if empty), ``not reached`` or ``open``
=============  =======================================================================================

The last column may be missing. Verdicts take the measurement's error into account: of a number, *reached* is
within the tolerance, *not reached* is further off than tolerance and two standard errors, *open* what is
between. Of a relation, *reached* and *not reached* hold for the whole interval of two standard errors, *open*
is what the data leaves open. So an estimate is never called a success by luck of its error alone.

A script that differs from its ``here`` column fails; a claim that does not hold at this scale is
recorded as such, and its README says why.

Examples
--------
>>> from specsim.metrics import Estimate
>>> claims = [
...     Claim("block efficiency", "2.3", tolerance=0.1, source="table 2"),
...     Claim("block efficiency", "> chain", source="section 5"),
...     Claim("speed-up", ">= 2", source="abstract"),
... ]
>>> measured = {
...     "block efficiency": Estimate(2.25, 0.05, 40), "chain": Estimate(1.9, 0.05, 40), "speed-up": 1.4
... }
>>> for outcome in held(claims, measured):
...     print(outcome.claim.quantity, outcome.claim.expected, outcome.verdict)
block efficiency 2.3 reached
block efficiency > chain reached
speed-up >= 2 not reached
"""

from __future__ import annotations

import csv
import math
import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from specsim.metrics import Estimate

REACHED, NOT_REACHED, OPEN = "reached", "not reached", "open"
VERDICTS = (REACHED, NOT_REACHED, OPEN)

#: Standard errors of the intervals that verdicts are made of.
ERRORS = 2.0

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}

#: What a script may measure: an estimate, or an exact number.
Measured = Mapping[str, Any]


class ClaimError(ValueError):
    """A claim can't be read or held against what was measured; the message says which."""


@dataclass(frozen=True)
class Claim:
    """One row of ``expected.csv``; see the module's text.

    Raises
    ------
    ClaimError
        If the tolerance is negative or the verdict at this scale is none of the three.
    """

    quantity: str
    expected: str
    tolerance: float = 0.0
    source: str = ""
    here: str = REACHED

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise ClaimError(f"{self.quantity}: the tolerance must be at least 0, got {self.tolerance}")
        if self.here not in VERDICTS:
            raise ClaimError(
                f"{self.quantity}: 'here' must be one of {', '.join(VERDICTS)}, got {self.here!r}"
            )


@dataclass(frozen=True)
class Outcome:
    """A claim, what was measured, and the verdict.

    Attributes
    ----------
    claim
        The claim.
    value, error
        What was measured; the error is 0 for exact numbers.
    against
        The number that it was held against.
    verdict
        ``reached``, ``not reached`` or ``open``.
    """

    claim: Claim
    value: float
    error: float
    against: float
    verdict: str

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is that of the claim's ``here``."""
        return self.verdict == self.claim.here

    def row(self) -> dict[str, str]:
        """For a CSV file."""
        return {
            "quantity": self.claim.quantity,
            "expected": self.claim.expected,
            "tolerance": f"{self.claim.tolerance:g}",
            "measured": f"{self.value:.6g}",
            "standard_error": f"{self.error:.2g}" if self.error else "exact",
            "verdict": self.verdict,
            "source": self.claim.source,
        }


def read_expected(path: str | Path) -> list[Claim]:
    """The claims of an ``expected.csv``.

    Raises
    ------
    ClaimError
        If a column is missing, or a row can't be read; it names the row.
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"quantity", "expected", "tolerance", "source"} - set(reader.fieldnames or ())
        if missing:
            raise ClaimError(f"{path} lacks the column {sorted(missing)[0]!r}")
        return [_claim(path, number, row) for number, row in enumerate(reader, start=2)]


def _claim(path: str | Path, number: int, row: Mapping[str, str | None]) -> Claim:
    try:
        tolerance = float(row["tolerance"] or 0)
    except ValueError:
        raise ClaimError(f"{path}, line {number}: {row['tolerance']!r} is no tolerance") from None
    text = {key: (value or "").strip() for key, value in row.items() if key}
    return Claim(
        text["quantity"], text["expected"], tolerance, text["source"], text.get("here", "") or REACHED
    )


def held(expected: str | Path | Iterable[Claim], measured: Measured) -> tuple[Outcome, ...]:
    """Hold claims against measured numbers.

    Parameters
    ----------
    expected
        Claims, or their ``expected.csv``.
    measured
        By name: :class:`~specsim.metrics.Estimate`, or an exact number (a fraction, an int, a float).

    Raises
    ------
    ClaimError
        If a claim names a quantity that was not measured, or its expectation can't be read.
    """
    claims = read_expected(expected) if isinstance(expected, (str, Path)) else expected
    return tuple(_held(claim, measured) for claim in claims)


def _held(claim: Claim, measured: Measured) -> Outcome:
    here = _looked_up(claim, claim.quantity, measured)
    sign, _, name = claim.expected.partition(" ")
    if sign in _RELATIONS:
        there = _number(name) if _number(name) is not None else _looked_up(claim, name.strip(), measured)
        assert there is not None
        verdict = _relation(sign, here, there, claim.tolerance)
    else:
        there = _number(claim.expected)
        if there is None:
            raise ClaimError(
                f"{claim.quantity}: {claim.expected!r} is neither a number nor a relation like '> 1' or "
                f"'>= other quantity'; relations are {', '.join(_RELATIONS)}"
            )
        verdict = _near(here, there.value, claim.tolerance)
    return Outcome(claim, here.value, here.error, there.value, verdict)


def _looked_up(claim: Claim, name: str, measured: Measured) -> Estimate:
    if name not in measured:
        raise ClaimError(
            f"the claim {claim.quantity!r} {claim.expected!r} needs {name!r}, which was not measured; "
            f"there are: {', '.join(sorted(measured)) or 'none'}"
        )
    value = measured[name]
    found = value if isinstance(value, Estimate) else Estimate(float(value), 0.0, 1)
    if math.isnan(found.value) or math.isnan(found.error):
        raise ClaimError(f"{name!r} was measured as {found}: not a number")
    return found


def _number(text: str) -> Estimate | None:
    try:
        return Estimate(float(text), 0.0, 1)
    except ValueError:
        return None


def _near(here: Estimate, expected: float, tolerance: float) -> str:
    off = abs(here.value - expected)
    if off <= tolerance:
        return REACHED
    return NOT_REACHED if off > tolerance + ERRORS * here.error else OPEN


def _relation(sign: str, here: Estimate, there: Estimate, tolerance: float) -> str:
    """A difference's interval, with the tolerance in the claim's favour."""
    relation = _RELATIONS[sign]
    favour = tolerance if sign.startswith(">") else -tolerance
    difference, spread = here.value - there.value + favour, ERRORS * math.hypot(here.error, there.error)
    ends = [relation(difference - spread, 0), relation(difference + spread, 0)]
    if all(ends):
        return REACHED
    return OPEN if any(ends) else NOT_REACHED


def conclude(
    folder: str | Path, measured: Measured, *, quick: bool = False, file: TextIO | None = None
) -> int:
    """The end of a ``reproduce.py``: hold, print, write ``results.csv``, and the exit status.

    Parameters
    ----------
    folder
        That of the script; its ``expected.csv`` is read.
    measured
        As for :func:`held`.
    quick
        A quick run prints its numbers, writes nothing, and never fails by a verdict.
    file
        Where to print; standard output by default.

    Returns
    -------
    int
        0 if every verdict is as recorded (always in a quick run), 1 otherwise.
    """
    outcomes = held(Path(folder) / "expected.csv", measured)
    file = file or sys.stdout
    for outcome in outcomes:
        print(_line(outcome, quick=quick), file=file)
    if quick:
        return 0
    write(outcomes, Path(folder) / "results.csv")
    agreeing = sum(outcome.as_recorded for outcome in outcomes)
    reached = sum(outcome.verdict == REACHED for outcome in outcomes)
    print(
        f"{reached} of {len(outcomes)} claims reached; {agreeing} verdicts are as recorded in expected.csv",
        file=file,
    )
    return 0 if agreeing == len(outcomes) else 1


def _line(outcome: Outcome, *, quick: bool) -> str:
    claim = outcome.claim
    error = f" ± {outcome.error:.2g}" if outcome.error else " (exact)"
    verdict = f"{outcome.verdict} (quick run)" if quick else outcome.verdict
    if not outcome.as_recorded and not quick:
        verdict += f", recorded as {claim.here}"
    tolerance = f" ± {claim.tolerance:g}" if claim.tolerance else ""
    return f"{claim.quantity:<44} {outcome.value:.4g}{error}; claimed {claim.expected}{tolerance}: {verdict}"


def write(outcomes: Sequence[Outcome], path: str | Path) -> None:
    """Write outcomes as CSV."""
    rows = [outcome.row() for outcome in outcomes]
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
