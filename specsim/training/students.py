r"""Small networks of the trainer's own: students for table worlds, and a small Llama-like draft.

:class:`TableStudent` has a row of logits for every context of n tokens, of full or of low rank.
:class:`LlamaStudent` reads the target's *frozen* embedding through a projection, runs a few layers of the
same code that runs the target, and answers through a second projection and the target's frozen head, on a
sub-vocabulary. So a draft of a few hundred thousand trained numbers has the target's 49,152 tokens as
input.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp

from specsim.models import LlamaConfig, Model
from specsim.models.config import layer_shapes
from specsim.models.llama import embed, final_norm, layer, turns_at
from specsim.training.network import Batch, Outputs, Params, causal_mask
from specsim.training.vocabulary import SubVocabulary


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TableStudent:
    """Logits by the last ``order`` tokens; before the beginning of a text stands token 0.

    Parameters
    ----------
    vocabulary
        V, at least 1.
    order
        Tokens that matter, at least 0.
    rank
        Rank of the matrix of logits, contexts by tokens; None for full.
    scale
        Of the initial logits' standard deviation; 0 begins at the uniform law (not with a rank: it would
        stay there).

    Examples
    --------
    >>> student = TableStudent(vocabulary=3, order=2)
    >>> student.apply(student.init(jax.random.key(0)), Batch.of([[0, 1]])).logits.shape
    (1, 2, 3)
    """

    vocabulary: int = field(metadata={"static": True})
    order: int = field(default=1, metadata={"static": True})
    rank: int | None = field(default=None, metadata={"static": True})
    scale: float = field(default=0.1, metadata={"static": True})

    def __post_init__(self) -> None:
        if self.vocabulary < 1 or self.order < 0 or (self.rank is not None and self.rank < 1):
            raise ValueError(
                "vocabulary and rank must be at least 1 and order at least 0, "
                f"got {self.vocabulary}, {self.rank} and {self.order}"
            )
        if self.rank is not None and not self.scale > 0:
            raise ValueError("a student of low rank needs a positive scale: at 0 its gradient vanishes")

    def init(self, key: jax.Array) -> Params:
        contexts = self.vocabulary**self.order
        if self.rank is None:
            return {"logits": self.scale * jax.random.normal(key, (contexts, self.vocabulary))}
        left, right = jax.random.split(key)
        size = (self.scale / self.rank**0.5) ** 0.5
        return {
            "contexts": size * jax.random.normal(left, (contexts, self.rank)),
            "tokens": size * jax.random.normal(right, (self.vocabulary, self.rank)),
        }

    def apply(self, params: Params, batch: Batch) -> Outputs:
        number = jnp.zeros_like(batch.tokens)
        for back in range(self.order - 1, -1, -1):
            earlier = jnp.pad(batch.tokens, ((0, 0), (back, 0)))[:, : batch.shape[1]]
            number = number * self.vocabulary + earlier
        if self.rank is None:
            return Outputs(logits=params["logits"][number])
        return Outputs(logits=params["contexts"][number] @ params["tokens"].T)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class LlamaStudent:
    """A small decoder between the target's frozen embedding and head.

    Parameters
    ----------
    config
        Its own shape; ``vocabulary`` is that of the sub-vocabulary.
    embedding
        The target's, ``(V, D)``: not trained.
    head
        Rows of the target's head, ``(V', D)``: not trained.
    vocabulary
        The tokens it may draft.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> student = LlamaStudent.of(toy_model(seed=0), SubVocabulary.of(range(64), whole=256), hidden=16)
    >>> shapes = jax.eval_shape(student.init, jax.random.key(0))
    >>> jax.eval_shape(student.apply, shapes, Batch.of([[5, 6, 7]])).logits.shape
    (1, 3, 64)
    """

    embedding: jax.Array
    head: jax.Array
    vocabulary: SubVocabulary
    config: LlamaConfig = field(metadata={"static": True})

    @classmethod
    def of(
        cls,
        model: Model,
        vocabulary: SubVocabulary,
        *,
        hidden: int,
        layers: int = 2,
        heads: int = 4,
        feed_forward: int | None = None,
    ) -> LlamaStudent:
        """A student of a model: ``hidden`` numbers wide, ``feed_forward`` is 8/3 of that if None."""
        config = LlamaConfig(
            vocabulary=vocabulary.size,
            hidden=hidden,
            feed_forward=feed_forward or 8 * hidden // 3,
            layers=layers,
            heads=heads,
            kv_heads=heads,
            context=model.config.context,
            rope_base=model.config.rope_base,
            epsilon=model.config.epsilon,
            architecture="student",
        )
        head = model.head()
        return cls(model.params["embedding"], vocabulary.rows(head), vocabulary, config)

    def init(self, key: jax.Array) -> Params:
        width, own = self.embedding.shape[1], self.config.hidden
        into, out, *rest = jax.random.split(key, 2 + self.config.layers)
        return {
            "in": jax.random.normal(into, (own, width)) * width**-0.5 / _spread(self.embedding),
            "out": jax.random.normal(out, (width, own)) * own**-0.5 * 0.1,
            "norm": jnp.ones(own),
            "layers": [_fresh_layer(self.config, layer_key) for layer_key in rest],
        }

    def apply(self, params: Params, batch: Batch) -> Outputs:
        return Outputs(logits=self.hidden(params, batch) @ self.folded_head(params).T)

    def folded_head(self, params: Params) -> jax.Array:
        """The head as the student uses it, ``(V', hidden)``: projection and frozen head in one matrix."""
        folded: jax.Array = self.head @ params["out"]
        return folded

    def hidden(self, params: Params, batch: Batch) -> jax.Array:
        """What the folded head is applied to, ``(B, T, hidden)``."""
        stream = embed(self.embedding, batch.tokens) @ params["in"].T
        turns, mask = turns_at(self.config, batch.positions), causal_mask(batch)
        for weights in params["layers"]:
            stream, _ = layer(self.config, weights, stream, turns, mask, None)
        hidden: jax.Array = final_norm(self.config, params["norm"], stream)
        return hidden

    def as_llama(self, params: Params) -> tuple[LlamaConfig, Params]:
        """The student as an ordinary model for :mod:`specsim.models`: V rows of embedding, V' of head.

        Its tokens are the target's; row i of its logits is for token ``vocabulary.ids[i]``. Cost: a matrix of
        V by ``hidden`` numbers.
        """
        config = replace(self.config, vocabulary=self.vocabulary.whole, tied=False)
        return config, {
            "embedding": self.embedding @ params["in"].T,
            "head": self.folded_head(params),
            "norm": params["norm"],
            "layers": params["layers"],
        }


def _spread(embedding: jax.Array) -> jax.Array:
    return jnp.std(embedding)


def _fresh_layer(config: LlamaConfig, key: jax.Array) -> Params:
    """Ones for norms, normal numbers scaled by inputs for matrices, the two that write smaller."""
    shapes = layer_shapes(config)
    keys = dict(zip(shapes, jax.random.split(key, len(shapes)), strict=True))
    found = {}
    for name, shape in shapes.items():
        if name.endswith("norm"):
            found[name] = jnp.ones(shape)
        else:
            gain = (2 * config.layers) ** -0.5 if name in ("output", "down") else 1.0
            found[name] = gain * jax.random.normal(keys[name], shape) * shape[-1] ** -0.5
    return found
