"""A draft of several exits (S2D): each row is of the first exit that is sure enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from specsim.clocks import Call
from specsim.decoding.reading import LanguageModel, Reading
from theory.laws import Tokens
from theory.simplex import Array


@dataclass(frozen=True)
class Cascade:
    """Several models of one vocabulary, cheapest first, as one.

    The row after a prefix is that of the first model whose largest probability exceeds its threshold, or of
    the last model. That is settled by rows before a token is drawn, so drafting from it is lossless with the
    row recorded. A dearer model reads what it has missed when it is first asked: a later exit catches up with
    the layers that an earlier one left out.

    Parameters
    ----------
    models
        At least one.
    thresholds
        One for each model but the last, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding.world import World
    >>> unsure = World(lambda context: np.array([0.4, 0.3, 0.3]))
    >>> sure = World(lambda context: np.array([0.0, 0.9, 0.1]))
    >>> Cascade((unsure, sure), (0.5,)).open((0,)).read([()])(()).tolist()
    [0.0, 0.9, 0.1]
    """

    models: tuple[LanguageModel, ...]
    thresholds: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.thresholds) != len(self.models) - 1:
            raise ValueError(
                f"{len(self.models)} models need {len(self.models) - 1} thresholds, "
                f"got {len(self.thresholds)}"
            )

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.models[0].vocabulary

    def open(self, context: Tokens) -> CascadeReading:
        """Read a context with every model."""
        return CascadeReading(self, tuple(model.open(context) for model in self.models))


@dataclass(frozen=True)
class CascadeReading:
    """What a :class:`Cascade` has read; ``exits`` are the models (by number) that rows are of."""

    of: Cascade
    readings: tuple[Reading, ...]
    exits: tuple[tuple[Tokens, int], ...] = ()

    @property
    def context(self) -> Tokens:
        """The committed tokens."""
        return self.readings[0].context

    @property
    def work(self) -> tuple[Call, ...]:
        """Forward passes of all models; :meth:`work_of` tells them apart."""
        return tuple(call for reading in self.readings for call in reading.work)

    def work_of(self, number: int) -> tuple[Call, ...]:
        """Forward passes of one model since the last commit."""
        return self.readings[number].work

    def read(self, prefixes: Iterable[Tokens]) -> CascadeReading:
        """Choose an exit for each new prefix; models behind it do not run."""
        readings, exits = list(self.readings), dict(self.exits)
        for prefix in prefixes:
            if prefix not in exits:
                exits[prefix] = self._exit(readings, prefix)
        return CascadeReading(self.of, tuple(readings), tuple(exits.items()))

    def _exit(self, readings: list[Reading], prefix: Tokens) -> int:
        for number, threshold in enumerate(self.of.thresholds):
            readings[number] = readings[number].read([prefix])
            if readings[number](prefix).max() > threshold:
                return number
        readings[-1] = readings[-1].read([prefix])
        return len(readings) - 1

    def _of(self, prefix: Tokens) -> Reading:
        return self.readings[dict(self.exits)[prefix]]

    def known(self, prefix: Tokens) -> bool:
        """Whether a prefix was read."""
        return prefix in dict(self.exits)

    def __call__(self, prefix: Tokens) -> Array:
        """The row of the chosen exit."""
        return self._of(prefix)(prefix)

    def hidden(self, prefix: Tokens) -> Array:
        """Features of the chosen exit."""
        return self._of(prefix).hidden(prefix)

    def history(self) -> Array:
        """Features of the prompt at the last exit."""
        return self.readings[-1].history()

    def top(self, prefix: Tokens, count: int) -> tuple[int, ...]:
        """The likeliest tokens at the chosen exit."""
        return self._of(prefix).top(prefix, count)

    def commit(self, tokens: Tokens) -> CascadeReading:
        """With a longer context, for every model."""
        return self._each(lambda reading: reading.commit(tokens))

    def rewind(self, length: int) -> CascadeReading:
        """With a shorter context."""
        return self._each(lambda reading: reading.rewind(length))

    def _each(self, change: Callable[[Reading], Reading]) -> CascadeReading:
        return CascadeReading(self.of, tuple(change(reading) for reading in self.readings))
