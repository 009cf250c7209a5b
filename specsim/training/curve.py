"""Learning curves: loss and metrics of every step, as a table that is written to CSV."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsim.models.config import Array


@dataclass(frozen=True, eq=False)
class Curve:
    """One row a step.

    Parameters
    ----------
    stages
        The stage of each step.
    columns
        Numbers by name, float64 of one entry a step; NaN where a stage has no such number.

    Examples
    --------
    >>> curve = Curve.empty().extended("pt", {"loss": 2.0}).extended("ft", {"loss": 1.0, "acceptance": 0.5})
    >>> curve["loss"].tolist(), curve["acceptance"].tolist(), len(curve)
    ([2.0, 1.0], [nan, 0.5], 2)
    """

    stages: tuple[str, ...]
    columns: Mapping[str, Array]

    @classmethod
    def empty(cls) -> Curve:
        """No step yet."""
        return cls((), {})

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, name: str) -> Array:
        """One column, or ``ValueError`` that says which there are."""
        if name not in self.columns:
            raise ValueError(f"the curve has no column {name!r}; it has {', '.join(self.columns) or 'none'}")
        return self.columns[name]

    def extended(self, stage: str, row: Mapping[str, float]) -> Curve:
        """The curve with one more step; O(steps)."""
        count = len(self)
        names = [*self.columns, *(name for name in row if name not in self.columns)]
        blank = np.full(count, math.nan)
        columns = {name: np.append(self.columns.get(name, blank), row.get(name, math.nan)) for name in names}
        return Curve((*self.stages, stage), columns)

    def smooth(self, name: str, *, width: int) -> Array:
        """A column's mean over the last ``width`` steps (fewer at the beginning); NaN is left out.

        Examples
        --------
        >>> curve = Curve(("a",) * 3, {"loss": np.array([3.0, 1.0, 2.0])})
        >>> curve.smooth("loss", width=2).tolist()
        [3.0, 2.0, 1.5]
        """
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        values = self[name]
        parts = [values[max(0, end - width) : end] for end in range(1, len(values) + 1)]
        return np.array([_mean(part) for part in parts])

    def to_csv(self, path: str | Path) -> None:
        """Write ``step,stage,...``, one line a step; whole or not at all."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["step", "stage", *self.columns])
        for step, stage in enumerate(self.stages):
            cells = [values[step] for values in self.columns.values()]
            table.writerow([step, stage, *("" if math.isnan(cell) else repr(float(cell)) for cell in cells)])
        target = Path(path)
        temporary = target.with_name(f"{target.name}.tmp")
        temporary.write_text(text.getvalue(), encoding="utf-8")
        os.replace(temporary, target)

    @classmethod
    def from_csv(cls, path: str | Path) -> Curve:
        """Read what :meth:`to_csv` wrote."""
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        if not rows or rows[0][:2] != ["step", "stage"]:
            raise ValueError(f"{path} is not a learning curve: its first line doesn't begin with step,stage")
        names = rows[0][2:]
        cells = [[float(cell) if cell else math.nan for cell in row[2:]] for row in rows[1:]]
        table = np.array(cells, dtype=np.float64).reshape(len(cells), len(names))
        return cls(tuple(row[1] for row in rows[1:]), {name: table[:, i] for i, name in enumerate(names)})


def _mean(part: Array) -> float:
    known = part[~np.isnan(part)]
    return float(known.mean()) if known.size else math.nan
