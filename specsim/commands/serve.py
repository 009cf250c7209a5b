"""``specsim serve``: when drafts help under load."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, listed, name, number, whole

if TYPE_CHECKING:
    from specsim.serving import Log, Menu, Scheduler, Workload

_DESCRIPTION = """\
Simulates a server that decodes many requests at once (continuous batching, chunked prefill, a limit of cached
tokens with preemption), with one or several ways to choose draft lengths. Steps are timed by affine costs of
target and draft; which drafts are accepted is drawn from the requests' acceptance probabilities. All numbers
are those of one simulated run, a function of the arguments and the seed.
"""
_EPILOG = """\
schedulers:
  none          no drafts
  fixed:K       K drafts for every request, at any load
  goodput:K     the best length for all requests, up to K (SmartSpec, TurboSpec)
  allocation:K  the best length for each request, up to K: the optimum of expected tokens a second
  tetris:C      the C most likely drafts of the batch (TETRIS)
  slo:C         C drafts a step, requests behind --tpot first (after AdaServe)
  table:1=5/16=2/64=0    lengths by batch size
  spread:1=5/16=2/64=0   the same means, on the most likely drafts (adaptive verification)

With --profile drafts are trees, the best ones for these acceptance probabilities (a list, or a list for each
depth, as for `specsim tree`); K and C are numbers of nodes then. With --metrics an engine's own counters say
how well drafts do (docs/measurements.md).

The target's default costs are those that a public simulator fitted to Llama-3.1-8B on an H100, in seconds;
the draft's, half a millisecond a step, is an assumption. FILE of recorded requests is CSV or JSON lines, with
one of these sets of columns (others are refused):
  arrival, prompt, output [, acceptance]                seconds
  timestamp, prompt_tokens, output_tokens               seconds, or date and time
  TIMESTAMP, ContextTokens, GeneratedTokens             date and time (Azure)
  Timestamp, Request tokens, Response tokens, ...       seconds (BurstGPT)
  timestamp, input_length, output_length, ...           milliseconds (Mooncake)
With --rate its arrivals are stretched evenly to these mean rates.

examples:
  specsim serve --rate 20 --schedulers none,fixed:3,goodput:8,allocation:8
  specsim serve --rate 1,2,4,8,16,32,64 --schedulers none,fixed:5,allocation:8 --figure load.png
  specsim serve --arrivals azure.csv --acceptance 3,1.5 --schedulers none,goodput:8 --json
  specsim serve --profile accepted.json --schedulers none,fixed:16,allocation:64 --rate 4,16,64
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "serve", help="when drafts help under load", description=_DESCRIPTION, epilog=_EPILOG
    )
    add = parser.add_argument
    positive = number(0, open_low=True)
    add("--rate", metavar="R", type=listed(positive), help="requests a second; default 10, or as recorded")
    add("--requests", metavar="N", type=whole(1), help="requests of each run; default 1000, or all recorded")
    add("--arrivals", metavar="FILE", help="recorded requests, in place of the next three")
    add("--prompt", metavar="T", type=whole(1), default=256, help="mean tokens of a prompt; default 256")
    add("--output", metavar="T", type=whole(1), default=128, help="mean tokens of an output; default 128")
    add(
        "--spread", metavar="S", type=number(0), default=0.5, help="of the logarithms of lengths; default 0.5"
    )
    add(
        "--acceptance",
        metavar="A",
        type=listed(number(0)),
        help="one probability, or A,B of a beta law over requests; default 0.7, or as recorded",
    )
    add("--metrics", metavar="FILE", help="an engine's counters, in place of --acceptance")
    add("--model", metavar="NAME", type=name, help="whose counters, if there are several")
    add("--profile", metavar="FILE.json", help="draft trees, for these acceptance probabilities")
    add("--depth", metavar="D", type=whole(1), default=8, help="most levels of a tree; default 8")
    add("--nodes", metavar="N", type=whole(1), default=64, help="most nodes of a tree; default 64")
    add("--schedulers", metavar="S", default="none,fixed:3,goodput:8,allocation:8", help="see below")
    add("--target", metavar="B,T,C", type=costs, default=(5.886e-3, 2.101e-5, 3.926e-8), help=_COSTS)
    add("--draft", metavar="B,T,C", type=costs, default=(5e-4, 8.41e-7, 2.378e-9), help="of a draft step")
    add("--slots", metavar="N", type=whole(1), default=64, help="most requests in a batch; default 64")
    add("--memory", metavar="T", type=whole(1), default=200_000, help="cached tokens in all; default 200000")
    add("--chunk", metavar="T", type=whole(1), default=2048, help="prompt tokens a step; default 2048")
    add("--ttft", metavar="S", type=positive, default=1.0, help="objective for the first token; default 1")
    add("--tpot", metavar="S", type=positive, default=0.05, help="objective for each other; default 0.05")
    add("--seed", metavar="S", type=whole(0), default=0, help="default 0")
    add("--json", action="store_true", help="print all measures as JSON")
    add("--figure", metavar="FILE.png", help="draw goodput and latency against the rate, to a new file")
    parser.set_defaults(run=run)
    return parser


