"""``specsim length``: the draft length of the largest speed-up, for an acceptance or on recorded rounds."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, name, number, one_of, whole

if TYPE_CHECKING:
    from specsim.policies import Row, Text
    from theory.stopping import BestLength, Times

_DESCRIPTION = """\
How many tokens to draft before the target verifies them.

With --acceptance: the best fixed length in closed form, if each draft that is judged is accepted with that
probability. With TRACE.jsonl: rounds that were recorded (how many drafts were submitted, how many
accepted), on which every policy is replayed, beside the best fixed length in hindsight, the greedy oracle
and the clairvoyant optimum, which nothing beats. With the directory of a trace of `specsim record` and
--draft NAME: the same on draws of what that draft would meet on the recorded texts.

Give times of a draft step and of a target call in one unit; a ratio is never asked for. A round of k drafts
takes target + k * draft + round time. docs/draft-length.md has the file's format and the proofs.
"""
_EPILOG = """\
value:
  The speed-up over plain decoding: expected tokens a round (accepted drafts, and the target's own token),
  times the target's time, over the round's time. On a trace: tokens times the target's time, over the time of
  all rounds. Of the best fixed length, in both cases.

examples:
  specsim length --acceptance 0.8 --draft-time 0.1 --target-time 1
  specsim length --acceptance 0.8 --draft-time 2.4 --target-time 24 --json --figure phases.png
  specsim length rounds.jsonl --draft-time 0.1 --target-time 1 --limit 16
  specsim length traces/smollm2-135m --draft skip --draft-time 0.3 --target-time 1
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "length", help="how many tokens to draft", description=_DESCRIPTION, epilog=_EPILOG
    )
    add = parser.add_argument
    add(
        "trace",
        metavar="TRACE",
        nargs="?",
        help="recorded rounds or texts (.jsonl), or a directory of a trace",
    )
    add("--acceptance", metavar="A", type=number(0, 1), help="probability that a judged draft is accepted")
    add("--draft-time", metavar="T", type=number(0), required=True, help="of a draft step")
    add("--target-time", metavar="T", type=number(0, open_low=True), required=True, help="of a target call")
    add(
        "--round-time", metavar="T", type=number(0), default=0.0, help="what a round costs besides; default 0"
    )
    add("--limit", metavar="K", type=whole(0), help="most drafts a round; default none, for a trace 16")
    add(
        "--unknown",
        metavar="WHAT",
        type=one_of(("cut", "rejected", "accepted")),
        help="what to take positions for that were never drafted: cut (default), rejected, accepted",
    )
    add("--draft", metavar="NAME", type=name, help="whose drafts, of a trace with distributions")
    add("--samples", metavar="N", type=whole(1), default=20, help="draws of its outcomes; default 20")
    add("--seed", metavar="S", type=whole(0), default=0, help="seed of the draws; default 0")
    add("--json", action="store_true", help="print everything as JSON")
    add("--figure", metavar="FILE.png", help="draw the figure into a new .png or .pdf file")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Find the best length, print it."""
    if (arguments.trace is None) == (arguments.acceptance is None):
        raise UsageError("say what is accepted: either --acceptance A, or TRACE with recorded rounds")
    if (arguments.unknown or arguments.draft) and arguments.trace is None:
        option = "--unknown" if arguments.unknown else "--draft"
        raise UsageError(f"{option} is about a trace; give TRACE")
    figure = arguments.figure and Path(arguments.figure)
    if figure and (figure.exists() or not figure.parent.is_dir() or figure.suffix not in (".png", ".pdf")):
        raise UsageError(f"--figure {str(figure)!r}: name a new .png or .pdf file in an existing directory")

    from theory.stopping import Times

    times = Times(arguments.draft_time, arguments.target_time, arguments.round_time)
    if arguments.trace is None:
        _constant(arguments, times, figure)
    else:
        _recorded(arguments, times, figure)
    return 0


def _constant(arguments: argparse.Namespace, times: Times, figure: Path | None) -> None:
    from theory.stopping import best_length

    best = best_length(acceptance=arguments.acceptance, times=times, limit=arguments.limit)
    if figure:
        from specsim.plots.lengths import phase_figure, write

        point = {"acceptance": arguments.acceptance, "draft_time": arguments.draft_time}
        write(phase_figure(**point, target_time=float(times.base)), figure)
    if arguments.json:
        sys.stdout.write(json.dumps(_plain(arguments, times, best)) + "\n")
    else:
        _show(arguments, times, best)


def _plain(arguments: argparse.Namespace, times: Times, best: BestLength) -> dict[str, Any]:
    return {
        "optimal_length": best.length,
        "value": best.speedup,
        "value_is": "speed-up over plain decoding",
        "kind": "exact",
        "acceptance": arguments.acceptance,
        **_times(times),
        "limit": arguments.limit,
        "tokens_per_round": best.tokens,
        "time_of_round": times.of_round(best.length),
        "tokens_per_time": best.rate,
        "stationary_length": best.stationary,
        "speedups": [
            {"length": length, "speedup": speedup, "tokens_per_round": tokens}
            for length, speedup, tokens in _around(arguments, times, best)
        ],
    }


def _times(times: Times) -> dict[str, Any]:
    return {
        "draft_time": times.draft_time,
        "target_time": times.target_time,
        "round_time": times.round_time,
    }


def _around(arguments: argparse.Namespace, times: Times, best: BestLength) -> list[tuple[int, float, float]]:
    """Lengths around the best, for a sense of how flat it is there."""
    from theory.stopping import tokens_of

    last = best.length + 3 if arguments.limit is None else min(best.length + 3, arguments.limit)
    rows = []
    for length in range(max(0, best.length - 3), last + 1):
        tokens = tokens_of(acceptance=arguments.acceptance, length=length)
        rows.append((length, times.speedup(tokens / times.of_round(length)), tokens))
    return rows


def _show(arguments: argparse.Namespace, times: Times, best: BestLength) -> None:
    from specsim.commands.output import console

    out = console()
    noun = "draft" if best.length == 1 else "drafts"
    out.print(
        f"Best length: {best.length} {noun} a round, {best.speedup:.4f} times as fast as plain decoding "
        "(exact).\n"
        f"A round emits {best.tokens:.4f} tokens on average, the target's own counted, in "
        f"{times.of_round(best.length):.6g}.\n"
    )
    table = _table("drafts", "tokens a round", "speed-up", "")
    for length, speedup, tokens in _around(arguments, times, best):
        mark = "best" if length == best.length else f"{100 * (1 - speedup / best.speedup):.2f}% slower"
        table.add_row(str(length), f"{tokens:.4f}", f"{speedup:.4f}", mark)
    out.print(table)
    if best.speedup <= 1:
        out.print("\nNote: drafting does not pay here; plain decoding is as fast or faster.")


def _table(*titles: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place == 0 else "right", no_wrap=True)
    return table


def _recorded(arguments: argparse.Namespace, times: Times, figure: Path | None) -> None:
    from specsim.policies import compare, usual_policies

    limit = 16 if arguments.limit is None else arguments.limit
    texts = [text.taking(arguments.unknown or "cut") for text in _texts(arguments)]
    policies = usual_policies(texts, times=times, limit=limit)
    rows = compare(texts, policies, times=times, limit=limit)
    if figure:
        from specsim.plots.lengths import policies_figure, write

        write(policies_figure([(row.name, row.kind, float(row.found.speedup)) for row in rows]), figure)
    if arguments.json:
        sys.stdout.write(json.dumps(_plain_rows(texts, rows, times, limit, arguments)) + "\n")
    else:
        _show_rows(texts, rows, limit, arguments)


def _texts(arguments: argparse.Namespace) -> Sequence[Text]:
    """Texts of a file, or drawn from a trace's distributions."""
    from specsim.policies import read_texts, texts_of_trace

    if Path(arguments.trace).is_dir():
        import numpy as np

        from specsim.commands.traces import check_drafts, opened

        trace = opened(arguments.trace)
        if arguments.draft is None:
            raise UsageError(f"say whose drafts: --draft with one of {', '.join(trace.drafts)}")
        check_drafts(trace, [arguments.draft])
        rng = np.random.default_rng(arguments.seed)
        return texts_of_trace(trace, draft=arguments.draft, samples=arguments.samples, rng=rng)
    if not Path(arguments.trace).is_file():
        raise UsageError(f"there is no file or directory {arguments.trace!r}")
    if arguments.draft:
        raise UsageError("--draft is for a directory of a trace; rounds in a file are of one draft")
    return read_texts(arguments.trace)


