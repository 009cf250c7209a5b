"""The law of a rule on a case: rounds put together, the missing tokens drawn from the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from specsim.testing.cases import Case, NodeCase, TreeCase
from specsim.testing.paths import Emission, Round, Step
from specsim.testing.rules import Rule, shifted_to
from theory.laws import Tokens
from theory.walks.base import Model

#: How far a law that was computed in floats may be from the target's before it counts as different.
FLOAT_TOLERANCE = 1e-9

Law = dict[Tokens, Any]


class NotAFunction(ValueError):
    """A rule's outcome depends on something else than its inputs and the randomness that it was given."""


@dataclass(frozen=True)
class Found:
    """A rule's law on a case.

    Attributes
    ----------
    law
        From token sequences of the case's length to probabilities.
    exact
        Whether all probabilities are fractions.
    error
        Mass by which the law may be off (0 for enumerations), float rounding not counted.
    runs
        How often the rule was executed.
    accepted
        Probability that the first round accepts a draft, or None where the rule doesn't say.
    fault, spoiled
        The first wrong report, and the first input written to, if any; see :class:`Emission`.
    edge
        The first emission of a token of probability zero where a uniform number is at the very end of its
        range.
    """

    law: Law
    exact: bool
    error: float
    runs: int
    accepted: Any
    fault: str | None
    spoiled: str | None
    edge: str | None = None

    @property
    def tolerance(self) -> float:
        """By how much a probability may differ from the expected one."""
        return 0.0 if self.exact and not self.error else self.error + FLOAT_TOLERANCE

    def worst(self, expected: Law) -> tuple[Tokens, Any] | None:
        """The outcome whose probability differs most, with the difference; None if none differs."""
        differences = {x: self.law.get(x, 0) - expected.get(x, 0) for x in {*self.law, *expected}}
        worst = max(sorted(differences), key=lambda x: abs(differences[x]))
        return (worst, differences[worst]) if abs(differences[worst]) > self.tolerance else None


@dataclass(frozen=True)
class _Entry:
    """Tokens so far, what the target is from there (None: the model's own), and the weight."""

    context: Tokens
    after: Model | None
    weight: Any


def found_law(rule: Rule, case: Case) -> Found:
    """Play a case's rounds and complete them.

    Raises
    ------
    NotAFunction
        If the weights of the runs don't sum to one.
    """
    tally = _Tally()
    entries = [_Entry((), None, 1)]
    rounds = 1 if isinstance(case, NodeCase) else case.rounds
    for number in range(rounds):
        entries = _merged([new for entry in entries for new in _advance(rule, case, entry, tally, number)])
    law: Law = {}
    for entry in entries:
        for tokens, mass in _completed(case, entry):
            law[tokens] = law.get(tokens, 0) + mass
    exact = all(isinstance(mass, int | np.integer | Fraction) for mass in law.values())
    found = Found(law, exact, tally.error, tally.runs, tally.accepted, tally.fault, tally.spoiled, tally.edge)
    total = sum(law.values())
    if abs(total - 1) > found.tolerance:
        raise NotAFunction(
            f"the weights of the rule's runs sum to {total}, not to 1: its questions change from run to run; "
            "take all randomness from the source that is passed in"
        )
    return found


class _Tally:
    """What is added up over the runs of a case."""

    def __init__(self) -> None:
        self.error = 0.0
        self.runs = 0
        self.accepted: Any = 0
        self.fault: str | None = None
        self.spoiled: str | None = None
        self.edge: str | None = None

    def note(self, emission: Emission, weight: Any, *, first_round: bool) -> None:
        self.fault = self.fault or emission.fault
        self.spoiled = self.spoiled or emission.spoiled
        if not first_round:
            return
        if emission.accepted is None:
            self.accepted = None
        elif self.accepted is not None and emission.accepted:
            self.accepted += weight


def _advance(rule: Rule, case: Case, entry: _Entry, tally: _Tally, number: int) -> Iterator[_Entry]:
    if len(entry.context) >= case.length:
        yield entry
        return
    played = rule.play(case, context=entry.context, target=entry.after)
    tally.error += float(entry.weight) * played.error
    tally.runs += played.runs
    tally.edge = tally.edge or _bad_edge(case, entry.context, played)
    for path in played.paths:
        tally.note(path.emission, path.weight, first_round=number == 0)
        context = (*entry.context, *path.emission.tokens)
        yield _Entry(context, path.emission.following, entry.weight * path.weight)


