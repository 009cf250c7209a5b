"""Auditing by laws: every example's law is computed and compared."""

from __future__ import annotations

from dataclasses import replace

from specsim.testing.blackbox.drive import NotDrivable
from specsim.testing.cases import Case
from specsim.testing.counterexample import Counterexample
from specsim.testing.examine import ACCEPTANCE, LAW, RAISED, REPORT, check_consistency, examine
from specsim.testing.joint import NotAFunction
from specsim.testing.rules import Rule
from specsim.testing.scope import Scope
from specsim.testing.search import Hit, Search, search
from specsim.testing.verdict import ERROR, EXACT, PRECISE, REFUTED, Check, Verdict
from theory.couplings import UnsupportedLaw
from theory.walks.base import UnsupportedTree

#: Not failures of a rule on a case, but answers to the question whether it can be examined so at all.
_NOT_ON_CASES = (UnsupportedLaw, UnsupportedTree, NotDrivable)


def examined_verdict(rule: Rule, scope: Scope, base: Verdict) -> Verdict:
    """The verdict from laws.

    Raises
    ------
    NotDrivable
        If the rule owns its randomness, and its law can't be recovered by driving it.
    """
    checks: list[Check] = []
    refused: list[str] = []
    watch = _Watch(rule)
    for area in scope.areas(rule):
        effort = rule.shrinking if scope.shrink else (0, 0)
        plan = Search(scope.examples or rule.default_examples, scope.seed, *effort)
        ordinary = area.portfolio(1, 0)[0]
        try:
            # one case outside of the search: most rules that refuse it, or can't be driven, say so at once
            watch(ordinary)
            outcome = search(area.cases, watch, plan)
            if isinstance(outcome, Hit) and outcome.failure in (REPORT, ACCEPTANCE):
                # a wrong report is a lesser thing than a wrong law: is there one, too?
                worse = search(area.cases, watch.law_only, plan)
                outcome = worse if isinstance(worse, Hit) else outcome
        except (UnsupportedLaw, UnsupportedTree) as error:
            refused.append(f"{area.title} ({error})")
            continue
        if isinstance(outcome, Hit):
            checks.append(watch.check(outcome.examples, passed=False))
            return _failed(replace(base, checks=tuple(checks)), rule, outcome, ordinary)
        checks.append(watch.check(outcome, passed=True))
    verdict = replace(base, checks=tuple(checks), refused=tuple(refused), warnings=watch.warnings)
    if not checks:
        text = "; ".join(refused) or "no law fits the numbers of drafts and tokens"
        return replace(verdict, status=ERROR, reason=f"the rule takes none of the laws tried: {text}")
    exact = all(check.method == "exact" for check in checks)
    return replace(verdict, status=EXACT if exact else PRECISE)


class _Watch:
    """Examines cases for a search, and remembers what a verdict needs of those that passed."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._exact = True
        self._precision = 0.0
        self._name = ""
        self._warnings: dict[str, str] = {}

    def __call__(self, case: Case) -> str | None:
        self._name = case.check_name()
        try:
            examined = examine(self._rule, case)
        except _NOT_ON_CASES:
            raise
        except Exception as error:
            return f"{RAISED} {type(error).__name__}"
        found = examined.found
        if found.spoiled is not None:
            self._warn(f"it writes to its inputs: {found.spoiled}")
        if found.edge is not None:
            self._warn(found.edge)
        if examined.failure is not None:
            return examined.failure.check
        self._exact &= found.exact and not found.error
        self._precision = max(self._precision, found.tolerance)
        return None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed on cases that passed."""
        return tuple(self._warnings.values())

    def _warn(self, text: str) -> None:
        # one of a kind is enough: the words before the numbers tell them apart
        self._warnings.setdefault(text.partition(" it emits")[0], text)

    def law_only(self, case: Case) -> str | None:
        """Whether the law itself is wrong."""
        failure = self(case)
        return failure if failure == LAW else None

    def check(self, examples: int, *, passed: bool) -> Check:
        """What was examined since the last check."""
        method, precision = (self._rule.method, self._precision) if not self._exact else ("exact", 0.0)
        self._exact, self._precision = True, 0.0
        return Check(self._name, method, examples, passed, precision)


def _failed(base: Verdict, rule: Rule, hit: Hit, ordinary: Case) -> Verdict:
    """The verdict on a failing case; ``ordinary`` is another case, on which the rule has to be consistent."""
    if hit.failure.startswith(RAISED):
        return replace(base, status=ERROR, reason=_crash(rule, hit))
    try:
        for case in (hit.case, ordinary):
            check_consistency(rule, case, times=rule.repetitions)
    except NotAFunction as error:
        return replace(base, status=ERROR, reason=str(error))
    examined = examine(rule, hit.case)
    failure = examined.failure
    assert failure is not None
    law, expected = examined.found.law, hit.case.expected()
    found = Counterexample(rule, hit.case, failure.check, failure.reason, law, expected, hit.examples)
    return replace(base, status=REFUTED, counterexample=found, reason=failure.reason)


def _crash(rule: Rule, hit: Hit) -> str:
    """What was raised on the smallest case that raises."""
    where = ", ".join(hit.case.describe())
    try:
        examine(rule, hit.case)
    except Exception as error:
        return f"it raises {type(error).__name__}: {error}; on {where}"
    return f"it raised once, but not again, on {where}: its outcome depends on something else than its inputs"
