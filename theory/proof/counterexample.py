"""Counterexamples: distributions at which a claim is false, made small, confirmed by enumeration.

A failing cell of a universal proof has points; at one of them the program's law is enumerated on fractions,
with neither symbols nor a solver, and only if it differs from the expected law is the claim refuted. The
values are then made simpler, one distribution after the other, as long as the failure stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any, ClassVar

import numpy as np

from theory.proof.claim import Claim, OutcomeLaw, Values
from theory.proof.symbolic import Cell, Failed, Ring
from theory.proof.symbolic.explore import FAILURES
from theory.proof.symbolic.ring import Point
from theory.proof.symbolic.solver import Conditions
from theory.simplex import Array


def without_zeros(law: OutcomeLaw) -> OutcomeLaw:
    """A law without its impossible outcomes."""
    return {outcome: weight for outcome, weight in law.items() if weight != 0}


def condition_texts(conditions: Conditions) -> tuple[str, ...]:
    """Signs of atoms as text."""
    return tuple(f"{atom.text} {'>' if sign > 0 else '<'} 0" for atom, sign in conditions)


@dataclass(frozen=True)
class Counterexample:
    """Distributions for which a claim is false.

    Attributes
    ----------
    claim
        The claim that was refuted.
    values
        Distributions and numbers, as fractions, by name.
    found
        The program's law there, by enumeration of fractions: no symbols, no solver. A program that fails has
        the one outcome ``Failed``.
    expected
        The law it should have.
    conditions
        The cell in which the failure was found; the values were made simpler and may have left it.
    seconds
        Wall-clock time until it was found.

    Examples
    --------
    >>> from theory.proof.claim import Claim
    >>> from theory.proof.symbolic import Simplex
    >>> from theory.proof.universal import prove_claim
    >>> print(prove_claim(Claim(
    ...     rule="the first token", law="none", vocabulary=2, k=0, simplices=(Simplex("p", 2),),
    ...     program=lambda values, chance: 0, expected=lambda values: dict(enumerate(values["p"])))))
    refuted: the first token, none, V = 2, k = 0, at p = (1/2, 1/2): 0 has 1, not 1/2; 1 has 0, not 1/2
    """

    proved: ClassVar[bool] = False
    claim: Claim
    values: dict[str, Any]
    found: OutcomeLaw
    expected: OutcomeLaw
    conditions: tuple[str, ...]
    seconds: float = 0.0

    @property
    def p(self) -> Any:
        """The target's distribution."""
        return self.values["p"]

    @property
    def q(self) -> Any:
        """The draft's distribution."""
        return self.values["q"]

    def confirmed(self) -> bool:
        """Whether enumeration on fractions contradicts the claim here (computed anew)."""
        return _fails(self.claim, self.values)

    def __str__(self) -> str:
        return (
            f"refuted: {self.claim.rule}, {self.claim.law}, V = {self.claim.vocabulary}, k = {self.claim.k}, "
            f"at {self._shown_values()}: {self._shown_gaps()}"
        )

    def _shown_values(self) -> str:
        plain = {simplex.name for simplex in self.claim.simplices if _is_uniform(self.values[simplex.name])}
        hidden = plain - {"p", "q"}
        shown = [f"{name} = {_shown(value)}" for name, value in self.values.items() if name not in hidden]
        return ", ".join([*shown, "the other contexts uniform"] if hidden else shown)

    def _shown_gaps(self, most: int = 4) -> str:
        errors = [outcome.error for outcome in self.found if isinstance(outcome, Failed)]
        if errors:
            return f"the program fails: {errors[0]}"
        outcomes = list(self.found.keys() | self.expected.keys())
        gaps = {each: abs(self.found.get(each, 0) - self.expected.get(each, 0)) for each in outcomes}
        worst = sorted((each for each in outcomes if gaps[each]), key=lambda each: (-gaps[each], str(each)))
        shown = [
            f"{each} has {self.found.get(each, 0)}, not {self.expected.get(each, 0)}" for each in worst[:most]
        ]
        return "; ".join(shown) + ("; ..." if len(worst) > most else "")


