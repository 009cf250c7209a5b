"""Arrays of numbers: floats or fractions, one kind at a time; and the largest entries of a row."""

from __future__ import annotations

from fractions import Fraction
from numbers import Number, Rational
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
_BLOCK = 256


class NotADistribution(ValueError):
    """An array that should hold probability vectors does not; the message says where and why."""


def as_array(values: ArrayLike) -> Array:
    """An array of floats, or of objects where the input holds fractions or symbols.

    Integers become floats, and float32 is widened to float64. In an object array plain integers become
    fractions, so that no division falls back to floats; a float among fractions is refused. Booleans are
    refused too: a mask is no distribution.

    Raises
    ------
    NotADistribution
        For booleans and other kinds of numbers, or anything inexact or no number inside an object array.

    Examples
    --------
    >>> as_array([1, 0, 0]).dtype.name
    'float64'
    """
    array = np.asarray(values)
    if array.dtype == object:
        return _exact_entries(array)
    if array.dtype.kind not in "fiu":
        raise NotADistribution(
            f"expected an array of numbers, got dtype {array.dtype}; pass floats or fractions"
        )
    return array.astype(np.float64, copy=False)


def _exact_entries(array: Array) -> Array:
    kinds = {type(value) for value in array.flat}
    if any(issubclass(kind, float | np.floating) for kind in kinds):
        raise NotADistribution(
            "an object array holds a float among its entries; use fractions throughout, or a float array"
        )
    for kind in kinds:
        if not is_exact_kind(kind):
            raise NotADistribution(
                f"an object array holds a {kind.__name__} among its entries; use fractions throughout"
            )
    if not any(issubclass(kind, int | np.integer) for kind in kinds):
        return array
    out = np.empty(array.shape, dtype=object)
    for index, value in np.ndenumerate(array):
        out[index] = Fraction(int(value)) if isinstance(value, int | np.integer) else value
    return out


def is_exact_kind(kind: type) -> bool:
    """Whether a type is one of exact numbers: integers, fractions, or symbols that calculate like them.

    Examples
    --------
    >>> [is_exact_kind(kind) for kind in (Fraction, int, bool, float, str)]
    [True, True, False, False, False]
    """
    if issubclass(kind, Number | bool | np.bool_ | np.ndarray):
        return issubclass(kind, Rational) and not issubclass(kind, bool)
    return hasattr(kind, "__truediv__") and hasattr(kind, "__radd__")


def where(index: tuple[Any, ...]) -> str:
    """How a message names a row; nothing for a single one."""
    return "" if not index else f" in row {tuple(int(i) for i in index)}"


def first(mask: Array) -> tuple[Any, ...]:
    """The index of the first true entry; there must be one."""
    return tuple(np.argwhere(mask)[0])


def count_true(mask: Array) -> Array:
    """Number of true entries of each row.

    Parameters
    ----------
    mask
        Booleans of shape ``(..., V)``.

    Returns
    -------
    ndarray of int
        Shape ``(...)``. Cost: O(V) a row; a single row costs less than one of a batch.

    Examples
    --------
    >>> count_true(np.array([[True, False, True], [False, True, False]])).tolist()
    [2, 1]
    """
    return np.asarray(np.count_nonzero(mask) if mask.ndim == 1 else mask.sum(axis=-1))


def top_tokens(values: Array, count: int) -> Array:
    """The tokens of the ``count`` largest entries, largest first, the earlier token first among equals.

    Parameters
    ----------
    values
        Shape ``(..., V)``; floats or fractions.
    count
        From 0 to V.

    Returns
    -------
    ndarray of int
        Shape ``(..., count)``. Cost: O(V) a row for floats, a sort for objects.

    Examples
    --------
    >>> top_tokens(np.array([0.1, 0.4, 0.1, 0.4]), 3).tolist()
    [1, 3, 0]
    """
    if not 0 <= count <= values.shape[-1]:
        raise ValueError(f"count must be in 0..{values.shape[-1]} (the vocabulary), got {count}")
    flat = values.reshape(-1, values.shape[-1])
    chosen = [_top_of_row(row, count) for row in flat]
    return np.array(chosen, dtype=np.intp).reshape(*values.shape[:-1], count)


def _top_of_row(row: Array, count: int) -> Array:
    if count == 0:
        return np.empty(0, dtype=np.intp)
    candidates = np.arange(row.size) if row.dtype == object else _not_below(row, count)
    order: Array = np.argsort(-row[candidates], kind="stable")
    return candidates[order[:count]]


def _not_below(row: Array, count: int) -> Array:
    """Where floats are at least as large as the entry of rank ``count``, in order; two cheap passes.

    The blocks' maxima are entries, so the one of rank ``count`` among them is no larger than the row's.
    """
    blocks = row.size // _BLOCK
    if blocks < 2 * count:
        return np.flatnonzero(row >= _ranked(row, count))
    maxima = row[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    candidates = np.flatnonzero(row >= _ranked(maxima, count))
    few = row[candidates]
    found: Array = candidates[few >= _ranked(few, count)]
    return found


def _ranked(values: Array, rank: int) -> Any:
    """The entry of a rank, 1 for the largest."""
    return np.partition(values, values.size - rank)[values.size - rank]
