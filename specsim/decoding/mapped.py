"""A model that reads another context than the text's own: a function of the committed tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from specsim.clocks import Call
from specsim.decoding.reading import LanguageModel, Reading, common_length, follow
from theory.laws import Tokens
from theory.simplex import Array


@dataclass(frozen=True)
class Mapped:
    """A model on a mapped context (RAPID's draft: retrieved chunks and the recent text).

    Parameters
    ----------
    model
        The model.
    mapping
        From the committed tokens to the tokens it reads, a pure function; what a mapped context shares with
        the last one, at its start, is not read again.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding.world import World
    >>> world = World(lambda context: np.eye(3)[context[0]])
    >>> short = Mapped(world, lambda context: context[-2:])
    >>> short.open((0, 1, 2)).read([()])(()).tolist()
    [0.0, 1.0, 0.0]
    """

    model: LanguageModel
    mapping: Callable[[Tokens], Tokens]

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.model.vocabulary

    def open(self, context: Tokens) -> MappedReading:
        """Read a context's image."""
        context = tuple(context)
        return MappedReading(self, context, self.model.open(tuple(self.mapping(context))))


@dataclass(frozen=True)
class MappedReading:
    """What a :class:`Mapped` model has read: its context is the text's, its rows are of the image."""

    of: Mapped
    context: Tokens
    inner: Reading

    @property
    def work(self) -> tuple[Call, ...]:
        """Forward passes since the last commit."""
        return self.inner.work

    def read(self, prefixes: Iterable[Tokens]) -> MappedReading:
        """Score prefixes behind the image."""
        return MappedReading(self.of, self.context, self.inner.read(prefixes))

    def known(self, prefix: Tokens) -> bool:
        """Whether a prefix was read."""
        return self.inner.known(prefix)

    def __call__(self, prefix: Tokens) -> Array:
        """The row after a prefix."""
        return self.inner(prefix)

    def hidden(self, prefix: Tokens) -> Array:
        """Features at a prefix."""
        return self.inner.hidden(prefix)

    def history(self) -> Array:
        """Features of the image of the prompt."""
        return self.inner.history()

    def top(self, prefix: Tokens, count: int) -> tuple[int, ...]:
        """The likeliest tokens."""
        return self.inner.top(prefix, count)

    def commit(self, tokens: Tokens) -> MappedReading:
        """The image of the longer context."""
        return self._at((*self.context, *tokens), self.inner.commit(tokens))

    def rewind(self, length: int) -> MappedReading:
        """The image of the shorter context."""
        return self._at(self.context[:length], self.inner)

    def _at(self, context: Tokens, inner: Any) -> MappedReading:
        image = tuple(self.of.mapping(context))
        if common_length(inner.context, image) < 2:
            return MappedReading(self.of, context, self.of.model.open(image))
        return MappedReading(self.of, context, follow(inner, image))
