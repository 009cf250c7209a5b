r"""Hydra: heads that see the tokens drafted before theirs.

.. math:: z^{(k)}_t = [h_t ; E(x_{t+1}) ; \dots ; E(x_{t+k})], \qquad
          f^{(k)}_t = P^{(k)} z^{(k)}_t + \mathrm{SiLU}(W^{(k)} z^{(k)}_t + b^{(k)}), \qquad
          q^{(k)} = \mathrm{softmax}(L f^{(k)}_t),

for token ``t + 1 + k``. W and b start at zero and the linear residual projection P at ``[I, 0, ..., 0]``:
every head starts as the target's own. With a rank, P is ``[I, 0, ...]`` plus a product of that rank.

Hydra++ adds three things, each an option: ``prefix``, a decoder layer over the target's hidden states whose
output is added to them before the heads; ``depth``, more residual blocks after a head's first; and the
teacher loss, which is the trainer's (soft cross-entropy to the target's law in place of the token that
came).

Source: Ankner et al. 2024 (Hydra), arXiv 2402.05109, sections 3 and 3.1, and released code. There heads own
copies of the output head; here they end in the frozen one. Lossless: any of its drafts is, with a walk that
is lossless for recorded laws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp

from specsim.heads import narrow
from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params, matrix, residual_block, through_blocks, times, unit
from specsim.heads.narrow import Shape
from specsim.heads.tip import STRETCH, Past, stretch
from specsim.models import LlamaConfig
from specsim.training.network import Batch, Outputs, ahead, causal_mask


class HydraTip(NamedTuple):
    """What was read: the prefix layer's keys and values, and the last hidden state after it."""

    pasts: tuple[Past, ...]
    hidden: jax.Array | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Hydra:
    """Sequentially dependent heads.

    Parameters
    ----------
    backbone
        What is borrowed from the target.
    heads
        K, at least 1.
    depth
        Residual blocks after a head's first layer (0 is Hydra, 3 is Hydra++'s four layers).
    rank
        Of the heads' matrices; None for full ones.
    prefix
        Shape of the decoder layer before the heads (Hydra++), or None.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> network = Hydra(Backbone.of(toy_model(seed=0)), heads=2)
    >>> params = network.init(jax.random.key(0))
    >>> tip = network.read(params, network.begin(params), hidden=jnp.ones((1, 32)), tokens=jnp.array([7]))
    >>> network.path_features(params, tip, jnp.array([[3, 1], [3, 2]])).shape
    (2, 32)
    """

    backbone: Backbone
    heads: int = field(default=4, metadata={"static": True})
    depth: int = field(default=0, metadata={"static": True})
    rank: int | None = field(default=None, metadata={"static": True})
    prefix: Shape | None = field(default=None, metadata={"static": True})

    @property
    def reach(self) -> int | None:
        """One token of a path a head."""
        return self.heads

    def init(self, key: jax.Array) -> Params:
        """Fresh heads, each saying what the target's own head says."""
        first, second = jax.random.split(key)
        keys = jax.random.split(first, self.heads)
        heads = {"heads": [self._head(one, number) for number, one in enumerate(keys, start=1)]}
        return heads if self.prefix is None else heads | {"prefix": self._fresh_prefix(second, self.prefix)}

    def _fresh_prefix(self, key: jax.Array, shape: Shape) -> Params:
        first, second, third = jax.random.split(key, 3)
        outer, inner = self.backbone.width, shape.width
        return {
            "down": matrix(first, inner, outer),
            "layers": narrow.fresh(second, shape, rope_base=self.backbone.rope_base),
            "up": matrix(third, outer, inner, zero=True),
        }

    def _head(self, key: jax.Array, number: int) -> Params:
        width, rank = self.backbone.width, self.rank
        first, second, *rest = jax.random.split(key, 2 + self.depth)
        inputs = (number + 1) * width
        return {
            "projection": matrix(first, width, inputs, rank=rank, zero=True),
            "matrix": matrix(second, width, inputs, rank=rank, zero=True),
            "bias": jnp.zeros(width),
            "blocks": [residual_block(one, width, rank=rank) for one in rest],
        }

    def head_features(self, params: Params, hidden: jax.Array, embedded: jax.Array) -> jax.Array:
        """One head's features.

        Parameters
        ----------
        hidden
            Shape ``(..., D)``.
        embedded
            Shape ``(..., k, D)``: the embeddings of tokens ``t + 1 .. t + k``; k says which head it is.
        """
        weights = params["heads"][embedded.shape[-2] - 1]
        flat = embedded.reshape(*embedded.shape[:-2], -1)
        joined = jnp.concatenate([hidden, flat], axis=-1)
        inner = times(weights["matrix"], joined) + weights["bias"]
        first = hidden + times(weights["projection"], joined) + jax.nn.silu(inner)
        return through_blocks(weights["blocks"], first)

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Logits ``(B, T, K, V')``: head k of column t has seen tokens up to ``t + k``, for ``t + 1 + k``."""
        hidden, embedded = batch.require("hidden"), self.backbone.embed(batch.tokens)
        if self.prefix is not None:
            x, config = times(params["prefix"]["down"], unit(hidden)), self._config(self.prefix)
            layers, mask = params["prefix"]["layers"], causal_mask(batch)
            x = narrow.run(config, layers, x, positions=batch.positions, mask=mask)
            hidden = hidden + times(params["prefix"]["up"], x)
        return Outputs(logits=self.backbone.logits(self._all(params, hidden, embedded)))

    def _config(self, shape: Shape) -> LlamaConfig:
        return shape.config(rope_base=self.backbone.rope_base)

    def _all(self, params: Params, hidden: jax.Array, embedded: jax.Array) -> jax.Array:
        seen = [ahead(embedded, count) for count in range(1, self.heads + 1)]
        rows = [
            self.head_features(params, hidden, jnp.stack(seen[:k], axis=-2)) for k in range(1, self.heads + 1)
        ]
        return jnp.stack(rows, axis=-2)

    def begin(self, params: Params) -> HydraTip:
        """Nothing read."""
        if self.prefix is None:
            return HydraTip((), None)
        config = self._config(self.prefix)
        return HydraTip(tuple(Past.empty(config) for _ in params["prefix"]["layers"]), None)

    def read(self, params: Params, tip: HydraTip, *, hidden: jax.Array, tokens: jax.Array) -> HydraTip:
        """The last hidden state, after the prefix layer if there is one."""
        if self.prefix is None:
            return HydraTip((), hidden[-1])
        count = hidden.shape[0]
        pasts = tuple(past.with_room(int(past.length) + count + STRETCH) for past in tip.pasts)
        rows, pasts = _read(self, params, pasts, stretch(hidden), jnp.int32(count))
        return HydraTip(pasts, rows[count - 1])

    def path_features(self, params: Params, tip: HydraTip, tokens: jax.Array) -> jax.Array:
        """Features ``(n, D)`` after paths ``(n, d)`` of tokens that begin with the last committed one."""
        assert tip.hidden is not None  # a path follows a text that was read
        hidden = jnp.broadcast_to(tip.hidden, (tokens.shape[0], *tip.hidden.shape))
        return self.head_features(params, hidden, self.backbone.embed(tokens))


@jax.jit
def _read(
    network: Hydra, params: Params, pasts: tuple[Past, ...], hidden: jax.Array, count: jax.Array
) -> tuple[jax.Array, tuple[Past, ...]]:
    assert network.prefix is not None
    x = times(params["prefix"]["down"], unit(hidden))[None]
    config = network.prefix.config(rope_base=network.backbone.rope_base)
    x, pasts = narrow.go_on(config, params["prefix"]["layers"], pasts, x, count=count)
    return hidden + times(params["prefix"]["up"], x[0]), pasts