_COSTS = "seconds a call, a new token and a cached token; default those of an 8B model on an H100"


def costs(text: str) -> tuple[float, float, float]:
    """A kind of value: three times with commas between them.

    Examples
    --------
    >>> costs("0.006,2e-5,4e-8")
    (0.006, 2e-05, 4e-08)
    """
    parts = [number(0)(part) for part in text.split(",")]
    if len(parts) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not three times BASE,PER_TOKEN,PER_CACHED_TOKEN")
    return parts[0], parts[1], parts[2]


def run(arguments: argparse.Namespace) -> int:
    """Simulate every scheduler at every rate."""
    schedulers = [
        (text.strip(), _scheduler(text.strip(), arguments)) for text in _words(arguments.schedulers)
    ]
    figure = arguments.figure and Path(arguments.figure)
    if figure and (figure.exists() or not figure.parent.is_dir()):
        what = "exists already" if figure.exists() else "is in a directory that does not exist"
        raise UsageError(f"--figure {str(figure)!r} {what}; name a new file")
    acceptance, menus = _drafts(arguments)
    loads = _workloads(arguments, acceptance)
    rows = [
        {"scheduler": name, "rate": rate, **_measures(load, scheduler, menus, arguments)}
        for rate, load in loads
        for name, scheduler in schedulers
    ]
    if figure:
        from specsim.plots import save, serving_figure

        save(serving_figure(rows), figure.with_suffix(""))
    if arguments.json:
        sys.stdout.write(json.dumps({"kind": "one simulated run", "runs": rows}, indent=2) + "\n")
    else:
        _show(rows, arguments)
    return 0


def _words(text: str) -> list[str]:
    words = [word for word in text.split(",") if word.strip()]
    if not words or len(set(words)) < len(words):
        raise UsageError(f"--schedulers {text!r} names none, or one twice")
    return words


def _scheduler(text: str, arguments: argparse.Namespace) -> Scheduler:
    from specsim.serving import (
        Allocation,
        ByBatch,
        Fixed,
        ForSlo,
        Goodput,
        NoDrafts,
        SpreadByBatch,
        Tetris,
    )

    name, _, value = text.partition(":")
    most = arguments.nodes if arguments.profile else 8
    makers: dict[str, Callable[[int], Scheduler]] = {
        "fixed": Fixed,
        "goodput": Goodput,
        "allocation": Allocation,
        "tetris": lambda capacity: Tetris(capacity, most),
        "slo": lambda capacity: ForSlo(capacity, arguments.tpot, most),
    }
    if text == "none":
        return NoDrafts()
    try:
        if name in ("table", "spread"):
            pairs = [pair.split("=") for pair in value.split("/")]
            table = ByBatch({int(size): int(length) for size, length in pairs})
            return table if name == "table" else SpreadByBatch(table, most)
        return makers[name](int(value))
    except (KeyError, ValueError) as error:
        known = "none, fixed:K, goodput:K, allocation:K, tetris:C, slo:C, table:1=K/16=K or spread:1=K/16=K"
        reason = f" ({error})" if str(error) and not isinstance(error, KeyError) else ""
        raise UsageError(f"--schedulers: {text!r} is not one of {known}{reason}") from None


def _drafts(arguments: argparse.Namespace) -> tuple[float | tuple[float, float] | None, tuple[Menu, ...]]:
    """How well drafts do: the requests' acceptance, and menus of trees or of a measured chain."""
    given = [option for option in ("acceptance", "metrics", "profile") if getattr(arguments, option)]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} both say how well drafts do; give one")
    if arguments.model and not arguments.metrics:
        raise UsageError("--model is about counters; give --metrics FILE")
    if arguments.profile:
        from specsim.commands.tree import read_profile
        from specsim.serving import Menu

        profile, _ = read_profile(arguments.profile, conditional=False)
        depth = min(arguments.depth, profile.depth_limit or arguments.depth)
        return 0.0, (Menu.best_first(profile, nodes=arguments.nodes, depth=depth),)
    if arguments.metrics:
        return _measured(arguments)
    accept = arguments.acceptance
    if accept is None:
        return None, ()
    if len(accept) > 2 or (len(accept) == 1 and accept[0] > 1) or (len(accept) == 2 and min(accept) <= 0):
        raise UsageError(f"--acceptance is a probability, or A,B of a beta law, got {accept}")
    return (accept[0] if len(accept) == 1 else accept), ()


