"""Mutants: every place of a module at which an operator has something to say.

Left out: annotations, docstrings and other text (but for the names of streams), what is inside of ``raise``
and ``assert``, ``__repr__``, decorators, ``__all__``, and ``strict=`` of ``zip`` (both change what happens
only after a defect).
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mutation.operators import OPERATORS, Operator, Site

ROOT = Path(__file__).parents[2]
THEORY = ROOT / "theory"
#: The modules of the campaign, by package; a module that is written later is added here and run.
MODULES = {
    "couplings": "base canonical clipped greedy_draft gumbel_coupling gumbel_list k_seq maximal optimal_plan "
    "race_paths recursive sample_and_match second_draft spec_hub",
    "couplings/selections": "pooled_clip priority uniform",
    "laws": "base draw_many fits hub_pair iid independent point top_k_plus_sample without_replacement",
    "lossy": "base engine_threshold greedy_match hub_shortcut judge lenient power_products rapid typical",
    "walks": "base block greedy_block growers hierarchy joined multi_path_block named rounds surviving "
    "top_down traversal",
}
#: Of theory/simplex.py, the functions that verification rests on.
SIMPLEX = (
    "is_exact",
    "check_weights",
    "check_distribution",
    "check_same_vocabulary",
    "normalise",
    "positive_part",
    "residual",
    "overlap",
    "total_variation",
)

Step = tuple[str, int | None]


@dataclass(frozen=True)
class Mutant:
    """One change to one module.

    Attributes
    ----------
    module
        Path below ``theory``.
    function
        Qualified name, or the class or ``<module>`` the change is in.
    operator
        Name of the operator.
    number
        Counts this operator's mutants in this function, from 0.
    line
        First line of the innermost statement that changes.
    change
        The node's source before and after.
    """

    module: str
    function: str
    operator: str
    number: int
    line: int
    change: str
    path: tuple[Step, ...]
    of_the_field: bool

    @property
    def name(self) -> str:
        """What it is called in the data files; stable while its function stays as it is."""
        return f"{self.module}::{self.function}::{self.operator}::{self.number}"


def modules() -> list[str]:
    """The modules under mutation, as paths below ``theory``."""
    inside = [f"{package}/{name}.py" for package, names in MODULES.items() for name in names.split()]
    return [*inside, "simplex.py"]


@cache
def syntax(module: str) -> ast.Module:
    """A module's syntax tree; not to be changed."""
    return ast.parse((THEORY / module).read_text())


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, in the order of the source; no two of one place have the same source."""
    found: list[Mutant] = []
    numbers: Counter[tuple[str, str]] = Counter()
    for visit in _visits(syntax(module)):
        if module == "simplex.py" and visit.function not in SIMPLEX:
            continue
        before = ast.unparse(visit.site.node)
        seen = {before}
        for operator, after in _proposals(visit.site):
            if after in seen:
                continue
            seen.add(after)
            key = (visit.function, operator.name)
            found.append(
                Mutant(
                    module,
                    visit.function,
                    operator.name,
                    numbers[key],
                    visit.line,
                    f"{_short(before)}  ->  {_short(after)}",
                    visit.path,
                    operator.of_the_field,
                )
            )
            numbers[key] += 1
    return found


def mutated(mutant: Mutant) -> ast.Module:
    """The module's syntax tree with the change made."""
    tree = copy.deepcopy(syntax(mutant.module))
    visit = next(visit for visit in _visits(tree) if visit.path == mutant.path)
    operator = next(operator for operator in OPERATORS if operator.name == mutant.operator)
    after = next(
        node
        for node in operator.propose(visit.site)
        if f"{_short(ast.unparse(visit.site.node))}  ->  {_short(_source(node))}" == mutant.change
    )
    parent: ast.AST = tree
    for field, index in mutant.path[:-1]:
        value = getattr(parent, field)
        parent = value if index is None else value[index]
    field, index = mutant.path[-1]
    ast.copy_location(after, visit.site.node)
    if index is None:
        setattr(parent, field, after)
    else:
        getattr(parent, field)[index] = after
    return ast.fix_missing_locations(tree)


def _proposals(site: Site) -> Iterator[tuple[Operator, str]]:
    for operator in OPERATORS:
        for after in operator.propose(site):
            yield operator, _source(after)


def _source(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))


def _short(source: str) -> str:
    lines = [line.strip() for line in source.splitlines()]
    return lines[0] if len(lines) == 1 else f"{lines[0]} .. {lines[-1]} ({len(lines)} lines)"


@dataclass(frozen=True)
class _Visit:
    site: Site
    path: tuple[Step, ...]
    function: str
    line: int


_SKIPPED = (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.FormattedValue)
_SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "bases", "keywords of class"}


def _skipped(node: ast.AST, parent: ast.AST, field: str) -> bool:
    if isinstance(node, _SKIPPED) or field in _SKIPPED_FIELDS:
        return True
    if isinstance(node, ast.FunctionDef) and node.name == "__repr__":
        return True
    if isinstance(node, ast.keyword) and node.arg in {"strict", "name", "rule", "walk"}:
        return True
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return True
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return True
    if isinstance(node, ast.AnnAssign | ast.Assign) and _is_type_alias(node):
        return True
    return isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)


def _is_type_alias(node: ast.AnnAssign | ast.Assign) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and node.col_offset == 0


def _bound(function: ast.FunctionDef | ast.Lambda) -> set[str]:
    names = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    stored = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return names | stored


def _visits(tree: ast.Module) -> Iterator[_Visit]:
    loads: Counter[tuple[str, str]] = Counter()

    def walk(
        node: ast.AST, path: tuple[Step, ...], scope: str, bound: frozenset[str], line: int
    ) -> Iterator[_Visit]:
        for field, value in ast.iter_fields(node):
            children = value if isinstance(value, list) else [value]
            for place, child in enumerate(children):
                if not isinstance(child, ast.AST) or _skipped(child, node, field):
                    continue
                index = place if isinstance(value, list) else None
                inner_scope, inner_bound, inner_line = scope, bound, line
                if isinstance(child, ast.stmt):
                    inner_line = child.lineno
                if isinstance(child, ast.FunctionDef | ast.ClassDef):
                    inner_scope = f"{scope}.{child.name}" if scope != "<module>" else child.name
                if isinstance(child, ast.FunctionDef | ast.Lambda):
                    inner_bound = bound | _bound(child)
                earlier = loads[scope, getattr(child, "id", "")]
                site = Site(child, node, field, inner_bound, earlier)
                step = (*path, (field, index))
                yield _Visit(site, step, inner_scope, inner_line)
                if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                    loads[scope, child.id] += 1
                yield from walk(child, step, inner_scope, inner_bound, inner_line)

    yield from walk(tree, (), "<module>", frozenset(), 0)
