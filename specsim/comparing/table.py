"""One row a system: what it did on the model, what that would buy, how far it is from the target's law."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table as RichTable

from specsim import metrics
from specsim.comparing.clocks import Clock, share_used
from specsim.comparing.running import Results
from specsim.decoding.decode import Trace
from specsim.metrics import Estimate, Undefined
from specsim.systems.base import Bench, Published


@dataclass(frozen=True)
class Row:
    """What is known of a system.

    Attributes
    ----------
    name, title
        The system's.
    lossless
        Whether it is meant to be.
    block_efficiency, utilisation, drafted_length, positional_acceptance
        Of its traces, see :mod:`specsim.metrics`; None where nothing was drafted. Errors are those over
        prompts where there are several, else over seeds.
    draft_share
        What a draft pass costs of a target call.
    draft_calls
        Draft passes a target call.
    speedups
        Modelled, over plain decoding, by the name of the clock.
    wall
        Measured seconds a token, the median over requests; on this machine, under its load at the time.
    distortion
        Exact total variation to the target on the table worlds (two tokens); 0 for lossless systems, by
        their proof there.
    """

    name: str
    title: str
    lossless: bool
    block_efficiency: Estimate
    utilisation: Estimate | None
    drafted_length: Estimate
    positional_acceptance: tuple[Estimate, ...]
    draft_share: float
    draft_calls: float
    speedups: Mapping[str, Estimate]
    wall: float
    distortion: float


def rows_of(
    results: Results,
    systems: Iterable[Published],
    bench: Bench,
    *,
    clocks: Sequence[Clock],
    distortions: Mapping[str, Any],
) -> tuple[Row, ...]:
    """The rows of all systems, best block efficiency first."""
    rows = [_row(results, one, bench, clocks, distortions) for one in systems]
    return tuple(sorted(rows, key=lambda row: (-row.block_efficiency.value, row.name)))


def _row(
    results: Results,
    published: Published,
    bench: Bench,
    clocks: Sequence[Clock],
    distortions: Mapping[str, Any],
) -> Row:
    traces = results.traces(published.name)
    by = metrics.prompt if len({trace.prompt for trace in traces}) > 1 else None
    share = share_used(published.real(bench), bench, traces)
    calls = metrics.mean(len(done.draft) for trace in traces for done in trace.rounds).value
    return Row(
        name=published.name,
        title=published.title,
        lossless=published.lossless,
        block_efficiency=metrics.block_efficiency(traces, by=by),
        utilisation=_defined(lambda: metrics.utilisation(traces, by=by)),
        drafted_length=metrics.drafted_length(traces, by=by),
        positional_acceptance=metrics.positional_acceptance(traces, by=by),
        draft_share=share,
        draft_calls=calls,
        speedups={clock.name: _speedup(traces, clock, share, by) for clock in clocks},
        wall=results.wall_a_token(published.name),
        distortion=float(distortions.get(published.name, 0)),
    )


def _speedup(traces: Sequence[Trace], clock: Clock, share: float, by: metrics.Units | None) -> Estimate:
    return metrics.speedup(traces, draft=clock.draft(share), target=clock.target, by=by)


def _defined(estimate: Callable[[], Estimate]) -> Estimate | None:
    try:
        return estimate()
    except Undefined:
        return None


def columns(clocks: Sequence[str]) -> list[str]:
    """Headings of the table for people."""
    modelled = [f"modelled speed-up, {name}" for name in clocks]
    return [
        "system",
        "block efficiency",
        "first position accepted",
        "drafted a call",
        "utilisation",
        "draft calls x cost",
        *modelled,
        "ms a token here",
        "distortion",
    ]


def cells(row: Row) -> list[str]:
    """A row for people: values with standard errors."""
    first = row.positional_acceptance[0] if row.positional_acceptance else None
    cost = f"{row.draft_calls:.1f} x {row.draft_share:.2f}" if row.draft_calls else "–"
    return [
        row.name,
        shown(row.block_efficiency),
        shown(first),
        f"{row.drafted_length.value:.1f}",
        shown(row.utilisation),
        cost,
        *(shown(estimate) for estimate in row.speedups.values()),
        f"{1000 * row.wall:.0f}",
        "lossless" if row.lossless else f"{row.distortion:.3f}",
    ]


def shown(estimate: Estimate | None) -> str:
    """A value with its standard error.

    Examples
    --------
    >>> shown(Estimate(2.345, 0.01, 8)), shown(Estimate(2.0, float("inf"), 1)), shown(None)
    ('2.35 ± 0.01', '2.00 ± ?', '–')
    """
    if estimate is None:
        return "–"
    error = f"{estimate.error:.2f}" if estimate.error < float("inf") else "?"
    return f"{estimate.value:.2f} ± {error}"


def console_table(rows: Sequence[Row]) -> RichTable:
    """For the terminal: of the clocks the first and the last."""
    names = _clock_names(rows)
    few = list(dict.fromkeys([names[0], names[-1]])) if names else []
    speedups = [f"speed-up\n{name}" for name in few]
    headings = ["system", "tokens\na call", "first\naccepted", "drafted\na call", "draft calls\nx cost"]
    table = RichTable(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate([*headings, *speedups, "ms\na token", "distortion"]):
        table.add_column(heading, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        whole = cells(row)
        modelled = [shown(row.speedups[name]) for name in few]
        table.add_row(*whole[:4], whole[5], *modelled, *whole[-2:])
    return table


def markdown(rows: Sequence[Row]) -> str:
    """For a README."""
    headings = columns(_clock_names(rows))
    lines = [headings, ["---", *("---:" for _ in headings[1:])], *(cells(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def csv_text(rows: Sequence[Row]) -> str:
    """Full numbers, one column a value and one its standard error; empty where there is none."""
    text = io.StringIO()
    records = [_record(row) for row in rows]
    writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"system": row.name, "title": row.title, "lossless": row.lossless}
    estimates = {
        "block_efficiency": row.block_efficiency,
        "first_positional_acceptance": row.positional_acceptance[0] if row.positional_acceptance else None,
        "utilisation": row.utilisation,
        "drafted_length": row.drafted_length,
        **{f"modelled_speedup_{name}": estimate for name, estimate in row.speedups.items()},
    }
    for name, estimate in estimates.items():
        record[name] = f"{estimate.value:.6g}" if estimate else ""
        record[f"{name}_standard_error"] = f"{estimate.error:.3g}" if estimate else ""
    positions = " ".join(f"{estimate.value:.4f}" for estimate in row.positional_acceptance)
    return record | {
        "units": row.block_efficiency.count,
        "positional_acceptance": positions,
        "draft_calls_a_target_call": f"{row.draft_calls:.6g}",
        "draft_cost_share": f"{row.draft_share:.6g}",
        "measured_seconds_a_token": f"{row.wall:.6g}",
        "distortion_on_worlds": f"{row.distortion:.6g}",
    }


def _clock_names(rows: Sequence[Row]) -> list[str]:
    return list(rows[0].speedups)
