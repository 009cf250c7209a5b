"""A progress bar for positions of a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Progress:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, stream: Any) -> None:
        from tqdm import tqdm

        self.bar = tqdm(unit="position", desc="evaluating", file=stream, disable=None, leave=False)

    def __enter__(self) -> Callable[[int, int], None]:
        return self._update

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def _update(self, done: int, total: int) -> None:
        self.bar.total = total
        self.bar.update(done - self.bar.n)
