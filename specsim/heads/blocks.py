r"""What the networks are built of: matrices (full or low-rank), residual blocks, decoder layers.

*Matrices* are stored ``(outputs, inputs)`` as everywhere in the project: ``{"weight": W}``, or with a rank
``{"down": A, "up": B}`` for :math:`W = B A`. A low-rank matrix is how an artefact stays small; what it
costs in accuracy is for a training run to say.

A *residual block* (Cai et al., 2024, *Medusa*, equation 1) is :math:`x + \mathrm{SiLU}(W x + b)`. It starts
with ``W = 0`` and ``b = 0``, and is then the identity.

A *decoder layer* is one Llama layer (:func:`specsim.models.layers.layer`) of its own width. Its keys and
values may come in parts, as the context's and the drafted path's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from specsim.models import LlamaConfig
from specsim.models.config import layer_shapes
from specsim.models.layers import Pair, Parts, Weights, layer, turns_at

Params = Any


def matrix(
    key: jax.Array, outputs: int, inputs: int, *, rank: int | None = None, zero: bool = False
) -> Params:
    """A fresh matrix: entries of variance ``1 / inputs``, or zero.

    Parameters
    ----------
    key
        From :func:`jax.random.key`.
    outputs, inputs
        Its shape.
    rank
        Store it as a product of this inner size; None for a full matrix.
    zero
        Start at zero (of a product the left factor only, so that gradients flow).

    Examples
    --------
    >>> {name: value.shape for name, value in matrix(jax.random.key(0), 6, 4, rank=2).items()}
    {'down': (2, 4), 'up': (6, 2)}
    """
    if rank is None:
        return {"weight": jnp.zeros((outputs, inputs)) if zero else _random(key, outputs, inputs)}
    first, second = jax.random.split(key)
    up = jnp.zeros((outputs, rank)) if zero else _random(second, outputs, rank)
    return {"down": _random(first, rank, inputs), "up": up}


def _random(key: jax.Array, outputs: int, inputs: int) -> jax.Array:
    rows: jax.Array = jax.random.normal(key, (outputs, inputs)) * inputs**-0.5
    return rows


def times(weights: Params, x: jax.Array) -> jax.Array:
    """A matrix times vectors on the last axis.

    Examples
    --------
    >>> times({"weight": jnp.eye(2) * 3}, jnp.array([1.0, 2.0])).tolist()
    [3.0, 6.0]
    """
    if "weight" in weights:
        return jnp.einsum("...i,oi->...o", x, weights["weight"])
    return jnp.einsum("...r,or->...o", jnp.einsum("...i,ri->...r", x, weights["down"]), weights["up"])


def residual_block(key: jax.Array, width: int, *, rank: int | None = None) -> Params:
    """A fresh residual block: the identity."""
    return {"matrix": matrix(key, width, width, rank=rank, zero=True), "bias": jnp.zeros(width)}


def through_block(weights: Params, x: jax.Array) -> jax.Array:
    """``x + silu(W x + b)``.

    Examples
    --------
    >>> fresh = residual_block(jax.random.key(0), 3)
    >>> through_block(fresh, jnp.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    return x + jax.nn.silu(times(weights["matrix"], x) + weights["bias"])


def through_blocks(weights: Sequence[Params], x: jax.Array) -> jax.Array:
    """Several blocks, one after the other."""
    for block in weights:
        x = through_block(block, x)
    return x


def unit(x: jax.Array) -> jax.Array:
    """Divide by the root mean square of the last axis: embeddings and features on one scale.

    Examples
    --------
    >>> unit(jnp.array([3.0, -3.0])).round(4).tolist()
    [1.0, -1.0]
    """
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def layer_config(
    *, width: int, feed_forward: int, heads: int, kv_heads: int, rope_base: float
) -> LlamaConfig:
    """The shape of one decoder layer; vocabulary and number of layers stand for nothing."""
    return LlamaConfig(
        vocabulary=1,
        hidden=width,
        feed_forward=feed_forward,
        layers=1,
        heads=heads,
        kv_heads=kv_heads,
        rope_base=rope_base,
        architecture="layer",
    )


def decoder_layer(key: jax.Array, config: LlamaConfig) -> Params:
    """A fresh decoder layer: norms of one; ``output`` and ``down`` at zero, so that it is the identity."""
    shapes = layer_shapes(config)
    keys = dict(zip(shapes, jax.random.split(key, len(shapes)), strict=True))
    start = {name: jnp.ones(shape) for name, shape in shapes.items() if len(shape) == 1}
    start |= {name: jnp.zeros(shapes[name]) for name in ("output", "down")}
    rest = {name: _random(keys[name], *shape) for name, shape in shapes.items() if name not in start}
    return start | rest


def through_layer(
    config: LlamaConfig,
    weights: Weights,
    x: jax.Array,
    *,
    positions: jax.Array,
    mask: jax.Array,
    past: Parts = (),
) -> tuple[jax.Array, Pair]:
    """One decoder layer, and the keys and values of its new tokens.

    Parameters
    ----------
    config, weights
        From :func:`layer_config` and :func:`decoder_layer`.
    x
        Stream, shape ``(B, T, width)``.
    positions
        Shape ``(B or 1, T)``.
    mask
        Boolean, ``(B or 1, T, S + T)`` (``S`` the tokens of all parts of the past).
    past
        Parts of the past, each with keys and values ``(B, S_j, K, Dh)``.
    """
    done: tuple[jax.Array, Pair] = layer(config, weights, x, turns_at(config, positions), mask, tuple(past))
    return done
