r"""Sorted drafts (S2D): one draft that contains smaller ones, each with an exit to the same head.

The draft is the first layers of the target; exit j leaves after :math:`l_j` of them:

.. math:: a^{(j)}_t = x^{(l_j)}_t + W_d \bigl(\mathrm{SiLU}(W_g m) \odot W_u m\bigr), \qquad
          m = \mathrm{norm}(x^{(l_j)}_t), \qquad q^{(j)} = \mathrm{softmax}(L\, \mathrm{norm}_j(a^{(j)}_t)).

Sorted fine-tuning (SoFT) minimises the mean of the exits' cross-entropies over all of the draft's weights.
Here **the layers stay frozen** (a trained copy of twelve layers is 42 million numbers) and each exit has a
small feed-forward adapter instead, which starts at zero: an untrained exit is the logit lens. That is
weaker than SoFT, whose layers learn to serve early exits.

A token is drafted from the first exit whose largest probability exceeds its threshold
(:func:`choose_exit`): decided by the draft's own law before anything is drawn, so the law of the chosen
exit is the one to record, and drafting is lossless.

Source: Kavehzadeh et al. 2024 (S2D), arXiv 2407.01955, sections 3.1 and 3.2 (exits after 6, 9 and 12
layers; thresholds 0.5, 0.5, 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params, matrix, times
from specsim.heads.kangaroo import with_adapter
from specsim.models import Model
from specsim.models.config import Array
from specsim.training.network import Batch, Outputs


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Sorted:
    """Exits of a frozen sub-network.

    Parameters
    ----------
    backbone
        What is borrowed from the target.
    exits
        After how many layers, increasing.
    feed_forward
        Inner size of an exit's adapter.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> network = Sorted(Backbone.of(toy_model(seed=0)), exits=(1, 3), feed_forward=8)
    >>> params = network.init(jax.random.key(0))
    >>> network.features(params, [jnp.ones((5, 32)), jnp.ones((5, 32))]).shape
    (5, 2, 32)
    """

    backbone: Backbone
    exits: tuple[int, ...] = field(metadata={"static": True})
    feed_forward: int = field(default=256, metadata={"static": True})

    def __post_init__(self) -> None:
        if not self.exits or list(self.exits) != sorted(set(self.exits)) or self.exits[0] < 1:
            raise ValueError(f"exits must be increasing numbers of at least 1 layer, got {self.exits}")

    def init(self, key: jax.Array) -> Params:
        """Logit lenses."""
        return {"exits": [self._exit(one) for one in jax.random.split(key, len(self.exits))]}

    def _exit(self, key: jax.Array) -> Params:
        outer, inner = self.backbone.width, self.feed_forward
        gate, up, down = jax.random.split(key, 3)
        return {
            "feed_norm": jnp.ones(outer),
            "gate": matrix(gate, inner, outer)["weight"],
            "up": matrix(up, inner, outer)["weight"],
            "down": matrix(down, outer, inner, zero=True)["weight"],
            "norm": jnp.array(self.backbone.norm),
        }

    def features(self, params: Params, streams: Sequence[jax.Array]) -> jax.Array:
        """The exits' streams, each ``(..., D)``, to features ``(..., exits, D)``."""
        rows = [self._through(one, x) for one, x in zip(params["exits"], streams, strict=True)]
        return jnp.stack(rows, axis=-2)

    def _through(self, one: Params, x: jax.Array) -> jax.Array:
        inner = self.backbone.final(x, one["feed_norm"])
        gate = jax.nn.silu(times({"weight": one["gate"]}, inner)) * times({"weight": one["up"]}, inner)
        return self.backbone.final(x + times({"weight": one["down"]}, gate), one["norm"])

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Logits ``(B, T, exits, V')`` of column t, all about token ``t + 1``."""
        streams = [batch.layer(number) for number in self.exits]
        return Outputs(logits=self.backbone.logits(self.features(params, streams)))

    def as_models(self, params: Params, target: Model) -> tuple[Model, ...]:
        """Each exit as a model of its own, over the whole vocabulary; they share the target's arrays."""
        return tuple(
            with_adapter(
                target, number, _adapter(one, target), one["norm"], name=f"{target.name}/exit-{number}"
            )
            for number, one in zip(self.exits, params["exits"], strict=True)
        )


def _adapter(one: Params, target: Model) -> Params:
    """A decoder layer without attention: its output matrix is zero."""
    like = target.params["layers"][0]
    none = {
        name: jnp.zeros_like(like[name]) for name in like if name not in {"feed_norm", "gate", "up", "down"}
    }
    return none | {name: one[name] for name in ("feed_norm", "gate", "up", "down")}


def choose_exit(laws: Sequence[Array], *, thresholds: Sequence[float]) -> int:
    """Number of the first exit whose largest probability exceeds its threshold; the last one if none does.

    Parameters
    ----------
    laws
        The exits' laws, each ``(V,)``, cheapest first.
    thresholds
        One for each exit but the last.

    Examples
    --------
    >>> import numpy as np
    >>> choose_exit([np.array([0.6, 0.4]), np.array([0.9, 0.1])], thresholds=[0.7])
    1
    """
    if len(thresholds) != len(laws) - 1:
        raise ValueError(f"{len(laws)} exits need {len(laws) - 1} thresholds, got {len(thresholds)}")
    sure = (number for number, least in enumerate(thresholds) if laws[number].max() > least)
    return next(sure, len(laws) - 1)
