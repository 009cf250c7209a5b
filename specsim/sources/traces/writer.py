"""Writing a trace, a passage at a time, so that a killed recorder leaves a readable prefix.

Order of every step: a shard goes to a temporary file, is forced to the disk, takes its name, and only then
does the manifest get the line that lists it. Killed at any point, the directory holds a manifest whose
listed files are whole, at most one unlisted file, and at most one torn line. :meth:`TraceWriter.resume`
removes the last two and goes on.

Nothing that differs between runs is written (no time, no machine), and a shard ends only where a passage
does: with the passage that brings it to ``header.shard_rows`` rows. So the same passages give the same bytes,
and so do the same passages written in two sittings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from safetensors.numpy import save

from specsim.sources.traces.errors import TraceError
from specsim.sources.traces.forms import Shared
from specsim.sources.traces.header import Header, first_difference
from specsim.sources.traces.manifest import (
    NAME,
    Line,
    Manifest,
    append_line,
    header_line,
    read_manifest,
    sync_directory,
    write_durably,
)
from specsim.sources.traces.passage import Passage, check_passage, check_shared, describe, shard_tensors

_OURS = re.compile(r"(shard-\d{5,}|shared-[a-z0-9_-]+)\.safetensors(\.tmp)?")


@dataclass
class TraceWriter:
    """Appends passages to a trace; make one with :meth:`create` or :meth:`resume`.

    As a context manager it finishes the trace on a clean exit. After an exception it leaves the readable
    prefix and drops rows that don't fill a shard yet, which a resumed recording makes again.

    Examples
    --------
    >>> import tempfile
    >>> from specsim.sources.traces import Dense, Header, Source, Trace
    >>> header = Header(vocabulary=5, target=Source("dense"), drafts={"flat": Source("dense")},
    ...                 domains=("toy",), temperature=1.0, seed=0)
    >>> import numpy as np
    >>> rows = Dense(np.zeros((2, 5), dtype=np.float32))
    >>> passage = Passage("toy", "1", np.array([4, 0, 2]), np.array([1, 2]), rows, {"flat": rows})
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with TraceWriter.create(directory, header=header) as writer:
    ...         writer.append(passage)
    ...     len(Trace.open(directory))
    2
    """

    directory: Path
    header: Header
    shared: Mapping[str, Shared]
    passages: int = 0
    rows: int = 0
    complete: bool = False
    _shards: int = 0
    _pending: list[Passage] = field(default_factory=list)

    @classmethod
    def create(
        cls, path: str | Path, *, header: Header, shared: Mapping[str, Shared] | None = None
    ) -> TraceWriter:
        """Begin a new trace.

        Raises
        ------
        TraceError
            If the directory already holds a trace, or the heads and bases don't fit the header.
        """
        check_free(path)
        return cls.resume(path, header=header, shared=shared)

    @classmethod
    def resume(
        cls, path: str | Path, *, header: Header, shared: Mapping[str, Shared] | None = None
    ) -> TraceWriter:
        """Go on with a trace that was cut off, or begin it if nothing readable is there.

        A torn last line and files that no line lists are removed. ``writer.passages`` says how many
        passages are already kept; the caller appends from the next one on.

        Raises
        ------
        TraceError
            If the trace was begun with another header, heads or bases, or a listed file is gone or cut.
        """
        directory, arrays = Path(path), dict(shared or {})
        check_shared(header, arrays)
        directory.mkdir(parents=True, exist_ok=True)
        manifest = _cut_torn_tail(directory)
        _remove_unlisted(directory, manifest)
        kept = _opening(directory, header, arrays, manifest)
        shards = kept.of_kind("shard")
        return cls(
            directory=directory,
            header=header,
            shared=arrays,
            passages=sum(len(shard["passages"]) for shard in shards),
            rows=int(shards[-1]["rows"][1]) if shards else 0,
            complete=kept.complete,
            _shards=len(shards),
        )

    def append(self, passage: Passage) -> None:
        """Add one passage; a full shard is written at once.

        Raises
        ------
        TraceError
            If the passage does not fit the header; nothing of it is written then.
        """
        self._refuse_if_complete()
        check_passage(passage, self.header, self.shared)
        self._pending.append(passage)
        self.passages += 1
        if sum(p.rows for p in self._pending) >= self.header.shard_rows:
            self._flush()

    def finish(self) -> None:
        """Write the last, partial shard and the line that says that the trace is whole."""
        self._refuse_if_complete()
        if self._pending:
            self._flush()
        append_line(self.directory / NAME, {"kind": "end", "rows": self.rows, "shards": self._shards})
        self.complete = True

    def _refuse_if_complete(self) -> None:
        if self.complete:
            raise TraceError(f"{self.directory} is complete; nothing can be appended to it")

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        data = save(shard_tensors(pending))
        name = f"shard-{self._shards:05d}.safetensors"
        digest = write_durably(self.directory, name, data)
        stop = self.rows + sum(passage.rows for passage in pending)
        line: Line = {
            "kind": "shard",
            "file": name,
            "bytes": len(data),
            "sha256": digest,
            "rows": [self.rows, stop],
            "passages": [describe(passage) for passage in pending],
        }
        append_line(self.directory / NAME, line)
        self.rows, self._shards = stop, self._shards + 1

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and not self.complete:
            self.finish()


def check_free(path: str | Path) -> None:
    """Raise ``TraceError`` if a directory holds a trace, so that it is not overwritten."""
    if (Path(path) / NAME).exists():
        raise TraceError(
            f"{path} already holds a trace and is not overwritten; resume it, or choose another directory"
        )


def _cut_torn_tail(directory: Path) -> Manifest:
    """The readable prefix of the manifest, after cutting what follows it off the file."""
    path = directory / NAME
    if not path.exists():
        return Manifest((), good_bytes=0, torn_bytes=0)
    manifest = read_manifest(directory)
    if manifest.torn_bytes:
        with path.open("r+b") as file:
            file.truncate(manifest.good_bytes)
    return manifest


def _remove_unlisted(directory: Path, manifest: Manifest) -> None:
    """Remove what a stopped recorder left half done; refuse where the files can't be a recorder's."""
    listed = {line["file"] for line in manifest.lines if "file" in line}
    for path in sorted(directory.iterdir()):
        if not _OURS.fullmatch(path.name) or path.name in listed:
            continue
        if not (directory / NAME).exists():
            raise TraceError(f"{path} is in the way and no trace lists it; choose another directory")
        path.unlink()


def _opening(directory: Path, header: Header, shared: Mapping[str, Shared], manifest: Manifest) -> Manifest:
    """Check the header and shared lines that are there, and write those that are not."""
    expected = [header_line(header)]
    files = {f"shared-{name}.safetensors": value for name, value in sorted(shared.items())}
    for (name, value), file in zip(sorted(shared.items()), files, strict=True):
        expected.append({"kind": "shared", "name": name, "role": value.role, "file": file})
    for number, line in enumerate(expected):
        if number < len(manifest.lines):
            _check_same(directory, manifest.lines[number], line, files)
            continue
        if "file" in line:
            line |= _write_shared(directory, line["file"], files[line["file"]])
        append_line(directory / NAME, line)
    sync_directory(directory)
    _check_sizes(directory, manifest)
    return manifest


def _write_shared(directory: Path, file: str, value: Shared) -> Line:
    data = save(value.tensors())
    return {"bytes": len(data), "sha256": write_durably(directory, file, data)}


def _check_same(directory: Path, old: Line, new: Line, files: Mapping[str, Shared]) -> None:
    if new["kind"] == "header":
        if old != new:
            clause = first_difference(old["header"], new["header"])
            raise TraceError(f"{directory} was begun with another header, can't resume: {clause}")
        return
    digest = hashlib.sha256(save(files[new["file"]].tensors())).hexdigest()
    if old.get("file") != new["file"] or old.get("sha256") != digest:
        raise TraceError(f"{directory}: {new['file']} was made from another {new['role']}, can't resume")


def _check_sizes(directory: Path, manifest: Manifest) -> None:
    for line in manifest.lines:
        if "file" in line:
            check_size(directory, line)


def check_size(directory: Path, line: Line) -> None:
    """Raise if a listed file is gone or has another size than when it was written."""
    path = directory / line["file"]
    if not path.is_file():
        raise TraceError(f"{path} is missing; the manifest lists it")
    size = path.stat().st_size
    if size != line["bytes"]:
        word = "truncated" if size < line["bytes"] else "too long"
        raise TraceError(f"{path} is {word}: {size} bytes, the manifest says {line['bytes']}")
