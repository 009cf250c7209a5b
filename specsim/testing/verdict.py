"""What an audit found, and how far that reaches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from specsim.testing.cases import show_number
from specsim.testing.counterexample import Counterexample

EXACT = "lossless on all examples (exact)"
PRECISE = "lossless on all examples (to a stated precision)"
PROVED = "proved (universal)"
STATISTICAL = "not refuted (statistical)"
REFUTED = "refuted"
ERROR = "error"

#: All that a verdict's status can be.
STATUSES = (EXACT, PRECISE, PROVED, STATISTICAL, REFUTED, ERROR)

_SCOPE = {
    EXACT: "Equality of fractions on every example tried; examples are not a proof for all p and q.",
    PRECISE: "Equal within the stated precision on every example tried; not a proof for all p and q.",
    PROVED: "Proved for all p and q of the stated sizes whose probabilities are positive and without ties; "
    "zeros and ties were examined as examples; other sizes were not proved.",
    STATISTICAL: "No difference was found by sampling. One smaller than the stated detectable one, or on "
    "other p and q, may exist.",
    REFUTED: "A law that is wrong on one case is a proof; samples refute with the stated false-alarm rate.",
    ERROR: "No verdict on its law: the rule could not be run on every valid case.",
}


@dataclass(frozen=True)
class Check:
    """One family of cases that a rule was examined on.

    Attributes
    ----------
    name
        What was compared, and for which drafts.
    method
        ``exact``, ``floats``, ``extracted``, ``statistical`` or ``universal``.
    examples
        Number of cases examined (for a failed check: up to the first failing one).
    passed
        Whether none failed.
    precision
        Largest probability that a difference could have and pass; 0 for exact checks.
    detail
        Anything else worth knowing, in words: power, pieces, resolution.
    """

    name: str
    method: str
    examples: int
    passed: bool
    precision: float = 0.0
    detail: str = ""

    def line(self) -> str:
        """The check as one line."""
        result = "passed" if self.passed else "FAILED"
        within = f", to {self.precision:.2g}" if self.precision else ""
        tail = f"; {self.detail}" if self.detail else ""
        done = "proved" if self.method == "universal" else f"{self.examples} examples, {self.method}"
        return f"{result}: {self.name}: {done}{within}{tail}"


@dataclass(frozen=True)
class Verdict:
    """The outcome of an audit.

    Attributes
    ----------
    status
        One of :data:`STATUSES`.
    rule, form
        Name of the rule, and as what it was recognised.
    checks
        What was examined.
    refused
        Laws or trees that the rule says it is not made for; nothing is claimed about them.
    warnings
        Findings that do not make the rule lossy, such as writing to its inputs or what it does at u = 0.
    notes
        Anything else, such as proofs that were not found.
    counterexample
        For refuted rules that were caught on a case.
    reason
        For refuted rules and errors: what is wrong, in one sentence.
    vocabulary, seed, seconds
        Size of the vocabulary, seed of the examples, and time taken.
    """

    status: str
    rule: str
    form: str
    checks: tuple[Check, ...] = ()
    refused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    reason: str = ""
    vocabulary: int = 0
    seed: int = 0
    seconds: float = 0.0

    @property
    def lossless(self) -> bool | None:
        """False if refuted, None if there is no verdict, True if nothing was found within the scope."""
        return None if self.status == ERROR else self.status != REFUTED

    @property
    def examples(self) -> int:
        """Number of cases examined, in all checks."""
        return sum(check.examples for check in self.checks)

    @property
    def scope(self) -> str:
        """How far the verdict reaches, in a sentence or two."""
        return _SCOPE[self.status]

    def __str__(self) -> str:
        lines = [f"{self.rule}: {self.status}" + (f": {self.reason}" if self.reason else ""), self.scope]
        lines += [f"  {check.line()}" for check in self.checks]
        lines += [f"  not examined, by the rule's own word: {text}" for text in self.refused]
        lines += [f"  warning: {text}" for text in self.warnings]
        lines += [f"  note: {text}" for text in self.notes]
        lines.append(
            f"  taken as {self.form}; vocabulary {self.vocabulary}, seed {self.seed}, {self.seconds:.1f} s"
        )
        if self.counterexample is not None:
            lines += ["", self.counterexample.explain()]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain values, fractions as text."""
        found = self.counterexample
        return {
            "status": self.status,
            "lossless": self.lossless,
            "scope": self.scope,
            "rule": self.rule,
            "form": self.form,
            "reason": self.reason,
            "vocabulary": self.vocabulary,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "examples": self.examples,
            "checks": [_plain_check(check) for check in self.checks],
            "refused": list(self.refused),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "counterexample": None if found is None else _plain_counterexample(found),
        }

    def to_json(self) -> str:
        """The verdict as JSON, two spaces of indentation."""
        return json.dumps(self.as_dict(), indent=2)

    def to_html(self) -> str:
        """The verdict as one HTML page that needs no other file."""
        from specsim.testing.verdict_page import page

        return page(self)


def _plain_check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "method": check.method,
        "examples": check.examples,
        "passed": check.passed,
        "precision": check.precision,
        "detail": check.detail,
    }


def _plain_counterexample(found: Counterexample) -> dict[str, Any]:
    outcomes = sorted({*found.found, *found.expected})
    return {
        "check": found.check,
        "reason": found.reason,
        "case": found.case.describe(),
        "examples": found.examples,
        "total_variation": show_number(found.total_variation),
        "laws": [
            {
                "tokens": list(outcome),
                "expected": show_number(found.expected.get(outcome, 0)),
                "found": show_number(found.found.get(outcome, 0)),
            }
            for outcome in outcomes
        ],
        "explanation": found.explain(),
    }
