"""``specsim tree``: the certified optimal draft tree, and what the trees in use give away."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, number, whole

if TYPE_CHECKING:
    from specsim.sources.rank_profile import TraceProfile
    from theory.shapes import Gap, Profile

_DESCRIPTION = """\
The draft tree of largest expected number of tokens per target call, for given acceptance probabilities, with
a certificate; and beside it the trees in use: chains, full trees, beams, SpecInfer's expansions, Medusa's
greedy, the templates of Token Recycling, Medusa and EAGLE.

FILE.json holds a list: entry k is the probability that the k-th child of an accepted node is the accepted
one; or a table of such lists, one for each depth of the parent (the root first), and then trees have at most
as many levels. Children exclude each other, so a list sums to at most 1; if your numbers are rates given that
the earlier siblings were rejected, say --conditional.

With TRACE entry k is instead the target's mean probability of the draft's k-th likeliest
token over the recorded positions (the 32 likeliest, or --max-children): what a static tree of top tokens is
accepted with. Such values are estimates, with a standard error over passages.

The value counts the root, which stands for the token that the target adds; the budget counts drafted tokens,
so not the root. The optimum is exact in float64: the heaviest nodes where no list rises, dynamic programming
otherwise; either way its certificate is checked before anything is printed.
"""
_EPILOG = """\
columns:
  tokens           drafted tokens of the tree, the root not counted
  per call         expected tokens per target call, the root counted
  gap              what the tree gives away against the optimum with as many tokens
  gap at budget    what it gives away against the optimum at the budget
  optimum needs    tokens with which the optimum is worth as much

