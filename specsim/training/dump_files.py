r"""The files of a dump: chunks in safetensors, and a manifest with a checksum of each.

``manifest.jsonl`` is only ever appended to, one JSON object a line with a check of its own: a ``header``, a
``chunk`` for each finished file, and an ``end``. A chunk is written to the disk under another name, moved
into place in one step, and listed after that: whenever the writer is killed, what the manifest lists is
whole, and a resumed dump ends with the same bytes.

Chunk ``chunk-00000.safetensors`` holds the texts that were sampled together, one after the other, ``N``
tokens in all, and for each text its place::

    tokens          int32    (N,)
    hidden          float16  (N, D)     final hidden state after each token (after the final norm)
    layer_4, ...    float16  (N, D)     the residual stream after so many layers (before any final norm)
    log_normaliser  float32  (N, J)     log sum exp(logits / temperature j) over the whole vocabulary
    top_ids         int32    (N, K)     most likely next tokens, largest first (the smaller id of equals)
    top_log_p       float32  (N, K)     their log-probabilities at temperature 1
    offsets         int32    (texts + 1,)   first row of each text
    starts          int32    (texts,)       length of its prompt
    temperatures    float32  (texts,)       at which its continuation was sampled

*What is stored defines the law*: normalisers and top tokens belong to ``hidden`` as it was rounded to
float16.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from specsim.models.config import Array
from specsim.sources.traces.errors import TraceError
from specsim.sources.traces.manifest import (
    NAME,
    Line,
    append_line,
    decode,
    file_sha256,
    write_durably,
)

FORMAT, SCHEMA = "specsim-dump", 1


class DumpError(ValueError):
    """A dump is missing, broken or of another plan; the message says which, and what to do."""


class DumpWriter:
    """Appends chunks to a dump.

    Parameters
    ----------
    directory
        Where; made if need be.
    header
        What the dump says about itself; plain JSON values.
    resume
        Go on with a dump of the same header.

    Raises
    ------
    DumpError
        If there is a dump and ``resume`` is false, or the dump there has another header.
    """

    def __init__(self, directory: str | Path, *, header: Mapping[str, Any], resume: bool) -> None:
        self.directory = Path(directory)
        line = {"kind": "header", "format": FORMAT, "schema": SCHEMA, "header": dict(header)}
        self.chunks: list[Line] = []
        self.complete = False
        if not (self.directory / NAME).exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            append_line(self.directory / NAME, line)
        elif not resume:
            raise DumpError(f"{self.directory} holds a dump already; resume it, or choose another directory")
        else:
            self._go_on(line)

    def _go_on(self, line: Line) -> None:
        lines, good = read_lines(self.directory)
        os.truncate(self.directory / NAME, good)
        if not lines:
            append_line(self.directory / NAME, line)
        elif lines[0] != line:
            raise DumpError(
                f"{self.directory} holds a dump of another plan or other versions; {_differ(lines[0], line)}"
            )
        self.chunks = [entry for entry in lines if entry["kind"] == "chunk"]
        self.complete = bool(lines) and lines[-1]["kind"] == "end"

    @property
    def generated(self) -> int:
        """Tokens generated so far."""
        return sum(line["generated"] for line in self.chunks)

    def append(self, arrays: Mapping[str, Array], texts: Sequence[Mapping[str, str]]) -> None:
        """Write a chunk and list it."""
        file = f"chunk-{len(self.chunks):05}.safetensors"
        digest = write_durably(self.directory, file, safetensors.numpy.save(dict(arrays)))
        rows = int(arrays["offsets"][-1])
        line: Line = {
            "kind": "chunk",
            "file": file,
            "sha256": digest,
            "rows": rows,
            "generated": rows - int(arrays["starts"].sum()),
            "texts": [dict(text) for text in texts],
        }
        append_line(self.directory / NAME, line)
        self.chunks.append(line)

    def finish(self) -> None:
        """Say that the dump is complete."""
        if not self.complete:
            append_line(
                self.directory / NAME,
                {"kind": "end", "chunks": len(self.chunks), "generated": self.generated},
            )
            self.complete = True


def _differ(found: Line, wanted: Line) -> str:
    old, new = found.get("header", {}), wanted["header"]
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return f"what differs is {', '.join(names) or 'the format'}"


def read_lines(directory: Path) -> tuple[list[Line], int]:
    """The readable lines of a dump's manifest, and their bytes (a torn last line is left out)."""
    path = directory / NAME
    if not path.is_file():
        raise DumpError(f"{directory} is not a dump: there is no file {NAME} in it; make one by specsim dump")
    data = path.read_bytes()
    good = data.rfind(b"\n") + 1
    lines = []
    for number, text in enumerate(data[:good].splitlines(), start=1):
        try:
            lines.append(decode(text))
        except TraceError as error:
            raise DumpError(f"{path}: line {number} {error}") from None
    if lines and (lines[0].get("format"), lines[0].get("schema")) != (FORMAT, SCHEMA):
        raise DumpError(f"{path} is not the manifest of a dump that this release reads ({FORMAT}, {SCHEMA})")
    return lines, good


