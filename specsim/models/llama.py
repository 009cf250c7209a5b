r"""The forward pass of a Llama-family decoder, as pure functions of (parameters, tokens, mask, cache).

Layer ``l`` maps the stream ``x`` of shape ``(B, T, D)`` to::

    x  <-  x + Output  Attention(rotate(Query n), rotate(Key n), Value n),   n = norm(x)
    x  <-  x + Down (silu(Gate m) * Up m),                                  m = norm(x)
    norm(x) = weight * x / sqrt(mean(x^2) + epsilon)

(Touvron et al., 2023, *LLaMA*; query heads in groups share key-value heads: Ainslie et al., 2023, *GQA*).

Everything that speculative decoding bends is an argument: **positions** are explicit (siblings of a tree
share one), the **mask** is an arbitrary boolean array over cached slots and new tokens (tree attention:
Miao et al., 2024, *SpecInfer*), and **stages** names the sublayers to run, in order, so that a
layer-skipping or early-exit draft is the same program on other data. The result is the *hidden state after
the final norm*; :func:`logits` applies the head.

The arithmetic of a layer is in :mod:`specsim.models.layers`, the order in which sublayers run in
:mod:`specsim.models.stages`. The functions may also be called inside a caller's ``jax.jit``.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from specsim.models.cache import Cache, write_all
from specsim.models.config import LlamaConfig, Params
from specsim.models.layers import Pair as Pair
from specsim.models.layers import attend as attend
from specsim.models.layers import embed as embed
from specsim.models.layers import final_norm as final_norm
from specsim.models.layers import layer as layer
from specsim.models.layers import rms_norm as rms_norm
from specsim.models.layers import turns_at as turns_at
from specsim.models.stages import Stages, check_stages, entries, finish, in_order, run

_EXACT = jax.lax.Precision.HIGHEST


def forward(
    params: Params,
    config: LlamaConfig,
    *,
    tokens: jax.Array,
    positions: jax.Array,
    mask: jax.Array,
    cache: Cache | None = None,
    layers: Sequence[int] | None = None,
    stages: Stages | None = None,
    inputs: jax.Array | None = None,
    normed: bool = True,
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
        Which layers to run, in order; None for the cache's, or all. Must be the cache's.
    stages
        Which sublayers to run (:mod:`specsim.models.stages`), in place of ``layers``.
    inputs
        Vectors ``(B, T, D)`` to read in place of the tokens' embeddings.
    normed
        Whether the final norm is applied to what is returned.

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
    chosen = _stages(config, layers, stages, cache)
    _check(tokens, positions, mask, cache)
    if inputs is not None and inputs.shape != (*tokens.shape, config.hidden):
        raise ValueError(f"inputs must have shape {(*tokens.shape, config.hidden)}, got {inputs.shape}")
    past = [()] * len(entries(chosen)) if cache is None else [(pair,) for pair in cache.pairs]
    stream, pairs = run(
        params,
        config,
        stages=chosen,
        stream=embed(params["embedding"], tokens) if inputs is None else inputs,
        turns=turns_at(config, positions),
        mask=mask,
        pasts=past,
    )
    hidden = finish(params, config, chosen, stream) if normed else stream
    return hidden, _store(cache, pairs, chosen)


def _stages(
    config: LlamaConfig, layers: Sequence[int] | None, stages: Stages | None, cache: Cache | None
) -> Stages:
    if stages is not None:
        chosen = tuple(stages)
    elif layers is not None:
        chosen = in_order(layers)
    else:
        chosen = in_order(range(config.layers)) if cache is None else cache.stages
    if cache is not None and entries(chosen) != cache.layers:
        raise ValueError(f"the cache belongs to layers {cache.layers}, asked to run {entries(chosen)}")
    check_stages(config, chosen)
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


def _store(cache: Cache | None, pairs: list[Pair], stages: Stages) -> Cache:
    if cache is None:
        keys, values = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
        return Cache(keys=keys, values=values, length=keys[0].shape[1], stages=stages)
    return cache.replaced(write_all(cache.pairs, pairs, cache.length), stages=stages)


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
