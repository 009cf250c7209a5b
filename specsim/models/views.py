r"""Views of a model as data: which of its layers run, between the shared embedding and the shared head.

A layer-skipping or early-exit draft (Zhang et al., 2024, *Draft & Verify*; Elhoushi et al., 2024,
*LayerSkip*) is the target itself with fewer layers. So a view is no model of its own, but a small frozen
value that names layers, and the forward pass takes it as an argument. All views end in the target's final
norm and share its head: a recording stores one head, and for each view ``D`` numbers a position.

:func:`hidden_states` computes several views of a text at once. Views that begin with the same layers share
that work, layer by layer, and what one view yields doesn't depend on the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import jax
import numpy as np

from specsim.models.config import Array, LlamaConfig, Params
from specsim.models.llama import embed, final_norm, layer, turns_at
from specsim.models.steps import Padded, check_context, check_tokens


class View(Protocol):
    """What a model is looked at through: a frozen, hashable value."""

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        """The layers that run, in order; ``ValueError`` if the model has no such layers."""


class HasWeights(Protocol):
    """What :func:`hidden_states` needs of a model."""

    @property
    def config(self) -> LlamaConfig:
        """Its shape."""

    @property
    def params(self) -> Params:
        """Its weights."""


@dataclass(frozen=True, slots=True)
class Full:
    """The whole model.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=3, heads=1, kv_heads=1)
    >>> Full().layers(config)
    (0, 1, 2)
    """

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        return tuple(range(config.layers))


@dataclass(frozen=True, slots=True)
class LayerMask:
    """All layers but some.

    Parameters
    ----------
    skip
        Layers that don't run. Middle layers are the ones a model misses least.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=6, heads=1, kv_heads=1)
    >>> LayerMask(skip=(2, 3)).layers(config)
    (0, 1, 4, 5)
    >>> LayerMask.middle(3, of=30)
    LayerMask(skip=(13, 14, 15))
    """

    skip: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "skip", tuple(sorted(set(self.skip))))

    @classmethod
    def middle(cls, count: int, *, of: int) -> LayerMask:
        """Skip ``count`` layers in the middle of ``of``."""
        if not 0 <= count < of:
            raise ValueError(f"can't skip {count} of {of} layers; at least one must run")
        start = (of - count) // 2
        return cls(skip=tuple(range(start, start + count)))

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        outside = [number for number in self.skip if not 0 <= number < config.layers]
        if outside:
            raise ValueError(f"can't skip layers {outside}: the model has layers 0..{config.layers - 1}")
        kept = tuple(number for number in range(config.layers) if number not in self.skip)
        if not kept:
            raise ValueError(f"skipping all {config.layers} layers leaves no model")
        return kept


@dataclass(frozen=True, slots=True)
class EarlyExit:
    """The first layers only.

    Parameters
    ----------
    layer
        How many layers run: the exit is after layer number ``layer - 1``.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=6, heads=1, kv_heads=1)
    >>> EarlyExit(4).layers(config)
    (0, 1, 2, 3)
    """

    layer: int

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        if not 1 <= self.layer <= config.layers:
            raise ValueError(f"can't exit after {self.layer} layers: the model has {config.layers}")
        return tuple(range(self.layer))


def hidden_states(
    model: HasWeights, tokens: Sequence[int] | Array, views: Mapping[str, View]
) -> dict[str, Array]:
    """Final hidden states of several views of a model along one text.

    Parameters
    ----------
    model
        A loaded model (anything with ``config`` and ``params``).
    tokens
        Token ids, 1 to ``config.context`` of them.
    views
        The views by the names the result is to have.

    Returns
    -------
    dict of ndarray
        For each name float32, shape ``(T, D)``, after the final norm: row t, times the transposed head,
        is the logits of the token after ``tokens[: t + 1]``. The same call gives the same bits in
        every process on one machine, whatever other views are asked for beside it.

    Raises
    ------
    ValueError
        If tokens are out of range or too many, or a view doesn't fit the model.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> states = hidden_states(model, [1, 2, 3], {"target": Full(), "draft": EarlyExit(1)})
    >>> states["draft"].shape, states["draft"].dtype.name
    ((3, 32), 'float32')
    """
    ids = check_tokens(model.config, tokens)
    check_context(model.config, len(ids))
    chosen = {name: view.layers(model.config) for name, view in views.items()}
    streams = _Streams(model, Padded.of(ids))
    return {name: streams.final(layers)[: len(ids)] for name, layers in chosen.items()}


class _Streams:
    """The residual streams of one padded text after sequences of layers, each computed once."""

    def __init__(self, model: HasWeights, text: Padded) -> None:
        self._config, self._params, self._mask = model.config, model.params, text.mask
        self._turns = turns_at(model.config, text.positions)
        self._known: dict[tuple[int, ...], jax.Array] = {(): embed(model.params["embedding"], text.tokens)}

    def final(self, layers: tuple[int, ...]) -> Array:
        """Hidden states after the final norm, shape ``(padded T, D)``."""
        for end in range(1, len(layers) + 1):
            if layers[:end] not in self._known:
                self._known[layers[:end]] = self._after(layers[:end])
        hidden = final_norm(self._config, self._params["norm"], self._known[layers])
        return np.array(hidden[0])

    def _after(self, layers: tuple[int, ...]) -> jax.Array:
        weights, before = self._params["layers"][layers[-1]], self._known[layers[:-1]]
        stream: jax.Array = layer(self._config, weights, before, self._turns, self._mask, None)[0]
        return stream
