r"""How good a head is: held-out accuracy by depth, the law's acceptance, and the chain that it would draft.

For head (or step, or exit) k at a column, let r be the rank of the token that came among the head's logits.
Then

* ``hits[k, i]`` is the share of positions with ``r <= i``, for i = 0 .. ``top - 1``: the probability that
  one of the ``i + 1`` likeliest tokens is right, given that the path so far is. Differences along i are
  what a static tree is built from (:meth:`theory.shapes.Profile.by_depth`);
* ``accepted[k]`` is the mean of :math:`\sum_x \min(p_x, q_x)` at temperature 1, on the text's own path;
* ``chain`` is the mean number of likeliest tokens in a row that were right, from head 0 on.

All are **estimates**: means over positions of texts, with the standard error of a mean over texts
(positions of one text aren't independent).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from specsim.models.config import Array
from specsim.training.network import Batch, ahead
from specsim.training.vocabulary import SubVocabulary


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Held-out accuracies; see the module's text.

    Attributes
    ----------
    hits, hits_error
        Shape ``(K, top)``.
    accepted, accepted_error
        Shape ``(K,)``.
    chain, chain_error
        Numbers.
    positions, texts
        What it was measured on.
    """

    hits: Array
    hits_error: Array
    accepted: Array
    accepted_error: Array
    chain: float
    chain_error: float
    positions: int
    texts: int

    def by_rank(self) -> list[list[float]]:
        """For each head the probability that its i-th candidate is right."""
        rows: list[list[float]] = np.diff(self.hits, axis=1, prepend=0.0).tolist()
        return rows


#: Logits ``(B, T, K, V')`` of parameters and a batch.
Said = Callable[[Any, Batch], jax.Array]


def measure(
    said: Said,
    params: Any,
    batches: Sequence[Batch],
    *,
    vocabulary: SubVocabulary,
    head: jax.Array,
    first: int,
    step: int = 1,
    top: int = 10,
) -> Accuracy:
    """Measure logits on held-out batches; each row of a batch is a text of its own.

    Parameters
    ----------
    said, params
        What is measured: a function that gives logits ``(B, T, K, V')``. The arrays that a
        :class:`jax.tree_util.Partial` holds are arguments of what is compiled; those that another function
        holds are constants in it, which takes the compiler longer.
    batches
        With ``hidden`` and ``log_normaliser`` at temperature 1.
    vocabulary, head
        The tokens that the logits stand for, and the target's head at them, ``(V', D)``.
    first, step
        Row k is about the token ``first + step k`` columns on: 2 and 1 for heads on the target's last
        hidden state, 1 and 0 for exits.
    top
        Ranks that are counted.

    Raises
    ------
    ValueError
        If no position has weight.
    """
    score = jax.jit(lambda says, p, batch, few, rows: _scores(says(p, batch), batch, few, rows, first, step))
    whole = said if isinstance(said, Partial) else Partial(said)  # type: ignore[no-untyped-call]
    found = [[np.asarray(x) for x in score(whole, params, batch, vocabulary, head)] for batch in batches]
    ranks, accepted, weight = (np.concatenate([part[i] for part in found]) for i in range(3))
    if weight.sum() == 0:
        raise ValueError("no position of the held-out batches has weight")
    hits = ranks[..., None] <= np.arange(top)
    run = np.cumprod(hits[..., 0], axis=2).sum(axis=2) if step else hits[:, :, 0, 0]
    means = [_clustered(values, weight) for values in (hits, accepted, run)]
    (hit, hit_error), (accept, accept_error), (chain, chain_error) = means
    texts = int((weight.sum(axis=1) > 0).sum())
    counted = int((weight > 0).sum())
    return Accuracy(hit, hit_error, accept, accept_error, float(chain), float(chain_error), counted, texts)


def _scores(
    logits: jax.Array, batch: Batch, few: SubVocabulary, head: jax.Array, first: int, step: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Ranks and acceptances ``(B, T, K)``, and the weight of columns where all of them are known."""
    log_p = batch.require("hidden") @ head.T - batch.require("log_normaliser")[..., None]
    ranks, accepted, last = [], [], first + step * (logits.shape[2] - 1)
    for number in range(logits.shape[2]):
        row, count = logits[:, :, number], first + step * number
        place = few.index(ahead(batch.tokens, count))
        own = jnp.take_along_axis(row, jnp.maximum(place, 0)[..., None], axis=-1)
        rank = jnp.where(place < 0, few.size, jnp.sum(row > own, axis=-1))
        ranks.append(rank)
        q, p = jax.nn.softmax(row), jnp.exp(ahead(log_p, count - 1))
        accepted.append(jnp.sum(jnp.minimum(p, q), axis=-1))
    weight = ahead(batch.weight, last - 1) * (ahead(batch.weight, first - 1) > 0)
    return jnp.stack(ranks, axis=-1), jnp.stack(accepted, axis=-1), weight


def _clustered(values: Array, weight: Array) -> tuple[Array, Array]:
    """Weighted mean over positions, and its standard error with texts as clusters (ratio estimator)."""
    spread = weight.reshape(*weight.shape, *(1,) * (values.ndim - 2))
    sums, total = (values * spread).sum(axis=1), weight.sum(axis=1)
    mean = sums.sum(axis=0) / total.sum()
    rest = sums - mean * total.reshape(-1, *(1,) * (values.ndim - 2))
    count = int((total > 0).sum())
    error = np.sqrt((rest**2).sum(axis=0) * count / max(count - 1, 1)) / total.sum()
    return mean, error
