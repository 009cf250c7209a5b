"""Lazy, checked access to the files of a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from specsim.sources.traces.errors import TraceError
from specsim.sources.traces.forms import Shared, shared_from_tensors
from specsim.sources.traces.header import Header
from specsim.sources.traces.manifest import Line, Manifest, file_sha256
from specsim.sources.traces.writer import check_size

Array = NDArray[Any]


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise TraceError(f"{path} can't be read: {error}") from None


def _slice(file: Any, name: str, part: slice) -> Array:
    if part.stop is not None and part.start >= part.stop:  # the library takes no empty slices
        return np.asarray(file.get_tensor(name)[part])
    return np.asarray(file.get_slice(name)[part])


@dataclass(eq=False)
class File:
    """A listed file: its checksum is computed once, before its first byte is used."""

    path: Path
    line: Line
    _verified: bool = False

    def verify(self, *, again: bool = False) -> None:
        """Raise unless the file's SHA-256 is the one in the manifest."""
        if self._verified and not again:
            return
        check_size(self.path.parent, self.line)
        if file_sha256(self.path) != self.line["sha256"]:
            raise TraceError(
                f"{self.path} does not match its SHA-256 in the manifest: a byte was changed; "
                "restore the file or record the trace again"
            )
        self._verified = True

    def slices(self, wanted: dict[str, slice]) -> dict[str, Array]:
        """Parts of some arrays of the file; the rest is not read."""
        self.verify()
        with _reading(self.path) as file:
            missing = [name for name in wanted if name not in set(file.keys())]
            if missing:
                raise TraceError(f"{self.path} has no array {missing[0]!r}")
            return {name: _slice(file, name, part) for name, part in wanted.items()}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every array in the file."""
        self.verify()
        with _reading(self.path) as file:
            names = list(file.keys())
            return {name: tuple(file.get_slice(name).get_shape()) for name in names}


@dataclass(eq=False)
class Store:
    """The manifest and files of one trace, shared by all selections from it."""

    directory: Path
    header: Header
    manifest: Manifest
    _shared: dict[str, Shared] = field(default_factory=dict)

    @cached_property
    def shards(self) -> list[File]:
        """The shard files, in order of their rows."""
        lines = self.manifest.of_kind("shard")
        return [File(self.directory / line["file"], line) for line in lines]

    @cached_property
    def shared_files(self) -> dict[str, File]:
        """The files of heads and bases by name."""
        lines = self.manifest.of_kind("shared")
        return {line["name"]: File(self.directory / line["file"], line) for line in lines}

    def shared(self, name: str) -> Shared:
        """A head or base, read on first use and kept in its stored form."""
        if name not in self._shared:
            file = self.shared_files[name]
            tensors = file.slices({key: slice(None) for key in file.shapes})
            value = shared_from_tensors(file.line["role"], tensors)
            if value.vocabulary != self.header.vocabulary:
                raise TraceError(
                    f"mismatched vocabularies: {file.path} has {value.vocabulary} tokens, "
                    f"the header says {self.header.vocabulary}"
                )
            self._shared[name] = value
        return self._shared[name]

    @cached_property
    def passages(self) -> list[Line]:
        """What the manifest says about every passage."""
        return [passage for shard in self.shards for passage in shard.line["passages"]]

    @cached_property
    def passage_ends(self) -> NDArray[np.int64]:
        """Shape ``(P + 1,)``: the first row of every passage, and the number of rows."""
        return _offsets([passage["rows"] for passage in self.passages])

    @cached_property
    def shard_ends(self) -> NDArray[np.int64]:
        """Shape ``(S + 1,)``: the first row of every shard, and the number of rows."""
        return _offsets([shard.line["rows"][1] - shard.line["rows"][0] for shard in self.shards])

    @cached_property
    def shard_passages(self) -> NDArray[np.int64]:
        """Shape ``(S + 1,)``: the first passage of every shard, and the number of passages."""
        return _offsets([len(shard.line["passages"]) for shard in self.shards])

    def check_cheaply(self) -> None:
        """Everything that can be checked without reading an array."""
        _check_shared_lines(self)
        for shard in self.shards:
            check_size(self.directory, shard.line)
        for file in self.shared_files.values():
            check_size(self.directory, file.line)
        _check_rows(self)

    def check_shard(self, number: int) -> None:
        """Check a shard's arrays against the manifest and the header."""
        shard = self.shards[number]
        rows = int(shard.line["rows"][1] - shard.line["rows"][0])
        tokens = sum(passage["tokens"] for passage in shard.line["passages"])
        expected: dict[str, tuple[int | None, ...]] = {"tokens": (tokens,), "positions": (rows,)}
        for name in ("target", *self.header.drafts):
            expected |= self._expected(name, rows)
        for array, shape in expected.items():
            _check_shape(shard, array, shape)

    def _expected(self, name: str, rows: int) -> dict[str, tuple[int | None, ...]]:
        source, prefix = self.header.source(name), prefix_of(name)
        if source.storage == "dense":
            return {f"{prefix}.logits": (rows, self.header.vocabulary)}
        if source.storage == "sparse":
            return {f"{prefix}.weight": (rows,), f"{prefix}.counts": (rows,)}
        return {f"{prefix}.states": (rows, None)}


def prefix_of(name: str) -> str:
    """What the arrays of a source begin with."""
    return name if name == "target" else f"draft.{name}"


def _offsets(sizes: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def _check_shape(shard: File, array: str, shape: tuple[int | None, ...]) -> None:
    found = shard.shapes.get(array)
    if found is None:
        raise TraceError(f"{shard.path} has no array {array!r}")
    if found[0] != shape[0]:
        raise TraceError(
            f"{shard.path}: row count mismatch: {array!r} has {found[0]}, the manifest says {shape[0]}"
        )
    if len(found) != len(shape) or any(a != b for a, b in zip(found, shape, strict=True) if b):
        raise TraceError(
            f"{shard.path}: mismatched vocabularies: {array!r} has the shape {found}, "
            f"the header asks for {shape}"
        )


def _check_shared_lines(store: Store) -> None:
    roles = {name: file.line["role"] for name, file in store.shared_files.items()}
    if roles != store.header.shared:
        raise TraceError(
            f"{store.directory}: the header needs the shared arrays {store.header.shared}, "
            f"the manifest lists {roles}"
        )


def _check_rows(store: Store) -> None:
    start = 0
    for shard in store.shards:
        rows = sum(passage["rows"] for passage in shard.line["passages"])
        if shard.line["rows"] != [start, start + rows]:
            raise TraceError(
                f"{store.directory}: row count mismatch: {shard.line['file']} is listed with rows "
                f"{shard.line['rows']}, but its passages have {rows} rows after row {start}"
            )
        start += rows
    for end in store.manifest.of_kind("end"):
        if end["rows"] != start:
            raise TraceError(
                f"{store.directory}: row count mismatch: {start} rows are listed, "
                f"the last line says {end['rows']}"
            )
    if start == 0:
        raise TraceError(f"{store.directory} is empty: no shard was finished, so it has no rows")
