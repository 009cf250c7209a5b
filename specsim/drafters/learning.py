r"""Online speculative decoding: a draft that learns from the target's laws where it was wrong.

The draft's row is a mixture of a fixed model's row and of what was learnt for the last token,

.. math:: q(x \mid c) = (1 - w)\, q_0(x \mid c) + w\, \bar p_{c_{-1}}(x),

with :math:`\bar p_v` the mean of the target's rows that were seen after token v *at rejected positions*, and
weight w only where there are any. That is the closed-form minimiser of the forward Kullback-Leibler
divergence at those positions over tables of one token's context, so learning is one step of bookkeeping.
(Gradient steps on a network, the method's own way, are in :mod:`specsim.training.online`.)

The buffer of wrong positions is used every ``every`` rounds, as the method batches its updates. Lossless:
rows depend on the past only, and the row in use is what is recorded.

Source: Liu et al. 2024 (Online Speculative Decoding), arXiv 2310.07177
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import LanguageModel, Memory, Reading, Rows
from theory.chance import Chance
from theory.laws import Tokens
from theory.simplex import Array
from theory.walks.rounds import Grower

#: Sum of the target's rows after a token, as a tuple of (token, mass), and how many there were.
Learnt = tuple[tuple[tuple[int, Any], ...], int]


@dataclass(frozen=True)
class Lessons:
    """What was learnt: by last token, the sum of the target's rows and their number; and what waits.

    Attributes
    ----------
    table
        Pairs of a token and what was learnt after it.
    buffer
        Rejected positions since the last update: the token before, and the target's row as pairs.
    rounds
        Rounds since the last update.
    """

    table: tuple[tuple[int, Learnt], ...] = ()
    buffer: tuple[tuple[int, tuple[tuple[int, Any], ...]], ...] = ()
    rounds: int = 0

    def of(self, token: int) -> Learnt | None:
        """What was learnt after a token."""
        return dict(self.table).get(token)

    def noted(self, token: int, row: Array, *, keep: int) -> Lessons:
        """With one wrong position more: the row's ``keep`` likeliest tokens."""
        order = sorted(np.flatnonzero(row > 0).tolist(), key=lambda one: (-row[one], one))[:keep]
        pairs = tuple((one, row[one]) for one in sorted(order))
        return replace(self, buffer=(*self.buffer, (token, pairs)))

    def updated(self) -> Lessons:
        """With the buffer in the table."""
        table = dict(self.table)
        for token, pairs in self.buffer:
            before, count = table.get(token, ((), 0))
            sums = dict(before)
            for one, mass in pairs:
                sums[one] = sums.get(one, 0) + mass
            table[token] = (tuple(sorted(sums.items())), count + 1)
        return Lessons(tuple(sorted(table.items())))


class _Taught(Rows):
    """A model's rows, mixed with the lessons."""

    def __init__(self, reading: Reading, lessons: Lessons, weight: Any) -> None:
        super().__init__(reading)
        self._lessons, self._weight = dict(lessons.table), weight

    def __call__(self, prefix: Tokens) -> Array:
        row: Array = super().__call__(prefix)
        last = (*self.reading.context[-1:], *prefix)[-1]
        if last not in self._lessons:
            return row
        pairs, _ = self._lessons[last]
        total = sum(mass for _, mass in pairs)
        taught: Array = row * (1 - self._weight)
        for token, mass in pairs:
            taught[token] = taught[token] + self._weight * mass / total
        return taught


@dataclass(frozen=True)
class Learning:
    """See the module's text.

    Parameters
    ----------
    model
        The fixed model, q0.
    grow
        Draws trees from the mixed rows.
    weight
        Of what was learnt, in [0, 1).
    every
        Rounds between updates, at least 1.
    keep
        Likeliest tokens of the target's row that are kept of a wrong position.
    lessons
        What it starts with.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    model: LanguageModel
    grow: Grower
    weight: Any = 0.5
    every: int = 8
    keep: int = 64
    lessons: Lessons = Lessons()

    def __post_init__(self) -> None:
        if not 0 <= self.weight < 1 or self.every < 1 or self.keep < 1:
            raise ValueError(
                "weight in [0, 1), every >= 1 and keep >= 1 are needed, "
                f"got {self.weight}, {self.every} and {self.keep}"
            )

    def open(self, target: Reading) -> Memory:
        """The fixed model's reading of the prompt, and the lessons."""
        return self.model.open(target.context), self.lessons

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """Draw from the mixed rows."""
        reading, lessons = memory
        rows = _Taught(reading, lessons, self.weight)
        tree = self.grow(draft=rows, chance=chance)
        return Proposal(tree, (rows.reading, lessons), rows.reading.work)

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """Note the rejected position, if there is one; now and then, learn."""
        reading, lessons = memory
        lessons = replace(lessons, rounds=lessons.rounds + 1)
        for prefix in self._wrong(outcome):
            last = (*outcome.target.context[-1:], *prefix)[-1]
            lessons = lessons.noted(last, outcome.target(prefix), keep=self.keep)
        if lessons.rounds >= self.every:
            lessons = lessons.updated()
        return reading.commit(outcome.tokens), lessons

    def _wrong(self, outcome: Outcome) -> Iterable[Tokens]:
        prefix = outcome.tokens[: outcome.accepted]
        expanded = {outcome.tree.prefix(parent) for parent in outcome.tree.parents[1:]}
        return [prefix] if prefix in expanded and outcome.accepted < len(outcome.tokens) else []

    def warmed(self, memory: Any) -> Learning:
        """The drafter for a next request: it keeps what was learnt, and what waits."""
        return replace(self, lessons=memory[1])
