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
from specsim.models.layers import embed, turns_at
from specsim.models.stages import Stage, Stages, entries, finish, in_order, run, stages_of
from specsim.models.stages import View as View
from specsim.models.steps import Padded, check_context, check_tokens


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
    """The first layers only, and an adapter behind them if one is named.

    Parameters
    ----------
    layer
        How many layers run: the exit is after layer number ``layer - 1``.
    adapter
        Name of an adapter in the parameters (:func:`~specsim.models.adapters.with_adapter`), or None: the
        final norm and the head read the stream at the exit itself.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=6, heads=1, kv_heads=1)
    >>> EarlyExit(4).layers(config)
    (0, 1, 2, 3)
    """

    layer: int
    adapter: str | None = None

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        if not 1 <= self.layer <= config.layers:
            raise ValueError(f"can't exit after {self.layer} layers: the model has {config.layers}")
        return tuple(range(self.layer))

    def stages(self, config: LlamaConfig) -> Stages:
        """The layers, then the adapter's attention."""
        trunk = in_order(self.layers(config))
        return trunk if self.adapter is None else (*trunk, Stage((self.adapter,), ()))


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
    chosen = {name: stages_of(view, model.config) for name, view in views.items()}
    streams = _Streams(model, Padded.of(ids))
    return {name: streams.final(stages)[: len(ids)] for name, stages in chosen.items()}


class _Streams:
    """The residual streams of one padded text after sequences of stages, each computed once."""

    def __init__(self, model: HasWeights, text: Padded) -> None:
        self._config, self._params, self._mask = model.config, model.params, text.mask
        self._turns = turns_at(model.config, text.positions)
        self._known: dict[Stages, jax.Array] = {(): embed(model.params["embedding"], text.tokens)}

    def final(self, stages: Stages) -> Array:
        """Hidden states after the final norm, shape ``(padded T, D)``."""
        for end in range(1, len(stages) + 1):
            if stages[:end] not in self._known:
                self._known[stages[:end]] = self._after(stages[:end])
        return np.array(finish(self._params, self._config, stages, self._known[stages])[0])

    def _after(self, stages: Stages) -> jax.Array:
        last = stages[-1:]
        stream, _ = run(
            self._params,
            self._config,
            stages=last,
            stream=self._known[stages[:-1]],
            turns=self._turns,
            mask=self._mask,
            pasts=[()] * len(entries(last)),
        )
        return stream
