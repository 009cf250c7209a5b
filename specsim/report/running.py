r"""Means of cells that come a few positions at a time, in memory that does not grow with their number.

The same numbers as :func:`specsim.report.results.mean_of_cells`, up to rounding (1e-8 in the cluster-robust
error). With :math:`T_c` the sum and :math:`n_c` the number of a passage's values and m their mean, that error
needs :math:`\sum_c (T_c - n_c m)^2 = \sum T_c^2 - 2 m \sum n_c T_c + m^2 \sum n_c^2`, so three sums over
finished passages and one open passage are all that is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.report.cells import EXACT, INTERVAL, KINDS, Cells
from specsim.report.results import Mean

Array = NDArray[Any]


@dataclass(eq=False)
class RunningMeans:
    """Means over positions of cells of one shape, added a few positions at a time.

    Parameters
    ----------
    shape
        What one position has: (temperatures, drafts, methods), say.

    Examples
    --------
    >>> from specsim.report.cells import exact_cells
    >>> means = RunningMeans(())
    >>> means.add(exact_cells([0.5, 0.7, 0.9], drafts=2), np.array([0, 0, 1]))
    >>> means.add(exact_cells([0.9], drafts=2), np.array([1]))
    >>> mean = means.mean()
    >>> mean.kind, round(mean.value, 6), round(mean.sampling_standard_error, 6)
    ('exact', 0.75, 0.15)
    """

    shape: tuple[int, ...]
    positions: int = 0
    passages: int = 0
    _sums: Array = field(init=False, repr=False)
    _passages: Array = field(init=False, repr=False)
    _kinds: Array = field(init=False, repr=False)
    _squares: int = field(default=0, init=False, repr=False)
    _open: tuple[int, int, Array] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._sums = np.zeros((4, *self.shape))
        self._passages = np.zeros((2, *self.shape))
        self._kinds = np.zeros(self.shape, dtype=np.int8)

    def add(self, cells: Cells, passages: Array) -> None:
        """Add positions: cells of shape ``(n, *shape)``, and the passage of each, in the trace's order.

        Raises
        ------
        ValueError
            If shapes do not fit.
        """
        if cells.shape != (len(passages), *self.shape):
            raise ValueError(f"cells of shape {cells.shape} for {len(passages)} positions of {self.shape}")
        for row, name in enumerate(("value", "lower", "upper")):
            self._sums[row] += cells[name].sum(axis=0)
        self._sums[3] += (cells["standard_error"] ** 2).sum(axis=0)
        np.maximum(self._kinds, cells["kind"].max(axis=0, initial=EXACT), out=self._kinds)
        self.positions += len(passages)
        starts = np.flatnonzero(np.diff(passages, prepend=passages[:1] - 1))
        for start, end in zip(starts, [*starts[1:], len(passages)], strict=True):
            self._add_passage(int(passages[start]), int(end - start), cells["value"][start:end].sum(axis=0))

    def _add_passage(self, passage: int, count: int, total: Array) -> None:
        if self._open is not None and self._open[0] == passage:
            self._open = (passage, self._open[1] + count, self._open[2] + total)
            return
        self._close()
        self._open = (passage, count, total)
        self.passages += 1

    def _close(self) -> None:
        if self._open is not None:
            _, count, total = self._open
            self._passages += np.stack([total**2, count * total])
            self._squares += count**2

    def _with_open(self, place: tuple[int, ...]) -> tuple[float, float, int]:
        """The three sums over passages, as if the open one ended here."""
        squares, products = (float(self._passages[(row, *place)]) for row in range(2))
        _, count, totals = self._open or (0, 0, np.zeros(self.shape))
        total = float(totals[place])
        return squares + total**2, products + count * total, self._squares + count**2

    def mean(self, *place: int) -> Mean:
        """The mean at one place of the shape.

        Raises
        ------
        ValueError
            If nothing was added yet.
        """
        if not self.positions:
            raise ValueError("there is no mean of no positions; add some first")
        value, lower, upper, variance = (float(self._sums[(row, *place)]) for row in range(4))
        kind, count = int(self._kinds[place]), self.positions
        known = kind in (EXACT, INTERVAL)
        return Mean(
            kind=KINDS[kind],
            value=value / count,
            lower=lower / count if known else float("nan"),
            upper=upper / count if known else float("nan"),
            standard_error=float(np.sqrt(variance)) / count,
            sampling_standard_error=self._sampling_error(place, value / count),
        )

    def _sampling_error(self, place: tuple[int, ...], mean: float) -> float:
        if self.passages < 2:
            return float("nan")
        squares, products, counts = self._with_open(place)
        spread = max(squares - 2 * mean * products + mean**2 * counts, 0.0)
        return float(np.sqrt(self.passages / (self.passages - 1) * spread)) / self.positions
