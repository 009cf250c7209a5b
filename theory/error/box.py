"""Distributions with each probability between two numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.error.modular import Modular, TwoPieces, checked_ends
from theory.simplex import Array, is_exact

_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Box(TwoPieces):
    """Distributions with each probability between two numbers.

    Parameters
    ----------
    lower, upper
        Shape ``(V,)``, floats or fractions: ``0 <= lower <= upper``, totals at most and at least one.
    confidence
        Probability with which the region holds the truth.

    Raises
    ------
    ValueError
        If an interval is empty or no distribution fits.

    Examples
    --------
    >>> box = Box(np.array([0.25, 0.25, 0.0]), np.array([0.5, 0.5, 0.25]))
    >>> [ends.tolist() for ends in box.ends_along(np.array([0, 1, 2]))]
    [[0.0, 0.25, 0.75, 1.0], [0.0, 0.5, 1.0, 1.0]]
    """

    lower: Array
    upper: Array
    confidence: float = 1.0

    def __post_init__(self) -> None:
        lower, upper = checked_ends(self.lower, self.upper, "Box")
        if not is_exact(lower):
            lower, upper = _widened(lower, upper)
        if not lower.sum() <= 1 <= upper.sum():
            raise ValueError(
                f"no distribution fits this Box: its lower ends sum to {float(lower.sum())}, its upper ends "
                f"to {float(upper.sum())}"
            )
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @cached_property
    def least(self) -> tuple[Modular, Modular]:
        return Modular(0, self.lower), Modular(1 - self.upper.sum(), self.upper)

    @cached_property
    def most(self) -> tuple[Modular, Modular]:
        return Modular(0, self.upper), Modular(1 - self.lower.sum(), self.lower)

    @property
    def token_ends(self) -> tuple[Array, Array]:
        """Least and largest mass of each token."""
        return self.lower, self.upper

    def off(self, tokens: Array) -> Box:
        """A region of the distribution given that its token is none of these: ends over ends of the rest."""
        low, high = self.ends_along(tokens)
        least, most = 1 - high[-1], 1 - low[-1]
        if not most > 0:
            raise ValueError("no mass is left off these tokens")
        lower = self.lower / most
        upper = np.minimum(self.upper / least, 1) if least > 0 else self.upper * 0 + 1
        for end in (lower, upper):
            end[tokens] = end[tokens] * 0
        return Box(lower, upper, self.confidence)

    @cached_property
    def _spread(self) -> tuple[float, float, float]:
        """Least and largest ratio of an end to the centre, and the TV radius."""
        center = self.center
        drawn = center > 0
        low, high = self.lower[drawn] / center[drawn], self.upper[drawn] / center[drawn]
        most = float(high.max()) if not np.any(self.upper[~drawn] > 0) else np.inf
        radius = min(float((center - self.lower).sum()), float((self.upper - center).sum()))
        return float(low.min()), most, max(radius, 0.0)

    def floor(self, mass: Array) -> Array:
        """The least mass of a set by its mass at the centre: growing, convex."""
        low, high, radius = self._spread
        outside = 1 - high * (1 - mass) if np.isfinite(high) else mass * 0
        return np.maximum(np.maximum(low * mass, outside), mass - radius)

    def ceiling(self, mass: Array) -> Array:
        """The largest mass of a set by its mass at the centre: growing."""
        low, high, radius = self._spread
        inside = high * mass if np.isfinite(high) else mass * 0 + 1
        return np.minimum(np.minimum(inside, 1 - low * (1 - mass)), mass + radius)

    @cached_property
    def center(self) -> Array:
        """A distribution inside: the lower ends, and the same share of each interval."""
        room, lower = self.upper - self.lower, self.lower
        total = room.sum()
        share = (1 - lower.sum()) / total if total > 0 else total * 0
        result: Array = lower + share * room
        return result


def _widened(lower: Array, upper: Array) -> tuple[Array, Array]:
    """Ends moved outward where the rounding of a sum (at most 1e-9) lets nothing fit."""
    over, under = lower.sum() - 1, 1 - upper.sum()
    if 0 < over <= _ROUNDING:
        lower = lower * (1 - 2 * over)
    if 0 < under <= _ROUNDING:
        upper = upper * (1 + 2 * under)
    return lower, upper
