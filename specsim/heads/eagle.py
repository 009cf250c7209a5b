r"""EAGLE: predict the target's next hidden state from this one and the next token; read the next law off it.

.. math:: u_t = \mathrm{Layers}\bigl(\mathrm{fuse}(f_t, e_{t+1})\bigr), \qquad \hat f_{t+1} = W_f u_t, \qquad
          q(x_{t+2} \mid x_{\le t+1}) = \mathrm{softmax}(L\, \hat f_{t+1}),

with f the target's hidden states, e the embeddings (both scaled to root mean square one on the way in) and
L the target's frozen head. Further tokens come from feeding :math:`\hat f` back in the place of f. Three
systems are one definition with two slots.

``fusion``, how feature and token meet:

* ``"concat"`` (EAGLE): :math:`W [f ; e]`;
* ``"sampled"`` (FSPAD): :math:`W (\mathrm{SiLU}(W_e e) \odot W_f f)` in ``expand`` times the width. The
  token selects what of the feature it is that was sampled, as f alone doesn't say which token came;
* ``"gated"`` (Dovetail's dynamic gating fusion): :math:`z \odot h_1 + (1 - z) \odot h_2` with :math:`h_1 =
  W_1 f`, :math:`h_2 = \mathrm{SiLU}(W_2 e)`, :math:`z = \sigma(W_z [h_1 ; h_2])`. Dovetail also deepens the
  draft: ``shape.layers``.

``aligned``, what the regression of features acts on:

* ``"fully"``: the feature that is regressed is the one that the head reads;
* ``"partly"`` (FSPAD): the regressed feature, which is fed back, is :math:`W_f u`, and the head reads
  :math:`W_l u`, so that regression doesn't pull at the law.

FSPAD's exact layers were not published with code: both of its slots are reconstructions from the paper's
text.

Source: Li et al. 2024 (EAGLE), arXiv 2401.15077; Gui et al. 2024 (FSPAD), arXiv 2408.15562; Zhang et al.
2024 (Dovetail), arXiv 2412.18934. Lossless: any of its drafts is, with a walk that is lossless for recorded
laws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from specsim.heads import narrow
from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params, matrix, through_layer, times, unit
from specsim.heads.narrow import Shape
from specsim.heads.tip import STRETCH, Past, stretch
from specsim.models import LlamaConfig
from specsim.models.layers import Pair
from specsim.training.network import Batch, Outputs, ahead, causal_mask

Fusion = Literal["concat", "sampled", "gated"]
Alignment = Literal["fully", "partly"]


class EagleTip(NamedTuple):
    """What was read: the layers' keys and values, and the last feature, whose next token is not known yet."""

    pasts: tuple[Past, ...]
    hidden: jax.Array | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Eagle:
    """Autoregression on features.

    Parameters
    ----------
    backbone
        What is borrowed from the target.
    shape
        Of the decoder layers.
    fusion, aligned
        The slots; see the module's text.
    expand
        Factor of the width in which ``"sampled"`` fuses.
    steps
        How many drafted tokens the outputs of :meth:`apply` cover. 1 is published training; with more, the
        network is trained on its own features too, and logits are ``(B, T, steps, V')``.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> shape = Shape(width=16, feed_forward=16, heads=2, kv_heads=1)
    >>> network = Eagle(Backbone.of(toy_model(seed=0)), shape=shape, fusion="gated")
    >>> params = network.init(jax.random.key(0))
    >>> network.apply(params, Batch.of([[3, 1, 2]], hidden=jnp.ones((1, 3, 32)))).logits.shape
    (1, 3, 256)
    """

    backbone: Backbone
    shape: Shape = field(default_factory=Shape, metadata={"static": True})
    fusion: Fusion = field(default="concat", metadata={"static": True})
    aligned: Alignment = field(default="fully", metadata={"static": True})
    expand: int = field(default=2, metadata={"static": True})
    steps: int = field(default=1, metadata={"static": True})

    @property
    def reach(self) -> int | None:
        """Any path."""
        return None

    @property
    def config(self) -> LlamaConfig:
        """The shape of a decoder layer."""
        return self.shape.config(rope_base=self.backbone.rope_base)

    def init(self, key: jax.Array) -> Params:
        """Fresh parameters; its decoder layers start as the identity."""
        first, second, third, fourth = jax.random.split(key, 4)
        outer, inner = self.backbone.width, self.shape.width
        params = {
            "fusion": _fresh_fusion(first, self.fusion, outer, inner, self.expand),
            "layers": narrow.fresh(second, self.shape, rope_base=self.backbone.rope_base),
            "feature": matrix(third, outer, inner),
        }
        return params | ({"law": matrix(fourth, outer, inner)} if self.aligned == "partly" else {})

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Logits of column t about token ``t + 2``, and features that predict ``hidden[t + 1]``."""
        spoken, regressed = self.unrolled(params, batch, steps=self.steps)
        if self.steps == 1:
            spoken = spoken[:, :, 0]
        return Outputs(logits=self.backbone.logits(spoken), features=regressed)

    def unrolled(self, params: Params, batch: Batch, *, steps: int) -> tuple[jax.Array, jax.Array]:
        """Several steps from every column, along the tokens of the text.

        Step k of column t reads its own prediction of the feature at ``t + k - 1`` and token ``t + k``, and
        attends to the first steps up to t and to its own column's later ones: what drafting does, at all
        columns at once.

        Returns
        -------
        spoken : jax.Array
            Features that the head reads, ``(B, T, steps, D)``: step k is about token ``t + 1 + k``.
        regressed : jax.Array
            First step's features, ``(B, T, D)``.
        """
        feature, embedded = batch.require("hidden"), self.backbone.embed(batch.tokens)
        causal = causal_mask(batch)
        own = jnp.broadcast_to(jnp.eye(batch.shape[1], dtype=bool), causal.shape)
        past: list[list[Pair]] = [[] for _ in params["layers"]]
        spoken, first = [], feature
        for step in range(1, steps + 1):
            x = fuse(self.fusion, params["fusion"], feature, ahead(embedded, step))
            mask = jnp.concatenate([causal, *[own] * (step - 1)], axis=-1)
            for weights, pairs in zip(params["layers"], past, strict=True):
                x, pair = through_layer(
                    self.config, weights, x, positions=batch.positions + step - 1, mask=mask, past=pairs
                )
                pairs.append(pair)
            feature = times(params["feature"], x)
            first = feature if step == 1 else first
            spoken.append(self._spoken(params, x))
        return jnp.stack(spoken, axis=2), first

    def _spoken(self, params: Params, x: jax.Array) -> jax.Array:
        return times(params["law" if self.aligned == "partly" else "feature"], x)

    def begin(self, params: Params) -> EagleTip:
        """Nothing read."""
        return EagleTip(tuple(Past.empty(self.config) for _ in params["layers"]), None)

    def read(self, params: Params, tip: EagleTip, *, hidden: jax.Array, tokens: jax.Array) -> EagleTip:
        """Read more of the text: each feature with the token after it, as far as that is known."""
        features = hidden if tip.hidden is None else jnp.concatenate([tip.hidden[None], hidden])
        known = tokens[1:] if tip.hidden is None else tokens
        count = int(known.shape[0])
        if count == 0:
            return EagleTip(tip.pasts, hidden[-1])
        pasts = tuple(past.with_room(int(past.length) + count + STRETCH) for past in tip.pasts)
        rows, ids = stretch(features[:count]), stretch(known)
        return EagleTip(_read(self, params, pasts, rows, ids, jnp.int32(count)), hidden[-1])

    def path_features(self, params: Params, tip: EagleTip, tokens: jax.Array) -> jax.Array:
        """Features ``(n, D)`` after paths ``(n, d)``; d passes over a token each."""
        batch, depth = tokens.shape
        hidden = tip.hidden
        assert hidden is not None  # a path follows a text that was read
        feature, embedded = jnp.broadcast_to(hidden, (batch, *hidden.shape)), self.backbone.embed(tokens)
        contexts = [[past.pair(batch)] for past in tip.pasts]
        start, old = tip.pasts[0].length, jnp.broadcast_to(tip.pasts[0].seen(), (1, 1, tip.pasts[0].slots))
        x = feature
        for step in range(depth):
            x = fuse(self.fusion, params["fusion"], feature[:, None], embedded[:, step : step + 1])
            mask = jnp.concatenate([old, jnp.ones((1, 1, step + 1), dtype=bool)], axis=-1)
            positions = jnp.reshape(start + step, (1, 1))
            for entry, weights in enumerate(params["layers"]):
                x, pair = through_layer(
                    self.config, weights, x, positions=positions, mask=mask, past=contexts[entry]
                )
                contexts[entry].append(pair)
            x = x[:, 0]
            feature = times(params["feature"], x)
        return self._spoken(params, x)


@jax.jit
def _read(
    network: Eagle,
    params: Params,
    pasts: tuple[Past, ...],
    features: jax.Array,
    tokens: jax.Array,
    count: jax.Array,
) -> tuple[Past, ...]:
    x = fuse(network.fusion, params["fusion"], features[None], network.backbone.embed(tokens)[None])
    return narrow.go_on(network.config, params["layers"], pasts, x, count=count)[1]


def _fresh_fusion(key: jax.Array, fusion: Fusion, outer: int, inner: int, expand: int) -> Params:
    first, second, third = jax.random.split(key, 3)
    if fusion == "concat":
        return {"both": matrix(first, inner, 2 * outer)}
    wide = expand * inner if fusion == "sampled" else inner
    ends = {"feature": matrix(first, wide, outer), "token": matrix(second, wide, outer)}
    if fusion == "sampled":
        return ends | {"down": matrix(third, inner, wide)}
    if fusion == "gated":
        return ends | {"gate": matrix(third, inner, 2 * inner)}
    raise ValueError(f"fusion must be 'concat', 'sampled' or 'gated', got {fusion!r}")


def fuse(fusion: Fusion, params: Params, feature: jax.Array, embedded: jax.Array) -> jax.Array:
    """Feature and token ``(..., D)`` to the draft's input ``(..., width)``; see the module's text."""
    f = unit(feature)
    if fusion == "concat":
        return times(params["both"], jnp.concatenate([f, embedded], axis=-1))
    first, second = times(params["feature"], f), jax.nn.silu(times(params["token"], embedded))
    if fusion == "sampled":
        return times(params["down"], second * first)
    gate = jax.nn.sigmoid(times(params["gate"], jnp.concatenate([first, second], axis=-1)))
    return gate * first + (1 - gate) * second
