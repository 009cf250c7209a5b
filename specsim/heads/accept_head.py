r"""SpecDec++'s acceptance head: will a drafted token be accepted, by the draft's own hidden state.

.. math:: s_t = w \cdot \mathrm{Blocks}(h^{\mathrm{draft}}_t) + b, \qquad \hat a_t = \sigma(s_t)

where :math:`h^{\mathrm{draft}}_t` is the draft's last hidden state *after reading the drafted token*
``x_t``, and the label is :math:`\min(1, p(x_t) / q(x_t))` under the laws before it. Loss: binary
cross-entropy with soft labels, rejections weighed 6 times. The policy stops when :math:`1 - \prod \hat a >
` a threshold (:class:`specsim.policies.SpecDecPlusPlus`); as the head needs a token's hidden state, it
judges with a lag of one token, and what is submitted never depends on the token that is drawn next.

The released code applies one block three times; ``shared=True`` does that, the default has blocks of their
own.

Source: Huang et al. 2024 (SpecDec++), arXiv 2405.19715, section 3.3, and released code (three blocks,
weight 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from specsim.heads.blocks import Params, residual_block, through_blocks
from specsim.training.network import Batch, Outputs


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class AcceptHead:
    """Residual blocks and one number.

    Parameters
    ----------
    width
        Hidden size of the draft.
    blocks
        How many residual blocks are passed.
    shared
        Whether they are all the same one.
    rank
        Of each block's matrix; None for full ones.

    Examples
    --------
    >>> head = AcceptHead(width=8)
    >>> params = head.init(jax.random.key(0))
    >>> head.score(params, jnp.ones((2, 8))).tolist(), len(params["blocks"])
    ([0.0, 0.0], 3)
    """

    width: int = field(metadata={"static": True})
    blocks: int = field(default=3, metadata={"static": True})
    shared: bool = field(default=False, metadata={"static": True})
    rank: int | None = field(default=None, metadata={"static": True})

    def init(self, key: jax.Array) -> Params:
        """A head that says one half of everything."""
        keys = jax.random.split(key, 1 if self.shared else self.blocks)
        return {
            "blocks": [residual_block(one, self.width, rank=self.rank) for one in keys],
            "weight": jnp.zeros(self.width),
            "bias": jnp.zeros(()),
        }

    def score(self, params: Params, hidden: jax.Array) -> jax.Array:
        """Logits of acceptance ``(...)`` for the draft's hidden states ``(..., D)``."""
        blocks = params["blocks"] * (self.blocks if self.shared else 1)
        scores: jax.Array = through_blocks(blocks, hidden) @ params["weight"] + params["bias"]
        return scores

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Scores ``(B, T)``; ``batch.hidden`` is the draft's."""
        return Outputs(score=self.score(params, batch.require("hidden")))