def _plain_rows(
    texts: list[Text], rows: tuple[Row, ...], times: Times, limit: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    fixed = next(row for row in rows if row.kind == "hindsight")
    return {
        "optimal_length": fixed.length,
        "value": fixed.found.speedup,
        "value_is": "speed-up over plain decoding of the best fixed length, chosen in hindsight",
        "kind": _EXACT if arguments.draft is None else _DRAWN.format(arguments),
        **_times(times),
        "limit": limit,
        "texts": len(texts),
        "tokens": fixed.found.tokens,
        "never_drafted": _holes(texts),
        "policies": [
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
        ],
    }


def _holes(texts: list[Text]) -> int:
    return sum(known is None for text in texts for known in text.accepted)


_EXACT = "exact replay of recorded outcomes"
_DRAWN = "estimate: {0.samples} draws of the outcomes of {0.draft} on each recorded text, seed {0.seed}"


def _show_rows(texts: list[Text], rows: tuple[Row, ...], limit: int, arguments: argparse.Namespace) -> None:
    from specsim.commands.output import console

    out, holes = console(), _holes(texts)
    many = f"{len(texts)} texts, " if len(texts) > 1 else ""
    kind = _EXACT if arguments.draft is None else _DRAWN.format(arguments)
    out.print(f"{many}{rows[0].found.tokens} tokens, at most {limit} drafts a round; {kind}.\n")
    best = rows[-1].found.speedup
    table = _table("policy", "speed-up", "of clairvoyant", "rounds", "draft steps", "accepted")
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


__all__ = ["add_to", "run"]
