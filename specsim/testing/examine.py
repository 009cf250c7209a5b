"""One case examined: the checks that are made on it, in order, and the first that fails."""

from __future__ import annotations

from dataclasses import dataclass

from specsim.testing.cases import Case, show_number
from specsim.testing.counterexample import words
from specsim.testing.joint import (
    FLOAT_TOLERANCE,
    Found,
    NotAFunction,
    found_law,
    same_law,
    total_variation,
)
from specsim.testing.rules import Rule

#: The names of the checks, as verdicts and the museum use them.
LAW, REPORT, ACCEPTANCE, RAISED = "law", "report", "acceptance", "raised"


@dataclass(frozen=True)
class Failure:
    """A failed check: which, and what is wrong in one sentence."""

    check: str
    reason: str


@dataclass(frozen=True)
class Examined:
    """A case, its law and the first check that failed, or None."""

    case: Case
    found: Found
    failure: Failure | None


def examine(rule: Rule, case: Case) -> Examined:
    """Compute a rule's law on a case and hold it against what it should be."""
    found = found_law(rule, case)
    return Examined(case, found, _law(case, found) or _report(found) or _acceptance(rule, case, found))


def check_consistency(rule: Rule, case: Case, *, times: int) -> None:
    """Compute a rule's law again and again: before a rule is called wrong, it must be a function.

    A rule with another source of randomness, or a memory, has no law that an enumeration could find.

    Raises
    ------
    NotAFunction
        If two computations on the same case give different laws.
    """
    first = found_law(rule, case)
    if not all(same_law(first, found_law(rule, case)) for _ in range(times)):
        raise NotAFunction(
            "the rule's law changes from one computation to the next on the same case; "
            "take all randomness from the source that is passed in, and keep no state between calls"
        )


def _law(case: Case, found: Found) -> Failure | None:
    expected = case.expected()
    worst = found.worst(expected)
    if worst is None:
        return None
    outcome, _excess = worst
    far = show_number(total_variation(found.law, expected))
    return Failure(
        LAW,
        f"not lossless: {words(outcome)} has probability {show_number(found.law.get(outcome, 0))} "
        f"instead of {show_number(expected.get(outcome, 0))} (total variation {far})",
    )


def _report(found: Found) -> Failure | None:
    return None if found.fault is None else Failure(REPORT, f"reports wrongly what it did: {found.fault}")


def _acceptance(rule: Rule, case: Case, found: Found) -> Failure | None:
    if found.accepted is None:
        return None
    claimed = rule.claimed_acceptance(case)
    if claimed is None:
        return None
    exact = found.exact and not isinstance(claimed, float)
    if abs(claimed - found.accepted) <= (0 if exact else found.error + FLOAT_TOLERANCE):
        return None
    return Failure(
        ACCEPTANCE,
        f"its closed form says that it accepts with probability {show_number(claimed)}, "
        f"but it does with probability {show_number(found.accepted)}",
    )
