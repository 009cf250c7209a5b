"""An interval for a number that depends on distributions which are known with error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class Band:
    """Ends between which a quantity lies for every pair (p, q) that fits what is known.

    Attributes
    ----------
    lower, upper
        The ends; floats rounded outward, or fractions if all that is known is in fractions.
    confidence
        With which probability what is known is true: 1 for rounding, below for samples. All bands from the
        same regions hold at once with that probability.
    inner
        Values at two pairs that fit, which every rigorous band has to hold; NaN where none are known. Where
        they equal the ends, these are attained.

    Examples
    --------
    >>> Band(0.5, 0.75, confidence=0.95).kind
    'interval at confidence 0.95'
    """

    lower: Any
    upper: Any
    confidence: float = 1.0
    inner: tuple[Any, Any] = (np.nan, np.nan)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", _plain(self.lower))
        object.__setattr__(self, "upper", _plain(self.upper))
        object.__setattr__(self, "inner", (_plain(self.inner[0]), _plain(self.inner[1])))
        if not self.lower <= self.upper:
            raise ValueError(f"the lower end {self.lower} is above the upper end {self.upper}")
        if not 0 < self.confidence <= 1:
            raise ValueError(f"a confidence is above 0 and at most 1, got {self.confidence}")

    @property
    def kind(self) -> str:
        """``exact``, ``interval``, or ``interval at confidence 0.95``."""
        if self.confidence < 1:
            return f"interval at confidence {self.confidence:g}"
        kind: Literal["exact", "interval"] = "exact" if self.lower == self.upper else "interval"
        return kind

    @property
    def width(self) -> Any:
        """``upper - lower``."""
        return self.upper - self.lower


def _plain(value: Any) -> Any:
    """A float for what is one, a fraction for fractions."""
    return float(value) if isinstance(value, np.floating | int) else value


def jointly(*confidences: float) -> float:
    """The probability with which several statements hold at once, at least: the union bound.

    Raises
    ------
    ValueError
        If their error probabilities add up to one or more, so that nothing is left.

    Examples
    --------
    >>> jointly(1.0, 0.975, 0.975)
    0.95
    """
    error = sum(1 - confidence for confidence in confidences)
    if error >= 1:
        raise ValueError(
            f"the error probabilities of {confidences} add up to {error}; ask for more confidence"
        )
    return 1.0 if error == 0 else float(round(1 - error, 12))
