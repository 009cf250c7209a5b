"""``specsim bound TRACE``: bounds at every position of a recorded trace, streamed."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import UsageError, cores
from specsim.commands.progress import Progress
from specsim.commands.traces import check_drafts, opened

if TYPE_CHECKING:
    from specsim.bounding import BoundWriter, Question
    from specsim.report import Audit, RunningMeans
    from specsim.sources.traces import Trace


def run(arguments: argparse.Namespace) -> int:
    """Stream the trace once: print means, and write positions if asked to."""
    out = arguments.out and Path(arguments.out)
    if out and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {arguments.out!r} exists already and is not empty; name a new directory")
    trace = opened(arguments.input)
    check_drafts(trace, arguments.draft or ())

    from specsim.bounding import BoundWriter
    from specsim.bounding.stream import chosen_drafts

    question = _question(arguments)
    drafts = chosen_drafts(trace, question)
    name = Path(arguments.input).resolve().name
    with BoundWriter(out, question, drafts) if out else nullcontext() as writer:
        means, audit, fewer = _streamed(trace, question, arguments, writer)
        summary = _summary(name, question, drafts, means, audit, fewer)
        if writer:
            writer.finish(summary)
    if arguments.json:
        sys.stdout.write(json.dumps(summary, allow_nan=False) + "\n")
    else:
        _show(summary, question, trace.notes)
        if out:
            sys.stdout.write(f"\nWrote every position to {out}; summary.json there says that all is there.\n")
    return 0


def _question(arguments: argparse.Namespace) -> Question:
    from specsim.bounding import LAWS, Question
    from theory.simplex import Warp

    return Question(
        laws=arguments.law or LAWS,
        ks=tuple(sorted(arguments.drafts)) if arguments.drafts else (1, 2, 4, 8),
        temperatures=arguments.temperatures or (1.0,),
        filters=Warp(top_k=arguments.top_k, top_p=arguments.top_p, min_p=arguments.min_p),
        drafts=arguments.draft,
        domains=arguments.domains,
        limit=arguments.limit,
        top=arguments.top,
    )


def _streamed(
    trace: Trace, question: Question, arguments: argparse.Namespace, writer: BoundWriter | None
) -> tuple[RunningMeans, Audit, Any]:
    """Means, what the checks found, and at how many positions fewer drafts than asked for were made."""
    import numpy as np

    from specsim.bounding import bound_stream
    from specsim.bounding.stream import chosen_drafts, selected
    from specsim.report import Audit, RunningMeans

    methods = list(question.methods())
    shape = (len(question.temperatures), len(chosen_drafts(trace, question)), len(methods))
    means, audit = RunningMeans(shape), Audit()
    fewer, asked = np.zeros(shape, dtype=np.int64), np.array([k for _, k in methods])
    jobs = arguments.jobs or cores()
    total = len(selected(trace, question))
    with Progress() as progress:
        progress(0, total)
        for piece in bound_stream(trace, question, jobs=jobs, sets=arguments.sets):
            means.add(piece.cells, piece.passage)
            audit += piece.audit
            fewer += (piece.cells["drafts"] < asked).sum(axis=0)
            if writer:
                writer.add(piece)
            progress(means.positions, total)
    return means, audit, fewer


def _summary(
    name: str, question: Question, drafts: tuple[str, ...], means: RunningMeans, audit: Audit, fewer: Any
) -> dict[str, Any]:
    """The means and what they are over, as plain data."""
    results = []
    for t, temperature in enumerate(question.temperatures):
        for d, draft in enumerate(drafts):
            for m, (law, k) in enumerate(question.methods()):
                mean = means.mean(t, d, m)
                spread = mean.sampling_standard_error
                results.append(
                    {
                        **{"temperature": temperature, "draft": draft, "law": law, "drafts": k},
                        **{"kind": mean.kind, "value": mean.value, "lower": mean.lower, "upper": mean.upper},
                        "sampling_standard_error": None if spread != spread else spread,
                        "fewer_drafts": int(fewer[t, d, m]),
                    }
                )
    checks = {
        law: {"evaluated_anew": tally.checked, "in_all": tally.total, "largest_discrepancy": tally.largest}
        for law, tally in audit.certificates.items()
    }
    return {
        "trace": name,
        "positions": means.positions,
        "passages": means.passages,
        "known_tokens": question.top,
        "results": results,
        "certificates": checks,
    }


def _show(summary: dict[str, Any], question: Question, notes: tuple[str, ...]) -> None:
    from specsim.commands.output import console

    out = console()
    for temperature in question.temperatures:
        for draft in dict.fromkeys(each["draft"] for each in summary["results"]):
            known = f", the likeliest {question.top} tokens known" if question.top else ""
            out.print(
                f"Draft {draft} at temperature {temperature:g}{known}: mean best acceptance over "
                f"{summary['positions']} positions in {summary['passages']} passages",
                style="bold",
                markup=False,
            )
            out.print(_table(summary, question, temperature, draft))
            out.print()
    out.print(_what_it_is(summary), style="dim", markup=False)
    for note in notes:
        out.print(f"Note: {note}.", markup=False)


def _table(summary: dict[str, Any], question: Question, temperature: float, draft: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    from specsim.report.methods import LAW_TITLES
    from specsim.report.results import Mean
    from specsim.report.tables import mean_text

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for title in ("law of the drafts", *(f"k = {k}" for k in question.ks)):
        table.add_column(title, no_wrap=True)
    for law in question.laws:
        cells = [Text(f"{LAW_TITLES[law]}")]
        for found in summary["results"]:
            if (found["temperature"], found["draft"], found["law"]) == (temperature, draft, law):
                mean = Mean(found["kind"], found["value"], found["lower"], found["upper"], 0.0, 0.0)
                cells.append(Text(mean_text(mean, 5)))
        table.add_row(*cells)
    return table


def _what_it_is(summary: dict[str, Any]) -> str:
    """What kind of numbers these are, and what was checked."""
    kinds = (
        "A plain number is exact (closed forms in float64), one in [ ] a rigorous interval (a single number: "
        "both ends round to it)."
    )
    if summary["known_tokens"]:
        return f"{kinds} The ends hold for all that the tokens which are not listed could have."
    checked = sum(each["evaluated_anew"] for each in summary["certificates"].values())
    total = sum(each["in_all"] for each in summary["certificates"].values())
    largest = max((each["largest_discrepancy"] for each in summary["certificates"].values()), default=0.0)
    fewer = max(each["fewer_drafts"] for each in summary["results"])
    few = f" At up to {fewer} positions q has fewer than k tokens; there, that many are drafted." * bool(
        fewer
    )
    return (
        f"{kinds} {checked:,} of {total:,} bounds were evaluated anew from their proving sets, largest "
        f"discrepancy {largest:.0e}.{few}"
    )
