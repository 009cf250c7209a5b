"""The target's own weights on chosen slots of the target's own cache, as a draft model (TriForce)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specsim.decoding.loaded import Loaded, LoadedReading
from specsim.decoding.reading import Reading
from specsim.models.growing import GrowingTree
from specsim.models.sparse import Selection, sparse
from theory.laws import Tokens


@dataclass(frozen=True)
class Sparse:
    """A model that attends to a part of the context.

    As a draft of the very same model it shares the target's cache: slots are chosen when a session opens and
    anew after each round, and what is drafted in between stands behind them and is attended to.

    Parameters
    ----------
    model
        The model with its whole cache.
    selection
        :class:`~specsim.models.sparse.Streaming` or :class:`~specsim.models.sparse.Retrieval`.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> from specsim.models.sparse import Retrieval
    >>> model = Loaded(toy_model(seed=0))
    >>> reading = Sparse(model, Retrieval(chunk=4, budget=8)).beside(model.open(tuple(range(30))))
    >>> reading.tree.length, reading.commit((1, 2)).context[-3:]
    (9, (29, 1, 2))
    """

    model: Loaded
    selection: Selection

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.model.vocabulary

    def open(self, context: Tokens) -> LoadedReading:
        """Read a context with the whole model, then choose."""
        return self.beside(self.model.open(context))

    def beside(self, target: Reading) -> LoadedReading:
        """Choose from the target's cache.

        Raises
        ------
        TypeError
            If the target is no :class:`~specsim.decoding.loaded.Loaded` model.
        """
        whole: Any = target
        if not isinstance(whole, LoadedReading):
            raise TypeError(f"a sparse cache is chosen from a loaded model's, got a {type(target).__name__}")
        read = whole.context[: len(whole.context) - len(whole.tail)]
        params, config = whole.tree.params, whole.tree.config
        cache = sparse(
            params, config, cache=whole.tree.rollback().context, selection=self.selection, tokens=read
        )
        tree = GrowingTree.on(params, config, cache)
        return LoadedReading(of=self.model, context=whole.context, tail=whole.tail, tree=tree)
