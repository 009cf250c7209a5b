"""The report's tables for a terminal, with rich."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from specsim.report.audit import Audit
from specsim.report.tables import KEY, Group, Line, Table

#: Columns that acceptances and gaps need side by side, with four numbers of drafts.
WIDE = 104


def print_tables(console: Console, tables: Sequence[Table]) -> None:
    """Print tables for people: acceptance and gap side by side, or one below the other if it is narrow."""
    for table in tables:
        console.print(Text(headline(table), style="bold"))
        for part in _parts(console, table):
            console.print(Padding(part, (0, 0, 1, 0)))
        if table.fewer_drafts:
            console.print(Text(f"{fewer_drafts_text(table)}\n", style="yellow"))
    console.print(Text(KEY, style="dim"))


def headline(table: Table) -> str:
    """What a table is about."""
    where = "" if table.domain == "all" else f", domain {table.domain}"
    return (
        f"Draft {table.draft} at temperature {table.temperature:g}{where}: "
        f"mean over {table.positions} positions in {table.passages} passages"
    )


def fewer_drafts_text(table: Table) -> str:
    """How many positions had too small a support."""
    return (
        f"At up to {table.fewer_drafts} of {table.positions} positions the draft distribution has fewer than "
        "k tokens of positive probability; there, that many different tokens are drafted."
    )


def _parts(console: Console, table: Table) -> list[RichTable]:
    if console.width >= WIDE:
        return [_rich(table, acceptance=True, gap=True)]
    return [_rich(table, acceptance=True, gap=False), _rich(table, acceptance=False, gap=True)]


def _rich(table: Table, *, acceptance: bool, gap: bool) -> RichTable:
    out = RichTable(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    out.add_column("acceptance" if acceptance else "gap to the best", no_wrap=True)
    for k in table.ks:
        if acceptance:
            out.add_column(f"k = {k}", no_wrap=True)
        if gap:
            out.add_column(
                "gap" if acceptance else f"k = {k}", no_wrap=True, style="dim" if acceptance else ""
            )
    for group in table.groups:
        lines = _lines(group, gap and not acceptance)
        out.add_row(Text(group.title, style="italic"))
        for line in lines:
            out.add_row(*_row(table, line, acceptance, gap), style="bold" if line.is_bound else "")
    return out


def _lines(group: Group, gaps_only: bool) -> list[Line]:
    return [line for line in group.lines if not (gaps_only and line.is_bound)]


def _row(table: Table, line: Line, acceptance: bool, gap: bool) -> list[Text]:
    row = [Text(f"  {line.title}")]
    for k in table.ks:
        entry = line.entries.get(k)
        if acceptance:
            row.append(Text(entry.acceptance if entry else ""))
        if gap:
            row.append(Text(entry.gap if entry else ""))
    return row


def print_audit(console: Console, audit: Audit) -> None:
    """Print what the checks found, in two sentences."""
    checked = sum(tally.checked for tally in audit.certificates.values())
    total = sum(tally.total for tally in audit.certificates.values())
    largest = max((tally.largest for tally in audit.certificates.values()), default=0.0)
    console.print(
        Text(
            f"Checked {checked:,} of {total:,} bounds anew from their certificates, largest discrepancy "
            f"{largest:.0e}; {audit.comparisons.checked:,} exact acceptances against their bounds, none "
            f"above by more than {audit.comparisons.largest:.0e}.",
            style="dim",
        )
    )
