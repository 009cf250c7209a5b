r"""One sequence, step by step: read a context, append tokens, score a token tree, keep a path of it.

A *token tree* is a list of tokens and the number of each one's parent, -1 for a child of the context; a
parent comes before its children. One forward pass scores all of it: node ``i`` may attend to the committed
context, to its ancestors and to itself, and stands at position ``length + depth(i)``. On every root-to-node
path that equals a pass over the path alone (Miao et al., 2024, *SpecInfer*, section 4.2).

Sequences are padded to multiples of :data:`BUCKET` tokens and caches to multiples of :data:`SLOTS`. That
bounds the number of compilations, and a call always meets the same shapes, so its result is the same bits
in every process on a machine. Padding stands behind the sequence, where no token may attend to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models.cache import Cache, commit
from specsim.models.config import Array, LlamaConfig, Params
from specsim.models.llama import forward
from specsim.models.stages import Stages, View, stages_of

#: Sequences are padded to a multiple of this many tokens.
BUCKET = 64

#: Caches that this module makes have a multiple of this many slots.
SLOTS = 256


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple that is at least ``count``.

    Examples
    --------
    >>> round_up(65, 64), round_up(64, 64)
    (128, 64)
    """
    return -(-count // multiple) * multiple


def check_tokens(config: LlamaConfig, tokens: Sequence[int] | Array) -> Array:
    """Token ids as an int32 array, or ``ValueError`` for an empty list or an id outside ``[0, V)``."""
    ids = np.asarray(tokens)
    if ids.ndim != 1 or ids.size == 0:
        raise ValueError(f"tokens must be a non-empty list of ids, got shape {ids.shape}")
    if ids.dtype.kind not in "iu":
        raise ValueError(f"token ids must be integers, got {ids.dtype}")
    wrong = np.flatnonzero((ids < 0) | (ids >= config.vocabulary))
    if wrong.size:
        raise ValueError(
            f"token {ids[wrong[0]]} at index {wrong[0]} isn't in the vocabulary of {config.vocabulary}"
        )
    return ids.astype(np.int32)


def check_context(config: LlamaConfig, count: int) -> None:
    """Raise ``ValueError`` if a sequence is longer than the model's context."""
    if count > config.context:
        raise ValueError(f"{count} tokens don't fit in the model's context of {config.context}")


@dataclass(frozen=True, eq=False)
class Padded:
    """A sequence padded to its bucket: the arguments of a forward pass without a cache.

    Examples
    --------
    >>> Padded.of(np.array([5, 6, 7])).tokens.shape
    (1, 64)
    """

    tokens: jax.Array
    positions: jax.Array
    mask: jax.Array
    count: int

    @classmethod
    def of(cls, ids: Array) -> Padded:
        """Pad token ids with id 0."""
        width = round_up(len(ids), BUCKET)
        tokens = np.zeros((1, width), dtype=np.int32)
        tokens[0, : len(ids)] = ids
        return cls(
            tokens=jnp.asarray(tokens),
            positions=jnp.arange(width, dtype=jnp.int32)[None],
            mask=jnp.asarray(np.tri(width, dtype=bool)[None]),
            count=len(ids),
        )


def padded_inputs(inputs: jax.Array | Array, width: int) -> jax.Array:
    """Vectors ``(T, D)`` as a batch of one, ``(1, width, D)``, with zeros behind them."""
    rows = np.asarray(inputs, dtype=np.float32)
    padded = np.zeros((1, width, *rows.shape[1:]), np.float32)
    padded[0, : len(rows)] = rows
    return jnp.asarray(padded)


def prefill(
    params: Params,
    config: LlamaConfig,
    *,
    tokens: Sequence[int] | Array,
    slots: int | None = None,
    layers: Sequence[int] | None = None,
    view: View | None = None,
    stages: Stages | None = None,
    inputs: jax.Array | None = None,
    normed: bool = True,
) -> tuple[jax.Array, Cache]:
    """Read a context from nothing.

    Parameters
    ----------
    params, config
        The model.
    tokens
        Token ids, 1 to ``config.context`` of them.
    slots
        Least number of slots of the cache; more are made to fill up a multiple of :data:`SLOTS`.
    layers
        Layers to run; None for all.
    view, stages
        What runs, in place of ``layers``; later steps on the cache run the same.
    inputs
        Vectors ``(T, D)`` to read in place of the tokens' embeddings.
    normed
        Whether the final norm is applied to what is returned.

    Returns
    -------
    hidden : jax.Array
        Final hidden states, float32, shape ``(1, len(tokens), D)``.
    cache : Cache
        All tokens committed.
    """
    ids = check_tokens(config, tokens)
    check_context(config, len(ids))
    padded = Padded.of(ids)
    hidden, cache = forward(
        params,
        config,
        tokens=padded.tokens,
        positions=padded.positions,
        mask=padded.mask,
        layers=layers,
        stages=stages_of(view, config) if stages is None and view is not None else stages,
        inputs=None if inputs is None else padded_inputs(inputs, padded.tokens.shape[1]),
        normed=normed,
    )
    room = round_up(max(slots or 0, cache.slots), SLOTS)
    rows = jnp.asarray(np.asarray(hidden)[:, : len(ids)])  # on the host: no program for each length
    return rows, cache.truncate(len(ids)).grow(room)


def ancestors(parents: Sequence[int]) -> tuple[Array, Array]:
    """Depths, and which nodes each node descends from (itself included), of a token tree.

    Returns
    -------
    depths : ndarray
        Shape ``(T,)``; children of the context have depth 0.
    mask : ndarray
        Boolean, shape ``(T, T)``.

    Raises
    ------
    ValueError
        If a parent doesn't come before its child.

    Examples
    --------
    >>> depths, mask = ancestors([-1, 0, 0, 1])
    >>> depths.tolist(), mask[3].tolist()
    ([0, 1, 1, 2], [True, True, False, True])
    """
    count = len(parents)
    depths, mask = np.zeros(count, dtype=np.int32), np.eye(count, dtype=bool)
    for node, parent in enumerate(parents):
        if not -1 <= parent < node:
            raise ValueError(
                f"node {node} has parent {parent}; a parent is -1 (the context) or an earlier node"
            )
        if parent >= 0:
            depths[node] = depths[parent] + 1
            mask[node] |= mask[parent]
    return depths, mask


def tree_step(
    params: Params,
    config: LlamaConfig,
    *,
    cache: Cache,
    tokens: Sequence[int] | Array,
    parents: Sequence[int],
) -> tuple[jax.Array, Cache]:
    """Score all nodes of a token tree in one pass.

    Parameters
    ----------
    params, config
        The model.
    cache
        One sequence's committed context.
    tokens
        Token id of each node.
    parents
        Number of each node's parent, smaller than its own; -1 for children of the context. A
        verification usually puts the last emitted token, which isn't in the cache yet, as node 0 and the
        drafts under it.

    Returns
    -------
    hidden : jax.Array
        Float32, shape ``(1, T, D)``: row i, with the head, is the law of the token after node i.
    cache : Cache
        For :func:`~specsim.models.cache.commit`, which takes the accepted path as numbers of nodes. The
        given cache stays valid too.

    Raises
    ------
    ValueError
        If the tree is malformed, too deep for the context, or larger than the free slots.

    Examples
    --------
    >>> from specsim.models import commit, toy_model
    >>> model = toy_model(seed=0)
    >>> _, cache = prefill(model.params, model.config, tokens=[1, 2, 3])
    >>> hidden, after = tree_step(
    ...     model.params, model.config, cache=cache, tokens=[4, 5, 6], parents=[-1, 0, 0])
    >>> hidden.shape, commit(after, path=[0, 2]).length
    ((1, 3, 32), 5)
    """
    ids = check_tokens(config, tokens)
    if len(parents) != len(ids):
        raise ValueError(f"tokens and parents must be of one length, got {len(ids)} and {len(parents)}")
    depths, among = ancestors(parents)
    check_context(config, cache.position + int(depths.max()) + 1)
    cache.require_room(len(ids))
    past = np.broadcast_to(np.arange(cache.slots) < cache.length, (len(ids), cache.slots))
    return forward(
        params,
        config,
        tokens=jnp.asarray(ids[None]),
        positions=jnp.asarray((cache.position + depths)[None], dtype=jnp.int32),
        mask=jnp.asarray(np.concatenate([past, among], axis=1)[None]),
        cache=cache,
    )


def decode_step(
    params: Params, config: LlamaConfig, *, cache: Cache, tokens: Sequence[int] | Array
) -> tuple[jax.Array, Cache]:
    """Append tokens to the context: their hidden states ``(1, T, D)``, and the cache that holds them.

    The same as :func:`tree_step` on a chain, committed whole.
    """
    hidden, after = tree_step(params, config, cache=cache, tokens=tokens, parents=range(-1, len(tokens) - 1))
    return hidden, commit(after, path=range(len(tokens)))
