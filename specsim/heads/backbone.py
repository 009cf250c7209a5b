"""What every head borrows from the target and doesn't train: embedding, final norm, output head."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from specsim.heads.blocks import unit
from specsim.models import Model
from specsim.models.config import Array
from specsim.models.layers import rms_norm
from specsim.models.llama import head_of
from specsim.training.vocabulary import SubVocabulary


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Backbone:
    """The frozen part of a target, with the rows of its head that a draft may use.

    Published heads own a copy of the output head each (Medusa), trained from the target's. At a vocabulary
    of 49,152 that is 28 million numbers a head, a fifth of the small target itself; and where the target
    ties its head to its embedding a private copy isn't the same kind of model. So all networks here end in
    **the target's own frozen head**, which is where Medusa's copies start, and what EAGLE and Kangaroo use
    in any case.

    Rows of the head may be restricted to a :class:`~specsim.training.vocabulary.SubVocabulary`: the draft's
    law is zero elsewhere. That is lossless, and much cheaper to train.

    Parameters
    ----------
    embedding
        Shape ``(V, D)``.
    head
        Shape ``(V', D)``: the target's head at the sub-vocabulary's tokens.
    norm
        Weight of the final norm, ``(D,)``.
    vocabulary
        Which tokens the rows of ``head`` stand for.
    epsilon, rope_base
        The target's; static.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> backbone = Backbone.of(toy_model(seed=0), tokens=[5, 3, 9])
    >>> backbone.head.shape, backbone.embed(jnp.array([1, 2])).shape
    ((3, 32), (2, 32))
    """

    embedding: jax.Array
    head: jax.Array
    norm: jax.Array
    vocabulary: SubVocabulary
    epsilon: float = field(default=1e-5, metadata={"static": True})
    rope_base: float = field(default=10000.0, metadata={"static": True})

    @classmethod
    def of(cls, model: Model, *, tokens: Array | list[int] | None = None) -> Backbone:
        """The backbone of a model; ``tokens`` are the sub-vocabulary, None for all.

        Raises
        ------
        ValueError
            If a token isn't in the model's vocabulary, or there is none.
        """
        whole = model.config.vocabulary
        few = SubVocabulary.all(whole) if tokens is None else SubVocabulary.of(tokens, whole=whole)
        return cls(
            embedding=model.params["embedding"],
            head=few.rows(head_of(model.params)),
            norm=model.params["norm"],
            vocabulary=few,
            epsilon=model.config.epsilon,
            rope_base=model.config.rope_base,
        )

    @property
    def width(self) -> int:
        """The target's hidden size, D."""
        return int(self.embedding.shape[1])

    def embed(self, tokens: jax.Array) -> jax.Array:
        """Embeddings of tokens, each scaled to root mean square one: on the scale of no particular target."""
        return unit(jnp.take(self.embedding, tokens, axis=0))

    def final(self, stream: jax.Array, weight: jax.Array | None = None) -> jax.Array:
        """The final norm of a residual stream, by another weight if one is given."""
        return rms_norm(stream, self.norm if weight is None else weight, epsilon=self.epsilon)

    def logits(self, features: jax.Array) -> jax.Array:
        """Logits ``(..., V')`` of features ``(..., D)``: what the target's head says of them."""
        return jnp.einsum("...d,vd->...v", features, self.head)

    def spread(self, logits: jax.Array | Array) -> Array:
        """Logits over the sub-vocabulary as logits over all tokens, minus infinity elsewhere.

        Examples
        --------
        >>> from specsim.models import toy_model
        >>> few = Backbone.of(toy_model(seed=0), tokens=[0, 2])
        >>> few.spread(np.array([1.0, 2.0]))[:3].tolist()
        [1.0, -inf, 2.0]
        """
        values = np.asarray(logits)
        out = np.full((*values.shape[:-1], self.vocabulary.whole), -np.inf, dtype=values.dtype)
        out[..., np.asarray(self.vocabulary.ids)] = values
        return out
