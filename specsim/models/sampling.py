r"""Sampling a token from logits, reproducibly.

The law at temperature ``tau`` is ``softmax(logits / tau)`` in float64; the token is the first whose
cumulative probability exceeds one uniform number. One token costs one number of the generator, so a seed
names a trajectory.
"""

from __future__ import annotations

import numpy as np

from specsim.models.config import Array


def check_temperature(temperature: float) -> None:
    """Raise ``ValueError`` unless the temperature is finite and at least 0."""
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be finite and at least 0 (0 is greedy), got {temperature}")


def sample_token(logits: Array, *, temperature: float, rng: np.random.Generator) -> int:
    """Draw one token.

    Parameters
    ----------
    logits
        Shape ``(V,)``, finite.
    temperature
        0 takes the largest logit (the first of equals) and uses no randomness.
    rng
        Where the uniform number comes from.

    Examples
    --------
    >>> sample_token(np.array([0.0, 3.0, 1.0]), temperature=0.0, rng=np.random.default_rng(0))
    1
    """
    check_temperature(temperature)
    if temperature == 0:
        return int(np.argmax(logits))
    exact = np.asarray(logits, dtype=np.float64)
    cumulative = np.cumsum(np.exp((exact - exact.max()) / temperature))
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
