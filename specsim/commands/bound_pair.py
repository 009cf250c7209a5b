"""``specsim bound PAIR.npz``: bounds for arrays p and q, or for lists of their likeliest tokens."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import UsageError

if TYPE_CHECKING:
    from theory.bounds import Bound
    from theory.laws import Law

_LISTS = ("p_tokens", "p_logprobs", "q_tokens", "q_logprobs")
_ENDS = ("value", "lower", "upper", "gap")


def run(arguments: argparse.Namespace) -> int:
    """Compute the bounds, check their certificates, print them."""
    missing = [f"--{option}" for option in ("law", "drafts") if getattr(arguments, option) is None]
    if missing:
        raise UsageError(
            f"specsim bound: the following arguments are required: {', '.join(missing)}; "
            "see `specsim bound --help`"
        )
    certificate = arguments.certificate and Path(arguments.certificate)
    if certificate and (certificate.exists() or not certificate.parent.is_dir()):
        what = "exists already" if certificate.exists() else "is in a directory that does not exist"
        raise UsageError(f"--certificate {str(certificate)!r} {what}; name a new file")
    arrays = _arrays(arguments.input)
    if "p" not in arrays and all(name in arrays for name in _LISTS):
        return _run_lists(arguments, arrays)
    if arguments.vocabulary is not None:
        raise UsageError("--vocabulary is for lists of tokens; whole distributions have their own")
    if certificate and len(arguments.law) * len(arguments.drafts) > 1:
        raise UsageError("--certificate takes the sets of one law and number of drafts; name one of each")
    p, q = _pair(arguments.input, arrays)

    found = _bounds(arguments, p, q)
    if certificate:
        _write_certificate(certificate, found[0][2], found[0][0])
    if arguments.json:
        _print_json([(name, drafts, _plain_bound(bound)) for name, drafts, bound in found])
        return 0
    for name, drafts, bound in found:
        _show(bound, name, drafts)
    return 0


def _bounds(arguments: argparse.Namespace, p: Any, q: Any) -> list[tuple[str, int, Bound]]:
    """The bound of each law and number of drafts, its certificate evaluated anew."""
    from theory.bounds import optimal_acceptance
    from theory.simplex import check_pair

    p, q = check_pair(p, q)
    found = []
    for name, drafts in _asked(arguments):
        law = _law(name, q, drafts)
        bound = optimal_acceptance(p=p, law=law)
        bound.verify(p=p, law=law)
        found.append((name, drafts, bound))
    return found


def _asked(arguments: argparse.Namespace) -> Iterator[tuple[str, int]]:
    return ((name, drafts) for name in arguments.law for drafts in arguments.drafts)


def _print_json(found: list[tuple[str, int, dict[str, Any]]]) -> None:
    """One law and number of drafts: an object of numbers. Several: a list of such with their names."""
    if len(found) == 1:
        content: Any = found[0][2]
    else:
        content = [{"law": name, "drafts": drafts, **numbers} for name, drafts, numbers in found]
    sys.stdout.write(json.dumps(content) + "\n")


def _arrays(text: str) -> dict[str, Any]:
    """All arrays of a file."""
    import zipfile

    import numpy as np

    path = Path(text)
    if not path.is_file():
        raise UsageError(f"there is no file {text!r}")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{text!r} is not an .npz file; write one with numpy.savez({text!r}, p=p, q=q)")
    wanted = ("p", "q", *_LISTS, "vocabulary")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            # what is not ours need not be readable, but messages name it
            return {name: arrays[name] if name in wanted else None for name in arrays}
    except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"{text!r} can't be read: {error}") from None


def _pair(text: str, arrays: dict[str, Any]) -> tuple[Any, Any]:
    """The arrays p and q of a file."""
    missing = [name for name in ("p", "q") if name not in arrays]
    if missing:
        has = ", ".join(arrays) or "none"
        raise UsageError(f"{text!r} has no array {' and no array '.join(missing)}; its arrays: {has}")
    pair = arrays["p"], arrays["q"]
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


def _plain_bound(bound: Bound) -> dict[str, Any]:
    return {**{name: _plain(getattr(bound, name)) for name in _ENDS}, "kind": bound.kind}


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


def _show(bound: Bound, law: str, drafts: int) -> None:
    """A line a row: value, ends, the size of the proving set."""
    import numpy as np

    ends = [np.atleast_1d(np.asarray(getattr(bound, end), dtype=float)).ravel() for end in _ENDS]
    sizes = np.atleast_1d(bound.dual_set.sum(axis=-1)).ravel()
    kind = "exact (closed form in float64)" if bound.kind == "exact" else "a rigorous interval"
    _print_rows(
        f"{drafts} drafts, law {law}: {kind}; certificate evaluated anew.\n",
        ("row", "best acceptance", "lower", "upper", "gap", "tokens in the proving set"),
        [(*row, f"{size:,}") for row, size in zip(_cells(*ends), sizes, strict=True)],
    )


def _cells(value: Any, lower: Any, upper: Any, gap: Any) -> Iterator[tuple[str, ...]]:
    for number, row in enumerate(zip(value, lower, upper, gap, strict=True)):
        yield (str(number), *(f"{end:.12f}" for end in row[:3]), f"{row[3]:.1e}")


def _print_rows(headline: str, titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    from specsim.commands.output import console

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    out = console()
    out.print(headline)
    out.print(table)


def _run_lists(arguments: argparse.Namespace, arrays: dict[str, Any]) -> int:
    """Intervals for lists of the likeliest tokens."""
    if arguments.certificate:
        raise UsageError("--certificate is for whole distributions; lists give intervals without one set")
    import numpy as np

    from specsim.bounding.pairs import truncated_cells

    batch, pairs = _lists(arguments, arrays)
    rows = [truncated_cells(p=p, q=q, laws=arguments.law, ks=arguments.drafts) for p, q in pairs]
    cells = np.stack(rows)
    found = []
    for place, (name, drafts) in enumerate(_asked(arguments)):
        column = cells[:, place] if batch else cells[0, place]
        numbers = {end: _plain(column[end]) for end in ("value", "lower", "upper")}
        found.append((name, drafts, {**numbers, "gap": _plain(column["upper"] - column["lower"])}))
    if arguments.json:
        _print_json([(name, drafts, {**numbers, "kind": "interval"}) for name, drafts, numbers in found])
        return 0
    for name, drafts, numbers in found:
        columns = (np.atleast_1d(numbers[end]) for end in _ENDS)
        headline = f"{drafts} drafts, law {name}: a rigorous interval, for all that the lists leave open.\n"
        _print_rows(headline, ("row", "middle", "lower", "upper", "width"), list(_cells(*columns)))
    return 0


def _lists(arguments: argparse.Namespace, arrays: dict[str, Any]) -> tuple[bool, list[tuple[Any, Any]]]:
    """Whether there are several rows, and the lists of p and q of each."""
    import numpy as np

    from theory.bounds import Truncated

    vocabulary = arguments.vocabulary
    if vocabulary is None:
        if "vocabulary" not in arrays:
            raise UsageError("lists do not say how many tokens there are; give --vocabulary V")
        vocabulary = int(arrays["vocabulary"])
    shapes = {name: arrays[name].shape for name in _LISTS}
    ndim = arrays["p_tokens"].ndim
    same = shapes["p_tokens"] == shapes["p_logprobs"] and shapes["q_tokens"] == shapes["q_logprobs"]
    if ndim not in (1, 2) or not same or shapes["p_tokens"][:-1] != shapes["q_tokens"][:-1]:
        raise ValueError(
            "tokens and log-probabilities must have one shape, (m,) or (n, m) with one n for p and q; got "
            + ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        )
    if arrays["p_tokens"].size == 0 or arrays["q_tokens"].size == 0:
        raise ValueError("the lists are empty; each row needs at least one token of p and of q")
    rows = [np.atleast_2d(arrays[name]) for name in _LISTS]
    pairs = []
    for number, (p_tokens, p_logs, q_tokens, q_logs) in enumerate(zip(*rows, strict=True)):
        try:
            p = Truncated.from_log_probabilities(p_tokens, p_logs, vocabulary=vocabulary)
            q = Truncated.from_log_probabilities(q_tokens, q_logs, vocabulary=vocabulary)
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from None
        pairs.append((p, q))
    return ndim == 2, pairs
