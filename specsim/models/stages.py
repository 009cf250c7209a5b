r"""What runs, in which order: a view of a model as a sequence of stages.

A *stage* names the layers whose attention runs and the layers whose feed-forward network runs after it.
With ``A_l(x)`` and ``F_l(x)`` what attention and feed-forward network of layer ``l`` add to a stream ``x``
(both take the norm of ``x`` first)::

    x  <-  x + sum of A_l(x) over the stage's attention        all on the same input
    x  <-  x + F_l(x)  for each l of the stage's feed          one after the other

So an ordinary layer is ``Stage((l,), (l,))``; a skipped sublayer is left out of its stage; a group of layers
whose attention runs at once is ``Stage((1, 2, 3), (1, 2, 3))``. With ``whole`` entire layers run on the same
input, ``x <- x + sum of (layer_l(x) - x)``. A string names an adapter of ``params["adapters"]``, a single
attention with norms of its own, after which the adapter's final norm stands in for the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax

from specsim.models.config import LlamaConfig, Params
from specsim.models.layers import Pair, Parts, Weights, attention, feed, final_norm, layer

#: A layer's number, or the name of an adapter.
Part = int | str


@dataclass(frozen=True, slots=True)
class Stage:
    """Sublayers that run together.

    Parameters
    ----------
    attention
        Layers whose attention runs, all on the same input.
    feed
        Layers whose feed-forward network runs, in this order.
    whole
        Run entire layers on the same input; ``attention`` and ``feed`` are the same then.

    Examples
    --------
    >>> Stage.of_layer(3)
    Stage(attention=(3,), feed=(3,), whole=False)
    """

    attention: tuple[Part, ...]
    feed: tuple[int, ...]
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.attention and not self.feed:
            raise ValueError("a stage runs at least one sublayer; leave it out instead")
        if self.whole and self.attention != self.feed:
            raise ValueError(f"whole layers need both sublayers, got {self.attention} and {self.feed}")

    @classmethod
    def of_layer(cls, number: int) -> Stage:
        """An ordinary layer."""
        return cls((number,), (number,))


Stages = tuple[Stage, ...]


@runtime_checkable
class View(Protocol):
    """What a model is looked at through: a frozen, hashable value.

    A view may also have ``stages(config)``, the sublayers that run; without it, whole layers do.
    """

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        """The layers of which anything runs, in order; ``ValueError`` if the model has no such layers."""


def in_order(layers: Sequence[int]) -> Stages:
    """Whole layers, one after the other."""
    return tuple(Stage.of_layer(number) for number in layers)


def stages_of(view: View | None, config: LlamaConfig) -> Stages:
    """The stages of a view; of the whole model for None.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=2, heads=1, kv_heads=1)
    >>> stages_of(None, config) == (Stage.of_layer(0), Stage.of_layer(1))
    True
    """
    if view is None:
        return in_order(range(config.layers))
    own = getattr(view, "stages", None)
    return in_order(view.layers(config)) if own is None else tuple(own(config))


def entries(stages: Stages) -> tuple[Part, ...]:
    """The attention sublayers of stages in the order in which they run: one cache entry each."""
    return tuple(part for stage in stages for part in stage.attention)


def check_stages(config: LlamaConfig, stages: Stages) -> None:
    """Raise ``ValueError`` unless every part is a layer of the model or an adapter."""
    parts = [part for stage in stages for part in (*stage.attention, *stage.feed)]
    numbers = tuple(dict.fromkeys(part for part in parts if isinstance(part, int)))
    if not parts or not all(0 <= number < config.layers for number in numbers):
        raise ValueError(f"layers must be some of 0..{config.layers - 1}, got {numbers}")


def weights_of(params: Params, part: Part) -> Weights:
    """The arrays of a layer or an adapter."""
    if isinstance(part, int):
        weights: Weights = params["layers"][part]
        return weights
    return adapter_of(params, part)


def adapter_of(params: Params, name: str) -> Weights:
    """The arrays of an adapter, or ``ValueError`` that names those there are."""
    known = params.get("adapters", {})
    if name not in known:
        raise ValueError(
            f"there is no adapter {name!r} among {sorted(known)}: put it in with with_adapter(params, ...)"
        )
    weights: Weights = known[name]
    return weights


def run(
    params: Params,
    config: LlamaConfig,
    *,
    stages: Stages,
    stream: jax.Array,
    turns: Pair,
    mask: jax.Array,
    pasts: Sequence[Parts],
) -> tuple[jax.Array, list[Pair]]:
    """Run stages on a stream.

    Parameters
    ----------
    params, config
        The model.
    stages
        What runs.
    stream
        Shape ``(B, T, D)``.
    turns, mask
        As :func:`~specsim.models.layers.layer` takes them.
    pasts
        The parts of the past for each of :func:`entries`.

    Returns
    -------
    stream : jax.Array
        After the last stage, before the final norm.
    pairs : list
        New keys and values for each of :func:`entries`.
    """
    pairs: list[Pair] = []
    for stage in stages:
        past = pasts[len(pairs) : len(pairs) + len(stage.attention)]
        stream, new = _run_stage(params, config, stage, stream, turns, mask, past)
        pairs += new
    return stream, pairs


def _run_stage(
    params: Params,
    config: LlamaConfig,
    stage: Stage,
    x: jax.Array,
    turns: Pair,
    mask: jax.Array,
    pasts: Sequence[Parts],
) -> tuple[jax.Array, list[Pair]]:
    whole = stage.whole or (len(stage.attention) == 1 and stage.attention == stage.feed)
    compute = layer if whole else attention
    done = [
        compute(config, weights_of(params, part), x, turns, mask, past)
        for part, past in zip(stage.attention, pasts, strict=True)
    ]
    pairs = [pair for _, pair in done]
    if whole:
        return (done[0][0] if len(done) == 1 else x + sum(new - x for new, _ in done)), pairs
    for new, _ in done:
        x = x + new
    for number in stage.feed:
        x = x + feed(config, weights_of(params, number), x)
    return x, pairs


def finish(params: Params, config: LlamaConfig, stages: Stages, stream: jax.Array) -> jax.Array:
    """The final norm: the model's, or the adapter's if the last stage is one."""
    last = stages[-1].attention[-1:] if stages else ()
    name = last[0] if last and isinstance(last[0], str) else None
    weight = params["norm"] if name is None else adapter_of(params, name)["norm"]
    normed: jax.Array = final_norm(config, weight, stream)
    return normed
