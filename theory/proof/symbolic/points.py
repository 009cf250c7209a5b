"""Rational points of the open domain: a quick way to see that a cell is not empty.

A pool of points with small denominators comes first, finer ones later, so that the first point found in a
cell is a short one. Half of the points have distributions close to each other, where the thin cells are.
Signs at all points are computed in floats, with a margin; a point that is to serve as a *witness* is checked
in exact arithmetic. Nothing rests on the pool but speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from theory.proof.symbolic.ring import Atom, Point, Ring

Rows = NDArray[np.intp]
Integers = NDArray[np.int64]

#: Sizes of the integer weights of the points, and how many points: coarse ones first.
_COARSENESS = ((3, 300), (8, 700), (30, 1500), (300, 2500))
_MARGIN = 1e-9
_ROOM = 8192
#: Denominator of positive numbers that are no probabilities; random ones are multiples of an eighth.
_FINE = 10**6


class Pool:
    """Points of a ring's open domain, and the signs of atoms there.

    Parameters
    ----------
    ring
        The unknowns.
    seed
        Of the points; the same pool for the same seed.

    Examples
    --------
    >>> from theory.proof.symbolic.ring import Simplex
    >>> ring = Ring([Simplex("p", 2)])
    >>> all(0 < x < 1 for x in Pool(ring).point(0))
    True
    """

    def __init__(self, ring: Ring, *, seed: int = 0) -> None:
        self.ring = ring
        self.rng = np.random.default_rng(seed)
        self._points: dict[int, Point] = {}
        sizes = [max(1, len(simplex.free)) for simplex in ring.simplices]
        self._edges = np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist()
        self._count = 0
        self._weights: Integers = np.empty((_ROOM, self._edges[-1] + len(ring.positives)), dtype=np.int64)
        self._log: NDArray[np.float64] = np.empty((_ROOM, len(ring.names)))
        self._signs: dict[int, NDArray[np.int8]] = {}
        for size, count in _COARSENESS:
            self._grow(self._random(size, count))

    def __len__(self) -> int:
        return self._count

    def point(self, row: int) -> Point:
        """The exact point of a row."""
        if row not in self._points:
            self._points[row] = self._exact(self._weights[row].tolist())
        return self._points[row]

    def signs(self, atom: Atom) -> NDArray[np.int8]:
        """The atom's sign at every point; 0 where floats can't tell."""
        known = self._signs.get(atom.number, np.empty(0, dtype=np.int8))
        if known.size < len(self):
            fresh = _signs_at(atom, self._log[known.size : self._count])
            known = np.concatenate([known, fresh])
            self._signs[atom.number] = known
        return known

    def inside(self, signs: Mapping[int, int], rows: Rows) -> Rows:
        """Those of the given rows at which all atoms have the given signs."""
        for number, sign in signs.items():
            rows = rows[self.signs(self.ring.atoms[number])[rows] == sign]
        return rows

    def add_near(self, point: Point, *, copies: int = 60) -> Rows:
        """Add a point and perturbed copies of it; returns their rows."""
        first = len(self)
        scale = self.rng.choice([0.003, 0.03, 0.3], size=(copies, 1))
        middle = self._coordinates(point)
        noisy = np.vstack([middle, middle * np.exp(scale * self.rng.normal(size=(copies, middle.size)))])
        self._grow(np.maximum(1, np.round(_FINE * noisy)).astype(np.int64))
        # the point itself may be finer than its integer weights
        self._points[first] = point
        self._log[first] = np.log([float(x) for x in point])
        return np.arange(first, len(self), dtype=np.intp)

    def _grow(self, weights: Integers) -> None:
        """Append points by their weights: of all tokens of each simplex, then of the positive numbers."""
        shares = [
            weights[:, start : stop - 1] / weights[:, start:stop].sum(axis=1, keepdims=True)
            for start, stop in zip(self._edges, self._edges[1:], strict=False)
        ]
        floats = np.concatenate([*shares, weights[:, self._edges[-1] :] / _FINE], axis=1)
        end = self._count + len(weights)
        while end > len(self._log):
            # double the room, so that growing stays cheap
            self._weights = np.concatenate([self._weights, np.empty_like(self._weights)])
            self._log = np.concatenate([self._log, np.empty_like(self._log)])
        self._weights[self._count : end], self._log[self._count : end] = weights, np.log(floats)
        self._count = end

    def _random(self, size: int, count: int) -> Integers:
        """Weights in 1..size; in every other point those of all simplices of a size are close."""
        power = self.rng.choice([1.0, 3.0], size=(count, 1))
        shape = (count, self._weights.shape[1])
        weights = 1 + np.floor(size * self.rng.random(shape) ** power).astype(np.int64)
        nudge = self.rng.integers(-max(1, size // 4), max(1, size // 4) + 1, size=shape)
        first: dict[int, slice] = {}
        for start, stop in zip(self._edges, self._edges[1:], strict=False):
            origin = first.setdefault(stop - start, slice(start, stop))
            close = np.maximum(1, weights[::2, origin] + nudge[::2, start:stop])
            weights[::2, start:stop] = close if origin.start != start else weights[::2, origin]
        weights[:, self._edges[-1] :] *= _FINE // 8
        result: Integers = weights
        return result

    def _coordinates(self, point: Point) -> NDArray[np.float64]:
        """A point's probabilities of all tokens and its positive numbers, as floats."""
        out: list[float] = []
        for block in self.ring.blocks:
            live = [float(point[i]) for i in block]
            out.extend([*live, 1 - sum(live)])
        return np.array([*out, *(float(x) for x in point[len(point) - len(self.ring.positives) :])])

    def _exact(self, weights: Sequence[int]) -> Point:
        values: list[Fraction] = []
        for start, stop in zip(self._edges, self._edges[1:], strict=False):
            total = sum(weights[start:stop])
            values.extend(Fraction(w, total) for w in weights[start : stop - 1])
        values.extend(Fraction(w, _FINE) for w in weights[self._edges[-1] :])
        return tuple(values)


def _signs_at(atom: Atom, log: NDArray[np.float64]) -> NDArray[np.int8]:
    terms = np.exp(log @ atom.exponents.T)
    coefficients = np.array([float(c) for c in atom.coefficients])
    value, size = terms @ coefficients, terms @ np.abs(coefficients)
    signs: NDArray[np.int8] = np.where(np.abs(value) > _MARGIN * size, np.sign(value), 0).astype(np.int8)
    return signs
