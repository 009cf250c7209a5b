r"""Probability vectors: validation, residuals and divergences.

Everything works over the last axis. Two kinds of arrays are served by the same code:

* ``float64`` arrays of any batch shape ``(..., V)``: a row is a distribution if its entries are
  finite, none is negative and it sums to one within :data:`SUM_TOLERANCE`;
* ``object`` arrays of :class:`fractions.Fraction`: a row is a distribution if none of its entries is
  negative and it sums to one *exactly*.

Nothing here renormalises what it was given. A row that is not a distribution raises
:class:`NotADistribution`, whose message names the row. From logits to such rows: :mod:`theory.warp`.

For a target ``p`` and a draft ``q`` the acceptance probability of the best single-draft rule is

.. math:: \sum_x \min(p_x, q_x) = 1 - \mathrm{TV}(p, q),

and its *residual* is :math:`(p - q)_+`, the mass that the draft cannot deliver.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.arrays import Array as Array
from theory.arrays import NotADistribution as NotADistribution
from theory.arrays import as_array as as_array
from theory.arrays import first as _first
from theory.arrays import is_exact_kind as is_exact_kind
from theory.arrays import top_tokens as top_tokens
from theory.arrays import where as _where
from theory.exponentials import LARGE
from theory.warp import Warp as Warp

#: A float row may miss one by this much: float32 softmax rows summed in float64 miss it by less.
SUM_TOLERANCE = 1e-6


def is_exact(values: Array) -> bool:
    """Whether an array holds Python objects (fractions or symbols) rather than floats.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> is_exact(np.array([F(1, 2), F(1, 2)]))
    True
    >>> is_exact(np.array([0.5, 0.5]))
    False
    """
    return values.dtype == object


def check_weights(values: ArrayLike, *, name: str = "weights") -> Array:
    """Check that every entry is a finite, non-negative number, and return the array.

    Parameters
    ----------
    values
        Shape ``(..., V)``, ``V >= 1``. Floats or fractions; no sum is asked of them.
    name
        How messages call the array.

    Raises
    ------
    NotADistribution
        For NaN, infinite or negative entries (the message names the first), an empty last axis or a
        batch without rows.

    Examples
    --------
    >>> check_weights([0.5, 2.0])
    array([0.5, 2. ])
    """
    array = _with_tokens(values, name)
    if is_exact(array):
        _check_exact_entries(array, name)
        return array
    # One pass for the sound case: NaN propagates through min, and +inf shows in max.
    if not (array.min() >= 0 and array.max() < np.inf):
        _raise_bad_entry(array, name)
    return array


def _with_tokens(values: ArrayLike, name: str) -> Array:
    """An array of numbers with at least one row and one token; entries unchecked."""
    array = np.asarray(values)
    if array.ndim or array.dtype != object:  # a single object has no entries to look at
        array = as_array(array)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise NotADistribution(f"{name} needs a last axis of at least one token, got shape {array.shape}")
    if array.size == 0:
        raise NotADistribution(f"{name} needs at least one row, got shape {array.shape}")
    return array


def _check_exact_entries(array: Array, name: str) -> None:
    for index, value in np.ndenumerate(array):
        if value < 0:
            raise NotADistribution(
                f"{name} has the entry {value} at token {int(index[-1])}{_where(index[:-1])}; "
                "probabilities are finite and at least 0"
            )


def _raise_bad_entry(array: Array, name: str) -> None:
    index = _first(~((array >= 0) & (array < np.inf)))
    raise NotADistribution(
        f"{name} has the entry {array[index]} at token {int(index[-1])}{_where(index[:-1])}; "
        "probabilities are finite and at least 0"
    )


def check_distribution(values: ArrayLike, *, name: str = "p", tolerance: float = SUM_TOLERANCE) -> Array:
    """Check that every row is a probability vector, and return the array unchanged.

    Parameters
    ----------
    values
        Shape ``(..., V)``. Fractions must sum to one exactly, floats within ``tolerance``.
    name
        How messages call the array.
    tolerance
        Largest allowed distance of a float row's sum from one.

    Returns
    -------
    ndarray
        The input as ``float64`` or ``object`` array; a float64 input is not copied, nor ever changed.

    Raises
    ------
    NotADistribution
        If an entry is NaN, infinite or negative, or a row does not sum to one.

    Notes
    -----
    Two passes over the array.

    Examples
    --------
    >>> check_distribution([0.25, 0.75])
    array([0.25, 0.75])
    >>> check_distribution([0.25, 0.25], name="q")
    Traceback (most recent call last):
        ...
    theory.arrays.NotADistribution: q sums to 0.5, not to 1; normalise it yourself if that is meant
    """
    array = _with_tokens(values, name)
    if is_exact(array):
        _check_exact_entries(array, name)
        total = np.asarray(array.sum(axis=-1))
        bad = np.asarray(total != 1)
    else:
        total, sound = _totals(array)
        if not sound:
            check_weights(array, name=name)
        bad = ~(np.abs(total - 1.0) <= tolerance)
    if bad.any():
        index = _first(bad)
        raise NotADistribution(
            f"{name} sums to {total[index]}, not to 1{_where(index)}; normalise it yourself if that is meant"
        )
    return array


def _totals(array: Array) -> tuple[Array, bool]:
    """Sums of float rows, and whether all entries are finite and none is negative (False may be in doubt).

    An entry that is not finite makes its row's sum so; that saves a pass.
    """
    if array.ndim == 1 and array.size >= LARGE and array.flags.c_contiguous:
        from theory import kernels

        if kernels.COMPILED:
            whole, negative = kernels.total(kernels.read_only(array))
            return np.asarray(whole), negative == 0 and bool(np.isfinite(whole))
    with np.errstate(over="ignore"):  # a sum of inf is not one either
        total = np.asarray(array.sum(axis=-1))
    return total, bool(array.min() >= 0 and np.all(np.isfinite(total)))


def check_pair(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    """Check a target and a draft over one vocabulary.

    A pair in which one side is exact and the other is not is refused: exact results would be lost.

    Raises
    ------
    NotADistribution
        If either is not a distribution, or vocabularies or kinds (floats, fractions) differ.

    Examples
    --------
    >>> p, q = check_pair([0.5, 0.5], [0.25, 0.75])
    >>> check_pair([0.5, 0.5], [0.25, 0.25, 0.5])
    Traceback (most recent call last):
        ...
    theory.arrays.NotADistribution: p has a vocabulary of 2 tokens and q of 3; they must share one
    """
    target, draft = check_distribution(p, name="p"), check_distribution(q, name="q")
    check_same_vocabulary(target, draft)
    return target, draft


def check_same_vocabulary(p: Array, q: Array) -> None:
    """Raise unless two arrays share their last axis and their kind (floats or fractions)."""
    if p.shape[-1] != q.shape[-1]:
        raise NotADistribution(
            f"p has a vocabulary of {p.shape[-1]} tokens and q of {q.shape[-1]}; they must share one"
        )
    if is_exact(p) != is_exact(q):
        raise NotADistribution("one of p and q holds fractions and the other floats; use one kind for both")


def normalise(weights: ArrayLike, *, name: str = "weights") -> Array:
    """Weights divided by their total: the explicit way to make a distribution.

    Floats whose total is beyond the range of floats are divided by the largest of their row first.

    Raises
    ------
    NotADistribution
        If an entry is not allowed or a row has no mass.

    Examples
    --------
    >>> normalise([1.0, 3.0])
    array([0.25, 0.75])
    """
    array = check_weights(weights, name=name)
    with np.errstate(over="ignore"):
        total = np.asarray(array.sum(axis=-1, keepdims=True))
    if not is_exact(array) and np.any(np.isinf(total)):
        array = np.where(np.isinf(total), array / array.max(axis=-1, keepdims=True, initial=1.0), array)
        total = np.asarray(array.sum(axis=-1, keepdims=True))
    if np.any(total == 0):
        index = _first(total == 0)[:-1]
        raise NotADistribution(f"{name} has no mass{_where(index)}; it can't be normalised")
    result: Array = array / total
    return result


def positive_part(values: Array) -> Array:
    """Entry-wise maximum with zero, for floats and objects.

    Examples
    --------
    >>> positive_part(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    result: Array = np.maximum(values, 0)
    return result


def residual(p: Array, q: Array) -> Array:
    """The mass that q cannot deliver, :math:`(p - q)_+`, not normalised.

    Examples
    --------
    >>> residual(np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    array([0.25, 0.  ])
    """
    return positive_part(p - q)


def _share_vocabulary(p: ArrayLike, q: ArrayLike) -> None:
    """Raise where numpy would stretch one token over a vocabulary; batches may broadcast."""
    if np.shape(p)[-1:] != np.shape(q)[-1:]:
        raise NotADistribution(
            f"p and q must share their vocabulary, the last axis; got shapes {np.shape(p)} and {np.shape(q)}"
        )


def overlap(p: Array, q: Array) -> Any:
    r"""The shared mass :math:`\sum_x \min(p_x, q_x) = 1 - \mathrm{TV}(p, q)`, shape ``(...)``.

    It is the acceptance probability of the maximal coupling (Leviathan et al. 2023, theorem 3.5).

    Examples
    --------
    >>> float(overlap(np.array([0.5, 0.5]), np.array([0.25, 0.75])))
    0.75
    """
    _share_vocabulary(p, q)
    return np.minimum(p, q).sum(axis=-1)


def total_variation(p: Array, q: Array) -> Any:
    r"""Total variation distance :math:`\frac12 \sum_x |p_x - q_x|`, in [0, 1], shape ``(...)``.

    Examples
    --------
    >>> float(total_variation(np.array([0.5, 0.5]), np.array([0.25, 0.75])))
    0.25
    """
    _share_vocabulary(p, q)
    return np.abs(p - q).sum(axis=-1) / 2


def _xlogy_ratio(p: Array, q: Array) -> Array:
    """``p log(p / q)`` with ``0 log 0 = 0`` and infinity where only q vanishes."""
    _share_vocabulary(p, q)
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    p, q = np.broadcast_arrays(p, q)
    out = np.zeros(p.shape)
    live = p > 0
    with np.errstate(divide="ignore"):
        out[live] = p[live] * (np.log(p[live]) - np.log(q[live]))
    return out


def kl_divergence(p: Array, q: Array) -> Any:
    r"""Forward Kullback-Leibler divergence :math:`\sum_x p_x \log (p_x / q_x)` in nats.

    Infinite where q misses a token of p. The reverse divergence is ``kl_divergence(q, p)``. A sum that
    falls below zero can only do so by rounding, in it or in the sums of p and q, and is given as zero.

    Examples
    --------
    >>> round(float(kl_divergence(np.array([0.5, 0.5]), np.array([0.25, 0.75]))), 6)
    0.143841
    """
    return np.maximum(_xlogy_ratio(p, q).sum(axis=-1), 0.0)


def js_divergence(p: Array, q: Array) -> Any:
    """Jensen-Shannon divergence in nats, in [0, log 2]; what rounds out of that range is put on its edge.

    Examples
    --------
    >>> round(float(js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]))), 6)
    0.693147
    """
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    _share_vocabulary(p, q)
    # 2p / (p + q) and not p / ((p + q) / 2): half of the smallest float would be zero
    terms = (_xlogy_ratio(2 * p, p + q) + _xlogy_ratio(2 * q, p + q)) / 4
    return np.clip(terms.sum(axis=-1), 0.0, np.log(2.0))


def chi_square(p: Array, q: Array) -> Any:
    r"""Pearson's :math:`\chi^2(p \| q) = \sum_x (p_x - q_x)^2 / q_x`; infinite off q's support.

    Exact for fractions where q covers p. Infinite too where the value is beyond the range of floats.

    Examples
    --------
    >>> round(float(chi_square(np.array([0.5, 0.5]), np.array([0.25, 0.75]))), 6)
    0.333333
    """
    _share_vocabulary(p, q)
    p, q = np.asarray(p), np.asarray(q)
    kind: type = object if is_exact(p) or is_exact(q) else np.float64
    p, q = np.broadcast_arrays(as_array(p.astype(kind)), as_array(q.astype(kind)))
    live = q > 0
    terms: Array = np.zeros(p.shape, dtype=kind)
    with np.errstate(over="ignore"):
        terms[live] = (p[live] - q[live]) ** 2 / q[live]
        total = np.asarray(terms.sum(axis=-1))
    missed = np.any(~live & (p > 0), axis=-1)
    return np.where(missed, np.inf, total) if np.any(missed) else total[()]


def entropy(p: Array) -> Any:
    """Shannon entropy in nats, shape ``(...)``.

    Examples
    --------
    >>> round(float(entropy(np.array([0.5, 0.5]))), 6)
    0.693147
    """
    values = np.asarray(p, dtype=np.float64)
    out = np.zeros(values.shape)
    live = values > 0
    out[live] = -values[live] * np.log(values[live])
    return out.sum(axis=-1)
