"""``specsim length --metrics``: the best length by what a serving engine counted."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import UsageError
from specsim.commands.replayed import EXACT, plain_policies, show_rows, table_of, times_of

if TYPE_CHECKING:
    from specsim.measurements import DraftCounts, Estimate, MeanTokens, Measured, MeasuredLength
    from specsim.policies import Row, Text
    from theory.stopping import Times

    Counts = DraftCounts | MeanTokens

_ORDER = "estimate: the counted rounds in an order that was drawn, seed {}"
_SUMS = "estimate: the closed form at the one acceptance that fits the sums"
_MEANS = "estimate: means over counted rounds"


def run(arguments: argparse.Namespace, times: Times, figure: Path | None) -> None:
    """Find the best length, print it, and replay policies where rounds can be told apart."""
    counts, texts = _counts(arguments)
    lengths = _lengths(counts, times, arguments.limit)
    found = _best(counts, lengths, times, arguments.limit)
    texts, kind = _texts(counts, texts, arguments)
    texts = tuple(text.taking(arguments.unknown or "cut") for text in texts)
    limit = arguments.limit if arguments.limit is not None else max(1, len(lengths) - 1) if lengths else 16
    rows = _replayed(texts, times, limit)
    if figure:
        from specsim.plots.lengths import policies_figure, write

        if not rows:
            raise UsageError("--figure draws replayed policies, for which rounds must be counted by position")
        write(policies_figure([(row.name, row.kind, float(row.found.speedup)) for row in rows]), figure)
    if arguments.json:
        plain = {**found, **times_of(times), "limit": arguments.limit, **_plain(counts, lengths)}
        if rows:
            plain |= {"policies_are": kind, "policies": plain_policies(rows)}
        sys.stdout.write(json.dumps(plain) + "\n")
        return
    _show(counts, lengths, found)
    if rows:
        sys.stdout.write("\n")
        show_rows(texts, rows, limit, kind)


def read(path: str, *, model: str | None = None) -> Measured:
    """A file of measurements that is there."""
    from specsim.measurements import read_measured

    if not Path(path).is_file():
        raise UsageError(f"there is no file {path!r}")
    return read_measured(path, model=model)


def _counts(arguments: argparse.Namespace) -> tuple[Counts, tuple[Text, ...]]:
    """Counts since an earlier reading, and rounds if they were recorded one by one."""
    from specsim.measurements import DraftCounts, MeanTokens

    found = read(arguments.metrics, model=arguments.model)
    counts, texts = found.counts, found.texts
    if arguments.since:
        before = read(arguments.since, model=arguments.model).counts
        if not (isinstance(counts, DraftCounts) and isinstance(before, DraftCounts)):
            raise UsageError("--since needs counters in both files; a mean cannot be taken from another")
        counts, texts = counts.minus(before), ()
    if isinstance(counts, MeanTokens) and counts.length is None:
        if arguments.steps is None:
            raise UsageError(
                f"{arguments.metrics!r} has only a mean; say how many drafts a round has: --steps K"
            )
        counts = MeanTokens(counts.tokens, arguments.steps)
    return counts, texts


def _lengths(counts: Counts, times: Times, limit: int | None) -> tuple[MeasuredLength, ...]:
    """Lengths that were counted by position; none if only sums are known."""
    from specsim.measurements import DraftCounts, measured_lengths

    if not isinstance(counts, DraftCounts) or not counts.reached:
        return ()
    return measured_lengths(counts, times=times, limit=limit)


def _best(
    counts: Counts, lengths: tuple[MeasuredLength, ...], times: Times, limit: int | None
) -> dict[str, Any]:
    """The best length and its speed-up: of counted lengths, or at one acceptance."""
    from theory.stopping import best_length

    value_is = {"value_is": "speed-up over plain decoding of the best fixed length"}
    if lengths:
        best = max(lengths, key=lambda entry: entry.speedup)
        error = {"standard_error": best.speedup_error, "longest_measured": lengths[-1].length}
        return {"optimal_length": best.length, "value": best.speedup, **error, **value_is, "kind": _MEANS}
    closed = best_length(acceptance=counts.constant().value, times=times, limit=limit)
    return {"optimal_length": closed.length, "value": closed.speedup, **value_is, "kind": _SUMS}


def _texts(
    counts: Counts, texts: tuple[Text, ...], arguments: argparse.Namespace
) -> tuple[tuple[Text, ...], str]:
    """Recorded rounds, or the counted ones in a drawn order; none if they cannot be told apart."""
    import numpy as np

    from specsim.measurements import DraftCounts, texts_of_counts

    if texts:
        return texts, EXACT
    if not isinstance(counts, DraftCounts) or not counts.reached or counts.missing:
        return (), ""
    rng = np.random.default_rng(arguments.seed)
    return texts_of_counts(counts, rng=rng), _ORDER.format(arguments.seed)


def _replayed(texts: tuple[Text, ...], times: Times, limit: int) -> tuple[Row, ...]:
    from specsim.policies import compare, usual_policies

    if not texts:
        return ()
    return compare(texts, usual_policies(texts, times=times, limit=limit), times=times, limit=limit)


def _plain(counts: Counts, lengths: tuple[MeasuredLength, ...]) -> dict[str, Any]:
    """What was counted, and what follows, for JSON."""
    from specsim.measurements import DraftCounts

    known: dict[str, Any] = {"acceptance": _plain_estimate(counts.constant())}
    if isinstance(counts, DraftCounts):
        known |= {"rounds": counts.rounds, "drafted": counts.drafted, "accepted": counts.accepted}
        known["tokens_per_round_measured"] = counts.tokens_a_round
    if lengths and isinstance(counts, DraftCounts):
        known["acceptance_by_position"] = [_plain_estimate(entry) for entry in counts.by_position()]
        known["lengths"] = [
            {
                "length": entry.length,
                "tokens_per_round": entry.tokens,
                "tokens_standard_error": entry.tokens_error,
                "speedup": entry.speedup,
                "speedup_standard_error": entry.speedup_error,
            }
            for entry in lengths
        ]
    return known


def _plain_estimate(entry: Estimate) -> dict[str, float | int | None]:
    # JSON has no nan
    error = None if math.isnan(entry.standard_error) else entry.standard_error
    ends = {"lower": entry.lower, "upper": entry.upper}
    return {"value": entry.value, "standard_error": error, **ends, "trials": entry.trials}


def _words(entry: Estimate) -> str:
    """Value, error, and ends if they differ."""
    error = "" if math.isnan(entry.standard_error) else f" ± {entry.standard_error:.4f}"
    ends = "" if entry.upper - entry.lower < 1e-12 else f" in {entry.lower:.4f} to {entry.upper:.4f}"
    return f"{entry.value:.4f}{error}{ends}"


def _show(counts: Counts, lengths: tuple[MeasuredLength, ...], found: dict[str, Any]) -> None:
    from specsim.commands.output import console
    from specsim.measurements import DraftCounts

    out, best = console(), found["optimal_length"]
    error = f" ± {found['standard_error']:.4f}" if "standard_error" in found else ""
    noun = "draft" if best == 1 else "drafts"
    out.print(
        f"Best length: {best} {noun} a round, {found['value']:.4f}{error} times as fast as plain decoding "
        f"({found['kind']}).\nAcceptance of a judged draft: {_words(counts.constant())}.\n"
    )
    if not lengths or not isinstance(counts, DraftCounts):
        return
    out.print(f"{counts.rounds} rounds, {counts.drafted} drafts, {counts.accepted} of them accepted.\n")
    table = table_of("drafts", "acceptance there", "judged", "tokens a round", "speed-up", "")
    for entry, here in zip(lengths, (None, *counts.by_position()), strict=False):
        there = ("", "") if here is None else (_words(here), str(here.trials))
        tokens = f"{entry.tokens:.4f} ± {entry.tokens_error:.4f}"
        speed = f"{entry.speedup:.4f} ± {entry.speedup_error:.4f}"
        table.add_row(str(entry.length), *there, tokens, speed, "best" if entry.length == best else "")
    out.print(table)
    if best == lengths[-1].length and best == len(counts.reached or ()):
        out.print("\nNote: longer drafts were never made; what they would bring was not measured.")
