r"""One budget over many requests: how many drafted tokens each gets in a batch.

Request i gains :math:`g_i(n)` tokens from n drafted ones, concave in n (best-first trees, chains), and one
target call over n drafted tokens in all takes :math:`T(n)`, any function.

* Without further wishes, the gains of all requests, sorted once, give the best split for **every** total n
  (the largest n gains are prefixes, since gains fall): then all n are compared. Weights multiply gains.
* A request may be owed a pace: at least :math:`g_i(n_i) / T(n)` tokens per time (a service-level objective).
  For a given total this is a smallest :math:`n_i`; what is left of the total goes to the largest gains. That
  is optimal because gains fall, and again all totals are compared.

Exact in both cases. Certificate: no request would gain more from its next token than another from its last
token above its smallest share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class Allocation:
    """How many drafted tokens each request gets.

    Attributes
    ----------
    sizes
        Number of drafted tokens of each request.
    values
        Expected tokens of each request in the round.
    total_value
        Weighted sum of the values.
    time
        Of the round.
    rate
        ``total_value / time``, the largest possible.
    least
        Smallest share of each request, by its pace.
    """

    sizes: tuple[int, ...]
    values: tuple[float, ...]
    total_value: float
    time: float
    rate: float
    least: tuple[int, ...]


class NoAllocation(ValueError):
    """No split of any total keeps every request's pace."""


def allocate(
    values: Sequence[Sequence[float] | Array],
    *,
    times: Sequence[float] | Array,
    weights: Sequence[float] | Array | None = None,
    paces: Sequence[float] | Array | None = None,
) -> Allocation:
    """The split of a batch's budget that maximises weighted tokens per time. Exact.

    Costs one sort of all gains; with paces one selection a total.

    Parameters
    ----------
    values
        For each request the values of 0, 1, ... drafted tokens, concave: ``best_first(...).values``. Lengths
        may differ.
    times
        Time of a round over n drafted tokens in all, for n = 0, ..., N; positive. Totals above the lengths of
        all values are left out. For trees of different
        depths, run it once for each depth cap with the time of so many draft steps added, and take the best.
    weights
        Positive worth of a token of each request; 1 if None.
    paces
        Smallest tokens per time owed to each request; 0 for none.

    Returns
    -------
    Allocation
        Of equal rates, the smallest total.

    Raises
    ------
    ValueError
        If values are not concave and rising, or times or weights not positive.
    NoAllocation
        If no total keeps all paces.

    Examples
    --------
    >>> chain = [1, 1.5, 1.75, 1.875]
    >>> sharp = [1, 1.9, 2.71, 3.439]
    >>> allocate([chain, sharp], times=[1, 1, 1, 1, 4]).sizes
    (0, 3)
    >>> allocate([chain, sharp], times=[1, 1, 1, 1, 4], paces=[1.2, 0]).sizes
    (1, 2)
    """
    curves = [_curve(curve, number) for number, curve in enumerate(values)]
    if not curves:
        raise ValueError("give the values of at least one request")
    time = np.asarray(times, dtype=np.float64)
    if time.ndim != 1 or not time.size or not (np.isfinite(time) & (time > 0)).all():
        raise ValueError("times must be a non-empty list of positive, finite numbers")
    worth = _per_request(weights, len(curves), 1.0, "weights")
    if not (worth > 0).all():
        raise ValueError("weights must be positive")
    owed = _per_request(paces, len(curves), 0.0, "paces")
    order, sums = _sorted_gains(curves, worth)
    time = time[: len(order) + 1]
    if not (owed > 0).any():
        least = np.zeros((len(time), len(curves)), dtype=np.intp)
        base = worth @ np.array([curve[0] for curve in curves])
        totals = base + np.concatenate([[0.0], sums])[: len(time)]
    else:
        least = _least_shares(curves, owed, time)
        totals = _bound_totals(curves, worth, order, least)
    rates = totals / time
    best = int(np.argmax(rates))
    if not np.isfinite(rates[best]):
        raise NoAllocation(
            "no total keeps every request's pace; lower the paces or give times for larger totals"
        )
    return _allocation(curves, worth, order, least[best], best, float(time[best]))


def _curve(curve: Sequence[float] | Array, number: int) -> Array:
    array = np.asarray(curve, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError(f"request {number} needs a list of values for 0, 1, ... drafted tokens")
    gains = np.diff(array)
    slack = 1e-12 * np.abs(array).max()
    if (gains < -slack).any() or (np.diff(gains) > slack).any():
        raise ValueError(
            f"the values of request {number} must rise by steps that never grow; those of best-first trees do"
        )
    return array


def _per_request(given: Sequence[float] | Array | None, count: int, default: float, name: str) -> Array:
    array = np.full(count, default) if given is None else np.asarray(given, dtype=np.float64)
    if array.shape != (count,) or not (np.isfinite(array) & (array >= 0)).all():
        raise ValueError(f"{name} needs one finite number of at least 0 a request: {count}")
    return array


def _sorted_gains(curves: list[Array], worth: Array) -> tuple[Array, Array]:
    """All weighted gains, largest first: their requests and places, shape ``(m, 2)``, and running sums."""
    gains = np.concatenate([w * np.diff(curve) for w, curve in zip(worth, curves, strict=True)])
    owner = np.repeat(np.arange(len(curves)), [len(curve) - 1 for curve in curves])
    place = np.concatenate([np.arange(len(curve) - 1) for curve in curves])
    order = np.lexsort((owner, place, -gains))
    return np.stack([owner[order], place[order]], axis=1), np.cumsum(gains[order])


def _least_shares(curves: list[Array], owed: Array, time: Array) -> Array:
    """Smallest shares by total, shape ``(N + 1, requests)``; the curve's length where none suffices."""
    columns = [
        np.searchsorted(np.maximum.accumulate(curve), pace * time * (1 - 1e-12))
        for curve, pace in zip(curves, owed, strict=True)
    ]
    return np.stack(columns, axis=1)


def _bound_totals(curves: list[Array], worth: Array, order: Array, least: Array) -> Array:
    """The best weighted value of each total above its smallest shares; minus infinity if they do not fit."""
    totals = np.full(len(least), -np.inf)
    lengths = np.array([len(curve) for curve in curves])
    for total, shares in enumerate(least):
        if (shares < lengths).all() and shares.sum() <= total:
            sizes = _fill(order, shares, total)
            totals[total] = sum(
                w * curve[size] for w, curve, size in zip(worth, curves, sizes.tolist(), strict=True)
            )
    return totals


def _fill(order: Array, least: Array, total: int) -> Array:
    """Shares of a total: the smallest ones, and the largest gains beyond them."""
    free = order[order[:, 1] >= least[order[:, 0]]][: total - int(least.sum())]
    shares: Array = least + np.bincount(free[:, 0], minlength=len(least))
    return shares


def _allocation(
    curves: list[Array], worth: Array, order: Array, least: Array, total: int, time: float
) -> Allocation:
    sizes = _fill(order, least, total)
    values = [float(curve[size]) for curve, size in zip(curves, sizes.tolist(), strict=True)]
    total_value = float(worth @ np.array(values))
    return Allocation(
        tuple(sizes.tolist()), tuple(values), total_value, time, total_value / time, tuple(least.tolist())
    )
