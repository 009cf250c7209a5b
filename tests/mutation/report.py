"""Tables of the campaign, from its data files: by module and by operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.mutation.mutants import Mutant, modules, mutants
from tests.mutation.operators import OPERATORS
from tests.mutation.records import equivalents, key, results

#: Kinds of tests by parts of their names; the first that fits counts.
_KINDS = (
    ("refusal", ("test_errors", "rais", "refus", "not_taken", "that_are_no", "bad_", "invalid", "must")),
    ("sampling", ("sampled", "frequenc", "estimate", "floats", "draw_many")),
)
COLUMNS = ("mutants", "doctest", "law", "sampling", "refusal", "endless", "equivalent", "survived", "not run")


def kind_of(row: dict[str, Any]) -> str:
    """What killed a mutant: a doctest, an exact test, a sampling test, a refusal test, a time limit."""
    if row["status"] != "killed":
        return {"timeout": "endless"}.get(row["status"], "survived")
    test = row["test"]
    if test.startswith("theory/"):
        return "doctest"
    return next((kind for kind, parts in _KINDS if any(part in test for part in parts)), "law")


def counted(group: Callable[[Mutant], str]) -> dict[str, Counter[str]]:
    """Counts by group and column."""
    found, proved = results(), equivalents()
    table: dict[str, Counter[str]] = {}
    for module in modules():
        for mutant in mutants(module):
            row = table.setdefault(group(mutant), Counter())
            row["mutants"] += 1
            if mutant.name in proved:
                row["equivalent"] += 1
            elif key(mutant) in found:
                row[kind_of(found[key(mutant)])] += 1
            else:
                row["not run"] += 1
    return table


def report() -> str:
    """Both tables in Markdown."""
    by_module = counted(lambda mutant: mutant.module)
    by_operator = counted(lambda mutant: mutant.operator)
    described = {
        f"`{operator.name}`: {operator.what}": by_operator[operator.name]
        for operator in sorted(OPERATORS, key=lambda operator: not operator.of_the_field)
        if operator.name in by_operator
    }
    parts = [
        _table("module", {f"`{name}`": row for name, row in by_module.items()}),
        _table("operator", described),
    ]
    return "\n\n".join(parts)


def _table(title: str, rows: dict[str, Counter[str]]) -> str:
    total: Counter[str] = sum(rows.values(), Counter())
    lines = [
        f"| {title} | {' | '.join(COLUMNS)} | score |",
        f"|---|{'---:|' * (len(COLUMNS) + 1)}",
    ]
    for name, row in [*rows.items(), ("**all**", total)]:
        lines.append(f"| {name} | {' | '.join(str(row[column]) for column in COLUMNS)} | {_score(row)} |")
    return "\n".join(lines)


def _score(row: Counter[str]) -> str:
    judged = row["mutants"] - row["equivalent"] - row["not run"]
    return f"{100 * (judged - row['survived']) / judged:.1f}%" if judged else "-"
