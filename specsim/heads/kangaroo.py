r"""Kangaroo: the target's first layers, an adapter, the target's head.

.. math:: a_t = x^{(l)}_t + \mathrm{Attention}(\mathrm{norm}_1(x^{(l)}))_t, \qquad
          q(x_{t+1} \mid x_{\le t}) = \mathrm{softmax}(L\, \mathrm{norm}_2(a_t)),

with :math:`x^{(l)}` the residual stream after l of the target's layers: an attention and two norms, no
feed-forward part. The attention's output starts at zero and :math:`\mathrm{norm}_2` as the target's final
norm, so an untrained adapter is the *logit lens*: what the head says of the shallow stream.

As a decoder layer whose feed-forward part is zero is exactly this adapter, the trained draft **is** a Llama
model of ``l + 1`` layers (:func:`as_model`): it runs, caches and rolls back like any other, and shares its
first l layers' work with the target, which a cost model may credit.

Source: Liu et al. 2024 (Kangaroo), arXiv 2404.18911, section 3. Stopping early on low confidence, its
second exit, is a policy (:mod:`specsim.policies`). Lossless: any of its drafts is, with a walk that is
lossless for recorded laws.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp

from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params, decoder_layer, through_layer
from specsim.models import LlamaConfig, Model
from specsim.training.network import Batch, Outputs, causal_mask

_ATTENTION = ("attention_norm", "query", "key", "value", "output")


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Kangaroo:
    """An adapter on the target's shallow stream.

    Parameters
    ----------
    backbone
        What is borrowed from the target.
    config
        The target's shape: the adapter's attention has its heads.
    layers
        How many of the target's layers run, l.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> network = Kangaroo(Backbone.of(model), config=model.config, layers=2)
    >>> params = network.init(jax.random.key(0))
    >>> sorted(params)
    ['attention', 'norm']
    """

    backbone: Backbone
    config: LlamaConfig = field(metadata={"static": True})
    layers: int = field(metadata={"static": True})

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= self.config.layers:
            raise ValueError(f"layers must be in 1..{self.config.layers}, got {self.layers}")

    def init(self, key: jax.Array) -> Params:
        """The logit lens."""
        fresh = decoder_layer(key, _plain(self.config))
        return {
            "attention": {name: fresh[name] for name in _ATTENTION},
            "norm": jnp.array(self.backbone.norm),
        }

    def features(
        self, params: Params, stream: jax.Array, *, positions: jax.Array, mask: jax.Array
    ) -> jax.Array:
        """Streams ``(B, T, D)`` after l layers to features for the head."""
        weights = params["attention"] | _no_feed_forward(self.backbone.width)
        adapted, _ = through_layer(_plain(self.config), weights, stream, positions=positions, mask=mask)
        return self.backbone.final(adapted, params["norm"])

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Logits ``(B, T, V')`` of column t about token ``t + 1``."""
        stream, mask = batch.layer(self.layers), causal_mask(batch)
        return Outputs(
            logits=self.backbone.logits(self.features(params, stream, positions=batch.positions, mask=mask))
        )

    def adapter(self, params: Params) -> Params:
        """The adapter as :mod:`specsim.models.stages` takes it, for a view that exits early."""
        return params["attention"] | {"norm": params["norm"]}

    def as_model(self, params: Params, target: Model) -> Model:
        """The draft as a model of its own, over the whole vocabulary, which shares the target's arrays."""
        adapter = params["attention"] | _no_feed_forward(self.backbone.width)
        return with_adapter(target, self.layers, adapter, params["norm"], name=f"{target.name}/kangaroo")


def with_adapter(target: Model, layers: int, adapter: Params, norm: jax.Array, *, name: str) -> Model:
    """The target's first layers, one more layer, and another final norm."""
    shared = {key: target.params[key] for key in target.params if key not in {"layers", "norm"}}
    params = shared | {"norm": norm, "layers": [*target.params["layers"][:layers], adapter]}
    return replace(target, name=name, params=params, config=replace(target.config, layers=layers + 1))


def _plain(config: LlamaConfig) -> LlamaConfig:
    """The adapter's shape: one layer, no biases."""
    return replace(config, layers=1, feed_forward=1, attention_bias=False)


def _no_feed_forward(width: int) -> Params:
    zero = jnp.zeros((1, width))
    return {"feed_norm": jnp.ones(width), "gate": zero, "up": zero, "down": zero.T}
