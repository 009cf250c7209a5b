"""``specsim report``: the acceptance table of a trace, with figures and a page."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, cores, listed, name, number, whole
from specsim.commands.progress import Progress
from specsim.commands.traces import check_drafts, opened

if TYPE_CHECKING:
    from specsim.report import Plan

_DESCRIPTION = """\
For every position of a recorded trace: how often each known rule accepts a draft, how often the best
possible rule could, and the gap, on the whole vocabulary.

Prints one table for each temperature and draft, and writes into the output directory
  results.csv      every mean, overall and by domain, with its kind, ends and errors (tidy)
  positions.csv    every position (tidy)
  report.html      a self-contained page with tables, figures, what is exact, licences
  *.png, *.pdf     the figures

A plain number is exact, one in [ ] a rigorous interval, one with +- an estimate with its standard error.
"""
_EPILOG = """\
examples:
  specsim report traces/smollm2-135m
  specsim report traces/smollm2-135m --drafts skip --k 1,2,3 --temperatures 0.3,1 --limit 64 --out quick
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "report",
        help="acceptance of every known rule on a trace, the best possible, and the gap",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("trace", metavar="TRACE", help="directory of a recorded trace")
    parser.add_argument(
        "--out", metavar="DIR", default="report", help="where files go; same names are replaced (report)"
    )
    parser.add_argument("--drafts", metavar="A,B", type=listed(name), help="recorded drafts to look at (all)")
    parser.add_argument(
        "--k", metavar="1,2", type=listed(whole(1)), default=(1, 2, 4, 8), help="numbers of drafts (1,2,4,8)"
    )
    parser.add_argument(
        "--temperatures",
        metavar="T,T",
        type=listed(number(0)),
        default=(0.6, 1.0),
        help="for target and draft (0.6,1.0)",
    )
    parser.add_argument("--top-k", metavar="N", type=whole(1), help="keep the N largest tokens of both (all)")
    parser.add_argument(
        "--top-p",
        metavar="P",
        type=number(0, 1, open_low=True),
        help="keep the nucleus of mass P of both (all)",
    )
    parser.add_argument(
        "--min-p", metavar="P", type=number(0, 1), help="drop tokens below P times the largest (none)"
    )
    parser.add_argument(
        "--samples", metavar="N", type=whole(2), default=64, help="random paths an estimate is over (64)"
    )
    parser.add_argument("--seed", metavar="N", type=whole(0), default=0, help="of the estimates (0)")
    parser.add_argument(
        "--limit", metavar="N", type=whole(1), help="at most N positions, evenly spaced (all)"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=whole(1), help="processes; the result does not depend on it (one a core)"
    )
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, write the files, print the tables."""
    out = Path(arguments.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {arguments.out!r} is a file; name a directory")
    trace = opened(arguments.trace)
    check_drafts(trace, arguments.drafts or ())

    from specsim.report import Subject, evaluate, results, write_report

    plan = _plan(arguments)
    with Progress() as progress:
        evaluation = evaluate(trace, plan, jobs=arguments.jobs or cores(), progress=progress)
    found = results(evaluation)
    trace_name = Path(arguments.trace).resolve().name
    subject = Subject(trace_name, trace.header, trace.notes, _command(trace_name, plan))
    written = write_report(evaluation, found, subject, out)
    _show(found, evaluation.audit, trace.notes)
    sys.stdout.write(f"\nWrote {len(written)} files to {out}; open {written[-1]}\n")
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    from specsim.report import Demand, Plan
    from theory.simplex import Warp

    return Plan(
        demand=Demand(tuple(sorted(arguments.k)), arguments.samples, arguments.seed),
        temperatures=arguments.temperatures,
        drafts=arguments.drafts,
        limit=arguments.limit,
        filters=Warp(top_k=arguments.top_k, top_p=arguments.top_p, min_p=arguments.min_p),
    )


def _command(trace_name: str, plan: Plan) -> str:
    """The command line that gives the same report; the trace by its name only."""
    filters, demand = plan.filters, plan.demand
    options: dict[str, Any] = {
        "--k": ",".join(map(str, demand.ks)),
        "--temperatures": ",".join(map(str, plan.temperatures)),
        "--samples": demand.samples,
        "--seed": demand.seed,
        "--drafts": ",".join(plan.drafts) if plan.drafts else None,
        "--limit": plan.limit,
        "--top-k": filters.top_k,
        "--top-p": filters.top_p,
        "--min-p": filters.min_p,
    }
    words = [word for key, value in options.items() if value is not None for word in (key, str(value))]
    return shlex.join(["specsim", "report", trace_name, *words])


def _show(found: list[Any], audit: Any, notes: tuple[str, ...]) -> None:

    from specsim.commands.output import console
    from specsim.report.console import print_audit, print_tables
    from specsim.report.tables import tables

    out = console()
    print_tables(out, tables(found))
    print_audit(out, audit)
    for note in notes:
        out.print(f"Note: {note}.", markup=False)