def _bad_edge(case: Case, context: Tokens, played: Round) -> str | None:
    """The first emission at an edge that the target gives probability zero, in words."""
    for tokens, where in played.edges:
        prefix = context
        for token in tokens:
            row = case.p if isinstance(case, NodeCase) else case.target(prefix)
            if not row[token] > 0:
                return f"at {where} it emits token {token} after {prefix}, which has probability zero there"
            prefix = (*prefix, token)
    return None


def _merged(entries: list[_Entry]) -> list[_Entry]:
    """Entries of the same context whose target is the model's own, added up."""
    plain: dict[Tokens, Any] = {}
    for entry in entries:
        if entry.after is None:
            plain[entry.context] = plain.get(entry.context, 0) + entry.weight
    kept = [entry for entry in entries if entry.after is not None]
    return kept + [_Entry(context, None, weight) for context, weight in plain.items()]


def _completed(case: Case, entry: _Entry) -> Iterator[tuple[Tokens, Any]]:
    """The entry's tokens filled up from its target to the case's length, or cut to it."""
    if len(entry.context) >= case.length:
        yield entry.context[: case.length], entry.weight
        return
    assert isinstance(case, TreeCase)
    model = entry.after or shifted_to(case.target, entry.context)
    pending: list[tuple[Tokens, Any]] = [((), entry.weight)]
    for _ in range(case.length - len(entry.context)):
        pending = [
            ((*tokens, token), mass * probability)
            for tokens, mass in pending
            for token, probability in enumerate(model(tokens))
            if probability > 0
        ]
    for tokens, mass in pending:
        yield (*entry.context, *tokens), mass


@dataclass(frozen=True)
class Trail:
    """One way to an outcome: its weight and the steps of all rounds, the completion included."""

    weight: Any
    steps: tuple[Step, ...]


def trails(rule: Rule, case: Case, outcome: Tokens) -> list[Trail]:
    """Every way in which a rule reaches an outcome, the weightiest first."""
    rounds = 1 if isinstance(case, NodeCase) else case.rounds
    found = list(_trails(rule, case, outcome, _Entry((), None, 1), (), rounds))
    return sorted(found, key=lambda trail: -trail.weight)


def _trails(
    rule: Rule, case: Case, outcome: Tokens, entry: _Entry, steps: tuple[Step, ...], rounds: int
) -> Iterator[Trail]:
    if len(entry.context) >= case.length or rounds == 0:
        yield from _finished(case, outcome, entry, steps)
        return
    for path in rule.play(case, context=entry.context, target=entry.after).paths:
        context = (*entry.context, *path.emission.tokens)
        if context[: case.length] == outcome[: len(context)]:
            emitted = Step("emits", " ".join(map(str, path.emission.tokens)), None)
            reached = _Entry(context, path.emission.following, entry.weight * path.weight)
            yield from _trails(rule, case, outcome, reached, (*steps, *path.steps, emitted), rounds - 1)


def _finished(case: Case, outcome: Tokens, entry: _Entry, steps: tuple[Step, ...]) -> Iterator[Trail]:
    for tokens, mass in _completed(case, entry):
        if tokens == outcome and mass > 0:
            missing = outcome[len(entry.context) :]
            if missing:
                steps = (*steps, Step("completion", " ".join(map(str, missing)), mass / entry.weight))
            yield Trail(mass, steps)


def same_law(left: Found, right: Found) -> bool:
    """Whether two computations of one law agree: exactly, or within what floats and breakpoints allow."""
    tolerance = max(left.tolerance, right.tolerance)
    keys = {*left.law, *right.law}
    return all(abs(left.law.get(x, 0) - right.law.get(x, 0)) <= tolerance for x in keys)


def total_variation(left: Law, right: Law) -> Any:
    """Total variation distance of two laws given as dictionaries.

    Examples
    --------
    >>> total_variation({(0,): 1.0}, {(0,): 0.75, (1,): 0.25})
    0.25
    """
    return sum(abs(left.get(x, 0) - right.get(x, 0)) for x in {*left, *right}) / 2


def as_array(law: Law, vocabulary: int) -> np.ndarray[Any, Any]:
    """A law of single tokens as an array of shape ``(vocabulary,)``."""
    zero = next(iter(law.values())) * 0
    return np.array([law.get((token,), zero) for token in range(vocabulary)])
