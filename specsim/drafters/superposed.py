"""Superposed Decoding as a drafter: k chosen paths from one call of a model a step.

See :mod:`specsim.stores.superposed`. Chosen tokens, point masses: any model verifies them without loss.

Source: Shen et al. 2024 (Superposed Decoding), arXiv 2405.18400
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from specsim.clocks import Call
from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import Reading
from specsim.stores import NGramMix
from specsim.stores.datastore import Array
from specsim.stores.superposed import Mixture, Superposed, multilinear
from theory.chance import Chance
from theory.laws import Tokens


class Mixing(Protocol):
    """A context read by a model that can be fed mixtures of tokens; a hashable value."""

    @property
    def context(self) -> Tokens:
        """The committed tokens."""
        ...

    def law(self, mixtures: tuple[Mixture, ...]) -> Array:
        """The law of the next token after some mixtures behind the context; shape ``(V,)``."""
        ...

    def commit(self, tokens: Tokens) -> Mixing:
        """The same with some tokens more in the context."""
        ...


@dataclass(frozen=True)
class MixedTable:
    """A table of rows that is fed mixtures: the mean of its rows, exactly.

    Parameters
    ----------
    rows
        A distribution after a context; a pure function, such as a
        :class:`~specsim.sources.tables.TableModel`.
    order
        How many of the last tokens it looks at, at least 1.
    context
        The committed tokens.
    """

    rows: Callable[[Tokens], Array]
    order: int
    context: Tokens = ()

    def law(self, mixtures: tuple[Mixture, ...]) -> Array:
        """See :func:`~specsim.stores.superposed.multilinear`."""
        return multilinear(self.rows, context=self.context, order=self.order)(mixtures)

    def commit(self, tokens: Tokens) -> MixedTable:
        """With a longer context."""
        return replace(self, context=(*self.context, *tokens))


@dataclass(frozen=True)
class SuperposedDrafts:
    """Drafts the k paths as a tree.

    Parameters
    ----------
    model
        Opens a context: a model that can be fed mixtures.
    search
        How many drafts, how long, and the n-grams they join.
    vocabulary
        Number of tokens V.
    budget
        Most nodes of the tree, the heaviest draft's first; None for all.
    learn
        Count the n-grams of the text, too; else those that the search was given stay.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import World
    >>> rows = np.array([[0.0, 0.6, 0.4], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2]])
    >>> table = lambda context: rows[context[-1]] if context else rows[0]
    >>> drafter = SuperposedDrafts(lambda context: MixedTable(table, 1, context),
    ...                            Superposed(drafts=2, length=2), vocabulary=3)
    >>> memory = drafter.open(World(table).open((0,)))
    >>> tree = drafter.propose(memory, chance=None).tree
    >>> [tree.prefix(node) for node in range(1, tree.size + 1)]
    [(1,), (1, 2), (2,), (2, 2)]
    """

    model: Callable[[Tokens], Mixing]
    search: Superposed
    vocabulary: int
    budget: int | None = None
    learn: bool = False

    def open(self, target: Reading) -> tuple[Mixing, NGramMix | None]:
        """The model's reading of the prompt, and the n-grams."""
        return self.model(target.context), self._learnt(self.search.ngrams, target.context)

    def propose(self, memory: tuple[Mixing, NGramMix | None], *, chance: Chance) -> Proposal:
        """Search; chance is not asked. One forward pass of one token a step, whatever k is."""
        mixing, ngrams = memory
        found = replace(self.search, ngrams=ngrams).search(mixing.law, context=mixing.context)
        tree = found.tree(vocabulary=self.vocabulary, budget=self.budget)
        size = len(mixing.context)
        work = tuple(Call(tokens=1, context=size + step) for step in range(len(found.mixtures) + 1))
        return Proposal(tree, memory, work, ("superposed",) * tree.size)

    def observe(
        self, memory: tuple[Mixing, NGramMix | None], outcome: Outcome
    ) -> tuple[Mixing, NGramMix | None]:
        """Commit what was emitted."""
        mixing, ngrams = memory
        return mixing.commit(outcome.tokens), self._learnt(ngrams, outcome.tokens)

    def _learnt(self, ngrams: NGramMix | None, tokens: Tokens) -> NGramMix | None:
        if ngrams is None or not self.learn:
            return ngrams
        return replace(ngrams, store=ngrams.store.observe(tokens))
