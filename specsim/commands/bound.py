"""``specsim bound``: the best possible acceptance for given distributions."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, one_of, whole

if TYPE_CHECKING:
    from theory.bounds import Bound
    from theory.laws import Law

_LAWS = ("iid", "without-replacement", "top-k-plus-sample", "point")
_DESCRIPTION = """\
The largest probability with which any lossless rule can emit one of the drafts, for a target p and drafts
made from q. PAIR.npz holds the arrays p and q (float32 or float64), of shape (V,) or a batch (n, V); each row
must be a distribution.

The answer is exact (a closed form in float64) or, for drafts without replacement, a rigorous interval. It
comes with a set H of tokens that proves it: no rule accepts with more than 1 + p(H) - Pr(all drafts in H).
"""
_EPILOG = """\
laws:
  iid                   independent draws from q
  without-replacement   different tokens, drawn one after the other from what is left of q
  top-k-plus-sample     the likeliest tokens of q but for one, and one draw from the rest
  point                 the likeliest tokens of q

examples:
  specsim bound pair.npz --law iid --drafts 4
  specsim bound pair.npz --law without-replacement --drafts 4 --json --certificate set.npz
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "bound",
        help="the best possible acceptance for a given p and q",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("pair", metavar="PAIR.npz", help="file with the arrays p and q")
    parser.add_argument("--law", metavar="LAW", type=one_of(_LAWS), required=True, help=", ".join(_LAWS))
    parser.add_argument("--drafts", metavar="K", type=whole(1), required=True, help="number of drafts")
    parser.add_argument("--json", action="store_true", help="print value, lower, upper, gap, kind as JSON")
    parser.add_argument("--certificate", metavar="OUT.npz", help="write the proving sets to a new file")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Compute the bound, check its certificate, print it."""
    certificate = arguments.certificate and Path(arguments.certificate)
    if certificate and (certificate.exists() or not certificate.parent.is_dir()):
        what = "exists already" if certificate.exists() else "is in a directory that does not exist"
        raise UsageError(f"--certificate {str(certificate)!r} {what}; name a new file")
    p, q = _read(arguments.pair)

    from theory.bounds import optimal_acceptance
    from theory.simplex import check_pair

    p, q = check_pair(p, q)
    law = _law(arguments.law, q, arguments.drafts)
    bound = optimal_acceptance(p=p, law=law)
    bound.verify(p=p, law=law)
    if certificate:
        _write_certificate(certificate, bound, arguments.law)
    if arguments.json:
        fields = {name: _plain(getattr(bound, name)) for name in ("value", "lower", "upper", "gap")}
        sys.stdout.write(json.dumps({**fields, "kind": bound.kind}) + "\n")
    else:
        _show(bound, arguments)
    return 0


def _read(text: str) -> tuple[Any, Any]:
    """The arrays p and q of a file."""
    import zipfile

    import numpy as np

    path = Path(text)
    if not path.is_file():
        raise UsageError(f"there is no file {text!r}")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{text!r} is not an .npz file; write one with numpy.savez({text!r}, p=p, q=q)")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [name for name in ("p", "q") if name not in arrays]
            if missing:
                has = ", ".join(arrays) or "none"
                raise UsageError(f"{text!r} has no array {' and no array '.join(missing)}; its arrays: {has}")
            pair = arrays["p"], arrays["q"]
    except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"{text!r} can't be read: {error}") from None
    for name, array in zip("pq", pair, strict=True):
        if array.dtype.name not in ("float32", "float64"):
            raise ValueError(
                f"the array {name} of {text!r} is of {array.dtype}; it must be float32 or float64"
            )
        if array.ndim == 0 or array.size == 0:
            raise ValueError(f"the array {name} of {text!r} is empty: its shape is {array.shape}")
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"p and q of {text!r} must have one shape, got {pair[0].shape} and {pair[1].shape}")
    return pair


def _law(name: str, q: Any, drafts: int) -> Law:
    from theory.laws import Iid, Point, TopKPlusSample, WithoutReplacement

    if name == "point":
        return Point.top(q, drafts)
    if name == "iid":
        return Iid(q, drafts)
    return WithoutReplacement(q, drafts) if name == "without-replacement" else TopKPlusSample(q, drafts)


def _plain(value: Any) -> Any:
    import numpy as np

    return np.asarray(value, dtype=np.float64).tolist()


def _write_certificate(path: Path, bound: Bound, law: str) -> None:
    import numpy as np

    with path.open("xb") as file:
        np.savez_compressed(
            file,
            dual_set=bound.dual_set,
            lower=bound.lower,
            upper=bound.upper,
            kind=np.array(bound.kind),
            law=np.array(law),
            drafts=bound.k,
        )


def _show(bound: Bound, arguments: argparse.Namespace) -> None:
    """A line a row: value, ends, the size of the proving set."""
    import numpy as np
    from rich.table import Table

    from specsim.commands.output import console

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for title in ("row", "best acceptance", "lower", "upper", "gap", "tokens in the proving set"):
        table.add_column(title, no_wrap=True)
    ends = [
        np.atleast_1d(np.asarray(x, dtype=float)) for x in (bound.value, bound.lower, bound.upper, bound.gap)
    ]
    sizes = np.atleast_1d(bound.dual_set.sum(axis=-1))
    rows = [end.ravel() for end in ends]
    for number, (value, lower, upper, gap) in enumerate(zip(*rows, strict=True)):
        cells = (
            f"{value:.12f}",
            f"{lower:.12f}",
            f"{upper:.12f}",
            f"{gap:.1e}",
            f"{sizes.ravel()[number]:,}",
        )
        table.add_row(str(number), *cells)
    kind = "exact (closed form in float64)" if bound.kind == "exact" else "a rigorous interval"
    out = console()
    out.print(f"{arguments.drafts} drafts, law {arguments.law}: {kind}; certificate evaluated anew.\n")
    out.print(table)
