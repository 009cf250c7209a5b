r"""Rotary position embeddings, by explicit position ids.

Coordinate pair ``(i, i + Dh/2)`` of a query or key at position ``m`` turns by the angle ``m f_i`` with
``f_i = base^{-2i/Dh}``, so that a score depends on the distance of two positions only (Su et al., 2021,
*RoFormer*). Positions are data: in a token tree siblings share a position.

Llama 3.1 divides the frequencies by factors: ``s`` for wavelengths above ``L / low``, 1 for wavelengths
below ``L / high``, and in between ``1 / ((1 - t) / s + t)`` with
``t = (L / wavelength - low) / (high - low)``.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models.config import Array, LlamaConfig


def frequencies(config: LlamaConfig) -> Array:
    """Angle a position, float64, shape ``(head_size / 2,)``.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=1, heads=1, kv_heads=1)
    >>> frequencies(config).tolist()
    [1.0, 0.01]
    """
    exponents = np.arange(0, config.head_size, 2) / config.head_size
    plain = config.rope_base**-exponents
    return plain if config.rope_factors is None else plain / np.array(config.rope_factors)


def llama3_factors(
    config: LlamaConfig, *, factor: float, low: float, high: float, original_context: int
) -> tuple[float, ...]:
    """Divisors of the frequencies that Llama 3.1 uses to reach past its training context.

    Parameters
    ----------
    config
        Gives base and head size; its own factors are ignored.
    factor
        The divisor s of the slowest frequencies, at least 1.
    low, high
        ``low_freq_factor`` and ``high_freq_factor``, ``0 < low < high``.
    original_context
        L, the context of the first training phase.
    """
    if not (factor >= 1 and 0 < low < high and original_context > 0):
        raise ValueError(
            "llama3 scaling needs factor >= 1, 0 < low < high and a positive original context, "
            f"got {factor}, {low}, {high}, {original_context}"
        )
    exponents = np.arange(0, config.head_size, 2) / config.head_size
    wavelengths = 2 * np.pi * config.rope_base**exponents
    share = np.clip((original_context / wavelengths - low) / (high - low), 0.0, 1.0)
    return tuple(float(x) for x in 1 / ((1 - share) / factor + share))


def angles(positions: jax.Array, frequency: Array) -> tuple[jax.Array, jax.Array]:
    """Cosines and sines, each float32 of shape ``(B, T, Dh / 2)``, for positions ``(B, T)``."""
    turns = positions[..., None].astype(jnp.float32) * jnp.asarray(frequency, dtype=jnp.float32)
    return jnp.cos(turns), jnp.sin(turns)


def rotate(heads: jax.Array, cosines: jax.Array, sines: jax.Array) -> jax.Array:
    """Turn heads ``(B, T, H, Dh)`` by angles ``(B or 1, T, Dh / 2)``."""
    first, second = jnp.split(heads, 2, axis=-1)
    c, s = cosines[..., None, :], sines[..., None, :]
    return jnp.concatenate([first * c - second * s, second * c + first * s], axis=-1)
