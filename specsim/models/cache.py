"""The key-value cache: a frozen pytree with explicit slots and an explicit length.

A cache holds, for each layer that a view runs, keys and values of shape ``(B, S, K, Dh)``. Slots
``[0, length)`` are committed: they hold the context, one slot a token, in order. A forward pass over ``T``
new tokens sees the slots through its mask and *writes* its keys and values into ``[length, length + T)``,
but doesn't move ``length``: what of them becomes context is for :func:`commit` to say. So a rejected draft
costs nothing to forget, and no method changes a cache in place.

A cache also knows the *stages* that filled it, and a later pass over it runs the same. A cache of chosen
slots of a longer context (:mod:`specsim.models.sparse`) has a ``shift``: the next token's position is
``length + shift``.
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
from specsim.models.layers import Pair
from specsim.models.stages import Part, Stages, entries, in_order


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
    stages
        What runs with this cache (static); ``layers`` are their attention sublayers.
    shift
        Position of the next token less ``length``: the committed slots that were left out.

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
    stages: Stages = field(metadata={"static": True})
    shift: int = 0

    @classmethod
    def empty(
        cls,
        config: LlamaConfig,
        *,
        slots: int,
        batch: int = 1,
        layers: Sequence[int] | None = None,
        stages: Stages | None = None,
    ) -> Cache:
        """A cache with nothing committed, for whole ``layers`` (all by default) or for ``stages``."""
        if stages is None:
            stages = in_order(range(config.layers) if layers is None else layers)
        blank = jnp.zeros((batch, slots, config.kv_heads, config.head_size), jnp.float32)
        blanks = (blank,) * len(entries(stages))
        return cls(keys=blanks, values=blanks, length=0, stages=stages)

    @property
    def layers(self) -> tuple[Part, ...]:
        """Which layers (or adapters) the entries belong to."""
        return entries(self.stages)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Keys and values of each entry."""
        return tuple(zip(self.keys, self.values, strict=True))

    @property
    def position(self) -> int:
        """The next token's position."""
        return self.length + self.shift

    def replaced(self, pairs: Sequence[Pair], *, stages: Stages | None = None) -> Cache:
        """The same cache with other keys and values (and other stages, if given)."""
        return replace(
            self,
            keys=tuple(pair[0] for pair in pairs),
            values=tuple(pair[1] for pair in pairs),
            stages=self.stages if stages is None else stages,
        )

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
def write_all(entries: Sequence[Pair], new: Sequence[Pair], length: int | jax.Array) -> tuple[Pair, ...]:
    """:func:`write` for the keys and values of every layer, as one program."""
    return tuple(
        (write(old[0], pair[0], length), write(old[1], pair[1], length))
        for old, pair in zip(entries, new, strict=True)
    )


@jax.jit
def copy_all(
    entries: Sequence[Pair], source: Sequence[Pair], path: jax.Array, length: int | jax.Array
) -> tuple[Pair, ...]:
    """Entries with the slots ``path`` ``(N,)`` of another cache's entries in those from ``length`` on."""
    taken = [(jnp.take(pair[0], path, axis=1), jnp.take(pair[1], path, axis=1)) for pair in source]
    return cast(tuple[Pair, ...], write_all(entries, taken, length))


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
    where = jnp.asarray(np.array(nodes, dtype=np.int32) + cache.length)
    moved = cast(tuple[Pair, ...], copy_all(cache.pairs, cache.pairs, where, cache.length))
    return replace(cache.replaced(moved), length=cache.length + len(nodes))