examples:
  specsim tree --profile accepted.json --budget 64
  specsim tree traces/smollm2-135m --draft skip --budget 64
  specsim tree --profile heads.json --budget 63 --max-depth 4 --max-children 10 --json
  specsim tree --profile accepted.json --budget 64 --samples 2000 --regret 0.01 --figure tree.png
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "tree",
        help="the optimal draft tree for given acceptance probabilities",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("trace", metavar="TRACE", nargs="?", help="directory of a recorded trace")
    parser.add_argument("--draft", metavar="NAME", help="whose top tokens, of a trace; default its first")
    parser.add_argument(
        "--temperature", metavar="T", type=number(0, open_low=True), help="of a trace's target (as recorded)"
    )
    parser.add_argument("--profile", metavar="FILE.json", help="acceptance probabilities")
    parser.add_argument("--budget", metavar="N", type=whole(0), required=True, help="drafted tokens")
    parser.add_argument("--max-depth", metavar="D", type=whole(0), help="levels below the root")
    parser.add_argument("--max-children", metavar="B", type=whole(0), help="children of a node")
    parser.add_argument(
        "--conditional", action="store_true", help="the numbers are rates given earlier siblings' rejection"
    )
    parser.add_argument(
        "--samples", metavar="M", type=whole(1), help="observations behind each list: adds a confidence band"
    )
    parser.add_argument(
        "--confidence", metavar="C", type=number(0.5, 0.999999), help="of the band (0.95)", default=0.95
    )
    parser.add_argument(
        "--regret",
        metavar="R",
        type=number(0, 0.5, open_low=True),
        help="samples that certify so small a loss",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--figure", metavar="FILE.png", help="draw the figure into a new .png or .pdf file")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Find the optimum, check its certificate, print it beside the others."""
    if (arguments.profile is None) == (arguments.trace is None):
        raise UsageError("say whose tree: either --profile FILE.json with acceptance probabilities, or TRACE")
    figure = arguments.figure and Path(arguments.figure)
    if figure and (figure.exists() or not figure.parent.is_dir() or figure.suffix not in (".png", ".pdf")):
        raise UsageError(f"--figure {str(figure)!r}: name a new .png or .pdf file in an existing directory")
    recorded = None
    if arguments.trace:
        draft, recorded = _recorded(arguments)
        profile, notes = recorded.profile, [f"top tokens of the draft {draft}", _STATIC]
    else:
        profile, notes = read_profile(arguments.profile, conditional=arguments.conditional)

    from theory.shapes import gap_report

    caps = {"max_depth": arguments.max_depth, "max_children": arguments.max_children}
    report = gap_report(profile, nodes=arguments.budget, **caps)
    band = _band(profile, report, arguments, caps) if arguments.samples else None
    needed = _needed(profile, arguments, caps) if arguments.regret else None
    error = _error(recorded, report) if recorded else None
    if figure:
        from specsim.plots.trees import draw_gap

        draw_gap(report, figure)
    if arguments.json:
        sys.stdout.write(json.dumps({**_plain(report, profile, notes, band, needed), **(error or {})}) + "\n")
    else:
        if error:
            notes = [*notes, _ESTIMATE.format(**error)]
        _show(report, notes, band, needed)
    return 0


_STATIC = (
    "a recorded trace knows the draft's rows along its text only, so it measures static trees of top tokens; "
    "the trees that grow with the draft's rows need the draft itself (theory.shapes.dynamic)"
)
_ESTIMATE = (
    "these values are estimates from {positions} positions of {passages} passages: the standard error of the "
    "optimum, its tree kept, is {standard_error} (jackknife over passages)"
)


def _recorded(arguments: argparse.Namespace) -> tuple[str, TraceProfile]:
    """The draft, and the profile of its top tokens in a recorded trace."""
    from specsim.sources.rank_profile import profile_of_trace
    from specsim.sources.traces import Trace

    for option in ("conditional", "samples", "regret"):
        if getattr(arguments, option):
            raise UsageError(f"--{option} is about a profile; a trace brings its own numbers and errors")
    trace = Trace.open(arguments.trace)
    draft = arguments.draft or (trace.drafts[0] if trace.drafts else None)
    if draft is None:
        raise UsageError(f"{arguments.trace!r} holds no draft, so there are no top tokens to propose")
    ranks = min(arguments.max_children or 32, trace.vocabulary)
    temperature = arguments.temperature or trace.header.temperature
    return draft, profile_of_trace(trace, draft=draft, ranks=ranks, temperature=temperature)


def _error(recorded: TraceProfile, report: Gap) -> dict[str, Any]:
    """How sure the optimum's value is on a trace; one passage alone tells no error."""
    passages = len(set(recorded.passages.tolist()))
    error = None
    if passages > 1:
        error = round(recorded.standard_error(lambda profile: float(report.shape.value(profile))), 6)
    return {
        "kind": "estimate",
        "standard_error": error,
        "positions": len(recorded.passages),
        "passages": passages,
    }


def read_profile(text: str, *, conditional: bool) -> tuple[Profile, list[str]]:
    """The profile of a file, and what has to be said about it."""
    import numpy as np

    from theory.shapes import Profile, from_conditional

    path = Path(text)
    if not path.is_file():
        raise UsageError(f"there is no file {text!r}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{text!r} is not JSON: {error}") from None
    rows = data if isinstance(data, list) and data and isinstance(data[0], list) else [data]
    if not all(_is_row(row) for row in rows):
        raise ValueError(
            f"{text!r} must hold a non-empty list of numbers, or a list of such lists, one for each depth"
        )
    if len({len(row) for row in rows}) > 1:
        raise ValueError(
            f"the lists of {text!r} differ in length; write 0 for children that are never drafted"
        )
    try:
        table = np.array(rows, dtype=np.float64)
        if conditional:
            table = from_conditional(table)
        exclusive = bool((table.sum(axis=1) <= 1 + 1e-9).all())
        make = Profile.positional(table[0], exclusive=exclusive) if rows[0] is data else None
        profile = make or Profile.by_depth(table, exclusive=exclusive)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r}: {error}") from None
    return profile, [] if exclusive else [_TOO_MUCH.format(float(table.sum(axis=1).max()))]


_TOO_MUCH = (
    "a list sums to {:.4g}, more than 1: these are no acceptance probabilities of children that exclude each "
    "other, and the values are sums of products, not expected tokens; if the numbers are rates given that "
    "earlier siblings were rejected, say --conditional"
)


def _is_row(row: Any) -> bool:
    numbers = isinstance(row, list) and all(
        isinstance(x, int | float) and not isinstance(x, bool) for x in row
    )
    return numbers and len(row) > 0


