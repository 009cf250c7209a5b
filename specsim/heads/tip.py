r"""Where a head drafts from: the *tip* of a text, and how it is carried along.

Let the committed text be ``x_0 .. x_{t+1}``. The last token has just been emitted, so the target has not
read it: its features are known up to ``h_t``. A head drafts ``x_{t+2}, x_{t+3}, ...`` from ``h_0 .. h_t``
and *paths* of tokens, each of which begins with ``x_{t+1}`` (the same in all of them) and goes on with
drafted ones. The same three functions serve every network::

    tip = network.begin(params)                                  # nothing read
    tip = network.read(params, tip, hidden=h, tokens=x)          # more of the text: h_j after reading x_j
    network.path_features(params, tip, paths)                    # (n, d) tokens -> (n, D) features

They are pure: a tip is a value, and reading makes another. A rejected draft leaves no trace in it. Features
go through the backbone's head (:meth:`specsim.heads.backbone.Backbone.logits`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params
from specsim.models import LlamaConfig
from specsim.models.cache import write
from specsim.models.layers import Pair
from specsim.models.steps import round_up

#: Slots of keys and values are a multiple of this.
SLOTS = 256
#: Texts are read in stretches that are padded to a multiple of this.
STRETCH = 8


class HeadNetwork(Protocol):
    """What can draft from a tip; see the module's text."""

    @property
    def backbone(self) -> Backbone:
        """What it borrows from the target."""

    @property
    def reach(self) -> int | None:
        """Longest path it can look at, the last committed token included; None for any."""

    def begin(self, params: Params) -> Any:
        """The tip of no text."""

    def read(self, params: Params, tip: Any, *, hidden: jax.Array, tokens: jax.Array) -> Any:
        """The tip after more of the text: ``(n, D)`` hidden states of ``(n,)`` tokens, n at least 1."""

    def path_features(self, params: Params, tip: Any, tokens: jax.Array) -> jax.Array:
        """Features ``(n, D)`` after paths ``(n, d)``, each of which begins with the last committed token."""


class LastHidden:
    """Tips of heads that look at the last hidden state only: the state itself, ``(D,)``."""

    heads: int

    @property
    def reach(self) -> int | None:
        """One token of a path a head."""
        return self.heads

    def begin(self, params: Params) -> jax.Array | None:
        """Nothing."""
        return None

    def read(self, params: Params, tip: Any, *, hidden: jax.Array, tokens: jax.Array) -> jax.Array:
        """The last hidden state."""
        return hidden[-1]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Past:
    """Keys and values of what one layer has read, in slots of which ``length`` are in use.

    Examples
    --------
    >>> from specsim.heads.blocks import layer_config
    >>> config = layer_config(width=8, feed_forward=8, heads=2, kv_heads=1, rope_base=1e4)
    >>> Past.empty(config).slots
    256
    """

    keys: jax.Array
    values: jax.Array
    length: jax.Array

    @classmethod
    def empty(cls, config: LlamaConfig) -> Past:
        """Nothing read."""
        blank = jnp.zeros((1, SLOTS, config.kv_heads, config.head_size))
        return cls(blank, blank, jnp.int32(0))

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return int(self.keys.shape[1])

    def pair(self, batch: int = 1) -> Pair:
        """Keys and values, the same for every row of a batch."""
        shape = (batch, *self.keys.shape[1:])
        return jnp.broadcast_to(self.keys, shape), jnp.broadcast_to(self.values, shape)

    def seen(self) -> jax.Array:
        """Which slots are in use, boolean ``(slots,)``."""
        return jnp.arange(self.slots) < self.length

    def before(self, count: int) -> jax.Array:
        """Mask ``(1, count, slots + count)`` of a stretch of new tokens: all that is past, then causal."""
        old = jnp.broadcast_to(self.seen(), (count, self.slots))
        return jnp.concatenate([old, jnp.tri(count, dtype=bool)], axis=1)[None]

    def with_room(self, length: int) -> Past:
        """The same with slots for ``length`` tokens in all."""
        extra = round_up(max(length, self.slots), SLOTS) - self.slots
        if extra == 0:
            return self
        widths = ((0, 0), (0, extra), (0, 0), (0, 0))
        return replace(self, keys=jnp.pad(self.keys, widths), values=jnp.pad(self.values, widths))

    def after(self, pair: Pair, count: jax.Array | int) -> Past:
        """With a stretch's keys and values behind, of which the first ``count`` are real."""
        return Past(
            write(self.keys, pair[0], self.length),
            write(self.values, pair[1], self.length),
            self.length + count,
        )


def stretch(rows: jax.Array) -> jax.Array:
    """Rows padded with zeros to a multiple of :data:`STRETCH`, so that few shapes are compiled."""
    extra = round_up(rows.shape[0], STRETCH) - rows.shape[0]
    return jnp.pad(rows, ((0, extra), *((0, 0) for _ in rows.shape[1:])))
