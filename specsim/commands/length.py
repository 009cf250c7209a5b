"""``specsim length``: the draft length of the largest speed-up, for an acceptance or on recorded rounds."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, name, number, one_of, whole
from specsim.commands.replayed import DRAWN, EXACT, plain_rows, show_rows, table_of, times_of

if TYPE_CHECKING:
    from specsim.policies import Text
    from theory.stopping import BestLength, Times

_DESCRIPTION = """\
How many tokens to draft before the target verifies them.

With --acceptance: the best fixed length in closed form, if each draft that is judged is accepted with that
probability. With TRACE.jsonl: rounds that were recorded (how many drafts were submitted, how many
accepted), on which every policy is replayed, beside the best fixed length in hindsight, the greedy oracle
and the clairvoyant optimum, which nothing beats. With the directory of a trace of `specsim record` and
--draft NAME: the same on draws of what that draft would meet on the recorded texts. With --metrics: what a
serving engine counted, with standard errors: vLLM's page of metrics or answers, SGLang's means.

Give times of a draft step and of a target call in one unit; a ratio is never asked for. A round of k drafts
takes target + k * draft + round time. docs/draft-length.md has the file's format and the proofs.
"""
_EPILOG = """\
value:
  The speed-up over plain decoding: expected tokens a round (accepted drafts, and the target's own token),
  times the target's time, over the round's time. On a trace: tokens times the target's time, over the time of
  all rounds. Of counters: means over counted rounds. Of the best fixed length, in all cases.

examples:
  specsim length --acceptance 0.8 --draft-time 0.1 --target-time 1
  specsim length --acceptance 0.8 --draft-time 2.4 --target-time 24 --json --figure phases.png
  specsim length rounds.jsonl --draft-time 0.1 --target-time 1 --limit 16
  specsim length traces/smollm2-135m --draft skip --draft-time 0.3 --target-time 1
  specsim length --metrics after.txt --since before.txt --draft-time 0.1 --target-time 1
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
    add("--trace", dest="named", metavar="TRACE", help="the same by its name")
    add("--metrics", metavar="FILE", help="what a serving engine counted")
    add("--since", metavar="FILE", help="an earlier reading of the same counters, to be taken off")
    add("--model", metavar="NAME", type=name, help="whose counters, if the file has several")
    add("--steps", metavar="K", type=whole(1), help="drafts a round, where the engine gives only a mean")
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
    _check(arguments)
    figure = arguments.figure and Path(arguments.figure)
    if figure and (figure.exists() or not figure.parent.is_dir() or figure.suffix not in (".png", ".pdf")):
        raise UsageError(f"--figure {str(figure)!r}: name a new .png or .pdf file in an existing directory")

    from theory.stopping import Times

    times = Times(arguments.draft_time, arguments.target_time, arguments.round_time)
    if arguments.metrics:
        from specsim.commands.measured import run as run_measured

        run_measured(arguments, times, figure)
    elif arguments.trace is None:
        _constant(arguments, times, figure)
    else:
        _recorded(arguments, times, figure)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """One source of acceptances, and no option that it has no use for."""
    if arguments.trace is not None and arguments.named is not None:
        raise UsageError("the trace is named twice; give TRACE or --trace TRACE")
    arguments.trace = arguments.trace or arguments.named
    sources = [arguments.trace, arguments.acceptance, arguments.metrics]
    if sum(source is not None for source in sources) != 1:
        raise UsageError(
            "say what is accepted: either --acceptance A, or TRACE with recorded rounds, or --metrics FILE"
        )
    if arguments.unknown and arguments.acceptance is not None:
        raise UsageError("--unknown is about recorded rounds; give TRACE or --metrics FILE")
    about = {"draft": "trace", "since": "metrics", "model": "metrics", "steps": "metrics"}
    for option, source in about.items():
        if getattr(arguments, option) is not None and getattr(arguments, source) is None:
            what = "TRACE" if source == "trace" else "--metrics FILE"
            raise UsageError(f"--{option} is about a {source.removesuffix('s')}; give {what}")


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
        **times_of(times),
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


def _around(arguments: argparse.Namespace, times: Times, best: BestLength) -> list[tuple[int, float, float]]:
    """Lengths around the best, for a sense of how flat it is there."""
    from theory.speedup import block_efficiency

    last = best.length + 3 if arguments.limit is None else min(best.length + 3, arguments.limit)
    rows = []
    for length in range(max(0, best.length - 3), last + 1):
        tokens = block_efficiency(acceptance=arguments.acceptance, length=length)
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
    table = table_of("drafts", "tokens a round", "speed-up", "")
    for length, speedup, tokens in _around(arguments, times, best):
        mark = "best" if length == best.length else f"{100 * (1 - speedup / best.speedup):.2f}% slower"
        table.add_row(str(length), f"{tokens:.4f}", f"{speedup:.4f}", mark)
    out.print(table)
    if best.speedup <= 1:
        out.print("\nNote: drafting does not pay here; plain decoding is as fast or faster.")


def _recorded(arguments: argparse.Namespace, times: Times, figure: Path | None) -> None:
    from specsim.policies import compare, usual_policies

    limit = 16 if arguments.limit is None else arguments.limit
    texts = [text.taking(arguments.unknown or "cut") for text in _texts(arguments)]
    policies = usual_policies(texts, times=times, limit=limit)
    rows = compare(texts, policies, times=times, limit=limit)
    kind = EXACT if arguments.draft is None else DRAWN.format(arguments)
    if figure:
        from specsim.plots.lengths import policies_figure, write

        write(policies_figure([(row.name, row.kind, float(row.found.speedup)) for row in rows]), figure)
    if arguments.json:
        sys.stdout.write(json.dumps(plain_rows(texts, rows, times, limit, kind)) + "\n")
    else:
        show_rows(texts, rows, limit, kind)


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


__all__ = ["add_to", "run"]
