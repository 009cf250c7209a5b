r"""Chimera: heads that know the drafted tokens by their trigrams, and the whole context by one decoder layer.

* **Trigram encoder.** :math:`g_j = W \mathrm{Block}([e_{j-2} ; e_{j-1} ; e_j])`, a residual block on three
  embeddings.
* **Context encoder.** One decoder layer over the sequence [the target's hidden states ``h_0 .. h_t`` ; the
  trigrams of the tokens that the target has not read, ``g_{t+1} .. g_{t+k}``]; its output at the last one
  is :math:`c^{(k)}_t`.
* **Resolver heads.** :math:`f^{(k)}_t = h_t + R^{(k)} [h_t ; c^{(k)}_t]` for token ``t + 1 + k``, through
  the target's frozen head. R starts at zero: every head then says what the target says of the next token.
  (Published heads are a linear map of ``2 D`` numbers to the vocabulary that starts as two copies of the
  output head.)

``grams=1`` and ``context=False`` are the paper's ablations: a token alone in place of its trigram; the
trigram's encoding in place of the decoder layer's.

Source: Zeng et al. 2024 (Chimera), arXiv 2402.15758, section 3. Its loss on features is not used by the
released code, nor here. Lossless: any of its drafts is, with a walk that is lossless for recorded laws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp

from specsim.heads import narrow
from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params, matrix, residual_block, through_block, through_layer, times, unit
from specsim.heads.narrow import Shape
from specsim.heads.tip import STRETCH, Past, stretch
from specsim.models import LlamaConfig
from specsim.training.network import Batch, Outputs, ahead, causal_mask


class ChimeraTip(NamedTuple):
    """What was read: keys and values of the hidden states, the last state, the last tokens (-1: none)."""

    past: Past
    hidden: jax.Array | None
    recent: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Chimera:
    """Trigrams, one decoder layer, resolver heads.

    Parameters
    ----------
    backbone
        What is borrowed from the target.
    heads
        K, at least 1.
    shape
        Of the decoder layer; one.
    grams
        Tokens that the encoder of drafted tokens sees, at least 1.
    context
        Whether the decoder layer is there.
    rank
        Of the encoder's residual block (``(3 D)^2`` numbers in full).

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> shape = Shape(width=16, feed_forward=16, heads=2, kv_heads=1)
    >>> network = Chimera(Backbone.of(toy_model(seed=0)), heads=2, shape=shape)
    >>> params = network.init(jax.random.key(0))
    >>> network.apply(params, Batch.of([[3, 1, 2]], hidden=jnp.ones((1, 3, 32)))).logits.shape
    (1, 3, 2, 256)
    """

    backbone: Backbone
    heads: int = field(default=4, metadata={"static": True})
    shape: Shape = field(default_factory=Shape, metadata={"static": True})
    grams: int = field(default=3, metadata={"static": True})
    context: bool = field(default=True, metadata={"static": True})
    rank: int | None = field(default=96, metadata={"static": True})

    def __post_init__(self) -> None:
        if self.shape.layers != 1:
            raise ValueError(f"Chimera has one decoder layer, the shape has {self.shape.layers}")
        if self.grams < 1 or self.heads < 1:
            raise ValueError(f"grams and heads must be at least 1, got {self.grams} and {self.heads}")

    @property
    def reach(self) -> int | None:
        """One token of a path a head."""
        return self.heads

    @property
    def config(self) -> LlamaConfig:
        """The shape of the decoder layer."""
        return self.shape.config(rope_base=self.backbone.rope_base)

    def init(self, key: jax.Array) -> Params:
        """Fresh parameters; every head says what the target's own head says."""
        first, second, third, fourth, fifth = jax.random.split(key, 5)
        outer, inner = self.backbone.width, self.shape.width
        heads = jax.random.split(fifth, self.heads)
        return {
            "block": residual_block(first, self.grams * outer, rank=self.rank),
            "token": matrix(second, inner, self.grams * outer),
            "hidden": matrix(third, inner, outer),
            "layer": narrow.fresh(fourth, self.shape, rope_base=self.backbone.rope_base)[0],
            "heads": [matrix(one, outer, outer + inner, zero=True) for one in heads],
        }

    def encoded(self, params: Params, grams: jax.Array) -> jax.Array:
        """Tokens ``(..., grams)``, oldest first and -1 before the text, to the width of the layer."""
        known = (grams >= 0)[..., None]
        rows = jnp.where(known, self.backbone.embed(jnp.maximum(grams, 0)), 0.0)
        flat = rows.reshape(*rows.shape[:-2], -1)
        return times(params["token"], through_block(params["block"], flat))

    def resolved(self, params: Params, head: int, hidden: jax.Array, seen: jax.Array) -> jax.Array:
        """Features of head ``head``, counted from 1."""
        both = jnp.concatenate([unit(hidden), unit(seen)], axis=-1)
        return hidden + times(params["heads"][head - 1], both)

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Logits ``(B, T, K, V')``: head k of column t has seen tokens up to ``t + k``, for ``t + 1 + k``."""
        hidden = batch.require("hidden")
        encoded = self.encoded(params, _behind(batch.tokens, self.grams))
        seen = [self._seen(params, batch, hidden, encoded, k) for k in range(1, self.heads + 1)]
        rows = [self.resolved(params, k, hidden, ahead(c, k)) for k, c in enumerate(seen, start=1)]
        return Outputs(logits=self.backbone.logits(jnp.stack(rows, axis=2)))

    def _seen(
        self, params: Params, batch: Batch, hidden: jax.Array, encoded: jax.Array, count: int
    ) -> jax.Array:
        """What the layer says at each token if the ``count`` last ones were not read by the target."""
        if not self.context:
            return encoded
        causal = causal_mask(batch)
        read = jnp.tri(batch.shape[1], k=-count, dtype=bool)
        x = times(params["hidden"], unit(hidden))
        _, past = through_layer(self.config, params["layer"], x, positions=batch.positions, mask=causal)
        mask = jnp.concatenate([causal & read, causal & ~read], axis=-1)
        return through_layer(
            self.config, params["layer"], encoded, positions=batch.positions, mask=mask, past=[past]
        )[0]

    def begin(self, params: Params) -> ChimeraTip:
        """Nothing read."""
        return ChimeraTip(Past.empty(self.config), None, jnp.full(self.grams, -1))

    def read(self, params: Params, tip: ChimeraTip, *, hidden: jax.Array, tokens: jax.Array) -> ChimeraTip:
        """Read more of the text."""
        count = int(tokens.shape[0])
        past = tip.past.with_room(int(tip.past.length) + count + STRETCH)
        recent = jnp.concatenate([tip.recent, tokens])[-self.grams :]
        return ChimeraTip(_read(self, params, past, stretch(hidden), jnp.int32(count)), hidden[-1], recent)

    def path_features(self, params: Params, tip: ChimeraTip, tokens: jax.Array) -> jax.Array:
        """Features ``(n, D)`` after paths ``(n, d)``."""
        batch, depth = tokens.shape
        assert tip.hidden is not None  # a path follows a text that was read
        hidden = jnp.broadcast_to(tip.hidden, (batch, *tip.hidden.shape))
        before = jnp.broadcast_to(tip.recent, (batch, self.grams))
        line = jnp.concatenate([before, tokens], axis=1)
        grams = jnp.stack([line[:, j + 1 : j + 1 + self.grams] for j in range(depth)], axis=1)
        seen = self.encoded(params, grams)
        if self.context:
            seen = through_layer(
                self.config,
                params["layer"],
                seen,
                positions=tip.past.length + jnp.arange(depth)[None],
                mask=tip.past.before(depth),
                past=[tip.past.pair(batch)],
            )[0]
        return self.resolved(params, depth, hidden, seen[:, -1])


@jax.jit
def _read(network: Chimera, params: Params, past: Past, hidden: jax.Array, count: jax.Array) -> Past:
    x = times(params["hidden"], unit(hidden))[None]
    return narrow.go_on(network.config, [params["layer"]], (past,), x, count=count)[1][0]


def _behind(tokens: jax.Array, count: int) -> jax.Array:
    """The last ``count`` tokens at each column, ``(B, T, count)``; -1 before the text."""
    line = jnp.pad(tokens, ((0, 0), (count - 1, 0)), constant_values=-1)
    width = tokens.shape[1]
    return jnp.stack([line[:, j : j + width] for j in range(count)], axis=-1)
