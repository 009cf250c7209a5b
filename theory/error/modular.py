"""Modular set functions, and regions whose least and largest mass are made of two of them each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.simplex import Array, check_weights, is_exact


@dataclass(frozen=True, eq=False)
class Modular:
    """The set function ``constant + weights(H)``, weights of shape ``(V,)`` and at least 0."""

    constant: Any
    weights: Array


@dataclass(frozen=True, eq=False)
class TwoPieces:
    """Least mass: the larger of two modular functions; largest mass: the smaller of two others."""

    @property
    def least(self) -> tuple[Modular, Modular]:
        raise NotImplementedError

    @property
    def most(self) -> tuple[Modular, Modular]:
        raise NotImplementedError

    @property
    def orders(self) -> tuple[Array, ...]:
        """Weights whose ratios put the tokens in orders worth scanning."""
        return tuple({id(part.weights): part.weights for part in (*self.least, *self.most)}.values())

    def minorants(self, t: Any) -> tuple[Modular, ...]:
        """Modular functions of which at each set one is at most the least mass."""
        return (_mixed(self.least, t),)

    def majorants(self, t: Any) -> tuple[Modular, ...]:
        """Modular functions of which at each set one is at least the largest mass."""
        return (_mixed(self.most, t),)

    def aim_least(self, inside: Array) -> Any:
        """The t whose minorant is best near a set."""
        return _which([_value(part, inside) for part in self.least])

    def aim_most(self, inside: Array) -> Any:
        """The t whose majorant is best near a set."""
        return _which([-_value(part, inside) for part in self.most])

    def ends_along(self, order: Array) -> tuple[Array, Array]:
        """Least and largest mass of each prefix of an order, shape ``(len(order) + 1,)``."""
        low = np.maximum(*(_along(part, order) for part in self.least))
        high = np.minimum(*(_along(part, order) for part in self.most))
        return with_whole(low, high, order.size == self.size)

    @property
    def size(self) -> int:
        return int(self.most[0].weights.size)


def _mixed(parts: tuple[Modular, Modular], t: Any) -> Modular:
    first, second = parts
    if t in (0, 1):
        return parts[int(t)]
    return Modular(
        (1 - t) * first.constant + t * second.constant, (1 - t) * first.weights + t * second.weights
    )


def _which(values: list[Any]) -> Any:
    """0 or 1, whichever piece is larger."""
    return int(values[1] > values[0])


def _value(part: Modular, inside: Array) -> Any:
    return part.constant + part.weights[inside].sum()


def _along(part: Modular, order: Array) -> Array:
    """The value at each prefix of an order."""
    sums = np.concatenate([[part.constant * 0], np.cumsum(part.weights[order])])
    result: Array = part.constant + sums
    return result


def with_whole(low: Array, high: Array, whole: bool) -> tuple[Array, Array]:
    """The empty set has mass 0 and the whole vocabulary 1, whatever the rounding of sums."""
    high[0] = low[0] = low[0] * 0
    if whole:
        low[-1] = high[-1] = low[-1] * 0 + 1
    return low, high


def checked_ends(lower: ArrayLike, upper: ArrayLike, what: str) -> tuple[Array, Array]:
    """Both ends, checked: numbers of at least 0 in order, one axis, one kind."""
    low, high = check_weights(lower, name="lower"), check_weights(upper, name="upper")
    if low.ndim != 1 or low.shape != high.shape or is_exact(low) != is_exact(high):
        raise ValueError(
            f"{what} takes two arrays of one shape (V,) and kind, got {low.shape} of {low.dtype} and "
            f"{high.shape} of {high.dtype}"
        )
    if np.any(low > high):
        token = int(np.argmax(low > high))
        raise ValueError(f"the interval of token {token} is empty: [{low[token]}, {high[token]}]")
    return low, high