def _band(
    profile: Profile, report: Gap, arguments: argparse.Namespace, caps: dict[str, int | None]
) -> dict[str, Any]:
    """Ends of the optimum, and the largest loss of the tree, where the profile is estimated."""
    from theory.shapes import profile_band, regret_bound, value_band

    if not profile.exclusive:
        raise ValueError("a band needs lists of frequencies, which sum to at most 1")
    band = profile_band(profile, samples=arguments.samples, confidence=arguments.confidence)
    ends = value_band(band, nodes=arguments.budget, **caps)
    return {
        "kind": "interval",
        "confidence": arguments.confidence,
        "samples": arguments.samples,
        "lower": float(ends.lower[-1]),
        "upper": float(ends.upper[-1]),
        "largest_regret": regret_bound(report.shape, band, **caps),
    }


def _needed(profile: Profile, arguments: argparse.Namespace, caps: dict[str, int | None]) -> dict[str, Any]:
    """How many samples a list make sure that little is lost."""
    from theory.shapes import samples_needed

    regret, confidence = arguments.regret, arguments.confidence
    samples = samples_needed(
        profile,
        nodes=arguments.budget,
        regret=regret,
        confidence=confidence,
        max_depth=caps["max_depth"],
        max_children=caps["max_children"],
    )
    return {"regret": regret, "confidence": confidence, "samples": samples}


def _certificate(report: Gap) -> dict[str, Any]:
    from theory.shapes import BestFirst

    if isinstance(report.run, BestFirst):
        proof = report.run.certificate(report.budget)
        ends = {"least_kept": float(proof.kept), "largest_left_out": float(proof.left_out)}
        return {"method": "order ideal", "verified": True, **ends}
    return {"method": "dynamic programming", "verified": True, "inequalities": int(report.run.forests.size)}


def _plain(
    report: Gap,
    profile: Profile,
    notes: list[str],
    band: dict[str, Any] | None,
    needed: dict[str, Any] | None,
) -> dict[str, Any]:
    """Everything as JSON has it."""
    shape = report.shape
    weights = shape.weights(profile)
    return {
        "value": report.value,
        "kind": "exact",
        "budget": report.budget,
        "budget_counts_root": False,
        "drafted": shape.size,
        "depth": shape.depth,
        "tree": {
            "parents": list(shape.parents),
            "ranks": list(shape.ranks),
            "depths": list(shape.depths),
            "weights": weights.tolist(),
        },
        "certificate": _certificate(report),
        "values": report.values[: report.budget + 1].tolist(),
        "profile": profile.kind,
        "others": [
            {
                "name": row.name,
                "tokens": row.shape.size,
                "depth": row.shape.depth,
                "value": row.value,
                "gap": row.gap,
                "gap_at_budget": row.gap_at_budget,
                "optimum_needs": row.optimum_needs,
                "parents": list(row.shape.parents),
            }
            for row in report.rows
        ],
        "band": band,
        "samples_needed": needed,
        "notes": notes,
    }


def _show(report: Gap, notes: list[str], band: dict[str, Any] | None, needed: dict[str, Any] | None) -> None:
    """The table."""
    from rich.table import Table

    from specsim.commands.output import console

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("tree", no_wrap=True)
    for title in ("tokens", "depth", "per call", "gap", "gap at budget", "optimum needs"):
        table.add_column(title, justify="right", no_wrap=True)
    shape = report.shape
    table.add_row("optimum", str(shape.size), str(shape.depth), f"{report.value:.4f}", "", "", "")
    for row in report.rows:
        at_budget = "larger" if row.gap_at_budget is None else f"{100 * row.gap_at_budget:.2f}%"
        cells = (f"{row.value:.4f}", f"{100 * row.gap:.2f}%", at_budget, str(row.optimum_needs))
        table.add_row(row.name, str(row.shape.size), str(row.shape.depth), *cells)
    out = console()
    out.print(
        f"Budget {report.budget} drafted tokens; per call counts the token that the target adds. Optimum: "
        f"exact; certificate ({report.proved_by}) checked.\n"
    )
    out.print(table)
    if band:
        confidence, samples = f"{100 * band['confidence']:g}%", band["samples"]
        out.print(
            f"\nWith {confidence} confidence ({samples} samples a list) the optimum of the true "
            f"probabilities is between {band['lower']:.4f} and {band['upper']:.4f}, and this tree gives away "
            f"at most {100 * band['largest_regret']:.2f}% of the best of its size."
        )
    if needed:
        out.print(
            f"\n{needed['samples']:,} samples a list certify, with {100 * needed['confidence']:g}% "
            f"confidence, that a tree of this size gives away at most {100 * needed['regret']:g}%."
        )
    for note in notes:
        out.print(f"\nNote: {note}.")
