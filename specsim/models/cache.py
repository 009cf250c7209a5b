"""The key-value cache: a frozen pytree with explicit slots and an explicit length.

A cache holds, for each layer that a view runs, keys and values of shape ``(B, S, K, Dh)``. Slots
``[0, length)`` are committed: they hold the context, one slot a token, in order. A forward pass over ``T``
new tokens sees the slots through its mask and *writes* its keys and values into ``[length, length + T)``,
but doesn't move ``length``: what of them becomes context is for :func:`commit` to say. So a rejected draft
costs nothing to forget, and no method changes a cache in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models.config import LlamaConfig


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Cache:
    """Keys and values of a context.

    Parameters
    ----------
    keys, values
        One array ``(B, S, K, Dh)`` for each entry of ``layers``.
    length
        Committed slots; a Python integer outside traced code.
    layers
        Which layers of the model the entries belong to (static).

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=3, heads=1, kv_heads=1)
    >>> cache = Cache.empty(config, slots=16, layers=(0, 2))
    >>> cache.slots, cache.length, cache.layers
    (16, 0, (0, 2))
    """

    keys: tuple[jax.Array, ...]
    values: tuple[jax.Array, ...]
    length: int
    layers: tuple[int, ...] = field(metadata={"static": True})

    @classmethod
    def empty(
        cls,
        config: LlamaConfig,
        *,
        slots: int,
        batch: int = 1,
        layers: Sequence[int] | None = None,
    ) -> Cache:
        """A cache with nothing committed."""
        chosen = tuple(range(config.layers)) if layers is None else tuple(layers)
        blank = jnp.zeros((batch, slots, config.kv_heads, config.head_size), jnp.float32)
        return cls(keys=(blank,) * len(chosen), values=(blank,) * len(chosen), length=0, layers=chosen)

    @property
    def slots(self) -> int:
        """How many slots there are, S."""
        return int(self.keys[0].shape[1])

    @property
    def batch(self) -> int:
        """How many sequences it holds, B."""
        return int(self.keys[0].shape[0])

    def require_room(self, tokens: int) -> None:
        """Raise ``ValueError`` unless ``tokens`` more slots are free (not checked in traced code)."""
        if isinstance(self.length, jax.core.Tracer):
            return
        if self.length + tokens > self.slots:
            raise ValueError(
                f"the cache has {self.slots} slots, {self.length} of them committed; there is no room "
                f"for {tokens} more tokens: make it larger with grow()"
            )

    def grow(self, slots: int) -> Cache:
        """The same entries with ``slots`` slots in all, the new ones empty."""
        extra = slots - self.slots
        if extra < 0:
            raise ValueError(f"grow() can't shrink a cache from {self.slots} to {slots} slots")
        if extra == 0:
            return self
        widths = ((0, 0), (0, extra), (0, 0), (0, 0))
        return replace(
            self,
            keys=tuple(jnp.pad(entry, widths) for entry in self.keys),
            values=tuple(jnp.pad(entry, widths) for entry in self.values),
        )

    def truncate(self, length: int) -> Cache:
        """Forget all tokens from ``length`` on; the slots stay."""
        if not 0 <= length <= self.length:
            raise ValueError(f"can't truncate a cache of length {self.length} to {length}")
        return replace(self, length=length)


@jax.jit
def write(entry: jax.Array, new: jax.Array, length: int | jax.Array) -> jax.Array:
    """A cache entry with ``new`` ``(B, T, K, Dh)`` in the slots from ``length`` on."""
    start = (jnp.int32(0), jnp.asarray(length, jnp.int32), jnp.int32(0), jnp.int32(0))
    return jax.lax.dynamic_update_slice(entry, new, start)


@jax.jit
def _move(entry: jax.Array, length: jax.Array, path: jax.Array) -> jax.Array:
    kept = jnp.take(entry, length + path, axis=1)
    moved: jax.Array = write(entry, kept, length)
    return moved


def commit(cache: Cache, *, path: Sequence[int]) -> Cache:
    """Make a path of the tokens last scored part of the context, and drop the others.

    Parameters
    ----------
    cache
        As returned by a forward pass or :func:`~specsim.models.tree.tree_step`.
    path
        Numbers of the accepted tokens among the ``T`` that were scored, root first, strictly increasing.
        Empty: nothing is accepted.

    Returns
    -------
    Cache
        Its length is larger by ``len(path)``. Cost: one gather of ``len(path)`` slots a layer.

    Raises
    ------
    ValueError
        If the path isn't strictly increasing, is negative, or reaches past the slots.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=1, heads=1, kv_heads=1)
    >>> commit(Cache.empty(config, slots=16), path=[0, 3]).length
    2
    """
    nodes = [int(node) for node in path]
    if any(node < 0 for node in nodes) or any(a >= b for a, b in pairwise(nodes)):
        raise ValueError(f"a path is strictly increasing from 0 or more, got {nodes}")
    if not nodes:
        return cache
    cache.require_room(nodes[-1] + 1)
    if nodes == list(range(len(nodes))):
        return replace(cache, length=cache.length + len(nodes))
    where, length = jnp.asarray(np.array(nodes, dtype=np.int32)), jnp.int32(cache.length)
    return replace(
        cache,
        keys=tuple(cast(jax.Array, _move(entry, length, where)) for entry in cache.keys),
        values=tuple(cast(jax.Array, _move(entry, length, where)) for entry in cache.values),
        length=cache.length + len(nodes),
    )
