"""From logits to the distribution that tokens are drawn from: temperature and filters."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.arrays import Array, NotADistribution, first, where
from theory.exponentials import exponentials


@dataclass(frozen=True)
class Warp:
    r"""The processing between logits and a distribution: temperature, top-k, top-p, min-p.

    One object is applied to target and draft alike, so that both sides of an acceptance ratio went
    through the same filters. The order is the usual one of serving engines: divide by the temperature,
    keep the ``top_k`` largest, then the smallest set of largest tokens that reaches ``top_p``, then
    those of at least ``min_p`` times the largest, and normalise what is left.

    Parameters
    ----------
    temperature
        At least 0. Zero means argmax: all mass on the largest logit, the first of equals.
    top_k
        Keep this many tokens (1 or more); ``None`` keeps all. Ties at the edge keep the earlier token.
    top_p
        In (0, 1]; keep the fewest tokens, largest first, whose mass reaches it. ``None`` and 1 keep all.
    min_p
        In [0, 1]; drop tokens below this multiple of the largest probability. ``None`` keeps all.

    Raises
    ------
    ValueError
        For a parameter out of its range, or of another type than its own.

    Examples
    --------
    >>> Warp(temperature=0.5).probabilities(np.log([0.2, 0.3, 0.5])).round(4)
    array([0.1053, 0.2368, 0.6579])
    >>> Warp(top_k=2).probabilities(np.log([0.2, 0.3, 0.5])).round(4)
    array([0.   , 0.375, 0.625])
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature must be finite and at least 0, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1 (or None), got {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1] (or None), got {self.top_p}")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p must be in [0, 1] (or None), got {self.min_p}")

    def _check_types(self) -> None:
        for name in ("temperature", "top_p", "min_p"):
            value = getattr(self, name)
            if (value is None and name != "temperature") or _is_number(value, Real):
                continue
            raise ValueError(f"{name} must be a number, got {value!r}")
        if self.top_k is not None and not _is_number(self.top_k, int | np.integer):
            raise ValueError(f"top_k must be an integer of at least 1 (or None), got {self.top_k!r}")

    def probabilities(self, logits: ArrayLike) -> Array:
        """Float64 distributions from logits of shape ``(..., V)``.

        A logit of minus infinity is a token of probability zero. Whatever the precision of the logits, all
        is calculated in double precision. Cost: O(V) without filters, a sort of each row with them.

        Raises
        ------
        NotADistribution
            For NaN or plus infinity (the message names the row), a row with no finite logit, or logits
            that are no numbers.
        """
        scores, peak = self._checked(logits)
        if self.temperature == 0:
            return _one_hot(scores.argmax(axis=-1), scores.shape[-1])
        weights = self._filtered(exponentials(scores, peak, float(self.temperature)))
        weights /= weights.sum(axis=-1, keepdims=True)
        return weights

    def _checked(self, logits: ArrayLike) -> tuple[Array, Array]:
        """Logits in single or double precision, and the largest of each row."""
        scores = _real_numbers(logits)
        if scores.ndim == 0 or scores.shape[-1] == 0:
            raise NotADistribution(f"logits need a vocabulary axis, got shape {scores.shape}")
        peak = scores.max(axis=-1)
        if not np.all(np.isfinite(peak)):
            index = first(~np.isfinite(np.atleast_1d(peak))) if peak.ndim else ()
            raise NotADistribution(
                f"logits{where(index)} have the maximum {peak[index]}; "
                "they must hold a finite logit, no NaN and no +inf"
            )
        return scores, np.asarray(peak)

    def _filtered(self, weights: Array) -> Array:
        share = 1.0 if self.top_p is None else float(self.top_p)
        if self.top_k is None and share == 1 and self.min_p is None:
            return weights
        order = np.argsort(-weights, axis=-1, kind="stable")
        ranked = np.take_along_axis(weights, order, axis=-1)
        keep = np.ones(ranked.shape, dtype=bool)
        if self.top_k is not None:
            keep[..., self.top_k :] = False
        if share < 1:  # at 1 the cumulative sum would lose tokens too light to change it
            mass = np.where(keep, ranked, 0.0)
            reached = np.cumsum(mass, axis=-1)
            before = np.concatenate([np.zeros_like(reached[..., :1]), reached[..., :-1]], axis=-1)
            keep &= before < share * reached[..., -1:]
        if self.min_p is not None:
            keep &= ranked >= float(self.min_p) * ranked[..., :1]
        out = np.zeros_like(weights)
        np.put_along_axis(out, order, np.where(keep, ranked, 0.0), axis=-1)
        return out


def _is_number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _real_numbers(logits: ArrayLike) -> Array:
    """Logits in floats; text, dates, booleans and complex numbers are refused, not read."""
    array = np.asarray(logits)
    objects = array.flat if array.dtype == object else ()
    strange = array.dtype.kind in "USbcmM" or not all(_is_number(value, Real) for value in objects)
    if strange:
        raise NotADistribution(
            f"logits must be real numbers, got an array of dtype {array.dtype}; pass floats"
        )
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def _one_hot(index: Array, size: int) -> Array:
    out = np.zeros((*np.shape(index), size))
    np.put_along_axis(out, np.expand_dims(index, -1), 1.0, axis=-1)
    return out
