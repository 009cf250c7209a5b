"""Counterexamples: a case on which a rule is wrong, and its explanation step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from specsim.testing.cases import Case, show_number
from specsim.testing.joint import Trail, total_variation, trails
from specsim.testing.paths import Step
from specsim.testing.rules import Rule
from theory.laws import Tokens

#: How many ways to an outcome an explanation shows.
SHOWN = 6


@dataclass(frozen=True)
class Counterexample:
    """A case on which a check fails.

    Attributes
    ----------
    rule
        The rule.
    case
        What it was run on, as small as it could be made.
    check
        Which check fails.
    reason
        What is wrong, in one sentence.
    found, expected
        The two laws, from tokens to probabilities.
    examples
        How many cases had been tried when the first failing one was met, that one included.
    """

    rule: Rule = field(repr=False)
    case: Case
    check: str
    reason: str
    found: Mapping[Tokens, Any]
    expected: Mapping[Tokens, Any]
    examples: int

    @property
    def total_variation(self) -> Any:
        """Total variation distance of the found law from the expected one."""
        return total_variation(dict(self.found), dict(self.expected))

    def explain(self) -> str:
        """The case, the two laws side by side, and the paths that carry too much or too little mass."""
        lines = [f"{self.rule.name}: {self.reason}", "", *(f"  {line}" for line in self.case.describe()), ""]
        lines += self._table()
        for outcome, excess in self._extremes():
            lines += ["", *self._story(outcome, excess)]
        return "\n".join(lines)

    def _differences(self) -> dict[Tokens, Any]:
        outcomes = sorted({*self.found, *self.expected})
        return {x: self.found.get(x, 0) - self.expected.get(x, 0) for x in outcomes}

    def _table(self) -> list[str]:
        rows = [("emitted", "expected", "found", "difference")]
        for outcome, excess in self._differences().items():
            numbers = (self.expected.get(outcome, 0), self.found.get(outcome, 0))
            sign = "+" if excess > 0 else ""
            expected, found = map(show_number, numbers)
            rows.append((words(outcome), expected, found, f"{sign}{show_number(excess)}"))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]

    def _extremes(self) -> list[tuple[Tokens, Any]]:
        """The outcome with the most mass too much, and the one with the most missing."""
        differences = self._differences()
        most = max(differences, key=lambda x: differences[x])
        least = min(differences, key=lambda x: differences[x])
        return [(x, differences[x]) for x in dict.fromkeys((most, least)) if differences[x] != 0]

    def _story(self, outcome: Tokens, excess: Any) -> list[str]:
        direction = "too much" if excess > 0 else "too little"
        expected = show_number(self.expected.get(outcome, 0))
        head = f"{direction}: {words(outcome)} should have {expected}"
        found = self.found.get(outcome, 0)
        if not found:
            return [f"{head} and is never emitted."]
        ways = trails(self.rule, self.case, outcome)
        lines = [f"{head} and has {show_number(found)}, on these paths:"]
        lines += [f"  {story(trail)}" for trail in ways[:SHOWN]]
        if len(ways) > SHOWN:
            rest = sum(trail.weight for trail in ways[SHOWN:])
            lines.append(f"  {show_number(rest)} on {len(ways) - SHOWN} more paths")
        return lines


def words(outcome: Tokens) -> str:
    """An outcome as reports write it.

    Examples
    --------
    >>> words((2,)), words((0, 1))
    ('token 2', 'tokens 0 1')
    """
    return f"token{'' if len(outcome) == 1 else 's'} {' '.join(map(str, outcome))}"


def story(trail: Trail) -> str:
    """A trail as one line: its weight, then each choice with its probability."""
    return f"{show_number(trail.weight)} = " + ", ".join(_told(step) for step in trail.steps)


def _told(step: Step) -> str:
    if step.probability is None:
        return f"{step.stream} {step.answer}"
    return f"{step.stream}: {step.answer} [{show_number(step.probability)}]"
