"""``specsim trace``: what a trace holds, and whether its files are sound."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser
from specsim.commands.traces import opened

if TYPE_CHECKING:
    from rich.table import Table

    from specsim.sources.traces import Trace

_DESCRIPTION = """\
Checks every file of a recorded trace against its SHA-256 and the manifest, and prints what the trace says
about itself: models, drafts, domains, positions, licences, and the command that recorded it.
"""
_EPILOG = """\
example:
  specsim trace traces/smollm2-135m
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "trace",
        help="what a trace holds, and whether its files are sound",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("trace", metavar="TRACE", help="directory of a recorded trace")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Verify, then describe."""
    trace = opened(arguments.trace, verify=True)

    from specsim.commands.output import console

    out = console()
    state = "complete" if trace.complete else "unfinished"
    name = Path(arguments.trace).resolve().name
    out.print(
        f"{name}: {state}, {len(trace)} positions over {trace.vocabulary:,} tokens; ", end="", markup=False
    )
    out.print("every file has its size and SHA-256.\n")
    for table in (_sources(trace), _passages(trace, Path(arguments.trace)), _about(trace)):
        out.print(table)
        out.print()
    for note in trace.notes:
        out.print(f"Note: {note}.", markup=False)
    return 0


def _table(*titles: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _sources(trace: Trace) -> Table:
    table, header = _table("source", "stored as", "what it is"), trace.header
    for name in ("target", *trace.drafts):
        source = header.source(name)
        table.add_row(name, f"{source.storage} {source.dtype}", source.description)
    return table


def _passages(trace: Trace, directory: Path) -> Table:
    from specsim.sources.traces.manifest import read_manifest

    shards = read_manifest(directory).of_kind("shard")
    passages = [passage for shard in shards for passage in shard["passages"]]
    table = _table("domain", "passages", "positions", "licence of the texts")
    for domain in trace.header.domains:
        rows = [passage["rows"] for passage in passages if passage["domain"] == domain]
        table.add_row(domain, str(len(rows)), str(sum(rows)), trace.header.licences.get(domain, ""))
    return table


def _about(trace: Trace) -> Table:
    table, header = _table("about", ""), trace.header
    table.add_row("recorded at", f"temperature {header.temperature:g}, seed {header.seed}")
    table.add_row("tokenizer", header.tokenizer)
    groups = {"model": header.models, "detail": header.details, "version": header.versions}
    for group, values in groups.items():
        for key, value in values.items():
            table.add_row(f"{group}: {key}", value)
    table.add_row("command", header.command)
    return table
