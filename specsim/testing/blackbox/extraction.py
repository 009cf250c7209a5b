r"""The law of a function that owns its randomness, from controlled executions.

Think of a run as a point: its uniform numbers are coordinates in the unit cube, its choices have stated
probabilities. Samplers compare numbers with thresholds, so the cube falls into boxes on which everything
observable is constant: which requests follow, with which probabilities, and what is returned. The boxes are
found by splitting:

* take a box, run its centre, its corners and random points of it;
* if a point behaves differently, walk from the centre to it one coordinate after the other: the behaviour
  changes along one axis, where bisection locates the threshold to ``resolution``; split the box there;
* if all agree and the next request is a choice, go on with one box for each of its outcomes;
* if all agree to the end, the box is a *piece*: its volume goes to its outcome.

**What is certain and what is not.** The brackets around thresholds, and whatever was left when the budget
ended, have a total mass of ``error``: the law is off by no more, if each piece is what it looks like.
Pieces were probed at their corners and at random points, at least ``probes`` spread over the whole; a
region of mass m that behaves differently and touches no corner escapes with probability at most
:math:`e^{-m\,\text{probes}}`. If the law depends *continuously* on a number (as for the argmin of
exponentials) no box is constant: the budget ends, and :class:`NotDrivable` is raised.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from specsim.testing.blackbox.drive import Drive, Driven, NotDrivable, Run, execute

#: Positions of a probe inside a box: 0 is the lower end of every interval, 1 the upper.
Place = dict[int, float]


@dataclass(frozen=True)
class Effort:
    """How thoroughly to look.

    Attributes
    ----------
    resolution
        Width to which thresholds are located.
    probes
        Random points over the whole cube that confirm the pieces.
    max_runs
        Most executions of the function.
    allowed_error
        Mass that may be left unresolved when the runs are used up.
    slack
        What the rounding of the function's own arithmetic may add to a probability.
    """

    resolution: float = 2.0**-40
    probes: int = 128
    max_runs: int = 8_000
    allowed_error: float = 1e-6
    slack: float = 0.0


@dataclass(frozen=True)
class Box:
    """Intervals of uniform numbers and outcomes of choices, by position; positions left out are free."""

    intervals: dict[int, tuple[float, float]]
    choices: dict[int, int]
    stated: float

    def interval(self, position: int, margin: float) -> tuple[float, float]:
        """Where a number may be."""
        return self.intervals.get(position, (margin, 1 - margin))

    def weight(self, positions: Any, margin: float) -> float:
        """Stated probability of the choices times the volume over the given uniform numbers."""
        sides = (self.interval(position, margin) for position in positions)
        return self.stated * math.prod(high - low for low, high in sides)


@dataclass(frozen=True)
class Piece:
    """A box on which the function is constant.

    Attributes
    ----------
    outcome
        What it returns there.
    weight
        Probability of the box.
    run
        A run inside of it.
    intervals
        The intervals of the uniform numbers, by position.
    """

    outcome: Any
    weight: float
    run: Run
    intervals: dict[int, tuple[float, float]]


@dataclass(frozen=True)
class Extraction:
    """A law recovered from controlled executions.

    Attributes
    ----------
    pieces
        The boxes.
    error
        By how much a probability may be off: mass that belongs to no piece, spacing of float32 numbers,
        slack.
    runs
        Executions of the function.
    edges
        Outcomes at points where one number is exactly 0, or the largest float below 1.
    """

    pieces: tuple[Piece, ...]
    error: float
    runs: int
    edges: tuple[tuple[Any, float], ...] = ()

    def law(self) -> dict[Any, float]:
        """Probabilities of the outcomes; what is missing from one is part of ``error``."""
        law: dict[Any, float] = {}
        for piece in self.pieces:
            law[piece.outcome] = law.get(piece.outcome, 0.0) + piece.weight
        return law


def extract(function: Driven, effort: Effort | None = None) -> Extraction:
    """Recover a function's law.

    Raises
    ------
    NotDrivable
        If the function isn't a function of the driven numbers, has too many pieces, or asks for numbers
        without end.

    Examples
    --------
    >>> law = extract(lambda drive: drive.uniform() < 0.3).law()
    >>> round(law[True], 9), round(law[False], 9)
    (0.3, 0.7)
    """
    return _Extractor(function, effort or Effort()).extraction()


@dataclass
class _Extractor:
    function: Driven
    effort: Effort
    runs: int = 0
    pieces: list[Piece] = field(default_factory=list)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def extraction(self) -> Extraction:
        self._check_determinism()
        ticket = itertools.count()
        heap: list[tuple[float, int, Box]] = [(-1.0, next(ticket), Box({}, {}, 1.0))]
        # the heaviest box first; what is lighter than a threshold's bracket is left
        while heap and -heap[0][0] > self.effort.resolution:
            if self.runs >= self.effort.max_runs:
                self._give_up(heap)
                break
            _, _, box = heapq.heappop(heap)
            for part in self._processed(box):
                weight = part.weight(part.intervals, self._margin)
                heapq.heappush(heap, (-weight, next(ticket), part))
        return Extraction(tuple(self.pieces), self._error(), self.runs, tuple(self._edges()))

    def _error(self) -> float:
        """Mass of no piece, the spacing of the numbers' lattices, and the slack."""
        unresolved = max(0.0, 1 - math.fsum(piece.weight for piece in self.pieces))
        grains = (sum(request.grain for request in piece.run.requests) for piece in self.pieces)
        return unresolved + max(grains, default=0.0) + self.effort.slack

    @property
    def _margin(self) -> float:
        return self.effort.resolution / 4

    def _check_determinism(self) -> None:
        box = Box({}, {}, 1.0)
        if self._run(box, {}) != self._run(box, {}):
            raise NotDrivable("the same numbers gave another outcome: it has a second source of randomness")

    def _give_up(self, heap: list[tuple[float, int, Box]]) -> None:
        left = -sum(entry[0] for entry in heap)
        if left > self.effort.allowed_error:
            raise NotDrivable(
                f"a mass of {left:.2g} was not resolved into constant pieces after {self.runs} runs "
                f"({len(self.pieces)} pieces found)"
            )

    def _run(self, box: Box, place: Place) -> Run:
        def number(position: int) -> float:
            low, high = box.interval(position, self._margin)
            return low + place.get(position, _centre(position)) * (high - low)

        self.runs += 1
        return execute(self.function, Drive(number, box.choices))

    def _processed(self, box: Box) -> Iterator[Box]:
        """Split a box, fork it at a choice, or note it as a piece."""
        run = self._run(box, {})
        behaviour = _behaviour(run, box)
        coordinates = [i for i, request in enumerate(run.requests[: behaviour.seen]) if _is_number(request)]
        for place in self._probes(coordinates, box):
            if _behaviour(self._run(box, place), box) != behaviour:
                yield from self._split(box, coordinates, place, behaviour)
                return
        if behaviour.fork is None:
            weight = box.weight(coordinates, self._margin)
            intervals = {i: box.interval(i, self._margin) for i in coordinates}
            self.pieces.append(Piece(run.outcome, weight, run, intervals))
            return
        probabilities = run.requests[behaviour.fork].probabilities
        assert probabilities is not None
        for index, mass in enumerate(probabilities):
            if mass > 0:
                yield Box(box.intervals, {**box.choices, behaviour.fork: index}, box.stated * mass)

    def _probes(self, coordinates: list[int], box: Box) -> Iterator[Place]:
        if not coordinates:
            return
        corners = list(itertools.product((0.0, 1.0), repeat=min(len(coordinates), 4)))
        for corner in corners:
            rest = [float(bit) for bit in self.rng.integers(0, 2, size=len(coordinates) - len(corner))]
            yield dict(zip(coordinates, (*corner, *rest), strict=True))
        count = max(4, math.ceil(self.effort.probes * box.weight(coordinates, self._margin)))
        for _ in range(count):
            yield dict(zip(coordinates, self.rng.random(len(coordinates)).tolist(), strict=True))

    def _split(self, box: Box, coordinates: list[int], place: Place, behaviour: _Behaviour) -> Iterator[Box]:
        """Two boxes, on the two sides of a threshold between the centre and the given place."""
        here: Place = {}
        for axis in coordinates:
            there = {**here, axis: place[axis]}
            if _behaviour(self._run(box, there), box) != behaviour:
                yield from self._cut(box, axis, here, place[axis], behaviour)
                return
            here = there
        raise NotDrivable("the same numbers gave another behaviour: it has a second source of randomness")

    def _cut(self, box: Box, axis: int, here: Place, far: float, behaviour: _Behaviour) -> Iterator[Box]:
        low, high = box.interval(axis, self._margin)
        same, other = here.get(axis, _centre(axis)), far
        while abs(other - same) * (high - low) > self.effort.resolution:
            middle = (same + other) / 2
            if middle in (same, other):
                break
            if _behaviour(self._run(box, {**here, axis: middle}), box) == behaviour:
                same = middle
            else:
                other = middle
        first, second = sorted(low + t * (high - low) for t in (same, other))
        for part in ((low, first), (second, high)):
            yield Box({**box.intervals, axis: part}, box.choices, box.stated)

    def _edges(self) -> Iterator[tuple[Any, float]]:
        """Outcomes with one number at the very end of its range."""
        for piece in list(self.pieces):
            choices = {i: int(r.answer) for i, r in enumerate(piece.run.requests) if not _is_number(r)}
            for axis, (low, high) in piece.intervals.items():
                ends = [(low, 0.0), (1 - high, 1 - 2.0**-53)]
                for gap, value in ends:
                    if gap <= self._margin:
                        yield self._run(self._edge_box(piece, axis, value, choices), {}).outcome, value

    @staticmethod
    def _edge_box(piece: Piece, axis: int, value: float, choices: dict[int, int]) -> Box:
        return Box({**piece.intervals, axis: (value, value)}, choices, 1.0)


@dataclass(frozen=True)
class _Behaviour:
    """What is observable of a run up to its first choice that a box leaves open.

    Attributes
    ----------
    seen
        How many requests that is, the open choice included.
    fork
        Position of the open choice, or None if the run ended without one.
    trace
        The kinds of requests, the probabilities of choices, and the outcome if the run ended.
    """

    seen: int
    fork: int | None
    trace: tuple[Hashable, ...]


def _behaviour(run: Run, box: Box) -> _Behaviour:
    trace: list[Hashable] = []
    for position, request in enumerate(run.requests):
        if request.probabilities is None:
            trace.append("number")
            continue
        # a probability that moves by less than this is taken for rounding
        trace.append(tuple(round(mass, 12) for mass in request.probabilities))
        if position not in box.choices:
            return _Behaviour(position + 1, position, tuple(trace))
    return _Behaviour(len(run.requests), None, (*trace, run.outcome))


def _is_number(request: Any) -> bool:
    return request.probabilities is None


def _centre(position: int) -> float:
    """Where the first probe of a box is: off the middle, and different for each number."""
    return (0.5 + 0.6180339887498949 * (position + 1)) % 1 * 0.5 + 0.25
