r"""Skipping attention and feed-forward sublayers separately, and how well such a draft matches its target.

A *sublayer mask* leaves out some attention and some feed-forward sublayers; the stream passes them by. SWIFT
(Xia et al., 2024, arXiv 2410.06916, section 4) searches such masks while it decodes and scores a mask by its
*matchness*: the share of a window of tokens that the target produced which the masked model predicts as its
first choice, found in one pass over the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from specsim.models.config import Array, LlamaConfig
from specsim.models.growing import row_logits
from specsim.models.stages import Stage, Stages, View
from specsim.models.views import HasWeights, hidden_states

#: A sublayer: ``("attention", l)`` or ``("feed", l)``.
Sublayer = tuple[str, int]

KINDS = ("attention", "feed")


@dataclass(frozen=True, slots=True)
class SublayerMask:
    """All sublayers but some.

    Parameters
    ----------
    attention, feed
        Layers whose attention, and whose feed-forward network, doesn't run.
    keep_ends
        Refuse to skip sublayers of the first or the last layer, as SWIFT does.

    Examples
    --------
    >>> mask = SublayerMask(attention=(2,), feed=(1, 2))
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=4, heads=1, kv_heads=1)
    >>> [(stage.attention, stage.feed) for stage in mask.stages(config)]
    [((0,), (0,)), ((1,), ()), ((3,), (3,))]
    """

    attention: tuple[int, ...] = ()
    feed: tuple[int, ...] = ()
    keep_ends: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "attention", tuple(sorted(set(self.attention))))
        object.__setattr__(self, "feed", tuple(sorted(set(self.feed))))

    @classmethod
    def of(cls, skipped: Iterable[Sublayer], *, keep_ends: bool = False) -> SublayerMask:
        """The mask that skips these sublayers.

        Examples
        --------
        >>> SublayerMask.of([("attention", 3), ("feed", 1)])
        SublayerMask(attention=(3,), feed=(1,), keep_ends=False)
        """
        chosen = list(skipped)
        unknown = sorted({kind for kind, _ in chosen} - set(KINDS))
        if unknown:
            raise ValueError(f"sublayers are ('attention', l) or ('feed', l), got kinds {unknown}")
        layers = {kind: tuple(layer for found, layer in chosen if found == kind) for kind in KINDS}
        return cls(attention=layers["attention"], feed=layers["feed"], keep_ends=keep_ends)

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        return tuple(
            dict.fromkeys(int(part) for stage in self.stages(config) for part in stage.attention + stage.feed)
        )

    def stages(self, config: LlamaConfig) -> Stages:
        """The sublayers that run; ``ValueError`` if the mask doesn't fit the model."""
        self._check(config)
        kept = [
            (
                () if layer in self.attention else (layer,),
                () if layer in self.feed else (layer,),
            )
            for layer in range(config.layers)
        ]
        return tuple(Stage(attention, feed) for attention, feed in kept if attention or feed)

    def _check(self, config: LlamaConfig) -> None:
        last = config.layers - 1
        skipped = sorted({*self.attention, *self.feed})
        outside = [layer for layer in skipped if not 0 <= layer <= last]
        if outside:
            raise ValueError(f"can't skip sublayers of layers {outside}: the model has layers 0..{last}")
        ends = [layer for layer in skipped if layer in (0, last)]
        if self.keep_ends and ends:
            raise ValueError(f"keep_ends forbids to skip sublayers of layers {ends} (first and last)")
        if len(self.attention) == config.layers:
            raise ValueError(f"skipping the attention of all {config.layers} layers leaves no context")


def sublayers(layers: int, *, keep_ends: bool = True) -> tuple[Sublayer, ...]:
    """The sublayers that a mask of a model of ``layers`` layers may skip.

    Examples
    --------
    >>> sublayers(3)
    (('attention', 1), ('feed', 1))
    >>> len(sublayers(30)), len(sublayers(30, keep_ends=False))
    (56, 60)
    """
    inside = range(1, layers - 1) if keep_ends else range(layers)
    return tuple((kind, layer) for layer in inside for kind in KINDS)


def matchness(model: HasWeights, tokens: Sequence[int] | Array, view: View, *, window: int = 50) -> float:
    """Share of the last tokens of a text that a view predicts as its first choice.

    Parameters
    ----------
    model
        The target, whose own text this is.
    tokens
        Context and generated tokens, at least two.
    view
        The draft.
    window
        How many of the last tokens count, at least 1; the first token of the text never does.

    Returns
    -------
    float
        In [0, 1]. Exact for this text; as an estimate of how often drafts are accepted it has the error of
        ``window`` dependent observations.

    Notes
    -----
    Cost: one pass of the view over the text. The release of SWIFT scores one fixed window of 50
    tokens; here the window is the last one, as the paper says.

    Examples
    --------
    >>> from specsim.models import Full, toy_model
    >>> model = toy_model(seed=0)
    >>> text = [1, 2, 3]
    >>> text += model.generate(text, max_new_tokens=8, temperature=0.0)
    >>> matchness(model, text, Full(), window=8)
    1.0
    """
    ids = np.asarray(tokens)
    if window < 1 or len(ids) < 2:
        raise ValueError(f"needs a window of at least 1 and two tokens, got {window} and {len(ids)}")
    count = min(window, len(ids) - 1)
    hidden = hidden_states(model, ids, {"view": view})["view"][-count - 1 : -1]
    predicted = row_logits(model.params, jnp.asarray(hidden)).argmax(axis=-1)
    return float(np.mean(predicted == ids[-count:]))
