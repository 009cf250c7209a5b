"""Plain decoding as fast as this package can: one token at a time, on a cache that is updated in place.

:func:`~specsim.models.steps.decode_step` leaves the older cache valid, and so copies it. A :class:`Decoder`
owns its cache: each layer is one compiled call that writes the new keys and values into the slots it was
given, and norm, head and argmax are one more. It is the baseline that speed-ups are measured against, and
the one object here that changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp

from specsim.models.cache import write
from specsim.models.config import Array, LlamaConfig, Params
from specsim.models.layers import Pair, Weights, embed, final_norm, layer_over, turns_at
from specsim.models.llama import head_of, logits
from specsim.models.steps import check_context, check_tokens, prefill


@partial(jax.jit, static_argnames="config", donate_argnames="past")
def _layer(
    config: LlamaConfig,
    weights: Weights,
    x: jax.Array,
    turns: Pair,
    mask: jax.Array,
    past: Pair,
    at: jax.Array,
) -> tuple[jax.Array, Pair]:
    """A layer that writes the new token's keys and values into slot ``at`` and attends to the slots."""

    def store(key: jax.Array, value: jax.Array) -> Pair:
        return write(past[0], key, at), write(past[1], value, at)

    return layer_over(config, weights, x, turns, mask, store)


@partial(jax.jit, static_argnames=("config", "slots"))
def _begin(
    config: LlamaConfig, slots: int, embedding: jax.Array, token: jax.Array, at: jax.Array
) -> tuple[jax.Array, Pair, jax.Array]:
    place = at[None, None]
    return embed(embedding, token), turns_at(config, place), (jnp.arange(slots) <= at)[None, None]


@partial(jax.jit, static_argnames="config")
def _end(config: LlamaConfig, norm: jax.Array, head: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Logits ``(V,)`` and the first choice ``(1, 1)``."""
    scores = jnp.einsum(
        "d,vd->v", final_norm(config, norm, x)[0, -1], head, precision=jax.lax.Precision.HIGHEST
    )
    return scores, jnp.argmax(scores).astype(jnp.int32)[None, None]


class Decoder:
    """One sequence that grows token by token. Make one with :meth:`open`.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> decoder = Decoder.open(model.params, model.config, [1, 2, 3])
    >>> decoder.greedy(4) == model.generate([1, 2, 3], max_new_tokens=4, temperature=0.0)
    True
    >>> decoder.length
    7
    """

    def __init__(
        self, params: Params, config: LlamaConfig, pairs: list[Pair], length: int, law: jax.Array
    ) -> None:
        self._params, self._config, self._pairs, self._length = params, config, pairs, length
        self._scores, self._choice = law, jnp.argmax(law).astype(jnp.int32)[None, None]

    @classmethod
    def open(
        cls, params: Params, config: LlamaConfig, tokens: Sequence[int] | Array, *, slots: int | None = None
    ) -> Decoder:
        """Read a context. ``slots`` is the least number of tokens, context included, that it has room for."""
        hidden, cache = prefill(params, config, tokens=tokens, slots=slots)
        return cls(params, config, list(cache.pairs), cache.length, logits(params, hidden[0, -1]))

    @property
    def length(self) -> int:
        """How many tokens it has read."""
        return self._length

    @property
    def logits(self) -> jax.Array:
        """Logits of the next token, float32, shape ``(V,)``."""
        return self._scores

    def read(self, token: int) -> jax.Array:
        """Append a token; the logits of the one after it."""
        ids = check_tokens(self._config, [token])
        self._step(jnp.asarray(ids[None]))
        return self._scores

    def greedy(self, count: int) -> list[int]:
        """Append the first choices ``count`` times; they stay on the device until the end."""
        chosen = []
        for _ in range(count):
            chosen.append(self._choice)
            self._step(self._choice)
        return [int(token[0, 0]) for token in chosen]

    def _step(self, token: jax.Array) -> None:
        check_context(self._config, self._length + 1)
        slots = int(self._pairs[0][0].shape[1])
        if self._length >= slots:
            raise ValueError(f"all {slots} slots are taken: open the decoder with more")
        params, config, at = self._params, self._config, jnp.int32(self._length)
        x, turns, mask = _begin(config, slots, params["embedding"], token, at)
        for number, weights in enumerate(params["layers"]):
            x, self._pairs[number] = _layer(config, weights, x, turns, mask, self._pairs[number], at)
        self._scores, self._choice = cast(
            tuple[jax.Array, jax.Array], _end(config, params["norm"], head_of(params), x)
        )
        self._length += 1
