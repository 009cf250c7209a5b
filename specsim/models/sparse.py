r"""A cache of chosen slots: the same weights attend to a part of the context only.

:func:`sparse` takes a model's full cache and a policy, and returns a smaller
:class:`~specsim.models.cache.Cache` with the chosen keys and values. It is a cache like any other: drafts
are scored, committed and rolled back on it, and new tokens stand behind the chosen slots and are always
attended to. After a verification the full cache has grown, and the next selection is made from that.

:class:`Streaming` keeps the first tokens (*sinks*) and the most recent ones. Source: Xiao et al., 2023,
*StreamingLLM*, arXiv 2309.17453, section 3.2.

:class:`Retrieval` cuts the context into chunks of c tokens, scores a chunk in each layer and key-value head
by its mean key times the query of the last committed token, and keeps the best up to a budget, with the
first chunk always among them. What is left over of the context, fewer than c tokens, is kept too, as are new
tokens. Where several query heads share a key-value head their scores are added. Source: Sun et al., 2024,
*TriForce*, arXiv 2404.11912, section 4.1.

With a budget of at least the context either equals the full cache exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models.cache import Cache
from specsim.models.config import Array, LlamaConfig, Params
from specsim.models.layers import Pair, embed, queries, turns_at
from specsim.models.rope import rotate
from specsim.models.stages import run, weights_of
from specsim.models.steps import check_tokens, round_up

#: Caches of chosen slots have a multiple of this many slots.
ROOM = 64


class Selection(Protocol):
    """Which slots of a full cache are kept: a frozen, hashable value."""

    def choose(self, params: Params, config: LlamaConfig, *, cache: Cache, last: int) -> list[Array]:
        """Slots for each entry of the cache, increasing: ``(N,)``, or ``(N, K)`` by key-value head."""

    @property
    def moved(self) -> bool:
        """Whether chosen tokens get the positions 0, 1, ... of the smaller cache."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """The first tokens and the most recent ones.

    Parameters
    ----------
    sinks
        How many first tokens are kept, at least 0.
    recent
        How many of the last committed tokens are kept, at least 1.
    positions
        ``"cache"``: a token's position is its place in the smaller cache, as StreamingLLM has it, and stored
        keys are turned accordingly. ``"absolute"``: all keep the position they have in the text.

    Examples
    --------
    >>> Streaming(sinks=2, recent=3).slots(10).tolist()
    [0, 1, 7, 8, 9]
    """

    sinks: int
    recent: int
    positions: Literal["cache", "absolute"] = "cache"

    def __post_init__(self) -> None:
        if self.sinks < 0 or self.recent < 1:
            raise ValueError(f"needs sinks >= 0 and recent >= 1, got {self.sinks} and {self.recent}")
        if self.positions not in ("cache", "absolute"):
            raise ValueError(f"positions are 'cache' or 'absolute', got {self.positions!r}")

    @property
    def moved(self) -> bool:
        return self.positions == "cache"

    def slots(self, length: int) -> Array:
        """The kept slots of a context of ``length`` tokens."""
        start = max(length - self.recent, min(self.sinks, length))
        return np.array([*range(min(self.sinks, start)), *range(start, length)], dtype=np.int32)

    def choose(self, params: Params, config: LlamaConfig, *, cache: Cache, last: int) -> list[Array]:
        """The same slots for every layer; ``last`` isn't looked at."""
        return [self.slots(cache.length)] * len(cache.layers)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The chunks that the last token's queries fit best.

    Parameters
    ----------
    chunk
        Tokens a chunk, c.
    budget
        At most ``budget // chunk`` chunks are kept, at least one.

    Examples
    --------
    >>> Retrieval(chunk=8, budget=64).budget
    64
    """

    chunk: int
    budget: int

    def __post_init__(self) -> None:
        if self.chunk < 1 or self.budget < self.chunk:
            raise ValueError(
                f"needs chunk >= 1 and a budget of at least a chunk, got {self.chunk} and {self.budget}"
            )

    @property
    def moved(self) -> bool:
        return False

    def choose(self, params: Params, config: LlamaConfig, *, cache: Cache, last: int) -> list[Array]:
        """Slots ``(N, K)`` for each entry. Cost: one pass of the model over the last token."""
        full = cache.length // self.chunk
        kept = min(self.budget // self.chunk, full)
        if kept == full:
            return [np.arange(cache.length, dtype=np.int32)] * len(cache.layers)
        rest = np.arange(full * self.chunk, cache.length, dtype=np.int32)
        found = []
        for query, keys in zip(last_queries(params, config, cache=cache, last=last), cache.keys, strict=True):
            scores = np.array(chunk_scores(query, keys, chunk=self.chunk))[:full]
            found.append(
                np.concatenate([self._best(scores, kept), np.tile(rest[:, None], (1, scores.shape[1]))])
            )
        return found

    def _best(self, scores: Array, kept: int) -> Array:
        """Slots ``(N, K)`` of the first chunk and the best others, in order; ties go to earlier chunks."""
        scores[0] = np.inf
        chunks = np.sort(np.argsort(-scores, axis=0, kind="stable")[:kept], axis=0)
        slots = chunks[:, None] * self.chunk + np.arange(self.chunk)[None, :, None]
        return slots.reshape(-1, scores.shape[1]).astype(np.int32)


@partial(jax.jit, static_argnames="chunk")
def chunk_scores(query: jax.Array, keys: jax.Array, *, chunk: int) -> jax.Array:
    """Mean key times query for each chunk and key-value head.

    Parameters
    ----------
    query
        The last token's rotated queries, ``(1, 1, H, Dh)``.
    keys
        A cache entry's keys, ``(1, S, K, Dh)``.
    chunk
        Tokens a chunk; slots that fill none are left out.

    Returns
    -------
    jax.Array
        Shape ``(S // chunk, K)``; the scores of query heads that share a key-value head are added.
    """
    _, slots, heads, size = keys.shape
    means = keys[0, : slots // chunk * chunk].reshape(-1, chunk, heads, size).mean(axis=1)
    together = query.reshape(heads, -1, size).sum(axis=1)
    return jnp.einsum("nkd,kd->nk", means, together, precision=jax.lax.Precision.HIGHEST)


def last_queries(params: Params, config: LlamaConfig, *, cache: Cache, last: int) -> list[jax.Array]:
    """Queries ``(1, 1, H, Dh)`` of the last committed token, for each entry of its cache."""
    ids = check_tokens(config, [last])
    if cache.length < 1 or cache.shift:
        raise ValueError("needs a full cache with at least one committed token")
    turns = turns_at(config, jnp.array([[cache.length - 1]], jnp.int32))
    mask = np.zeros((1, 1, cache.slots + 1), bool)
    mask[..., : cache.length - 1], mask[..., -1] = True, True
    stream, found = embed(params["embedding"], jnp.asarray(ids[None])), list[jax.Array]()
    for stage in cache.stages:
        found += [queries(config, weights_of(params, part), stream, turns) for part in stage.attention]
        past = [(pair,) for pair in cache.pairs[len(found) - len(stage.attention) : len(found)]]
        stream, _ = run(
            params,
            config,
            stages=(stage,),
            stream=stream,
            turns=turns,
            mask=jnp.asarray(mask),
            pasts=past,
        )
    return found


@jax.jit
def _gather(pair: Pair, slots: jax.Array) -> Pair:
    index = slots[None, :, :, None]
    return jnp.take_along_axis(pair[0], index, axis=1), jnp.take_along_axis(pair[1], index, axis=1)


@jax.jit
def _turn(keys: jax.Array, turns: Pair) -> jax.Array:
    return rotate(keys, *turns)


def sparse(
    params: Params, config: LlamaConfig, *, cache: Cache, selection: Selection, tokens: Sequence[int]
) -> Cache:
    """The chosen slots of a full cache, as a cache.

    Parameters
    ----------
    params, config
        The model whose cache it is.
    cache
        One sequence's full cache; it stays valid.
    selection
        :class:`Streaming` or :class:`Retrieval`.
    tokens
        The committed tokens, or as many of the last ones as there are at hand (at least one): retrieval asks
        with the last one's queries.

    Returns
    -------
    Cache
        Its ``length`` is the number of chosen slots, its ``position`` that of the next token in the text (or
        in the smaller cache, where the selection moves positions).

    Raises
    ------
    ValueError
        If nothing is committed, or the cache is itself a selection.

    Examples
    --------
    >>> from specsim.models import prefill, toy_model
    >>> model = toy_model(seed=0)
    >>> text = list(range(40))
    >>> _, full = prefill(model.params, model.config, tokens=text)
    >>> small = sparse(
    ...     model.params, model.config, cache=full, selection=Retrieval(chunk=4, budget=12), tokens=text)
    >>> small.length, small.position
    (12, 40)
    """
    if cache.batch != 1 or cache.length < 1 or cache.shift:
        raise ValueError("needs a full cache of one sequence with at least one committed token")
    chosen = selection.choose(params, config, cache=cache, last=int(tokens[-1]))
    count = len(chosen[0])
    width = round_up(count, ROOM)
    pairs = [
        _taken(config, pair, slots, width, selection.moved)
        for pair, slots in zip(cache.pairs, chosen, strict=True)
    ]
    shift = 0 if selection.moved else cache.length - count
    return replace(cache.replaced(pairs), length=count, shift=shift)


def _taken(config: LlamaConfig, pair: Pair, slots: Array, width: int, moved: bool) -> Pair:
    padded = np.zeros((width, *slots.shape[1:]), np.int32)
    padded[: len(slots)] = slots
    index = np.broadcast_to(padded.reshape(width, -1), (width, pair[0].shape[2]))
    keys, values = _gather(pair, jnp.asarray(index))
    if moved:
        places = np.arange(width, dtype=np.int32) - padded
        if places[: len(slots)].any():
            keys = _turn(keys, turns_at(config, jnp.asarray(places[None])))
    return keys, values
