"""The report's tables as plain data; :mod:`specsim.report.console` and the HTML page lay them out.

Marks: a number by itself is exact, one in brackets is a rigorous interval, one with ± is an estimate with its
standard error. The gap of an estimate has the same error as the estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from specsim.report.methods import BOUND, LAW_TITLES, RULES, Method, ks_of
from specsim.report.results import ALL, Mean, Result

DIGITS = 4


@dataclass(frozen=True)
class Entry:
    """What one table cell says: the acceptance, the gap to the bound (empty for a bound), and its origin."""

    acceptance: str
    gap: str
    result: Result


@dataclass(frozen=True)
class Line:
    """One rule: its title and its entries by number of drafts."""

    title: str
    is_bound: bool
    entries: Mapping[int, Entry]


@dataclass(frozen=True)
class Group:
    """One drafting law: its rules, the bound last."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """Everything for one temperature, draft and domain."""

    temperature: float
    draft: str
    domain: str
    positions: int
    passages: int
    ks: tuple[int, ...]
    groups: tuple[Group, ...]

    @property
    def fewer_drafts(self) -> int:
        """The most positions, over all entries, that had too small a support for k drafts."""
        return max(entry.result.fewer_drafts for entry in self.entries())

    def entries(self) -> Iterator[Entry]:
        """Every entry."""
        for group in self.groups:
            for line in group.lines:
                yield from line.entries.values()


def tables(results: Sequence[Result], *, domain: str = ALL) -> list[Table]:
    """One table for each temperature and draft, of one domain's results."""
    chosen: dict[tuple[float, str], list[Result]] = {}
    for result in results:
        if result.domain == domain:
            chosen.setdefault((result.temperature, result.draft), []).append(result)
    return [_table(*key, domain, part) for key, part in chosen.items()]


def _table(temperature: float, draft: str, domain: str, part: list[Result]) -> Table:
    by_method = {result.method: result for result in part}
    ks = tuple(sorted({method.k for method in by_method}))
    groups = tuple(_group(law, ks, by_method) for law in RULES if ks_of(law, ks))
    first = part[0]
    return Table(temperature, draft, domain, first.positions, first.passages, ks, groups)


def _group(law: str, ks: tuple[int, ...], by_method: Mapping[Method, Result]) -> Group:
    lines = []
    for rule in RULES[law]:
        found = [by_method[Method(law, rule, k)] for k in ks_of(law, ks)]
        entries = {result.method.k: _entry(result) for result in found}
        lines.append(Line(found[0].method.title, rule == BOUND, entries))
    return Group(LAW_TITLES[law], tuple(lines))


def _entry(result: Result) -> Entry:
    is_bound = result.method.rule == BOUND
    return Entry(mean_text(result.acceptance), "" if is_bound else gap_text(result.gap), result)


def mean_text(mean: Mean, digits: int = DIGITS) -> str:
    """A mean with its mark.

    Examples
    --------
    >>> nan = float("nan")
    >>> mean_text(Mean("exact", 0.81234, 0.81234, 0.81234, 0.0, 0.01))
    '0.8123'
    >>> mean_text(Mean("interval", 0.5, 0.49999999, 0.50000001, 0.0, 0.01))
    '[0.5000]'
    >>> mean_text(Mean("interval", 0.5, 0.49, 0.51, 0.0, 0.01))
    '[0.4900, 0.5100]'
    >>> mean_text(Mean("estimate", 0.81234, nan, nan, 0.00071, 0.01))
    '0.8123 ± 0.0007'
    """
    if mean.kind == "exact":
        return _number(mean.value, digits)
    if mean.kind == "interval":
        ends = dict.fromkeys((_number(mean.lower, digits), _number(mean.upper, digits)))
        return f"[{', '.join(ends)}]"
    return f"{_number(mean.value, digits)} ± {error_text(mean.standard_error, digits)}"


def gap_text(mean: Mean, digits: int = DIGITS) -> str:
    """A gap without a mark of its own: it is of the kind of the numbers that it is between.

    Examples
    --------
    >>> [gap_text(Mean("exact", x, x, x, 0.0, 0.0)) for x in (2e-17, 2e-6)]
    ['0', '0.0000']
    """
    return "0" if abs(mean.value) < 1e-12 else _number(mean.value, digits)


def error_text(error: float, digits: int = DIGITS) -> str:
    """A standard error, never rounded to nothing.

    Examples
    --------
    >>> error_text(0.00071), error_text(0.000001)
    ('0.0007', '<0.0001')
    """
    smallest = 10.0**-digits
    return f"<{smallest:.{digits}f}" if error < smallest / 2 else f"{error:.{digits}f}"


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


KEY = (
    "A plain number is exact, one in [ ] a rigorous interval (a single number: both ends round to it), "
    "one with ± an estimate and the standard error of its random drafts."
)
