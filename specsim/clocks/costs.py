"""Costs in closed form: constant, affine, scaled, and a sum of parts."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from specsim.clocks.calls import Call, Cost


@dataclass(frozen=True, slots=True)
class Constant:
    """Every call takes the same time: the memory-bound view, in which verifying is free.

    Parameters
    ----------
    time
        Seconds a call.

    Examples
    --------
    >>> Constant(0.03).seconds(Call(tokens=8))
    0.03
    """

    time: float

    def __post_init__(self) -> None:
        _check(time=self.time)

    def seconds(self, call: Call, /) -> float:
        """The constant."""
        return self.time


@dataclass(frozen=True, slots=True)
class Affine:
    """``base + per_token * new tokens + per_cached * cached tokens``, both over the whole batch.

    The form that SmartSpec fits to serving engines.

    Parameters
    ----------
    base
        Seconds a call, whatever it does: launches, and reading the weights.
    per_token
        Seconds a new token.
    per_cached
        Seconds a token in the cache.

    Examples
    --------
    >>> cost = Affine(0.006, per_token=2e-5, per_cached=4e-8)
    >>> round(cost.seconds(Call(tokens=4, batch=10, context=1000)), 6)
    0.0072
    """

    base: float
    per_token: float = 0.0
    per_cached: float = 0.0

    def __post_init__(self) -> None:
        _check(base=self.base, per_token=self.per_token, per_cached=self.per_cached)

    def seconds(self, call: Call, /) -> float:
        """The affine function."""
        return self.base + self.per_token * call.new_tokens + self.per_cached * call.cached_tokens


@dataclass(frozen=True, slots=True)
class Scaled:
    """A part of another cost: some of its layers, or the same on slower hardware.

    Parameters
    ----------
    cost
        What is scaled.
    factor
        By how much.
    overhead
        Seconds a call besides.

    Examples
    --------
    >>> Scaled(Constant(0.03), 0.5, overhead=0.002).seconds(Call())
    0.017
    """

    cost: Cost
    factor: float
    overhead: float = 0.0

    def __post_init__(self) -> None:
        _check(factor=self.factor, overhead=self.overhead)

    def seconds(self, call: Call, /) -> float:
        """Factor times the other's seconds, and the overhead."""
        return self.factor * self.cost.seconds(call) + self.overhead


def _check(**values: float) -> None:
    for name, value in values.items():
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a finite number of at least 0, got {value}")
