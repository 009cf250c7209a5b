r"""The forward pass of a Llama-family decoder, as pure functions of (parameters, tokens, mask, cache).

Layer ``l`` maps the stream ``x`` of shape ``(B, T, D)`` to::

    x  <-  x + Output  Attention(rotate(Query n), rotate(Key n), Value n),   n = norm(x)
    x  <-  x + Down (silu(Gate m) * Up m),                                  m = norm(x)
    norm(x) = weight * x / sqrt(mean(x^2) + epsilon)

(Touvron et al., 2023, *LLaMA*; query heads in groups share key-value heads: Ainslie et al., 2023, *GQA*).

Everything that speculative decoding bends is an argument: **positions** are explicit (siblings of a tree
share one), the **mask** is an arbitrary boolean array over cached slots and new tokens (tree attention:
Miao et al., 2024, *SpecInfer*), and **layers** names the layers to run, in order, so that a layer-skipping
or early-exit draft is the same program on other data. The result is the *hidden state after the final
norm*; :func:`logits` applies the head.

All arithmetic is float32 at the highest matmul precision. Each layer is one compiled function of its own
weights: all layers and all views share one compilation a shape, and what a view computes can't depend on
which other views are computed beside it. Weights are always arguments, never constants of a compiled
function. The functions may also be called inside a caller's ``jax.jit``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from specsim.models.cache import Cache, write
from specsim.models.config import LlamaConfig, Params
from specsim.models.rope import angles, frequencies, rotate

Weights = Mapping[str, jax.Array]
Pair = tuple[jax.Array, jax.Array]

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


@partial(jax.jit, static_argnames="config")
def layer(
    config: LlamaConfig, weights: Weights, x: jax.Array, turns: Pair, mask: jax.Array, past: Pair | None
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
        ``(B or 1, T, S + T)``, or ``(B or 1, T, T)`` without a past.
    past
        Cached keys and values ``(B, S, K, Dh)``, or None.
    """
    new, pair = _attention(config, weights, x, turns, mask, past)
    x = x + new
    inner = rms_norm(x, weights["feed_norm"], epsilon=config.epsilon)
    gate = jax.nn.silu(_project(inner, weights, "gate"))
    return x + _project(gate * _project(inner, weights, "up"), weights, "down"), pair


def _attention(
    config: LlamaConfig, weights: Weights, x: jax.Array, turns: Pair, mask: jax.Array, past: Pair | None
) -> tuple[jax.Array, Pair]:
    inner = rms_norm(x, weights["attention_norm"], epsilon=config.epsilon)
    shape = (*x.shape[:2], -1, config.head_size)
    query = rotate(_project(inner, weights, "query").reshape(shape), *turns)
    key = rotate(_project(inner, weights, "key").reshape(shape), *turns)
    value = _project(inner, weights, "value").reshape(shape)
    keys, values = ([key], [value]) if past is None else ([past[0], key], [past[1], value])
    mixed = attend(query, keys, values, mask=mask)
    return _project(mixed.reshape(*x.shape[:2], -1), weights, "output"), (key, value)


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


