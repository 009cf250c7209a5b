"""A controlled source of randomness: every uniform number and every categorical choice is prescribed.

A function that owns its randomness asks a generator for numbers. A :class:`Drive` stands behind that
generator: request number i of a run is either a number in (0, 1), whose value the drive prescribes, or a
choice among outcomes of stated probabilities. Executing the function again with other prescriptions shows
how its outcome depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

#: Most requests of one run; more mean a loop that the drive's numbers don't end.
MAX_REQUESTS = 400


class NotDrivable(RuntimeError):
    """A function's law can't be recovered by driving its randomness; the message says why."""


@dataclass(frozen=True)
class Request:
    """One request of a run.

    Attributes
    ----------
    probabilities
        Of the outcomes of a choice; None for a uniform number.
    answer
        The number, or the index of the outcome.
    grain
        Spacing of the lattice that the number is on; 0 where that doesn't matter.
    """

    probabilities: tuple[float, ...] | None
    answer: float | int
    grain: float = 0.0


@dataclass(frozen=True)
class Run:
    """One execution: what it asked, what it was told, what it returned."""

    requests: tuple[Request, ...]
    outcome: Hashable


class Drive:
    """Answers the requests of one run.

    Parameters
    ----------
    number
        The value of a uniform number, by the request's position in the run.
    choices
        The index of the outcome of a choice, by position; others are drawn by the number at their position.
    """

    def __init__(self, number: Callable[[int], float], choices: Mapping[int, int]) -> None:
        self._number = number
        self._choices = choices
        self.requests: list[Request] = []

    def uniform(self, grain: float = 0.0) -> float:
        """The next number in [0, 1), rounded down to a multiple of the grain."""
        value = self._number(self._position())
        if grain:
            value = math.floor(value / grain) * grain
        self.requests.append(Request(None, value, grain))
        return value

    def choose(self, probabilities: Any) -> int:
        """The index of the next choice.

        Raises
        ------
        ValueError
            If the probabilities don't sum to one within 1e-6, or one is negative.
        """
        stated = tuple(float(mass) for mass in probabilities)
        total = sum(stated)
        if not abs(total - 1) <= 1e-6 or min(stated) < 0:
            raise ValueError(f"a choice needs probabilities that sum to 1, got {stated}")
        position = self._position()
        if position in self._choices:
            index = self._choices[position]
        else:
            index = _inverse(stated, self._number(position) * total)
        self.requests.append(Request(tuple(mass / total for mass in stated), index))
        return index

    def _position(self) -> int:
        if len(self.requests) >= MAX_REQUESTS:
            raise NotDrivable(f"one run asked for more than {MAX_REQUESTS} random numbers")
        return len(self.requests)


def _inverse(masses: tuple[float, ...], point: float) -> int:
    """The outcome at a point of the cumulative masses; one of positive mass."""
    live = [index for index, mass in enumerate(masses) if mass > 0]
    for index in live:
        point -= masses[index]
        if point < 0:
            return index
    return live[-1]


#: A function of a driven source; what it returns can be compared.
Driven = Callable[[Drive], Hashable]


def execute(function: Driven, drive: Drive) -> Run:
    """Run a function once."""
    outcome = function(drive)
    return Run(tuple(drive.requests), outcome)
