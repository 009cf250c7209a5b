"""Distributions within a total variation distance of a known one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.error.modular import Modular, TwoPieces
from theory.simplex import Array, check_distribution


@dataclass(frozen=True, eq=False)
class Ball(TwoPieces):
    """Distributions within a total variation distance of a known one; radius 0: that one.

    Parameters
    ----------
    center
        Distribution, shape ``(V,)``; floats stand for themselves over their total.
    radius
        In [0, 1].
    confidence
        Probability with which the region holds the truth.

    Raises
    ------
    ValueError
        If the centre is no distribution or the radius out of its range.

    Examples
    --------
    >>> ball = Ball(np.array([0.5, 0.25, 0.25]), 0.125)
    >>> [ends.tolist() for ends in ball.ends_along(np.array([0, 1, 2]))]
    [[0.0, 0.375, 0.625, 1.0], [0.0, 0.625, 0.875, 1.0]]
    """

    center: Array
    radius: Any = 0
    confidence: float = 1.0

    def __post_init__(self) -> None:
        center = check_distribution(self.center, name="the centre")
        if center.ndim != 1 or not 0 <= self.radius <= 1:
            raise ValueError(
                f"Ball takes one distribution and a radius in [0, 1], got {center.shape} and {self.radius}"
            )
        object.__setattr__(self, "center", center / center.sum())

    @property
    def least(self) -> tuple[Modular, Modular]:
        return Modular(-self.radius, self.center), Modular(0, self.center * 0)

    @property
    def most(self) -> tuple[Modular, Modular]:
        return Modular(self.radius, self.center), Modular(1, self.center * 0)

    @property
    def orders(self) -> tuple[Array, ...]:
        return (self.center,)

    def floor(self, mass: Array) -> Array:
        """The least mass of a set by its mass at the centre: growing, convex."""
        result: Array = np.maximum(mass - self.radius, 0)
        return result

    def ceiling(self, mass: Array) -> Array:
        """The largest mass of a set by its mass at the centre: growing."""
        result: Array = np.minimum(mass + self.radius, 1)
        return result

    @property
    def token_ends(self) -> tuple[Array, Array]:
        """Least and largest mass of each token."""
        return np.maximum(self.center - self.radius, 0), np.minimum(self.center + self.radius, 1)

    def off(self, tokens: Array) -> Ball:
        """The region of the distribution given that its token is none of these.

        For H off the tokens, gains a of H and losses b of the others are at most r each, and
        :math:`(q(H) + a) / (z + a - b)` grows with both: a ball of radius r / z.
        """
        left = self.center.copy()
        left[tokens] = 0
        mass = left.sum()
        if mass <= 0:
            raise ValueError("no mass is left off these tokens")
        return Ball(left / mass, min(self.radius / mass, 1), self.confidence)