def forward(
    params: Params,
    config: LlamaConfig,
    *,
    tokens: jax.Array,
    positions: jax.Array,
    mask: jax.Array,
    cache: Cache | None = None,
    layers: Sequence[int] | None = None,
) -> tuple[jax.Array, Cache]:
    """Hidden states of new tokens after the final norm, and the cache with their keys and values.

    Parameters
    ----------
    params, config
        Weights and their shape (see :mod:`specsim.models.config`).
    tokens
        Integers in ``[0, V)``, shape ``(B, T)``.
    positions
        Position ids, shape ``(B, T)`` or ``(1, T)``.
    mask
        Boolean, shape ``(B or 1, T, S + T)`` (``S`` the slots of the cache, 0 without one): True where
        the row's token may attend. Every token must at least attend to itself.
    cache
        The context; None for an empty one.
    layers
        Which layers to run, in order; None for all. Must be the cache's.

    Returns
    -------
    hidden : jax.Array
        Float32, shape ``(B, T, D)``.
    cache : Cache
        The new entries stand in slots ``[length, length + T)``. With a given cache ``length`` is
        unchanged, and :func:`~specsim.models.cache.commit` moves it; without one the result has ``T``
        slots, all committed.

    Raises
    ------
    ValueError
        If shapes, layers or free slots don't fit.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> hidden, cache = forward(
    ...     model.params, model.config, tokens=jnp.array([[1, 2, 3]]), positions=jnp.arange(3)[None],
    ...     mask=jnp.tril(jnp.ones((1, 3, 3), bool)))
    >>> hidden.shape == (1, 3, model.config.hidden), cache.length
    (True, 3)
    """
    chosen = _layers(config, layers, cache)
    _check(tokens, positions, mask, cache)
    x, turns = embed(params["embedding"], tokens), turns_at(config, positions)
    pairs: list[Pair] = []
    for entry, number in enumerate(chosen):
        past = None if cache is None else (cache.keys[entry], cache.values[entry])
        x, pair = layer(config, params["layers"][number], x, turns, mask, past)
        pairs.append(pair)
    return final_norm(config, params["norm"], x), _store(cache, pairs, chosen)


def _layers(config: LlamaConfig, layers: Sequence[int] | None, cache: Cache | None) -> tuple[int, ...]:
    default = tuple(range(config.layers)) if cache is None else cache.layers
    chosen = default if layers is None else tuple(layers)
    if cache is not None and chosen != cache.layers:
        raise ValueError(f"the cache belongs to layers {cache.layers}, asked to run {chosen}")
    if not chosen or not all(0 <= number < config.layers for number in chosen):
        raise ValueError(f"layers must be some of 0..{config.layers - 1}, got {chosen}")
    return chosen


def _check(tokens: jax.Array, positions: jax.Array, mask: jax.Array, cache: Cache | None) -> None:
    if tokens.ndim != 2 or tokens.size == 0:
        raise ValueError(f"tokens must have shape (B, T) with B, T >= 1, got {tokens.shape}")
    batch, count = tokens.shape
    width = count if cache is None else cache.slots + count
    if positions.shape not in {(batch, count), (1, count)}:
        raise ValueError(f"positions must have shape {(batch, count)}, got {positions.shape}")
    if mask.shape not in {(batch, count, width), (1, count, width)} or mask.dtype != bool:
        raise ValueError(
            f"mask must be boolean of shape {(batch, count, width)} (cached slots, then new tokens), "
            f"got {mask.dtype} {mask.shape}"
        )
    if cache is not None:
        if cache.batch != batch:
            raise ValueError(f"the cache holds {cache.batch} sequences, tokens has {batch}")
        cache.require_room(count)


def _store(cache: Cache | None, pairs: list[Pair], layers: tuple[int, ...]) -> Cache:
    keys, values = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    if cache is None:
        return Cache(keys=keys, values=values, length=keys[0].shape[1], layers=layers)
    return Cache(
        keys=tuple(write(old, new, cache.length) for old, new in zip(cache.keys, keys, strict=True)),
        values=tuple(write(old, new, cache.length) for old, new in zip(cache.values, values, strict=True)),
        length=cache.length,
        layers=layers,
    )


@jax.jit
def _apply_head(head: jax.Array, hidden: jax.Array) -> jax.Array:
    return jnp.einsum("...d,vd->...v", hidden, head, precision=_EXACT)


def head_of(params: Params) -> jax.Array:
    """The output head, ``(V, D)``: the embedding where they are tied."""
    matrix: jax.Array = params["head"] if "head" in params else params["embedding"]
    return matrix


def logits(params: Params, hidden: jax.Array) -> jax.Array:
    """Logits ``(..., V)`` of hidden states ``(..., D)`` that :func:`forward` returned, float32."""
    product: jax.Array = _apply_head(head_of(params), hidden)
    return product