@dataclass(frozen=True)
class Inconclusive:
    """Neither proved nor refuted: cells where the law differs, but no point of them is known.

    Attributes
    ----------
    claim
        The claim.
    unsettled
        Conditions of the cells that could neither be shown empty nor be given a point.
    seconds
        Wall-clock time spent.
    """

    proved: ClassVar[bool] = False
    claim: Claim
    unsettled: tuple[tuple[str, ...], ...]
    seconds: float

    def __str__(self) -> str:
        return (
            f"neither proved nor refuted: {self.claim.rule}, {self.claim.law}, V = {self.claim.vocabulary}, "
            f"k = {self.claim.k}; {len(self.unsettled)} cells may be empty or not, "
            f"the first where {', '.join(self.unsettled[0])}"
        )


def counterexample_at(claim: Claim, ring: Ring, cell: Cell, points: Sequence[Point]) -> Counterexample | None:
    """The first of some points of a cell at which enumeration contradicts a claim, made simpler."""
    for point in points:
        values = ring.values_at(point)
        if _fails(claim, values):
            values = shrunk(claim, values, fails=lambda trial: _fails(claim, trial))
            found, expected = law_or_failure(claim, values), claim.expected(values)
            return Counterexample(claim, values, found, expected, condition_texts(cell.assumed))
    return None


def _fails(claim: Claim, values: Values) -> bool:
    return claim.domain(values) and law_or_failure(claim, values) != without_zeros(claim.expected(values))


def law_or_failure(claim: Claim, values: Values) -> OutcomeLaw:
    """The law at a point, or the certain outcome ``Failed`` if the program raises there."""
    try:
        return claim.law_at(values)
    except FAILURES as error:
        return {Failed(f"{type(error).__name__}: {error}"): 1}


def _is_uniform(value: Any) -> bool:
    return isinstance(value, np.ndarray) and len(set(value.tolist())) == 1


def _shown(value: Any) -> str:
    return "(" + ", ".join(map(str, value)) + ")" if isinstance(value, np.ndarray) else str(value)


def shrunk(
    claim: Claim, values: Mapping[str, Any], *, fails: Callable[[Values], bool], most: int = 400
) -> dict[str, Any]:
    """Simpler values at which a claim still fails.

    Parameters
    ----------
    claim
        The claim.
    values
        Where it fails.
    fails
        Tells of values whether the claim fails there.
    most
        Most values tried.

    Returns
    -------
    dict
        Values of the same names; zeros and ties that the claim prescribes are kept.
    """
    best = dict(values)
    tries = 0
    if any(simplex.ties for simplex in claim.simplices):
        return best
    for simplex in sorted(claim.simplices, key=lambda simplex: -len(simplex.name)):
        for row in simple_distributions(simplex.size, simplex.tokens):
            if _weight(row) >= _weight(best[simplex.name]) or tries == most:
                break
            tries += 1
            trial = {**best, simplex.name: row}
            if fails(trial):
                best = trial
                break
    return best


def simple_distributions(size: int, tokens: tuple[int, ...]) -> Iterator[Array]:
    """Distributions that are positive on some tokens, by rising denominator.

    Examples
    --------
    >>> [row.tolist() for row in simple_distributions(2, (0, 1))][0]
    [Fraction(1, 2), Fraction(1, 2)]
    """
    for total in range(len(tokens), len(tokens) + 4):
        for cuts in combinations(range(1, total), len(tokens) - 1):
            edges = (0, *cuts, total)
            row = np.array([Fraction(0)] * size, dtype=object)
            row[list(tokens)] = [Fraction(b - a, total) for a, b in pairwise(edges)]
            yield row


def _weight(row: Array) -> int:
    return sum(value.denominator for value in row)
