r"""Signals: what a draft learns from, as arrays over the draft's vocabulary.

======================  =====================================================================================
signal                  where it is
======================  =====================================================================================
the token that came     ``batch.tokens``, one column ahead (:class:`~specsim.training.losses.Hard`)
the target's law p      a *teacher*: :class:`Dense`, :class:`FromHidden` or :class:`FromTop`
the hidden state        ``batch.hidden``, ``batch.layers`` (:class:`~specsim.training.losses.Features`)
min(1, p/q), labels     ``batch.label``; :func:`acceptance_label` makes one
======================  =====================================================================================

A teacher gives ``log p`` of the next token at every column, over the tokens that the draft knows, *as it
is*: on a sub-vocabulary it sums to less than one, and :mod:`specsim.training.objectives` says what that
means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from specsim.training.network import Batch
from specsim.training.vocabulary import SubVocabulary


class Teacher(Protocol):
    """Gives the target's law at every column of a batch."""

    def log_p(self, batch: Batch) -> jax.Array:
        """Log of the target's law, shape ``(B, T, V')``."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Dense:
    """The law that the batch carries in full: table worlds."""

    def log_p(self, batch: Batch) -> jax.Array:
        return batch.require("log_p")


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class FromHidden:
    """The law from stored hidden states: ``hidden @ head.T / temperature - log_normaliser``, exact.

    Parameters
    ----------
    head
        Rows of the target's head for the draft's tokens, float32, shape ``(V', D)``.
    temperature
        That for which the source drew ``log_normaliser``; positive.

    Examples
    --------
    >>> batch = Batch.of([[0, 1]], hidden=jnp.ones((1, 2, 3)), log_normaliser=jnp.full((1, 2), 4.0))
    >>> FromHidden(jnp.ones((5, 3)), 1.0).log_p(batch).shape
    (1, 2, 5)
    """

    head: jax.Array
    temperature: float

    def log_p(self, batch: Batch) -> jax.Array:
        logits = batch.require("hidden") @ self.head.T / self.temperature
        return logits - batch.require("log_normaliser")[..., None]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class FromTop:
    """The law's stored most likely tokens at temperature 1; all others count as zero, and their mass is lost.

    Examples
    --------
    >>> top = {"top_ids": jnp.array([[[4, 2]]]), "top_log_p": jnp.log(jnp.array([[[0.5, 0.25]]]))}
    >>> teacher = FromTop(SubVocabulary.of([2, 3], whole=5))
    >>> jnp.exp(teacher.log_p(Batch.of([[1]], **top))).tolist()
    [[[0.25, 0.0]]]
    """

    vocabulary: SubVocabulary

    def log_p(self, batch: Batch) -> jax.Array:
        place = self.vocabulary.index(batch.require("top_ids"))
        size = self.vocabulary.size
        rows = jnp.full((*place.shape[:2], size + 1), -jnp.inf)
        first, second = jnp.indices(place.shape[:2])
        where = jnp.where(place < 0, size, place)
        values = batch.require("top_log_p")
        return rows.at[first[..., None], second[..., None], where].set(values)[..., :size]


def acceptance_label(*, p: ArrayLike, q: ArrayLike) -> jax.Array:
    """``min(1, p / q)`` of drafted tokens: the probability that each is accepted.

    Parameters
    ----------
    p, q
        Probabilities of the tokens that were drafted; ``q`` positive.

    Examples
    --------
    >>> acceptance_label(p=[0.25, 0.5], q=[0.5, 0.25]).tolist()
    [0.5, 1.0]
    """
    drafted = jnp.asarray(q)
    if not isinstance(drafted, jax.core.Tracer) and not bool((drafted > 0).all()):
        raise ValueError("a drafted token has positive probability q; got one that has not")
    return jnp.minimum(1.0, jnp.asarray(p) / drafted)
