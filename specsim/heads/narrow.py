"""A decoder layer of its own width: the common middle of the heads that look at the whole context."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from specsim.heads.blocks import Params, decoder_layer, layer_config, through_layer
from specsim.heads.tip import Past
from specsim.models import LlamaConfig


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of the decoder layers inside a head.

    Published heads use the target's own shape. A width below the target's makes them smaller and quicker to
    train; what is read and said is still of the target's width.

    Parameters
    ----------
    width, feed_forward, heads, kv_heads
        As in a model.
    layers
        How many layers, one after the other.

    Examples
    --------
    >>> Shape(width=16, feed_forward=32, heads=2, kv_heads=1).config(rope_base=1e4).head_size
    8
    """

    width: int = 256
    feed_forward: int = 512
    heads: int = 8
    kv_heads: int = 4
    layers: int = 1

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError(f"layers must be at least 1, got {self.layers}")
        self.config(rope_base=1e4)

    def config(self, *, rope_base: float) -> LlamaConfig:
        """The shape of one of the layers; ``ValueError`` if it is impossible."""
        return layer_config(
            width=self.width,
            feed_forward=self.feed_forward,
            heads=self.heads,
            kv_heads=self.kv_heads,
            rope_base=rope_base,
        )


def fresh(key: jax.Array, shape: Shape, *, rope_base: float) -> list[Params]:
    """Fresh layers, each the identity."""
    config = shape.config(rope_base=rope_base)
    return [decoder_layer(one, config) for one in jax.random.split(key, shape.layers)]


def run(
    config: LlamaConfig, layers: list[Params], x: jax.Array, *, positions: jax.Array, mask: jax.Array
) -> jax.Array:
    """Layers without a past: ``(B, T, width)`` to ``(B, T, width)``."""
    for weights in layers:
        x, _ = through_layer(config, weights, x, positions=positions, mask=mask)
    return x


def go_on(
    config: LlamaConfig,
    layers: list[Params],
    pasts: tuple[Past, ...],
    x: jax.Array,
    *,
    count: jax.Array | int,
) -> tuple[jax.Array, tuple[Past, ...]]:
    """Layers over a stretch ``(1, n, width)`` behind a past, of which the first ``count`` tokens are real."""
    after: list[Past] = []
    for weights, past in zip(layers, pasts, strict=True):
        positions = past.length + jnp.arange(x.shape[1])[None]
        mask = past.before(x.shape[1])
        x, pair = through_layer(config, weights, x, positions=positions, mask=mask, past=[past.pair()])
        after.append(past.after(pair, count))
    return x, tuple(after)
