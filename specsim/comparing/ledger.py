"""What was computed, kept line by line: a run that was killed goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class LedgerError(ValueError):
    """A ledger is of another run, or broken; the message says what to do."""


class Ledger:
    """Results by key in a JSON-lines file, one line a result, written at once and forced to disk.

    A line that a killed run left half-written is cut off when the file is opened next, and its result is
    computed again. The first line holds the settings: another run's results are never mixed in.

    Parameters
    ----------
    path
        The file; made with its directory if it is missing.
    settings
        What all results depend on besides their keys (model, temperature, budget): JSON values.

    Raises
    ------
    LedgerError
        If the file is that of other settings, or a line that isn't its last can't be read.

    Examples
    --------
    >>> import tempfile
    >>> directory = tempfile.TemporaryDirectory()
    >>> ledger = Ledger(Path(directory.name) / "run.jsonl", settings={"tokens": 4})
    >>> ledger.get_or("seed 0", lambda: 6 * 7)
    42
    >>> again = Ledger(Path(directory.name) / "run.jsonl", settings={"tokens": 4})
    >>> again.get_or("seed 0", lambda: 1 / 0)
    42
    >>> directory.cleanup()
    """

    def __init__(self, path: str | Path, *, settings: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self._settings = json.loads(json.dumps(dict(settings)))
        self._values: dict[str, Any] = {}
        if self.path.exists():
            self._load()
        if not self.path.exists() or self.path.stat().st_size == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"settings": self._settings})

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def put(self, key: str, value: Any) -> Any:
        """Keep a result; what is returned is what a later run reads."""
        if key in self._values:
            raise LedgerError(f"{self.path} already has a result {key!r}")
        line = {"key": key, "value": value}
        self._append(line)
        self._values[key] = json.loads(json.dumps(value))
        return self._values[key]

    def get_or(self, key: str, compute: Callable[[], Any]) -> Any:
        """The result of a key, computed and kept if it is new. JSON values: tuples come back as lists."""
        return self._values[key] if key in self._values else self.put(key, compute())

    def _append(self, line: Mapping[str, Any]) -> None:
        data = (json.dumps(line, separators=(",", ":")) + "\n").encode()
        with self.path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _load(self) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self.path, whole)
        lines = data[:whole].decode().splitlines()
        if not lines:
            return
        head = self._parsed(lines[0], 1).get("settings")
        if head != self._settings:
            raise LedgerError(
                f"{self.path} holds a run with other settings ({_difference(head, self._settings)}); "
                "use another directory, or delete the file"
            )
        for number, text in enumerate(lines[1:], start=2):
            line = self._parsed(text, number)
            self._values[line["key"]] = line["value"]

    def _parsed(self, text: str, number: int) -> dict[str, Any]:
        try:
            line: dict[str, Any] = json.loads(text)
            if "settings" in line or {"key", "value"} <= line.keys():
                return line
        except (ValueError, AttributeError):
            pass
        raise LedgerError(f"{self.path}: line {number} is no result; delete the line or the file")


def _difference(old: Any, new: Mapping[str, Any]) -> str:
    if not isinstance(old, dict):
        return "its first line has none"
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return "; ".join(f"{key}: {old.get(key)!r} there, {new.get(key)!r} here" for key in keys)
