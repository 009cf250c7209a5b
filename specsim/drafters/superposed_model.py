"""A real model that is fed mixtures of token embeddings, on its cache: what Superposed Decoding drafts from.

One forward pass of one position a step, whatever the number of drafts. The vectors stand behind the committed
context as nodes of a growing tree and are forgotten with it, so they never enter the cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from specsim.decoding.loaded import Loaded, LoadedReading
from specsim.models.embedding_input import superpose
from specsim.models.growing import GrowingTree, row_logits
from specsim.stores.datastore import Array
from specsim.stores.superposed import Mixture
from theory.laws import Tokens


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A context read by a model, and mixtures behind it; for :class:`~specsim.drafters.superposed.Mixing`.

    Parameters
    ----------
    reading
        What the model has read.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> mixed = MixedModel.open(Loaded(toy_model(seed=0)), (1, 2, 3))
    >>> mixed.commit((5,)).context
    (1, 2, 3, 5)
    """

    reading: LoadedReading
    _after: dict[tuple[Mixture, ...], tuple[GrowingTree, int, Array]] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def open(cls, model: Loaded, context: Tokens) -> MixedModel:
        """Read a context of at least two tokens."""
        return cls(model.open(context))

    @property
    def context(self) -> Tokens:
        """The committed tokens."""
        return self.reading.context

    def law(self, mixtures: tuple[Mixture, ...]) -> Array:
        """The law of the next token, warped as the model's rows are; one forward pass if a mixture is new."""
        *_, law = self._state(mixtures)
        return law

    def commit(self, tokens: Tokens) -> MixedModel:
        """The model's reading with a longer context; the mixtures are forgotten."""
        return MixedModel(self.reading.commit(tokens))

    def _state(self, mixtures: tuple[Mixture, ...]) -> tuple[GrowingTree, int, Array]:
        """The tree, its last node and the law after some mixtures; each beginning is computed once."""
        if mixtures not in self._after:
            self._after[mixtures] = self._longer(mixtures) if mixtures else self._first()
        return self._after[mixtures]

    def _first(self) -> tuple[GrowingTree, int, Array]:
        read = self.reading.read([()])
        return read.tree, read.nodes[()], read(())

    def _longer(self, mixtures: tuple[Mixture, ...]) -> tuple[GrowingTree, int, Array]:
        tree, tip, _ = self._state(mixtures[:-1])
        tokens, weights = zip(*mixtures[-1], strict=True)
        vector = superpose(tree.params, tokens=tokens, weights=weights)
        hidden, grown = tree.extend(tokens[:1], [tip], inputs=vector[None])
        of = self.reading.of
        return grown, grown.nodes - 1, of.warp.probabilities(row_logits(of.model.params, hidden)[0])
