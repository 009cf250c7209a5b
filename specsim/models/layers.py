"""The arithmetic of one decoder layer, as compiled functions of its own weights.

Each function is compiled once a shape: all layers and all views share it, so what a view computes can't
depend on which other views are computed beside it. Weights are always arguments, never constants of a
compiled function. All arithmetic is float32 at the highest matmul precision.

A past comes in *parts*, each with its keys and values: cached slots, drafted nodes. A layer attends to all
parts and to its own new tokens, in this order, under one mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from specsim.models.config import LlamaConfig
from specsim.models.rope import angles, frequencies, rotate

Weights = Mapping[str, jax.Array]
Pair = tuple[jax.Array, jax.Array]
Parts = Sequence[Pair]

_EXACT = jax.lax.Precision.HIGHEST

#: Score of a pair that the mask forbids: finite, so that a row without any allowed pair isn't NaN.
_FORBIDDEN = -1e30


def rms_norm(x: jax.Array, weight: jax.Array, *, epsilon: float) -> jax.Array:
    """Divide by the root mean square of the last axis, then scale.

    Examples
    --------
    >>> rms_norm(jnp.array([1.0, -1.0]), jnp.array([2.0, 3.0]), epsilon=0.0).tolist()
    [2.0, -3.0]
    """
    return weight * (x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + epsilon))


def _project(x: jax.Array, weights: Weights, name: str) -> jax.Array:
    product = jnp.einsum("...i,oi->...o", x, weights[name], precision=_EXACT)
    bias = weights.get(f"{name}_bias")
    return product if bias is None else product + bias


def attend(
    query: jax.Array, keys: Sequence[jax.Array], values: Sequence[jax.Array], *, mask: jax.Array
) -> jax.Array:
    """Masked grouped-query attention over keys that come in parts (cached slots, new tokens).

    Parameters
    ----------
    query
        Shape ``(B, T, H, Dh)``, already rotated.
    keys, values
        Parts of shape ``(B, S_j, K, Dh)``; K divides H, and heads ``[g H/K, (g+1) H/K)`` share head g.
    mask
        Boolean, shape ``(B or 1, T, sum of S_j)``: True where a token may attend.

    Returns
    -------
    jax.Array
        Shape ``(B, T, H, Dh)``.
    """
    batch, count, heads, size = query.shape
    grouped = query.reshape(batch, count, keys[0].shape[2], -1, size)
    scores = [jnp.einsum("btkgd,bskd->bkgts", grouped, part, precision=_EXACT) for part in keys]
    joined = jnp.concatenate(scores, axis=-1) * size**-0.5
    weights = jax.nn.softmax(jnp.where(mask[:, None, None], joined, _FORBIDDEN), axis=-1)
    mixed, start = jnp.zeros_like(grouped), 0
    for part in values:
        share = weights[..., start : start + part.shape[1]]
        mixed = mixed + jnp.einsum("bkgts,bskd->btkgd", share, part, precision=_EXACT)
        start += part.shape[1]
    return mixed.reshape(batch, count, heads, size)


def _heads(
    config: LlamaConfig, weights: Weights, x: jax.Array, turns: Pair
) -> tuple[jax.Array, jax.Array, jax.Array]:
    inner = rms_norm(x, weights["attention_norm"], epsilon=config.epsilon)
    shape = (*x.shape[:2], -1, config.head_size)
    query = rotate(_project(inner, weights, "query").reshape(shape), *turns)
    key = rotate(_project(inner, weights, "key").reshape(shape), *turns)
    return query, key, _project(inner, weights, "value").reshape(shape)


def _attention(
    config: LlamaConfig, weights: Weights, x: jax.Array, turns: Pair, mask: jax.Array, past: Parts | None
) -> tuple[jax.Array, Pair]:
    query, key, value = _heads(config, weights, x, turns)
    keys, values = [*(part[0] for part in past or ()), key], [*(part[1] for part in past or ()), value]
    mixed = attend(query, keys, values, mask=mask)
    return _project(mixed.reshape(*x.shape[:2], -1), weights, "output"), (key, value)


def layer_over(
    config: LlamaConfig,
    weights: Weights,
    x: jax.Array,
    turns: Pair,
    mask: jax.Array,
    store: Callable[[jax.Array, jax.Array], Pair],
) -> tuple[jax.Array, Pair]:
    """One layer whose new keys and values ``store`` puts among the cached ones, which it attends to."""
    query, key, value = _heads(config, weights, x, turns)
    pair = store(key, value)
    mixed = attend(query, [pair[0]], [pair[1]], mask=mask)
    x = x + _project(mixed.reshape(*x.shape[:2], -1), weights, "output")
    return x + _feed(config, weights, x), pair


def _feed(config: LlamaConfig, weights: Weights, x: jax.Array) -> jax.Array:
    inner = rms_norm(x, weights["feed_norm"], epsilon=config.epsilon)
    gate = jax.nn.silu(_project(inner, weights, "gate"))
    return _project(gate * _project(inner, weights, "up"), weights, "down")


@partial(jax.jit, static_argnames="config")
def layer(
    config: LlamaConfig, weights: Weights, x: jax.Array, turns: Pair, mask: jax.Array, past: Parts | None
) -> tuple[jax.Array, Pair]:
    """One layer: the new stream, and the keys and values of the new tokens.

    Parameters
    ----------
    config, weights
        The shape of the model and this layer's arrays.
    x
        The stream, ``(B, T, D)``.
    turns
        Cosines and sines, ``(B or 1, T, Dh / 2)``.
    mask
        ``(B or 1, T, S + T)``, with S the slots of all parts of the past.
    past
        Keys and values ``(B, S_j, K, Dh)`` of each part; none, or None, for an empty past.
    """
    new, pair = _attention(config, weights, x, turns, mask, past)
    x = x + new
    return x + _feed(config, weights, x), pair


@partial(jax.jit, static_argnames="config")
def attention(
    config: LlamaConfig, weights: Weights, x: jax.Array, turns: Pair, mask: jax.Array, past: Parts | None
) -> tuple[jax.Array, Pair]:
    """What a layer's attention adds to the stream, and its keys and values; arguments as in :func:`layer`."""
    return _attention(config, weights, x, turns, mask, past)


@partial(jax.jit, static_argnames="config")
def feed(config: LlamaConfig, weights: Weights, x: jax.Array) -> jax.Array:
    """What a layer's feed-forward network adds to the stream ``x``."""
    return _feed(config, weights, x)


@partial(jax.jit, static_argnames="config")
def queries(config: LlamaConfig, weights: Weights, x: jax.Array, turns: Pair) -> jax.Array:
    """A layer's rotated queries of the stream ``x``, shape ``(B, T, H, Dh)``."""
    return _heads(config, weights, x, turns)[0]


@jax.jit
def embed(embedding: jax.Array, tokens: jax.Array) -> jax.Array:
    """Rows of the embedding: tokens ``(B, T)`` to a stream ``(B, T, D)``."""
    return jnp.take(embedding, tokens, axis=0)


@partial(jax.jit, static_argnames="config")
def final_norm(config: LlamaConfig, weight: jax.Array, x: jax.Array) -> jax.Array:
    """The norm between the last layer and the head."""
    return rms_norm(x, weight, epsilon=config.epsilon)


@partial(jax.jit, static_argnames="config")
def turns_at(config: LlamaConfig, positions: jax.Array) -> Pair:
    """Cosines and sines of the rotary angles at positions ``(B or 1, T)``."""
    return angles(positions, frequencies(config))
