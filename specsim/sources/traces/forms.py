r"""The three ways in which a trace stores next-token distributions.

A row of a trace belongs to one context. For the target and for each draft it stores the law of the next
token in one of three forms, and *the stored form defines the law*: whatever precision was given up when
the row was recorded, every later number is about exactly the distribution that the file holds.

``dense``
    The logits themselves, float16 or float32, shape ``(N, V)``: ``logits = stored``.
``hidden``
    Final hidden states ``h`` (after the last norm), float16 or float32, shape ``(N, D)``, and a
    :class:`Head` ``W`` of shape ``(V, D)`` that is stored once for the whole trace:
    ``logits = h W^T``, in float64. A layer-skipping or early-exit draft shares the target's head, so a
    row costs ``D`` numbers a model and not ``V``.
``sparse``
    For smoothed count models: a :class:`Base` distribution ``b`` stored once, and for each row one weight
    and corrections at a few tokens: ``probability(x) = weight * b(x) + correction(x)``, in float64,
    ``logits = log(probability)``.

In all three the law is the softmax of the logits, so it is normalised by definition. The form ``sparse``
must hold probabilities that sum to one within :data:`SPARSE_TOLERANCE` before that, so that a wrong
weight is found and not normalised away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from specsim.sources.traces.errors import TraceError

Array = NDArray[Any]
Tensors = dict[str, Array]

#: Consecutive weights of a row that share one scale in a Q8_0 head.
BLOCK = 32

#: The largest distance from one of the sum of a ``sparse`` row (its corrections are float32).
SPARSE_TOLERANCE = 1e-5

_FLOATS = ("float16", "float32")


def _fail(message: str) -> None:
    raise TraceError(message)


def _check_finite(array: Array, what: str) -> None:
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        _fail(f"{what} has the entry {array[place]} at {place}; every number must be finite")


def _check_float(array: Array, ndim: int, what: str) -> None:
    if array.ndim != ndim or array.dtype.name not in _FLOATS:
        _fail(f"{what} must have {ndim} axes of float16 or float32, got shape {array.shape} of {array.dtype}")


class Form(Protocol):
    """Rows of one source in one storage form: :class:`Dense`, :class:`Hidden` or :class:`Sparse`."""

    storage: str

    @property
    def rows(self) -> int:
        """The number of rows, N."""

    @property
    def dtype(self) -> str:
        """The name of the dtype that holds the stored numbers."""

    def tensors(self) -> Tensors:
        """The arrays as they are stored."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Logits as they are: float16 or float32, shape ``(N, V)``.

    Minus infinity is allowed (a token that can't occur); NaN, plus infinity and a row without any finite
    logit are not.

    Examples
    --------
    >>> Dense(np.zeros((2, 3), dtype=np.float32)).rows
    2
    """

    logits: Array
    storage = "dense"

    def __post_init__(self) -> None:
        _check_float(self.logits, 2, "dense logits")
        check_logits(self.logits, "dense logits")

    @property
    def rows(self) -> int:
        return int(self.logits.shape[0])

    @property
    def dtype(self) -> str:
        return self.logits.dtype.name

    def tensors(self) -> Tensors:
        return {"logits": self.logits}


@dataclass(frozen=True, eq=False)
class Hidden:
    """Final hidden states: float16 or float32, shape ``(N, D)``, finite.

    Examples
    --------
    >>> Hidden(np.zeros((2, 8), dtype=np.float16)).dtype
    'float16'
    """

    states: Array
    storage = "hidden"

    def __post_init__(self) -> None:
        _check_float(self.states, 2, "hidden states")
        _check_finite(self.states, "hidden states")

    @property
    def rows(self) -> int:
        return int(self.states.shape[0])

    @property
    def dtype(self) -> str:
        return self.states.dtype.name

    def tensors(self) -> Tensors:
        return {"states": self.states}


@dataclass(frozen=True, eq=False)
class Sparse:
    """Weights of a shared base and corrections at a few tokens, row after row.

    Parameters
    ----------
    weight
        float64, shape ``(N,)``, in (0, 1]: the mass that follows the base.
    counts
        int32, shape ``(N,)``: how many corrections each row has.
    indices
        uint16 or uint32, shape ``(sum(counts),)``: their tokens, strictly increasing within a row.
    values
        float32, same shape: what is added there, at least 0.

    Examples
    --------
    >>> row = Sparse.from_rows([(0.25, np.array([2]), np.array([0.75]))], vocabulary=5)
    >>> row.rows, row.indices.dtype.name, row.values
    (1, 'uint16', array([0.75], dtype=float32))
    """

    weight: Array
    counts: Array
    indices: Array
    values: Array
    storage = "sparse"

    def __post_init__(self) -> None:
        _check_sparse(self)

    @classmethod
    def from_rows(cls, rows: list[tuple[float, Array, Array]], *, vocabulary: int) -> Sparse:
        """Rows given as triples (weight, tokens, corrections), stored in the smallest integers."""
        integer = np.uint16 if vocabulary <= 2**16 else np.uint32
        none = np.zeros(0)
        return cls(
            weight=np.array([row[0] for row in rows], dtype=np.float64),
            counts=np.array([len(row[1]) for row in rows], dtype=np.int32),
            indices=np.concatenate([none, *(row[1] for row in rows)]).astype(integer),
            values=np.concatenate([none, *(row[2] for row in rows)]).astype(np.float32),
        )

    @property
    def rows(self) -> int:
        return len(self.weight)

    @property
    def dtype(self) -> str:
        return self.values.dtype.name

    def tensors(self) -> Tensors:
        return {
            "weight": self.weight,
            "counts": self.counts,
            "indices": self.indices,
            "values": self.values,
        }


def _check_sparse(form: Sparse) -> None:
    if not (form.weight.shape == form.counts.shape and form.weight.ndim == 1):
        _fail(f"sparse weight {form.weight.shape} and counts {form.counts.shape} must be one axis, equal")
    total = int(form.counts.sum())
    if not (form.indices.shape == form.values.shape == (total,)):
        _fail(
            f"sparse counts add up to {total}, but there are {form.indices.shape} indices "
            f"and {form.values.shape} values"
        )
    _check_finite(form.values, "sparse values")
    bad = ~((form.weight > 0) & (form.weight <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        _fail(f"sparse weight of row {row} is {form.weight[row]}; it must be in (0, 1]")
    if (form.values < 0).any():
        _fail("sparse values must be at least 0")


def check_logits(logits: Array, what: str, *, rows: Array | None = None) -> None:
    """Raise if a row of logits has NaN, plus infinity or no finite entry; the message names the row."""
    peak = logits.max(axis=-1)
    bad = ~np.isfinite(peak)
    if bad.any():
        place = int(np.argmax(bad))
        row = place if rows is None else int(rows[place])
        kind = "no finite entry" if peak[place] == -np.inf else f"the entry {peak[place]}"
        _fail(f"{what}: row {row} has {kind}; logits must be finite or minus infinity")


def check_mass(probability: Array, what: str) -> None:
    """Raise if a decoded ``sparse`` row does not sum to one within :data:`SPARSE_TOLERANCE`."""
    mass = probability.sum(axis=-1)
    bad = ~(np.abs(mass - 1) <= 2 * SPARSE_TOLERANCE)
    if bad.any():
        _fail(f"{what}: a row sums to {mass[int(np.argmax(bad))]}, not to 1")


@dataclass(frozen=True, eq=False)
class Head:
    """A language-model head, stored once: logits are ``hidden @ head.T``.

    Parameters
    ----------
    values
        Shape ``(V, D)``: float16 or float32 weights, or the int8 numbers of a Q8_0 tensor.
    scales
        Only with int8: float16, shape ``(V, D // 32)``; a weight is its number times the scale of its block
        of 32. The product has at most 19 significant bits, so it is exact in float32 and float64.

    Examples
    --------
    >>> head = Head(np.full((3, 32), 2, dtype=np.int8), np.full((3, 1), 0.5, dtype=np.float16))
    >>> head.matrix(0, 1)[0, :3]
    array([1., 1., 1.])
    """

    values: Array
    scales: Array | None = None
    role = "head"

    def __post_init__(self) -> None:
        if self.scales is None:
            _check_float(self.values, 2, "a head without scales")
            _check_finite(self.values, "the head")
            return
        _check_quantised(self.values, self.scales)
        _check_finite(self.scales, "the head's scales")

    @property
    def vocabulary(self) -> int:
        """The number of tokens, V."""
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        """The size of a hidden state, D."""
        return int(self.values.shape[1])

    def matrix(self, start: int, stop: int) -> NDArray[np.float64]:
        """The weights of tokens ``start .. stop - 1``, exactly, as float64 of shape ``(stop - start, D)``."""
        part = self.values[start:stop].astype(np.float64)
        if self.scales is not None:
            blocks = part.reshape(len(part), -1, BLOCK)
            blocks *= self.scales[start:stop, :, None]
        return part

    def tensors(self) -> Tensors:
        """The arrays as they are stored."""
        return {"values": self.values} | ({} if self.scales is None else {"scales": self.scales})


def _check_quantised(values: Array, scales: Array) -> None:
    if values.ndim != 2 or values.dtype != np.int8 or values.shape[1] % BLOCK:
        _fail(
            f"a quantised head must be int8 of shape (V, D) with D a multiple of {BLOCK}, "
            f"got shape {values.shape} of {values.dtype}"
        )
    if scales.dtype != np.float16 or scales.shape != (values.shape[0], values.shape[1] // BLOCK):
        _fail(
            f"a head of shape {values.shape} needs float16 scales, one for each {BLOCK}; got {scales.shape}"
        )


@dataclass(frozen=True, eq=False)
class Base:
    """A distribution with full support that ``sparse`` rows share: float32 or float64, shape ``(V,)``.

    Examples
    --------
    >>> Base(np.array([0.5, 0.25, 0.25], dtype=np.float32)).vocabulary
    3
    """

    probability: Array
    role = "base"

    def __post_init__(self) -> None:
        array = self.probability
        if array.ndim != 1 or array.dtype.name not in ("float32", "float64"):
            _fail(f"a base must be one axis of float32 or float64, got {array.shape} of {array.dtype}")
        _check_finite(array, "the base")
        if (array <= 0).any():
            _fail(f"the base gives token {int(np.argmax(array <= 0))} no probability; all must be above 0")
        if abs(float(array.sum(dtype=np.float64)) - 1) > SPARSE_TOLERANCE:
            _fail(f"the base sums to {float(array.sum(dtype=np.float64))}, not to 1")

    @property
    def vocabulary(self) -> int:
        """The number of tokens, V."""
        return len(self.probability)

    def tensors(self) -> Tensors:
        """The arrays as they are stored."""
        return {"probability": self.probability}


Shared = Head | Base


def shared_from_tensors(role: str, tensors: Mapping[str, Array]) -> Shared:
    """The head or base that a file holds."""
    if role == "base":
        return Base(tensors["probability"])
    return Head(tensors["values"], tensors.get("scales"))
