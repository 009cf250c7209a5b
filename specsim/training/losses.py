r"""Losses: objectives applied to a network's outputs on a batch, weighed and averaged in one place.

A *loss* is a callable ``loss(outputs, batch)`` that gives a number to minimise and a few numbers to watch.
It is built from a *prediction* (what one row of logits is held against) and a *form* (which logits there
are)::

    Next(Soft(teacher, "forward_kl"))                 one draft model: logits at t for token t + 1
    Next(Hard(vocabulary), ahead=2)                   a head that has read token t + 1 already
    Heads(Hard(vocabulary), decay=0.8, first=2)       Medusa: head k at column t is for token t + 2 + k
    Exits(Soft(teacher, "forward_kl"))                all exits of a sorted draft
    Features(Soft(teacher, "forward_kl"), share=0.1, ahead=2)    EAGLE: features + 0.1 of the rest
    Judged(negative_weight=6)                         acceptance heads, judges

A prediction of the token ``ahead`` columns on counts with the weight of the column before that token, so that
"which tokens are learnt" is said once, in ``batch.weight``, for all heads alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import jax
import jax.numpy as jnp

from specsim.training import objectives
from specsim.training.network import Batch, Outputs, ahead
from specsim.training.signals import Teacher
from specsim.training.vocabulary import SubVocabulary

Metrics = Mapping[str, jax.Array]
Weighed = tuple[jax.Array, jax.Array, Metrics]

#: Divergences of a draft's law from the target's, by name.
DIVERGENCES = (
    "soft_cross_entropy",
    "forward_kl",
    "reverse_kl",
    "jensen_shannon",
    "total_variation",
)


class Loss(Protocol):
    """What :func:`~specsim.training.fit` minimises."""

    def __call__(self, outputs: Outputs, batch: Batch) -> tuple[jax.Array, Metrics]:
        """The loss, a number, and numbers to watch."""


class Prediction(Protocol):
    """What one row of logits a column is held against."""

    def weighed(self, logits: jax.Array, batch: Batch, count: int) -> Weighed:
        """Losses and weights ``(B, T)`` for logits of the token ``count`` ahead, and averaged metrics."""


def average(values: jax.Array, weight: jax.Array) -> jax.Array:
    """Weighted mean over all columns; 0 if nothing has weight.

    Examples
    --------
    >>> average(jnp.array([[1.0, 5.0]]), jnp.array([[3.0, 1.0]])).item()
    2.0
    """
    total = jnp.sum(weight)
    return jnp.sum(jnp.where(weight > 0, values, 0.0) * weight) / jnp.where(total > 0, total, 1.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Hard:
    """Cross-entropy with the token that came; tokens outside the vocabulary have no weight.

    Metrics: ``accuracy``, how often the likeliest token is the one that came.
    """

    vocabulary: SubVocabulary

    def weighed(self, logits: jax.Array, batch: Batch, count: int) -> Weighed:
        tokens = self.vocabulary.index(ahead(batch.tokens, count))
        weight = ahead(batch.weight, count - 1) * (tokens >= 0)
        log_q = jax.nn.log_softmax(logits)
        hit = (jnp.argmax(logits, axis=-1) == tokens).astype(jnp.float32)
        return (
            objectives.cross_entropy(log_q=log_q, tokens=tokens),
            weight,
            {"accuracy": average(hit, weight)},
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Soft:
    """A divergence from the target's law.

    Parameters
    ----------
    teacher
        Gives the law over the draft's vocabulary.
    divergence
        A name of :data:`DIVERGENCES`.
    beta
        Of ``jensen_shannon``; ignored by the others.

    Notes
    -----
    Metrics: ``acceptance``, the mean of sum min(p, q).
    """

    teacher: Teacher
    divergence: str = field(default="forward_kl", metadata={"static": True})
    beta: float = field(default=0.5, metadata={"static": True})

    def __post_init__(self) -> None:
        if self.divergence not in DIVERGENCES:
            raise ValueError(f"divergence must be one of {', '.join(DIVERGENCES)}, got {self.divergence!r}")

    def weighed(self, logits: jax.Array, batch: Batch, count: int) -> Weighed:
        log_p, log_q = ahead(self.teacher.log_p(batch), count - 1), jax.nn.log_softmax(logits)
        weight = ahead(batch.weight, count - 1)
        more = {"beta": self.beta} if self.divergence == "jensen_shannon" else {}
        losses = getattr(objectives, self.divergence)(log_p=log_p, log_q=log_q, **more)
        accepted = objectives.acceptance(log_p=log_p, log_q=log_q)
        return losses, weight, {"acceptance": average(accepted, weight)}


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Mixed:
    """A weighted sum of predictions, such as half cross-entropy and half forward KL.

    Parameters
    ----------
    parts
        Predictions.
    shares
        Their factors.
    """

    parts: tuple[Prediction, ...]
    shares: tuple[float, ...] = field(metadata={"static": True})

    def __post_init__(self) -> None:
        if len(self.parts) != len(self.shares) or not self.parts:
            raise ValueError(
                f"give one share a part, got {len(self.parts)} parts and {len(self.shares)} shares"
            )

    def weighed(self, logits: jax.Array, batch: Batch, count: int) -> Weighed:
        total, metrics = jnp.zeros(()), dict[str, jax.Array]()
        for part, share in zip(self.parts, self.shares, strict=True):
            losses, weight, seen = part.weighed(logits, batch, count)
            total = total + share * average(losses, weight)
            metrics |= seen
        weight = ahead(batch.weight, count - 1)
        return jnp.broadcast_to(total, weight.shape), weight, metrics


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Next:
    """One row of logits a column, for the token ``ahead`` columns on."""

    prediction: Prediction
    ahead: int = field(default=1, metadata={"static": True})

    def __call__(self, outputs: Outputs, batch: Batch) -> tuple[jax.Array, Metrics]:
        losses, weight, metrics = self.prediction.weighed(outputs.require("logits"), batch, self.ahead)
        return average(losses, weight), metrics


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Heads:
    """K rows of logits a column: row k (from 0) is for the token ``first + k`` columns on.

    The loss is ``sum_k decay^(k + 1) loss_k`` (Medusa: decay 0.8, first 2). Metrics get the head's number.
    """

    prediction: Prediction
    decay: float = field(default=0.8, metadata={"static": True})
    first: int = field(default=2, metadata={"static": True})

    def __call__(self, outputs: Outputs, batch: Batch) -> tuple[jax.Array, Metrics]:
        losses, metrics = _each(self.prediction, outputs, batch, self.first, step=1)
        return objectives.multi_head(losses=losses, decay=self.decay), metrics


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Exits:
    """E rows of logits a column, all for the token ``ahead`` columns on: the mean of their losses."""

    prediction: Prediction
    ahead: int = field(default=1, metadata={"static": True})

    def __call__(self, outputs: Outputs, batch: Batch) -> tuple[jax.Array, Metrics]:
        losses, metrics = _each(self.prediction, outputs, batch, self.ahead, step=0)
        return objectives.multi_exit(losses=losses), metrics


def _each(
    prediction: Prediction, outputs: Outputs, batch: Batch, first: int, *, step: int
) -> tuple[jax.Array, Metrics]:
    logits, losses, metrics = outputs.require("logits"), [], dict[str, jax.Array]()
    for number in range(logits.shape[2]):
        values, weight, seen = prediction.weighed(logits[:, :, number], batch, first + step * number)
        losses.append(average(values, weight))
        metrics |= {f"{name}_{number}": value for name, value in seen.items()}
    return jnp.stack(losses), metrics


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Features:
    """Smooth L1 of predicted features, plus ``share`` times a prediction's loss (EAGLE: 1 and 0.1).

    ``features`` at column t are held against the hidden state at column ``t + ahead - 1``, that after which
    the token ``ahead`` columns on is drawn. Without logits, ``share`` must be 0.
    """

    prediction: Prediction
    share: float = field(default=0.1, metadata={"static": True})
    ahead: int = field(default=2, metadata={"static": True})

    def __call__(self, outputs: Outputs, batch: Batch) -> tuple[jax.Array, Metrics]:
        wanted = ahead(batch.require("hidden"), self.ahead - 1)
        errors = objectives.smooth_l1(predicted=outputs.require("features"), features=wanted)
        regression = average(errors, ahead(batch.weight, self.ahead - 1))
        if self.share == 0:
            return regression, {"regression": regression}
        rest, metrics = Next(self.prediction, self.ahead)(outputs, batch)
        return regression + self.share * rest, {**metrics, "regression": regression}


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Judged:
    """Binary cross-entropy of ``score`` with ``batch.label``, plus ``strength`` times the penalty."""

    negative_weight: float = field(default=1.0, metadata={"static": True})
    strength: float = field(default=0.0, metadata={"static": True})

    def __call__(self, outputs: Outputs, batch: Batch) -> tuple[jax.Array, Metrics]:
        score, label = outputs.require("score"), batch.require("label")
        losses = objectives.weighted_bce(score=score, label=label, negative_weight=self.negative_weight)
        right = ((score > 0) == (label > 0.5)).astype(jnp.float32)
        loss = average(losses, batch.weight)
        if self.strength:
            loss = loss + self.strength * outputs.require("penalty")
        return loss, {"accuracy": average(right, batch.weight)}
