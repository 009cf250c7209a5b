r"""Judge Decoding's probe: is a drafted token right, by the target's hidden state at it.

.. math:: j_t = \sigma(w \cdot h_t + b),

with :math:`h_t` the target's last hidden state *after reading the drafted token* ``x_t``. A draft is
accepted if the ordinary test accepts it or :math:`j_t > \delta` (:class:`theory.lossy.Judge`): lossy by
design. Labels say whether a token is right; they come from :mod:`specsim.heads.checkable`, which corrupts
right answers to tasks that can be checked (the paper's were marked by people). Loss: weighted binary
cross-entropy plus a penalty on the squared norm of w.

The paper reads the state before the final norm; here it is the one after it, which every recording has:
they differ by a scale a position. States are standardised by the mean and deviation of the training set,
which are part of the parameters.

Source: Bachmann et al. 2025 (Judge Decoding), arXiv 2501.19309, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from specsim.heads.blocks import Params
from specsim.training.network import Batch, Outputs


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class JudgeProbe:
    """A linear probe.

    Parameters
    ----------
    width
        Hidden size of the target.
    mean, deviation
        Of the training set's states, each ``(D,)``; zeros and ones if not given. Not trained.

    Examples
    --------
    >>> probe = JudgeProbe.plain(4)
    >>> probe.score(probe.init(jax.random.key(0)), jnp.ones((2, 4))).tolist()
    [0.0, 0.0]
    """

    mean: jax.Array
    deviation: jax.Array
    width: int = field(metadata={"static": True})

    @classmethod
    def plain(cls, width: int) -> JudgeProbe:
        """Without standardising."""
        return cls(mean=jnp.zeros(width), deviation=jnp.ones(width), width=width)

    @classmethod
    def standardised(cls, hidden: ArrayLike) -> JudgeProbe:
        """By the mean and deviation of states ``(N, D)``; a coordinate that never varies is only centred."""
        rows = jnp.asarray(hidden, dtype=jnp.float32)
        deviation = jnp.std(rows, axis=0)
        return cls(
            mean=jnp.mean(rows, axis=0),
            deviation=jnp.where(deviation > 0, deviation, 1.0),
            width=int(rows.shape[1]),
        )

    def init(self, key: jax.Array) -> Params:
        """A probe that says one half of everything; the key is not used."""
        return {"weight": jnp.zeros(self.width), "bias": jnp.zeros(())}

    def score(self, params: Params, hidden: jax.Array) -> jax.Array:
        """Logits of being right ``(...)`` for states ``(..., D)``."""
        scores: jax.Array = ((hidden - self.mean) / self.deviation) @ params["weight"] + params["bias"]
        return scores

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Scores ``(B, T)``, and the squared norm of w as penalty."""
        penalty = jnp.sum(params["weight"] ** 2)
        return Outputs(score=self.score(params, batch.require("hidden")), penalty=penalty)
