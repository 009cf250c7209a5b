"""Costs from measurements: a table that is interpolated, and an affine fit with its errors."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import numpy as np

from specsim.clocks.calls import Call
from specsim.clocks.costs import Affine


@dataclass(frozen=True, slots=True)
class Measurement:
    """The time of one call on real hardware.

    Parameters
    ----------
    call
        What was run.
    seconds
        How long it took, say the median over repeats.
    error
        Standard error of that; 0 if unknown.
    """

    call: Call
    seconds: float
    error: float = 0.0

    def __post_init__(self) -> None:
        if not (isfinite(self.seconds) and self.seconds > 0 and isfinite(self.error) and self.error >= 0):
            raise ValueError(
                "a measurement needs positive seconds and an error of at least 0, "
                f"got seconds={self.seconds} and error={self.error}"
            )


@dataclass(frozen=True)
class Table:
    """Times measured at some numbers of new tokens, joined by straight lines.

    Parameters
    ----------
    tokens
        New tokens of the whole batch, rising.
    times
        Seconds at each.

    Raises
    ------
    ValueError
        If there are not two points or more, tokens don't rise, or a time is not positive; from
        :meth:`seconds`, if a call is outside of what was measured.

    Examples
    --------
    >>> cpu = Table((1, 2, 4, 8), (0.046, 0.102, 0.106, 0.119))
    >>> round(cpu.seconds(Call(tokens=6)), 6)
    0.1125
    """

    tokens: tuple[int, ...]
    times: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", tuple(self.tokens))
        object.__setattr__(self, "times", tuple(self.times))
        if len(self.tokens) != len(self.times) or len(self.tokens) < 2:
            raise ValueError(
                "a table needs a time for each of two or more numbers of tokens, got "
                f"{len(self.tokens)} and {len(self.times)}"
            )
        if any(later <= earlier for earlier, later in pairwise(self.tokens)):
            raise ValueError(f"the table's numbers of tokens must rise, got {self.tokens}")
        if not all(isfinite(time) and time > 0 for time in self.times):
            raise ValueError(f"the table's times must be positive, got {self.times}")

    def seconds(self, call: Call, /) -> float:
        """The time on the line between the two measured points around the call."""
        count = call.new_tokens
        if not self.tokens[0] <= count <= self.tokens[-1]:
            raise ValueError(
                f"a call of {count} new tokens is outside of the measured {self.tokens[0]} to "
                f"{self.tokens[-1]}; measure it, or fit an affine cost"
            )
        right = bisect_left(self.tokens, count)
        if self.tokens[right] == count:
            return self.times[right]
        (x0, x1), (y0, y1) = self.tokens[right - 1 : right + 1], self.times[right - 1 : right + 1]
        return y0 + (y1 - y0) * (count - x0) / (x1 - x0)


@dataclass(frozen=True)
class AffineFit:
    """An affine cost fitted to measurements: an estimate, with standard errors.

    Attributes
    ----------
    cost
        The fit.
    errors
        Standard errors of base, per_token and per_cached; 0 for what was not fitted.
    residual
        Root mean square of (measured - fitted) / measured.
    """

    cost: Affine
    errors: tuple[float, float, float]
    residual: float


def fit_affine(measurements: Sequence[Measurement]) -> AffineFit:
    """Fit an affine cost by least squares of the relative errors.

    The cache's share is fitted if contexts differ among the measurements. A coefficient that comes out
    negative is set to zero and the others are fitted anew: calls do not get faster by doing more.

    Parameters
    ----------
    measurements
        Of calls that differ; at least one more than coefficients to fit.

    Raises
    ------
    ValueError
        If there are too few, or they don't tell the coefficients apart.

    Examples
    --------
    >>> truth = Affine(0.02, per_token=0.001)
    >>> fit = fit_affine([Measurement(Call(tokens=n), truth.seconds(Call(tokens=n))) for n in (1, 2, 4, 8)])
    >>> round(fit.cost.base, 6), round(fit.cost.per_token, 6)
    (0.02, 0.001)
    """
    if not measurements:
        raise ValueError("there are no measurements to fit")
    rows = np.array([[1.0, m.call.new_tokens, m.call.cached_tokens] for m in measurements])
    times = np.array([m.seconds for m in measurements])
    used = [0, 1] if np.ptp(rows[:, 2]) == 0 else [0, 1, 2]
    while True:
        coefficients, errors = _least_squares(rows[:, used], times)
        if np.all(coefficients >= 0):
            break
        used.remove(used[int(np.argmin(coefficients / np.maximum(errors, 1e-300)))])
    full, spread = np.zeros(3), np.zeros(3)
    full[used], spread[used] = coefficients, errors
    residual = float(np.sqrt(np.mean(((rows @ full - times) / times) ** 2)))
    base, per_token, per_cached = (float(value) for value in full)
    return AffineFit(
        Affine(base, per_token, per_cached), (float(spread[0]), float(spread[1]), float(spread[2])), residual
    )


def _least_squares(rows: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and standard errors, each row divided by its time."""
    count = rows.shape[1]
    if len(times) <= count:
        raise ValueError(
            f"{count} coefficients with errors need {count + 1} or more measurements, got {len(times)}"
        )
    weighted = rows / times[:, None]
    if np.linalg.matrix_rank(weighted / np.abs(weighted).max(axis=0)) < count:
        raise ValueError("the measurements don't tell tokens, context and base apart; vary each of them")
    coefficients, *_ = np.linalg.lstsq(weighted, np.ones(len(times)), rcond=None)
    left = 1 - weighted @ coefficients
    variance = float(left @ left) / (len(times) - count)
    return coefficients, np.sqrt(variance * np.diag(np.linalg.inv(weighted.T @ weighted)))