@dataclass(frozen=True)
class Text:
    """Where one text stands in a dump: rows ``[first, last)``, of which ``start`` are its prompt's."""

    name: str
    domain: str
    temperature: float
    first: int
    last: int
    start: int


@dataclass(frozen=True, eq=False)
class Dump:
    """A finished or growing dump, opened for reading.

    Chunks are read when asked for, and their checksum is computed once before their first byte is used.

    Raises
    ------
    DumpError
        If there is none, or it is broken.
    """

    directory: Path
    header: Mapping[str, Any]
    lines: tuple[Line, ...]

    @classmethod
    def open(cls, directory: str | Path) -> Dump:
        """Open a dump; of one that is still being made, what is finished."""
        lines, _ = read_lines(Path(directory))
        if not lines:
            raise DumpError(f"{directory} holds an empty dump; resume it")
        return cls(
            Path(directory), lines[0]["header"], tuple(line for line in lines if line["kind"] == "chunk")
        )

    @property
    def generated(self) -> int:
        """How many tokens were generated."""
        return sum(line["generated"] for line in self.lines)

    @property
    def rows(self) -> int:
        """How many tokens there are, prompts included."""
        return sum(line["rows"] for line in self.lines)

    @property
    def vocabulary(self) -> int:
        """Size of the target's vocabulary."""
        return int(self.header["vocabulary"])

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Temperatures of the stored normalisers, in order."""
        return tuple(self.header["normalisers"])

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        """All texts in order."""
        found, base = [], 0
        for number, line in enumerate(self.lines):
            place = self._chunk(number, ("offsets", "starts", "temperatures"))
            offsets, starts, warmth = place["offsets"], place["starts"], place["temperatures"]
            for i, text in enumerate(line["texts"]):
                first, last = base + int(offsets[i]), base + int(offsets[i + 1])
                found.append(
                    Text(text["name"], text["domain"], float(warmth[i]), first, last, int(starts[i]))
                )
            base += line["rows"]
        return tuple(found)

    def chunks(self, names: Sequence[str]) -> Iterator[dict[str, Array]]:
        """Some arrays, chunk by chunk: memory for one chunk at a time."""
        for number in range(len(self.lines)):
            yield self._chunk(number, names)

    def read(self, name: str) -> Array:
        """One array of all chunks together, as it is stored; its rows are those of :attr:`texts`."""
        return np.concatenate([part[name] for part in self.chunks((name,))])

    def verify(self) -> None:
        """Check every chunk's checksum; ``DumpError`` names the first that is broken."""
        for number in range(len(self.lines)):
            self._verify(number)

    @cached_property
    def _verified(self) -> set[int]:
        return set()

    def _verify(self, number: int) -> Path:
        line = self.lines[number]
        path: Path = self.directory / line["file"]
        if number not in self._verified:
            if not path.is_file():
                raise DumpError(f"{path} is missing, which the manifest lists; make the dump again")
            if file_sha256(path) != line["sha256"]:
                raise DumpError(f"{path} does not match its SHA-256 in the manifest; make the dump again")
            self._verified.add(number)
        return path

    def _chunk(self, number: int, names: Sequence[str]) -> dict[str, Array]:
        path = self._verify(number)
        try:
            with safe_open(path, framework="np") as file:
                known = set(file.keys())
                missing = [name for name in names if name not in known]
                if missing:
                    have = ", ".join(sorted(known))
                    raise DumpError(f"{self.directory} has no array {missing[0]!r}; it has {have}")
                return {name: file.get_tensor(name) for name in names}
        except SafetensorError as error:
            raise DumpError(f"{path} can't be read: {error}") from None
