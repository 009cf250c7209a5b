"""Bounds on disk: written in pieces, complete only when the last file is there.

A directory holds

==================== =======================================================================================
``summary.json``     written last, so its presence says that all is there: the question, the pieces with their
                     sizes and SHA-256, and the means
``bounds-00000.npz`` some positions: ``row``, ``domain``, ``passage``, ``position``, and of shape
``bounds-00001.npz`` (n, temperatures, drafts, methods) ``value``, ``lower``, ``upper``, ``kind``, ``drafts``,
                     ``threshold``; with sets also ``sets``, packed bits
``positions.csv``    the same without certificates, tidy; ``positions.csv.partial`` until all is there
==================== =======================================================================================

A run that is cut off leaves pieces, each of them whole, and no ``summary.json``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from specsim.bounding.question import Question
from specsim.bounding.stream import Piece
from specsim.report.cells import KINDS

Array = NDArray[Any]

SUMMARY, TABLE = "summary.json", "positions.csv"
#: A piece is written when it has this many positions or bytes.
POSITIONS, BYTES = 512, 2**23
_CELLS = ("value", "lower", "upper", "kind", "drafts")
_COLUMNS = (
    *("row", "domain", "passage", "position", "temperature", "draft", "law", "k"),
    *("drafts", "kind", "value", "lower", "upper"),
)


@dataclass(eq=False)
class BoundWriter:
    """Writes pieces to a new directory as they come; a context manager.

    :meth:`finish` completes the directory; leaving it otherwise leaves it without ``summary.json``.

    Parameters
    ----------
    directory
        New, or empty.
    question, drafts
        What the pieces are about.

    Raises
    ------
    ValueError
        If there is something in the directory already.
    """

    directory: Path
    question: Question
    drafts: tuple[str, ...]
    _pending: list[Piece] = field(default_factory=list, repr=False)
    _files: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _table: IO[str] | None = field(default=None, repr=False)

    def __enter__(self) -> BoundWriter:
        if self.directory.exists() and (not self.directory.is_dir() or any(self.directory.iterdir())):
            raise ValueError(f"{str(self.directory)!r} exists already and is not an empty directory")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._table = (self.directory / f"{TABLE}.partial").open("w", encoding="utf-8", newline="")
        csv.writer(self._table, lineterminator="\n").writerow(_COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._table is not None:
            self._table.close()

    def add(self, piece: Piece) -> None:
        """Add the next positions."""
        self._pending.append(piece)
        size = sum(len(each) for each in self._pending)
        each = piece.cells.nbytes + piece.thresholds.nbytes + (0 if piece.sets is None else piece.sets.nbytes)
        if size >= POSITIONS or size * each >= BYTES * len(piece):
            self._write()

    def finish(self, summary: Mapping[str, Any]) -> Path:
        """Write what is left and, last, the summary; returns its path."""
        if self._table is None:
            raise ValueError("this writer was not entered; use it in a with statement")
        if self._pending:
            self._write()
        self._table.flush()
        os.fsync(self._table.fileno())
        self._table.close()
        os.replace(self.directory / f"{TABLE}.partial", self.directory / TABLE)
        content = {**summary, **described(self.question, self.drafts), "files": self._files}
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        path = self.directory / SUMMARY
        _write_whole(path, text.encode())
        return path

    def _write(self) -> None:
        arrays = joined(self._pending)
        name = f"bounds-{len(self._files):05d}.npz"
        path = self.directory / name
        with _partial(path).open("xb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        data = _partial(path).read_bytes()
        os.replace(_partial(path), path)
        self._files.append(
            {"file": name, "positions": len(arrays["row"]), "bytes": len(data), "sha256": _sha256(data)}
        )
        assert self._table is not None
        csv.writer(self._table, lineterminator="\n").writerows(self._rows(arrays))
        self._pending.clear()

    def _rows(self, arrays: Mapping[str, Array]) -> Iterator[tuple[Any, ...]]:
        """Tidy rows: one for each position, temperature, draft and method."""
        places = [arrays[name].tolist() for name in ("row", "domain", "passage", "position")]
        methods = list(self.question.methods())
        columns = [arrays[name] for name in ("drafts", "kind", "value", "lower", "upper")]
        for n, place in enumerate(zip(*places, strict=True)):
            for t, temperature in enumerate(self.question.temperatures):
                for d, draft in enumerate(self.drafts):
                    cells = zip(*(column[n, t, d].tolist() for column in columns), strict=True)
                    for (law, k), (drafts, kind, *ends) in zip(methods, cells, strict=True):
                        yield (*place, temperature, draft, law, k, drafts, KINDS[kind], *ends)


def joined(pieces: list[Piece]) -> dict[str, Array]:
    """The arrays of some pieces, put together."""
    arrays = {
        name: np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("row", "domain", "passage", "position")
    }
    cells = np.concatenate([piece.cells for piece in pieces])
    arrays |= {name: np.ascontiguousarray(cells[name]) for name in _CELLS}
    arrays["threshold"] = np.concatenate([piece.thresholds for piece in pieces])
    sets = [piece.sets for piece in pieces if piece.sets is not None]
    return arrays | ({"sets": np.concatenate(sets)} if sets else {})


def described(question: Question, drafts: tuple[str, ...]) -> dict[str, Any]:
    """A question for people and programs."""
    filters = question.filters
    return {
        "temperatures": list(question.temperatures),
        "drafts": list(drafts),
        "methods": [{"law": law, "drafts": k} for law, k in question.methods()],
        "filters": {"top_k": filters.top_k, "top_p": filters.top_p, "min_p": filters.min_p},
        "known_tokens": question.top,
        "limit": question.limit,
        "domains": None if question.domains is None else list(question.domains),
    }


@dataclass(frozen=True, eq=False)
class BoundFiles:
    """A complete directory of bounds; make one with :meth:`open`."""

    directory: Path
    summary: Mapping[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> BoundFiles:
        """Open a directory.

        Raises
        ------
        ValueError
            If the run that wrote it did not come to its end, or a file is missing or of another size.
        """
        directory = Path(path)
        if not (directory / SUMMARY).is_file():
            raise ValueError(
                f"{str(directory)!r} has no {SUMMARY}: the run that wrote it did not finish; run it again"
            )
        summary = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
        for entry in summary["files"]:
            file = directory / entry["file"]
            if not file.is_file() or file.stat().st_size != entry["bytes"]:
                raise ValueError(f"{str(file)!r} is missing or not of its size, {entry['bytes']} bytes")
        return cls(directory, summary)

    def pieces(self) -> Iterator[dict[str, Array]]:
        """The arrays of each file, in order, one file in memory at a time.

        Raises
        ------
        ValueError
            If a file is not the one that was written.
        """
        for entry in self.summary["files"]:
            path = self.directory / entry["file"]
            if _sha256(path.read_bytes()) != entry["sha256"]:
                raise ValueError(f"{str(path)!r} was changed: its SHA-256 is not that of the summary")
            with np.load(path, allow_pickle=False) as arrays:
                yield dict(arrays)


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is whole or not there."""
    with _partial(path).open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(_partial(path), path)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
