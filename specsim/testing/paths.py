"""One round of a rule, played out: every run with its weight and the choices on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance, Enumerated
from theory.laws import Tokens
from theory.walks.base import Model


@dataclass(frozen=True)
class Step:
    """One random choice on a path.

    Attributes
    ----------
    stream
        What it was for.
    answer
        What came out, in words.
    probability
        Of this answer, given the steps before it.
    """

    stream: str
    answer: str
    probability: Any


@dataclass(frozen=True)
class Emission:
    """What a rule did in one run.

    Attributes
    ----------
    tokens
        The emitted tokens.
    accepted
        Whether a draft was accepted, or None where the rule doesn't say.
    fault
        What is wrong with the rule's own report of what it did, in words, or None.
    spoiled
        Which of its inputs the rule wrote to, in words, or None.
    following
        The target of what comes after the tokens, or None if it is the model's own.
    """

    tokens: Tokens
    accepted: bool | None = None
    fault: str | None = None
    spoiled: str | None = None
    following: Model | None = None


@dataclass(frozen=True)
class RunPath:
    """An emission, its weight and the steps that led to it."""

    emission: Emission
    weight: Any
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Round:
    """All runs of one round.

    Attributes
    ----------
    paths
        Every run of positive weight.
    error
        Mass that the weights may be off by, in total: 0 for enumerations, else the resolution of the
        breakpoints that were located.
    runs
        How often the rule was executed.
    edges
        What it emitted where a uniform number was at the very end of its range, and which end that was.
    """

    paths: tuple[RunPath, ...]
    error: float = 0.0
    runs: int = 0
    edges: tuple[tuple[Tokens, str], ...] = ()


#: Most questions of one run: far more than any rule asks at the sizes of an audit.
QUESTION_LIMIT = 300


class Endless(RuntimeError):
    """A run asks for randomness again and again, as a rule does that tries until it succeeds."""


class Noting:
    """A chance that passes questions on and notes the answers."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.notes: list[tuple[str, str]] = []

    def flip(self, probability: Any, *, stream: str) -> bool:
        answer = self._chance.flip(probability, stream=stream)
        self._note(stream, "yes" if answer else "no")
        return answer

    def draw(self, weights: ArrayLike, *, stream: str) -> int:
        answer = self._chance.draw(weights, stream=stream)
        self._note(stream, str(answer))
        return answer

    def _note(self, stream: str, answer: str) -> None:
        if len(self.notes) >= QUESTION_LIMIT:
            raise Endless(
                f"a run asked chance more than {QUESTION_LIMIT} questions, the last for {stream!r}; an exact "
                "law needs a rule that ends after a bounded number of them"
            )
        self.notes.append((stream, answer))


Drafted = TypeVar("Drafted")


def enumerate_round(
    draft: Callable[[Chance], Drafted], verify: Callable[[Drafted, Chance], Emission], *, limit: int
) -> Round:
    """Every run of a round: what can be drafted, and for each of these what verification can do.

    The two are programs of their own, so that drafting isn't replayed for every outcome of verification.

    Raises
    ------
    Endless
        If a run does not end, as for a rule that tries again until it succeeds.
    theory.chance.TooManyPaths
        Past ``limit`` drafts, or ``limit`` runs on one of them.
    """
    paths = [
        RunPath(emission, mass * weight, (*drafting, *steps))
        for drafted, mass, drafting in _noted(draft, limit)
        for emission, weight, steps in _noted(partial(verify, drafted), limit)
    ]
    return Round(tuple(paths), 0.0, len(paths))


def _noted(program: Callable[[Chance], Any], limit: int) -> Iterator[tuple[Any, Any, tuple[Step, ...]]]:
    """Outcome, weight and steps of every run."""

    def noted(chance: Chance) -> tuple[Any, list[tuple[str, str]]]:
        noting = Noting(chance)
        return program(noting), noting.notes

    for path in Enumerated(limit).paths(noted):
        outcome, notes = path.outcome
        pairs = zip(notes, path.choices, strict=True)
        yield outcome, path.weight, tuple(Step(name, answer, choice[2]) for (name, answer), choice in pairs)


def spoiled_arrays(pairs: dict[str, tuple[Any, Any]]) -> str | None:
    """The names of arrays that differ from their originals, or None.

    Examples
    --------
    >>> spoiled_arrays({"p": (np.ones(2), np.ones(2)), "q": (np.ones(2), np.zeros(2))})
    'q'
    """
    names = [name for name, (now, before) in pairs.items() if not np.array_equal(now, before)]
    return ", ".join(names) or None
