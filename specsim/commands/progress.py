"""Progress bars, and the sizes of what they end in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


class Progress:
    """A progress bar on a terminal, nothing elsewhere.

    Parameters
    ----------
    unit
        What is counted.
    doing
        What is said in front of the bar.
    """

    def __init__(self, *, unit: str = "position", doing: str = "evaluating") -> None:
        from tqdm import tqdm

        self.bar = tqdm(unit=unit, desc=doing, file=sys.stderr, disable=None, leave=False)

    def __enter__(self) -> Callable[[int, int], None]:
        return self._update

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def _update(self, done: int, total: int) -> None:
        self.bar.total = total
        self.bar.update(done - self.bar.n)


def megabytes(folder: str | Path) -> float:
    """Size of the files of a folder."""
    return sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
