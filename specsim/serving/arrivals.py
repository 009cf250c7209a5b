"""Recorded requests: when they came, how long prompts and outputs were.

Four forms, told apart by their columns (CSV) or keys (JSON lines); a name that ends in ``.gz`` is unpacked:

=============  =================================================  ==========================================
form           columns                                            times
=============  =================================================  ==========================================
own            arrival, prompt, output [, acceptance]             seconds
plain          timestamp, prompt_tokens, output_tokens            seconds, or date and time
Azure          TIMESTAMP, ContextTokens, GeneratedTokens          date and time
BurstGPT       Timestamp, Request tokens, Response tokens, ...    seconds
Mooncake       timestamp, input_length, output_length, ...        milliseconds
=============  =================================================  ==========================================

Everything is checked before anything is simulated: columns, every number, the end of the file. Requests are
put in the order of arrival (logs are often written at the end of a request); all forms but our own start
their first request at time 0.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from specsim.serving.workload import Workload


class BadArrivals(ValueError):
    """A file of requests is damaged or of no known form; the message says which line and why."""


@dataclass(frozen=True)
class _Form:
    """Names of a form's columns, what its times are, and columns that are not read."""

    name: str
    time: str
    prompt: str
    output: str
    unit: float = 1.0
    ignored: frozenset[str] = frozenset()
    from_zero: bool = True

    @property
    def needed(self) -> set[str]:
        return {self.time, self.prompt, self.output}

    @property
    def known(self) -> set[str]:
        return self.needed | self.ignored | {"acceptance"}


_FORMS = (
    _Form("own", "arrival", "prompt", "output", from_zero=False, ignored=frozenset({"meta"})),
    _Form("plain", "timestamp", "prompt_tokens", "output_tokens", ignored=frozenset({"meta"})),
    _Form("Azure", "TIMESTAMP", "ContextTokens", "GeneratedTokens"),
    _Form(
        "BurstGPT",
        "Timestamp",
        "Request tokens",
        "Response tokens",
        ignored=frozenset({"Model", "Total tokens", "Log Type", "Session ID", "Elapsed time"}),
    ),
    _Form(
        "Mooncake",
        "timestamp",
        "input_length",
        "output_length",
        unit=1e-3,
        ignored=frozenset({"hash_ids", "session_id", "chat_id", "parent_chat_id", "turn", "type", "model"}),
    ),
)


def read_arrivals(
    path: str | Path,
    *,
    acceptance: float | tuple[float, float] | None = None,
    rng: np.random.Generator | None = None,
    limit: int | None = None,
) -> Workload:
    """Requests of a file.

    Parameters
    ----------
    path
        ``.csv``, ``.jsonl`` or either with ``.gz``; told apart by the first character, not by the name.
    acceptance
        Of the drafts, where the file does not say: one probability, or the two parameters of a beta law that
        each request's is drawn from (with ``rng``).
    rng
        For the beta law.
    limit
        Most requests: the first of the file.

    Returns
    -------
    Workload
        In the order of arrival.

    Raises
    ------
    BadArrivals
        If the file is empty, cut, of no known form, or a number is not what it should be.

    Notes
    -----
    O(file); 32 bytes a request.
    """
    arrival, prompt, output, share = array("d"), array("q"), array("q"), array("d")
    form = None
    for rows, (where, found, entry) in enumerate(_entries(Path(path))):
        if rows == limit:
            break
        form = found
        request = _request(entry, form, where)
        arrival.append(request[0])
        prompt.append(request[1])
        output.append(request[2])
        share.append(request[3])
    if form is None:
        raise BadArrivals(f"{path} holds no request")
    times, accepted = np.array(arrival), _acceptances(np.array(share), acceptance, rng, str(path))
    order = np.argsort(times, kind="stable")
    first = float(times.min()) if form.from_zero else 0.0
    return Workload((times - first)[order], np.array(prompt)[order], np.array(output)[order], accepted[order])


def has_acceptance(path: str | Path) -> bool:
    """Whether the first request of a file says how well its drafts do."""
    return any("acceptance" in entry for _, _, entry in islice(_entries(Path(path)), 1))