def _measured(arguments: argparse.Namespace) -> tuple[float, tuple[Menu, ...]]:
    """By position where an engine counted so (no draft is longer then than counted), else one number."""
    from specsim.commands.measured import read
    from specsim.measurements import DraftCounts
    from specsim.serving import Menu

    counts = read(arguments.metrics, model=arguments.model).counts
    if isinstance(counts, DraftCounts) and counts.reached:
        return 0.0, (Menu.chain([entry.value for entry in counts.by_position()]),)
    return counts.constant().value, ()


def _workloads(
    arguments: argparse.Namespace, acceptance: float | tuple[float, float] | None
) -> list[tuple[float | None, Workload]]:
    import numpy as np

    from specsim.serving import Workload

    def drawn(rate: float) -> Workload:
        return Workload.poisson(
            rate=rate,
            requests=arguments.requests or 1000,
            rng=np.random.default_rng([arguments.seed, 0]),
            prompt=arguments.prompt,
            output=arguments.output,
            spread=arguments.spread,
            acceptance=0.7 if acceptance is None else acceptance,
        )

    if arguments.arrivals is None:
        return [(rate, drawn(rate)) for rate in arguments.rate or (10.0,)]
    recorded = _recorded(arguments, acceptance)
    return [(rate, recorded.at_rate(rate)) for rate in arguments.rate or ()] or [(None, recorded)]


def _recorded(arguments: argparse.Namespace, acceptance: float | tuple[float, float] | None) -> Workload:
    import numpy as np

    from specsim.serving import read_arrivals
    from specsim.serving.arrivals import has_acceptance

    if not Path(arguments.arrivals).is_file():
        raise UsageError(f"there is no file {arguments.arrivals!r}")
    own = has_acceptance(arguments.arrivals)
    if own and acceptance is not None and not (arguments.profile or arguments.metrics):
        raise UsageError(f"{arguments.arrivals!r} says how well drafts do; leave out --acceptance")
    return read_arrivals(
        arguments.arrivals,
        acceptance=None if own else 0.7 if acceptance is None else acceptance,
        rng=np.random.default_rng([arguments.seed, 0]),
        limit=arguments.requests,
    )


def _measures(
    load: Workload, scheduler: Scheduler, menus: tuple[Menu, ...], arguments: argparse.Namespace
) -> dict[str, float | None]:
    import math

    import numpy as np

    from specsim.clocks import Affine
    from specsim.serving import Server, serve

    server = Server(
        Affine(*arguments.target),
        Affine(*arguments.draft),
        scheduler,
        slots=arguments.slots,
        memory=arguments.memory,
        chunk=arguments.chunk,
        pace=arguments.tpot,
        menus=menus,
    )
    log: Log = serve(load, server, rng=np.random.default_rng([arguments.seed, 1]))
    objectives = {"ttft": arguments.ttft, "tpot": arguments.tpot}
    measures = {
        **log.summary(),
        "goodput": log.goodput(**objectives),
        "attainment": log.attainment(**objectives),
    }
    # JSON has no nan
    return {key: None if math.isnan(value) else value for key, value in measures.items()}


_COLUMNS = (
    ("scheduler", "scheduler", "{}"),
    ("rate", "req/s", "{:g}"),
    ("throughput", "tokens/s", "{:,.0f}"),
    ("goodput", "goodput", "{:,.0f}"),
    ("attainment", "SLO met", "{:.1%}"),
    ("ttft_p50", "TTFT p50", "{:.3f}"),
    ("ttft_p99", "p99", "{:.3f}"),
    ("tpot_p50", "TPOT p50", "{:.4f}"),
    ("latency_p99", "latency p99", "{:.2f}"),
    ("utilisation", "used", "{:.2f}"),
)


def _show(rows: list[dict[str, Any]], arguments: argparse.Namespace) -> None:
    from rich.table import Table

    from specsim.commands.output import console

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for _, title, _ in _COLUMNS:
        table.add_column(title, no_wrap=True, justify="left" if title == "scheduler" else "right")
    for row in rows:
        table.add_row(*("-" if row[key] is None else form.format(row[key]) for key, _, form in _COLUMNS))
    out = console()
    out.print(
        f"One simulated run each, seed {arguments.seed}. Goodput counts tokens of requests with TTFT <= "
        f"{arguments.ttft:g} s and TPOT <= {arguments.tpot:g} s.\n"
    )
    out.print(table)
