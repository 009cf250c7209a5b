"""The manifest of a trace: one JSON object a line, only ever appended to.

Each line carries ``check``, the first 16 hexadecimal digits of the SHA-256 of the line without it, so a
flipped byte is found in the manifest too. A line counts when its newline is on the disk. Bytes after the
last newline are a *torn tail*: the recorder was stopped while writing them, they are ignored and reported.
A bad line *before* the last newline can't come from a stopped recorder, so it is an error.

Four kinds of lines, in this order: one ``header``, one ``shared`` for each head or base, then a ``shard`` for
each shard, and an ``end`` when the recording was finished.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specsim.sources.traces.errors import TraceError
from specsim.sources.traces.header import FORMAT, READABLE, SCHEMA, Header

NAME = "manifest.jsonl"
Line = dict[str, Any]


def canonical(value: Line) -> bytes:
    """The one way in which a JSON object is written: sorted keys, ASCII, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _check(value: Line) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()[:16]


def encode(value: Line) -> bytes:
    r"""One manifest line with its check and newline.

    Examples
    --------
    >>> encode({"kind": "end", "rows": 0})
    b'{"check":"e393dba8e02b29b3","kind":"end","rows":0}\n'
    """
    return canonical({**value, "check": _check(value)}) + b"\n"


def decode(text: bytes) -> Line:
    """The object of one manifest line; ``TraceError`` if it isn't as it was written."""
    try:
        value = json.loads(text)
        check, _ = value.pop("check"), value["kind"]
    except (ValueError, KeyError, AttributeError, TypeError):
        raise TraceError("is not a JSON object with a 'kind' and a 'check'") from None
    if check != _check(value):
        raise TraceError(f"does not match its check {check!r}: a byte was changed")
    return dict(value)


@dataclass(frozen=True)
class Manifest:
    """The readable lines of a manifest.

    ``good_bytes`` is where the last readable line ends, ``torn_bytes`` how many bytes follow it.
    """

    lines: tuple[Line, ...]
    good_bytes: int
    torn_bytes: int

    def of_kind(self, kind: str) -> list[Line]:
        """The lines of one kind, in order."""
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def complete(self) -> bool:
        """Whether the recording was finished."""
        return bool(self.lines) and self.lines[-1]["kind"] == "end"


def read_manifest(directory: Path) -> Manifest:
    """All readable lines of a trace's manifest.

    Raises
    ------
    TraceError
        For a missing file, a file that isn't a trace's manifest, an unreadable schema version, or a bad line.
    """
    path = directory / NAME
    try:
        data = path.read_bytes()
    except OSError:
        raise TraceError(
            f"{directory} is not a trace: there is no file {NAME} in it"
            if directory.exists()
            else f"{directory} does not exist; give the directory of a recorded trace"
        ) from None
    good = data.rfind(b"\n") + 1
    return Manifest(tuple(_lines(path, data[:good])), good, torn_bytes=len(data) - good)


def _lines(path: Path, data: bytes) -> Iterator[Line]:
    for number, text in enumerate(data.splitlines(), start=1):
        try:
            line = decode(text)
        except TraceError as error:
            raise TraceError(f"{path}: line {number} {error}") from None
        if number == 1:
            _check_first(path, line)
        yield line


def _check_first(path: Path, line: Line) -> None:
    """Raise unless the first line is the header of a version that can be read."""
    if line.get("kind") != "header" or line.get("format") != FORMAT:
        raise TraceError(f"{path} is not a trace's manifest: its first line is not a {FORMAT} header")
    if line.get("schema") not in READABLE:
        readable = ", ".join(str(version) for version in READABLE)
        raise TraceError(
            f"{path} has schema version {line.get('schema')!r}; this release reads {readable}. "
            "Read it with the release that wrote it, or record it again"
        )


def header_line(header: Header) -> Line:
    """The first line of a manifest."""
    return {"kind": "header", "format": FORMAT, "schema": SCHEMA, "header": header.to_json()}


def append_line(path: Path, line: Line) -> None:
    """Append one line and wait until it is on the disk."""
    with path.open("ab") as file:
        file.write(encode(line))
        file.flush()
        os.fsync(file.fileno())


def write_durably(directory: Path, name: str, data: bytes) -> str:
    """Write a file so that it is whole or not there; return its SHA-256.

    The bytes go to a temporary file, are forced to the disk, and the file then takes its name in one step.
    """
    temporary = directory / f"{name}.tmp"
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, directory / name)
    sync_directory(directory)
    return hashlib.sha256(data).hexdigest()


def sync_directory(directory: Path) -> None:
    """Force the names in a directory to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