def _entries(path: Path) -> Iterator[tuple[str, _Form, Mapping[str, Any]]]:
    """Each request's place in the file, the file's form, and its fields."""
    try:
        with _opened(path) as file:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            yield from _json_lines(file, path) if first.lstrip()[:1] == "{" else _csv_rows(file, path)
    except UnicodeDecodeError as error:
        raise BadArrivals(f"{path} is not UTF-8 text: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArrivals(f"{path} is cut or no gzip file: {error}") from None


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _json_lines(file: IO[str], path: Path) -> Iterator[tuple[str, _Form, Mapping[str, Any]]]:
    form = None
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise BadArrivals(f"{where}: not JSON ({error}); the file may be cut") from None
        if not isinstance(entry, dict):
            raise BadArrivals(f"{where}: a request is an object, got {line.strip()[:60]!r}")
        form = form or _form_of(set(entry), where)
        _check_names(set(entry), form, where)
        yield where, form, entry


def _csv_rows(file: IO[str], path: Path) -> Iterator[tuple[str, _Form, Mapping[str, Any]]]:
    lines = _whole_lines(file, path)
    reader = csv.reader(lines, strict=True)
    header = [name.strip() for name in next(reader, [])]
    if not header:
        raise BadArrivals(f"{path} holds no request")
    form = _form_of(set(header), f"{path}, line 1")
    _check_names(set(header), form, f"{path}, line 1")
    if len(set(header)) < len(header):
        raise BadArrivals(f"{path}, line 1: a column comes twice, got {header}")
    for row in reader:
        if not row:
            continue
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(header):
            raise BadArrivals(
                f"{where}: {len(header)} columns are named, got {len(row)}; the file may be cut"
            )
        yield where, form, dict(zip(header, row, strict=True))


def _whole_lines(file: IO[str], path: Path) -> Iterator[str]:
    """Lines; the last one must have an end, or its last number may be a part of one."""
    for line in file:
        if not line.endswith("\n"):
            raise BadArrivals(
                f"{path}: the last line has no end, so the file may be cut; if it is whole, end it with a "
                "new line"
            )
        yield line


def _form_of(names: set[str], where: str) -> _Form:
    for form in _FORMS:
        if form.needed <= names:
            return form
    known = "; ".join(f"{form.time}, {form.prompt}, {form.output} ({form.name})" for form in _FORMS)
    raise BadArrivals(f"{where}: a request has one of these sets of columns: {known}; got {sorted(names)}")


def _check_names(names: set[str], form: _Form, where: str) -> None:
    lacking, unknown = sorted(form.needed - names), sorted(names - form.known)
    if lacking:
        raise BadArrivals(f"{where}: a request of form {form.name} has {', '.join(lacking)}, too")
    if unknown:
        raise BadArrivals(
            f"{where}: form {form.name} has no column {unknown[0]!r}; "
            f"known are {', '.join(sorted(form.known))}"
        )


def _request(entry: Mapping[str, Any], form: _Form, where: str) -> tuple[float, int, int, float]:
    time = _time(entry[form.time], form, where)
    prompt = _tokens(entry[form.prompt], form.prompt, 1, where)
    output = _tokens(entry[form.output], form.output, 0, where)
    share = math.nan
    if "acceptance" in entry:
        share = _number(entry["acceptance"], "acceptance", where)
        if not 0 <= share <= 1:
            raise BadArrivals(f"{where}: acceptance must be a probability in [0, 1], got {share:g}")
    return time, prompt, output, share


def _time(value: Any, form: _Form, where: str) -> float:
    if isinstance(value, str) and ("-" in value.strip()[1:] or ":" in value):
        return _date(value.strip(), where)
    seconds = _number(value, form.time, where) * form.unit
    if seconds < 0:
        raise BadArrivals(f"{where}: {form.time} must be 0 or later, got {value}")
    return seconds


def _date(text: str, where: str) -> float:
    """Seconds of a date and time; fractions of any number of digits. Without an offset it is taken as UTC."""
    head, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        moment = datetime.fromisoformat(
            head + rest[len(digits) :] + ("" if _offset(head + rest) else "+00:00")
        )
    except ValueError:
        raise BadArrivals(f"{where}: {text!r} is no number of seconds and no date and time") from None
    if dot and not digits:
        raise BadArrivals(f"{where}: {text!r} is no number of seconds and no date and time")
    return moment.timestamp() + (float(f"0.{digits}") if digits else 0.0)


def _offset(text: str) -> bool:
    return text.endswith("Z") or any(sign in text[11:] for sign in "+-")


def _tokens(value: Any, name: str, least: int, where: str) -> int:
    number = _number(value, name, where)
    if number != int(number) or number < least:
        raise BadArrivals(
            f"{where}: {name} must be a whole number of tokens of at least {least}, got {value}"
        )
    return int(number)


def _number(value: Any, name: str, where: str) -> float:
    good = isinstance(value, str | int | float) and not isinstance(value, bool)
    try:
        number = float(value) if good else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadArrivals(f"{where}: {name} must be a number, got {value!r}")
    return number


def _acceptances(
    recorded: np.ndarray,
    acceptance: float | tuple[float, float] | None,
    rng: np.random.Generator | None,
    path: str,
) -> np.ndarray:
    lacking = np.isnan(recorded)
    if not lacking.any():
        if acceptance is not None:
            raise BadArrivals(f"{path} has acceptances of its own; give none besides")
        return recorded
    if not lacking.all():
        raise BadArrivals(f"{path} has an acceptance for {int((~lacking).sum())} of {lacking.size} requests")
    if acceptance is None:
        raise BadArrivals(f"{path} does not say how well drafts do; give an acceptance")
    if isinstance(acceptance, tuple):
        if rng is None:
            raise BadArrivals("a beta law of acceptances needs a generator: give rng")
        return np.asarray(rng.beta(*acceptance, lacking.size))
    return np.full(lacking.size, float(acceptance))
