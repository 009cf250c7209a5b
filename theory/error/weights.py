"""Distributions proportional to weights that are between two numbers each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from theory.error.modular import Modular, checked_ends, with_whole
from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class Weights:
    """Distributions proportional to weights that are between two numbers each.

    Parameters
    ----------
    lower, upper
        Shape ``(V,)``, floats or fractions: ``0 <= lower <= upper``, some lower one positive.
    confidence
        Probability with which the region holds the truth.

    Raises
    ------
    ValueError
        If an interval is empty or all lower ends are zero.

    Examples
    --------
    >>> weights = Weights(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    >>> [ends.tolist() for ends in weights.ends_along(np.array([0, 1]))]
    [[0.0, 0.25, 1.0], [0.0, 0.5, 1.0]]
    """

    lower: Array
    upper: Array
    confidence: float = 1.0

    def __post_init__(self) -> None:
        lower, upper = checked_ends(self.lower, self.upper, "Weights")
        if not lower.sum() > 0:
            raise ValueError("Weights needs a token whose lower end is positive")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @cached_property
    def _totals(self) -> tuple[Any, Any]:
        return self.lower.sum(), self.upper.sum()

    @property
    def size(self) -> int:
        return int(self.lower.size)

    @property
    def orders(self) -> tuple[Array, ...]:
        return self.lower, self.upper

    @property
    def token_ends(self) -> tuple[Array, Array]:
        """Least and largest weight of each token, before they are divided by the total."""
        return self.lower, self.upper

    def minorants(self, t: Any) -> tuple[Modular, ...]:
        """Two modular functions of which at each set one is at most the least mass."""
        return self._around(t, self.lower, self.upper)

    def majorants(self, t: Any) -> tuple[Modular, ...]:
        """Two modular functions of which at each set one is at least the largest mass."""
        return self._around(t, self.upper, self.lower)

    def _around(self, t: Any, x: Array, y: Array) -> tuple[Modular, ...]:
        """t + E / D at both ends of D, for the mass x(H) / (x(H) + y(V - H))."""
        weights, shift = (1 - t) * x + t * y, t * y.sum()
        return tuple(Modular(t - shift / total, weights / total) for total in self._totals)

    def aim_least(self, inside: Array) -> Any:
        """The t whose minorants are best near a set: its least mass."""
        return _share(self.lower[inside].sum(), self.upper[~inside].sum())

    def aim_most(self, inside: Array) -> Any:
        """The t whose majorants are best near a set: its largest mass."""
        return _share(self.upper[inside].sum(), self.lower[~inside].sum())

    def ends_along(self, order: Array) -> tuple[Array, Array]:
        """Least and largest mass of each prefix of an order, shape ``(len(order) + 1,)``."""
        outside = np.ones(self.size, dtype=bool)
        outside[order] = False
        least = self._totals[0]
        before = [np.concatenate([[least * 0], np.cumsum(end[order])]) for end in (self.lower, self.upper)]
        # what is left, as sums from the far end: differences would lose the small masses
        after = [
            np.concatenate([np.cumsum(end[order[::-1]])[::-1], [least * 0]]) + end[outside].sum()
            for end in (self.lower, self.upper)
        ]
        low, high = before[0] / (before[0] + after[1]), before[1] / (before[1] + after[0])
        return with_whole(low, high, order.size == self.size)

    def off(self, tokens: Array) -> Self:
        """The region of the distribution given that its token is none of these."""
        ends = self.lower.copy(), self.upper.copy()
        for end in ends:
            end[tokens] = end[tokens] * 0
        return type(self)(*ends, self.confidence)

    @cached_property
    def _odds(self) -> float:
        """The least ratio of any two tokens' weights, over that of the centre's."""
        drawn = self.upper > 0
        center = self.center[drawn]
        low, high = (self.lower[drawn] / center).min(), (self.upper[drawn] / center).max()
        return float(low / high) * (1 - 1e-14)

    def floor(self, mass: Array) -> Array:
        """The least mass of a set by its mass at the centre: growing, convex."""
        odds = self._odds
        return odds * mass / (1 - mass + odds * mass) if odds > 0 else mass * 0

    def ceiling(self, mass: Array) -> Array:
        """The largest mass of a set by its mass at the centre: growing."""
        odds = self._odds
        return mass / (mass + odds * (1 - mass)) if odds > 0 else mass * 0 + 1

    @cached_property
    def center(self) -> Array:
        """A distribution inside: geometric means of the ends."""
        middle = np.sqrt(self.lower.astype(np.float64)) * np.sqrt(self.upper.astype(np.float64))
        result: Array = middle / middle.sum()
        return result


def _share(inside: Any, outside: Any) -> Any:
    return inside / (inside + outside)
