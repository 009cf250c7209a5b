"""Policies that were replayed: as a table, and for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specsim.policies import Row, Text
    from theory.stopping import Times

#: What a replay is; the second is formatted with a command's arguments.
EXACT = "exact replay of recorded outcomes"
DRAWN = "estimate: {0.samples} draws of the outcomes of {0.draft} on each recorded text, seed {0.seed}"


def table_of(*titles: str) -> Any:
    """A table without lines; all columns but the first are numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place == 0 else "right", no_wrap=True)
    return table


def times_of(times: Times) -> dict[str, Any]:
    """Times for JSON."""
    return {
        "draft_time": times.draft_time,
        "target_time": times.target_time,
        "round_time": times.round_time,
    }


def plain_rows(
    texts: Sequence[Text], rows: Sequence[Row], times: Times, limit: int, kind: str
) -> dict[str, Any]:
    """Everything for JSON."""
    fixed = next(row for row in rows if row.kind == "hindsight")
    return {
        "optimal_length": fixed.length,
        "value": fixed.found.speedup,
        "value_is": "speed-up over plain decoding of the best fixed length, chosen in hindsight",
        "kind": kind,
        **times_of(times),
        "limit": limit,
        "texts": len(texts),
        "tokens": fixed.found.tokens,
        "never_drafted": _holes(texts),
        "policies": plain_policies(rows),
    }


def plain_policies(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each policy's figures."""
    return [
        {
            "name": row.name,
            "kind": row.kind,
            "speedup": row.found.speedup,
            "tokens_per_time": row.found.rate,
            "rounds": row.found.rounds,
            "drafted": sum(row.found.lengths),
            "draft_steps": row.found.passes,
            "accepted": row.found.accepted,
            "time": row.found.time,
        }
        for row in rows
    ]


def show_rows(texts: Sequence[Text], rows: Sequence[Row], limit: int, kind: str) -> None:
    """The table, and what has to be said about it."""
    from specsim.commands.output import console

    out, holes = console(), _holes(texts)
    many = f"{len(texts)} texts, " if len(texts) > 1 else ""
    out.print(f"{many}{rows[0].found.tokens} tokens, at most {limit} drafts a round; {kind}.\n")
    best = rows[-1].found.speedup
    table = table_of("policy", "speed-up", "of clairvoyant", "rounds", "draft steps", "accepted")
    for row in rows:
        found = row.found
        cells = (f"{found.speedup:.4f}", f"{100 * found.speedup / best:.1f}%", str(found.rounds))
        table.add_row(row.name, *cells, str(found.passes), str(found.accepted))
    out.print(table)
    if holes:
        tokens = "token was" if holes == 1 else "tokens were"
        out.print(
            f"\nNote: {holes} {tokens} never drafted (behind rounds that were accepted as a whole). "
            "Rounds are cut before them, for all policies alike; --unknown rejected and --unknown accepted "
            "show how much that matters."
        )


def _holes(texts: Sequence[Text]) -> int:
    return sum(known is None for text in texts for known in text.accepted)
