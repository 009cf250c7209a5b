r"""Medusa: several heads on the target's last hidden state, each for a token further ahead.

.. math:: f^{(k)}_t = h_t + \mathrm{SiLU}(W^{(k)} h_t + b^{(k)}), \qquad
          q^{(k)}(x_{t+1+k} \mid x_{\le t}) = \mathrm{softmax}(L\, f^{(k)}_t), \qquad k = 1 \dots K,

with L the target's output head (see :class:`~specsim.heads.backbone.Backbone` for why it is neither copied
nor trained here) and W = 0, b = 0 at the start: every head then says what the target says of the *next*
token. Heads don't see the tokens drafted before theirs.

Source: Cai et al. 2024 (Medusa), arXiv 2401.10774, section 2.1.1. The released code repeats one block's
weights; with one block a head, the paper's setting and the default here, there is no difference.
Lossless: any of its drafts is, with a walk that is lossless for recorded laws.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params, residual_block, through_blocks
from specsim.heads.tip import LastHidden
from specsim.training.network import Batch, Outputs


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Medusa(LastHidden):
    """Heads that see the target's last hidden state only.

    Parameters
    ----------
    backbone
        What is borrowed from the target.
    heads
        K, at least 1.
    blocks
        Residual blocks a head.
    rank
        Of each block's matrix; None for full ones (``D^2`` numbers each).

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> network = Medusa(Backbone.of(toy_model(seed=0)), heads=3)
    >>> params = network.init(jax.random.key(0))
    >>> hidden = jnp.ones((2, 5, 32))
    >>> network.features(params, hidden).shape
    (2, 5, 3, 32)
    """

    backbone: Backbone
    heads: int = field(default=4, metadata={"static": True})
    blocks: int = field(default=1, metadata={"static": True})
    rank: int | None = field(default=None, metadata={"static": True})

    def init(self, key: jax.Array) -> Params:
        """Fresh heads, each saying what the target's own head says."""
        keys = jax.random.split(key, (self.heads, self.blocks))
        width, rank = self.backbone.width, self.rank
        return {"heads": [[residual_block(one, width, rank=rank) for one in row] for row in keys]}

    def features(self, params: Params, hidden: jax.Array) -> jax.Array:
        """Hidden states ``(..., D)`` to the heads' features ``(..., K, D)``."""
        return jnp.stack([through_blocks(blocks, hidden) for blocks in params["heads"]], axis=-2)

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Logits ``(B, T, K, V')``: head k, counted from 1, of column t is about token ``t + 1 + k``."""
        return Outputs(logits=self.backbone.logits(self.features(params, batch.require("hidden"))))

    def path_features(self, params: Params, tip: jax.Array, tokens: jax.Array) -> jax.Array:
        """Features after paths of tokens that begin with the last committed one.

        Parameters
        ----------
        tip
            The target's hidden state before that token, ``(D,)``.
        tokens
            Shape ``(n, d)``, d in 1..K; only d matters.
        """
        one = through_blocks(params["heads"][tokens.shape[1] - 1], tip)
        return jnp.broadcast_to(one, (tokens.shape[0], *one.shape))
