"""A real model that is fed mixtures of tokens: the draft model of Superposed Decoding."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from specsim.decoding.loaded import Loaded, LoadedReading
from specsim.models.embedding_input import superpose
from specsim.models.growing import GrowingTree, row_logits
from specsim.stores.superposed import Mixture
from theory.laws import Tokens
from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A :class:`~specsim.drafters.superposed.Mixing` on a loaded model.

    Each further mixture is one forward pass of one position, whatever the number of drafts in it.

    Parameters
    ----------
    reading
        What the model has read; see :meth:`of`.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> mixing = MixedModel.of(Loaded(toy_model(seed=0)), (1, 2, 3))
    >>> plain, sure = mixing.law(()), mixing.law((((5, 1.0),),))
    >>> bool(np.allclose(sure, mixing.commit((5,)).law(()), atol=1e-6))
    True
    """

    reading: LoadedReading
    _read: dict[tuple[Mixture, ...], tuple[GrowingTree, int, Array]] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Loaded, context: Tokens) -> MixedModel:
        """Read a context of at least 2 tokens."""
        return cls(model.open(context).read([()]))

    @property
    def context(self) -> Tokens:
        """The committed tokens."""
        return self.reading.context

    def law(self, mixtures: tuple[Mixture, ...]) -> Array:
        """The law of the next token after some mixtures; shape ``(V,)``."""
        if not mixtures:
            return self.reading(())
        if mixtures not in self._read:
            self._read[mixtures] = self._extended(mixtures)
        return self._read[mixtures][2]

    def _extended(self, mixtures: tuple[Mixture, ...]) -> tuple[GrowingTree, int, Array]:
        self.law(mixtures[:-1])
        model = self.reading.of
        start = (self.reading.tree, self.reading.nodes[()])
        tree, parent = self._read[mixtures[:-1]][:2] if mixtures[:-1] else start
        tokens, shares = zip(*mixtures[-1], strict=True)
        vector = superpose(model.model.params, tokens=tokens, weights=[float(share) for share in shares])
        hidden, grown = tree.extend([tokens[0]], [parent], inputs=np.asarray(vector)[None])
        row = row_logits(model.model.params, hidden)[0]
        return grown, grown.nodes - 1, model.warp.probabilities(row)

    def commit(self, tokens: Tokens) -> Any:
        """With a longer context; mixtures are forgotten."""
        return replace(self, reading=self.reading.commit(tokens).read([()]), _read={})
