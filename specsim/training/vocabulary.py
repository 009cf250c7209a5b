r"""Sub-vocabularies: a draft may know fewer tokens than the target.

At a vocabulary of 49,152 most of a small draft's time goes into tokens that never come. A *sub-vocabulary*
is a sorted list of token ids; draft logits have one entry for each. The draft's law on the other tokens is
zero, which is lossless (they are only never drafted) and caps the acceptance probability at the target's
mass on the list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from specsim.models.config import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class SubVocabulary:
    """Tokens that a draft may propose.

    Parameters
    ----------
    ids
        int32, strictly increasing, shape ``(V',)``.
    whole
        Size of the target's vocabulary, V.

    Examples
    --------
    >>> few = SubVocabulary.of([7, 2], whole=10)
    >>> few.size, few.index(jnp.array([2, 3, 7])).tolist()
    (2, [0, -1, 1])
    >>> few.spread(np.array([0.25, 0.75])).tolist()[:3]
    [0.0, 0.0, 0.25]
    """

    ids: jax.Array
    whole: int = field(metadata={"static": True})

    @classmethod
    def of(cls, ids: ArrayLike, *, whole: int) -> SubVocabulary:
        """Sort and check ids; ``ValueError`` for an empty list or an id outside ``[0, whole)``."""
        known = np.unique(np.asarray(ids, dtype=np.int64))
        if known.size == 0 or known[0] < 0 or known[-1] >= whole:
            raise ValueError(
                f"a sub-vocabulary needs ids in [0, {whole}), at least one, got {known.tolist()[:5]}"
            )
        return cls(jnp.asarray(known, dtype=jnp.int32), whole)

    @classmethod
    def all(cls, whole: int) -> SubVocabulary:
        """Every token."""
        return cls.of(np.arange(whole), whole=whole)

    @classmethod
    def frequent(cls, counts: ArrayLike, *, size: int) -> SubVocabulary:
        """The ``size`` tokens of largest counts (the smaller id of equals); ``counts`` has shape ``(V,)``."""
        table = np.asarray(counts)
        if not 1 <= size <= table.size:
            raise ValueError(f"size must be in 1 .. {table.size}, got {size}")
        return cls.of(np.argsort(-table, kind="stable")[:size], whole=table.size)

    @property
    def size(self) -> int:
        """How many tokens it has, V'."""
        return int(self.ids.shape[0])

    def index(self, tokens: jax.Array) -> jax.Array:
        """Numbers of tokens within the list, -1 for those outside; any shape; may run in compiled code."""
        place = jnp.clip(jnp.searchsorted(self.ids, tokens), 0, self.size - 1)
        return jnp.where(self.ids[place] == tokens, place, -1)

    def rows(self, head: ArrayLike) -> jax.Array:
        """The rows of a head ``(V, D)`` that belong to the list: ``(V', D)``."""
        return jnp.asarray(head)[self.ids]

    def spread(self, q: Array) -> Array:
        """A law over the list ``(..., V')`` as one over all tokens ``(..., V)``, zeros elsewhere."""
        out = np.zeros((*np.shape(q)[:-1], self.whole), dtype=np.asarray(q).dtype)
        out[..., self._host] = q
        return out

    @cached_property
    def _host(self) -> Array:
        return np.asarray(self.ids)
