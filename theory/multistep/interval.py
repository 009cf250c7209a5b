"""A certified interval."""

from __future__ import annotations


class Interval:
    """What solutions share whose optimum lies between ``lower`` and ``upper``."""

    lower: float
    upper: float

    @property
    def value(self) -> float:
        """The middle of the interval."""
        return (self.lower + self.upper) / 2

    @property
    def gap(self) -> float:
        """Length of the interval."""
        return self.upper - self.lower
