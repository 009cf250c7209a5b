"""The search for a counterexample: generate, and once one is found, shrink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from hypothesis import Phase, Verbosity, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from specsim.testing.cases import Case
from specsim.testing.simplify import simplified

AnyCase = TypeVar("AnyCase", bound=Case)

#: What a search may spend on shrinking, in cases examined.
SHRINK_BUDGET = 600


@dataclass(frozen=True)
class Search:
    """How to search.

    Attributes
    ----------
    examples
        Most cases generated.
    seed
        Of the generator of cases; the same seed gives the same cases.
    shrink_budget
        Most cases examined after the first failing one.
    tries
        Most cases of small fractions tried in the end.
    """

    examples: int
    seed: int = 0
    shrink_budget: int = SHRINK_BUDGET
    tries: int = 250


@dataclass(frozen=True)
class Hit:
    """What a search found: a smallest failing case, how it fails, and which example was the first to fail."""

    case: Case
    failure: str
    examples: int


class _Condition:
    """Whether a case fails, in the way that the first failing one did; stops looking past its budget."""

    def __init__(self, failure_of: Callable[[Case], str | None], budget: int) -> None:
        self._failure_of = failure_of
        self._budget = budget
        self._known: dict[str, str | None] = {}
        self.tried = 0
        self.kind: str | None = None
        self.stopped: Exception | None = None

    def __call__(self, case: Case) -> bool:
        if self.stopped is not None:
            # nothing new is examined, but what was said before is said again
            return self.kind is not None and self._known.get(_key(case)) == self.kind
        try:
            return self._fails(case)
        except Exception as error:
            # an exception would count as a failure, and be shrunk
            self.stopped = error
            return False

    def _fails(self, case: Case) -> bool:
        key = _key(case)
        if self.kind is None:
            self.tried += 1
            self.kind = self._known[key] = self._failure_of(case)
            return self.kind is not None
        if key not in self._known:
            if self._budget <= 0:
                return False
            self._budget -= 1
            self._known[key] = self._failure_of(case)
        return self._known[key] == self.kind


def _key(case: Case) -> str:
    return "\n".join(case.describe())


def search(
    cases: SearchStrategy[AnyCase], failure_of: Callable[[Case], str | None], plan: Search
) -> Hit | int:
    """A shrunk failing case, or the number of cases that were examined without one.

    Parameters
    ----------
    cases
        Where cases come from.
    failure_of
        The kind of failure of a case, or None if it passes; while shrinking, the kind is kept. What it raises
        ends the search, and is raised.
    plan
        How long to search.
    """
    condition = _Condition(failure_of, plan.shrink_budget)
    options = settings(
        max_examples=plan.examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    try:
        case = find(cases, condition, settings=options, random=Random(plan.seed))
    except NoSuchExample:
        case = None
    if condition.stopped is not None:
        raise condition.stopped
    if case is None:
        return condition.tried
    assert condition.kind is not None
    kind = condition.kind
    return Hit(
        simplified(case, lambda other: failure_of(other) == kind, tries=plan.tries), kind, condition.tried
    )
