"""A numpy Generator whose numbers come from a drive.

Uniform numbers are prescribed one by one; discrete distributions are choices with their stated
probabilities; exponential and Gumbel numbers are made from uniform ones by inversion. Whatever else a
Generator offers raises :class:`NotDrivable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from specsim.testing.blackbox.drive import Drive, NotDrivable

#: What a generator has to be made of; no number is ever taken from it.
_UNUSED = np.random.PCG64(0)

#: Most trials of a binomial that are driven.
_MAX_TRIALS = 64


class DrivenGenerator(np.random.Generator):
    """A generator that asks a :class:`Drive`.

    Examples
    --------
    >>> rng = DrivenGenerator(Drive(lambda position: 0.25, {}))
    >>> rng.random(2).tolist(), rng.choice(["a", "b"], p=[0.0, 1.0]).item()
    ([0.25, 0.25], 'b')
    """

    def __init__(self, drive: Drive) -> None:
        super().__init__(_UNUSED)
        self._drive = drive

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        if out is not None:
            raise NotDrivable("Generator.random(out=...) is not driven")
        return _filled(self._drive.uniform, size, dtype)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        shape = _shape(size, low, high)
        return (
            low + (high - np.asarray(low)) * self.random(shape)
            if shape is not None
            else (low + (high - low) * self._drive.uniform())
        )

    def integers(
        self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> Any:
        first, last = (0, low) if high is None else (low, high)
        count = int(last) - int(first) + int(endpoint)
        return _filled(lambda: int(first) + self._drive.choose([1 / count] * count), size, dtype)

    def choice(
        self,
        a: Any,
        size: Any = None,
        replace: bool = True,
        p: Any = None,
        axis: int = 0,
        shuffle: bool = True,
    ) -> Any:
        items = np.arange(a) if np.ndim(a) == 0 else np.asarray(a)
        count = items.shape[axis]
        weights = np.full(count, 1 / count) if p is None else np.asarray(p, dtype=np.float64)
        _check_probabilities(weights, count)
        if replace:
            index = _filled(lambda: self._drive.choose(weights), size, np.int64)
        else:
            index = self._different(weights, size)
        return np.take(items, index, axis=axis)

    def _different(self, weights: Any, size: Any) -> Any:
        number = 1 if size is None else int(np.prod(size))
        left, chosen = weights.copy(), list[int]()
        for _ in range(number):
            if left.sum() <= 0:
                raise ValueError("Fewer non-zero entries in p than size")
            chosen.append(self._drive.choose(left / left.sum()))
            left[chosen[-1]] = 0
        return chosen[0] if size is None else np.array(chosen).reshape(size)

    def multinomial(self, n: Any, pvals: Any, size: Any = None) -> Any:
        weights = np.asarray(pvals, dtype=np.float64)
        if np.ndim(n) or weights.ndim != 1 or size is not None:
            raise NotDrivable("Generator.multinomial is driven for one n, one vector and no size")
        counts = np.zeros(weights.size, dtype=np.int64)
        for _ in range(int(n)):
            counts[self._drive.choose(weights)] += 1
        return counts

    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        if np.ndim(n) or np.ndim(p) or n > _MAX_TRIALS:
            raise NotDrivable(f"Generator.binomial is driven for numbers n <= {_MAX_TRIALS} and p")
        law = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
        return _filled(lambda: self._drive.choose(law), size, np.int64)

    def standard_exponential(
        self, size: Any = None, dtype: Any = np.float64, method: str = "zig", out: Any = None
    ) -> Any:
        if out is not None:
            raise NotDrivable("Generator.standard_exponential(out=...) is not driven")
        return _filled(lambda: -math.log1p(-self._drive.uniform()), size, dtype)

    def exponential(self, scale: Any = 1.0, size: Any = None) -> Any:
        return scale * self.standard_exponential(_shape(size, scale))

    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        shape = _shape(size, loc, scale)
        return loc + scale * _filled(lambda: -math.log(_minus_log(self._drive.uniform())), shape, np.float64)

    def permutation(self, x: Any, axis: int = 0) -> Any:
        items = np.arange(x) if np.ndim(x) == 0 else np.array(x)
        return np.take(items, self._order(items.shape[axis]), axis=axis)

    def shuffle(self, x: Any, axis: int = 0) -> None:
        x[...] = np.take(np.array(x), self._order(np.shape(x)[axis]), axis=axis)

    def _order(self, count: int) -> Any:
        return self._different(np.full(count, 1 / count), count)


def _minus_log(value: float) -> float:
    """``-log(u)``, infinite at zero and positive at the largest float below one."""
    return math.inf if value == 0 else -math.log(value)


def _check_probabilities(weights: Any, count: int) -> None:
    if weights.shape != (count,):
        raise ValueError(f"'a' and 'p' must have same size, got {count} and {weights.size}")
    if not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-6:
        raise ValueError(f"probabilities must be at least 0 and sum to 1, got {weights}")


def _shape(size: Any, *arrays: Any) -> Any:
    """The shape of the answer; None for a number."""
    if size is not None:
        return size
    broadcast = np.broadcast_shapes(*(np.shape(array) for array in arrays))
    return broadcast or None


def _filled(one: Callable[[], float], size: Any, dtype: Any) -> Any:
    """A number, or an array filled in C order."""
    if size is None:
        return one()
    shape = (size,) if np.ndim(size) == 0 else tuple(size)
    values = [one() for _ in range(int(np.prod(shape)))]
    return np.array(values, dtype=dtype).reshape(shape)


def _refuse(name: str) -> Callable[..., Any]:
    def method(self: DrivenGenerator, *args: Any, **options: Any) -> Any:
        raise NotDrivable(f"Generator.{name} is not driven")

    method.__doc__ = "Not driven."
    return method


def _refuse_the_rest() -> None:
    """Whatever a generator offers and is not driven raises, so that no number comes from elsewhere."""
    for name in dir(np.random.Generator):
        if not name.startswith("_") and name not in vars(DrivenGenerator):
            method = _refuse(name)
            value = property(method) if name == "bit_generator" else method
            setattr(DrivenGenerator, name, value)


_refuse_the_rest()
