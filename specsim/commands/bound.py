"""``specsim bound``: the best possible acceptance for given distributions, or along a recorded trace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from specsim.commands.parsing import Parser, UsageError, listed, name, number, one_of, whole

_LAWS = ("iid", "without-replacement", "top-k-plus-sample", "point")
_DESCRIPTION = """\
The largest probability with which any lossless rule can emit one of the drafts, for a target p and drafts
made from q.

INPUT is a file PAIR.npz or the directory of a recorded trace. PAIR.npz holds either
  p, q                                        distributions (float32 or float64) of shape (V,) or (n, V)
  p_tokens, p_logprobs, q_tokens, q_logprobs  lists of the likeliest tokens and their natural logarithms, of
                                              shape (m,) or (n, m), as serving engines return them; say
                                              --vocabulary, or hold it as the array vocabulary

The answer is exact (a closed form in float64) or a rigorous interval: for drafts without replacement, and
wherever only the likeliest tokens are known. From whole distributions it comes with a set H of tokens that
proves it: no rule accepts with more than 1 + p(H) - Pr(all drafts in H).
"""
_EPILOG = """\
laws:
  iid                   independent draws from q
  without-replacement   different tokens, drawn one after the other from what is left of q
  top-k-plus-sample     the likeliest tokens of q but for one, and one draw from the rest
  point                 the likeliest tokens of q

files of --out DIR (new): bounds-00000.npz and so on, positions.csv, and last of all summary.json; a run that
was interrupted leaves no summary.json.

examples:
  specsim bound pair.npz --law iid --drafts 4
  specsim bound pair.npz --law without-replacement --drafts 4 --json --certificate set.npz
  specsim bound lists.npz --law iid,point --drafts 2 --vocabulary 128256
  specsim bound traces/smollm2-135m --law iid,without-replacement --drafts 1,2,4,8 --out bounds
  specsim bound traces/smollm2-135m --draft skip --top 20
"""
#: Options that only one kind of input has.
_OF_TRACES = ("draft", "temperatures", "top_k", "top_p", "min_p", "domains", "limit", "top", "out", "jobs")
_OF_PAIRS = ("certificate", "vocabulary")


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "bound",
        help="the best possible acceptance for a given p and q, or along a trace",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("input", metavar="INPUT", help="PAIR.npz, or the directory of a recorded trace")
    parser.add_argument(
        "--law", metavar="LAW,LAW", type=listed(one_of(_LAWS)), help=f"{', '.join(_LAWS)} (of a trace: all)"
    )
    parser.add_argument(
        "--drafts",
        metavar="K,K",
        type=listed(whole(1)),
        help="numbers of drafts (of a trace: 1,2,4,8)",
    )
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    _add_of_pairs(parser)
    _add_of_traces(parser)
    parser.set_defaults(run=run)
    return parser


def _add_of_pairs(parser: Parser) -> None:
    group = parser.add_argument_group("for PAIR.npz")
    parser.options += ["--certificate", "--vocabulary"]
    group.add_argument("--certificate", metavar="OUT.npz", help="write the proving sets to a new file")
    group.add_argument("--vocabulary", metavar="V", type=whole(1), help="number of tokens, for lists")


def _add_of_traces(parser: Parser) -> None:
    group = parser.add_argument_group("for a trace")
    parser.options += [f"--{option.replace('_', '-')}" for option in (*_OF_TRACES, "sets")]
    group.add_argument("--draft", metavar="A,B", type=listed(name), help="recorded drafts to look at (all)")
    group.add_argument(
        "--temperatures", metavar="T,T", type=listed(number(0)), help="for target and draft (1.0)"
    )
    group.add_argument("--top-k", metavar="N", type=whole(1), help="keep the N largest tokens of both (all)")
    group.add_argument(
        "--top-p",
        metavar="P",
        type=number(0, 1, open_low=True),
        help="keep the nucleus of mass P of both (all)",
    )
    group.add_argument(
        "--min-p", metavar="P", type=number(0, 1), help="drop tokens below P times the largest (none)"
    )
    group.add_argument("--domains", metavar="A,B", type=listed(name), help="domains of the texts (all)")
    group.add_argument("--limit", metavar="N", type=whole(1), help="at most N positions, evenly spaced (all)")
    group.add_argument(
        "--top", metavar="N", type=whole(1), help="intervals from the N likeliest tokens of p and q alone"
    )
    group.add_argument("--out", metavar="DIR", help="write every position and its certificates to a new DIR")
    group.add_argument("--sets", action="store_true", help="with --out: whole proving sets, not thresholds")
    group.add_argument("--jobs", metavar="N", type=whole(1), help="processes (one a core)")


def run(arguments: argparse.Namespace) -> int:
    """Compute the bounds, check their certificates, print them."""
    if Path(arguments.input).is_dir():
        _refuse(arguments, _OF_PAIRS, "a trace", "PAIR.npz")
        from specsim.commands import bound_trace

        return bound_trace.run(arguments)
    _refuse(arguments, _OF_TRACES, "PAIR.npz", "a trace")
    from specsim.commands import bound_pair

    return bound_pair.run(arguments)


def _refuse(arguments: argparse.Namespace, options: tuple[str, ...], given: str, other: str) -> None:
    """A complaint about an option that the other kind of input has."""
    for option in options:
        if getattr(arguments, option) is not None:
            raise UsageError(
                f"--{option.replace('_', '-')} is for {other}; the input {arguments.input!r} is {given}"
            )
    if arguments.sets and (given != "a trace" or not arguments.out):
        raise UsageError("--sets needs a trace and --out DIR: it says what is written there")
