"""One number with what is known about it: exact, an interval, or an estimate.

Cells are a structured array, so that those of a whole trace are one array of shape (positions,
temperatures, drafts, methods) and travel between processes as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.bounds import Bound
from theory.couplings import Estimate

Cells = NDArray[Any]

EXACT, INTERVAL, ESTIMATE = 0, 1, 2
#: Names of the kinds in files, by their code.
KINDS = ("exact", "interval", "estimate")

#: ``lower`` and ``upper`` equal ``value`` where it is exact and are NaN where it is an estimate;
#: ``drafts`` is how many drafts were really made: k, or the size of the support where that is smaller.
CELL = np.dtype(
    [
        ("value", "f8"),
        ("lower", "f8"),
        ("upper", "f8"),
        ("standard_error", "f8"),
        ("samples", "i8"),
        ("drafts", "i4"),
        ("kind", "i1"),
    ]
)


def exact_cells(value: ArrayLike, *, drafts: int) -> Cells:
    """Cells of exactly known numbers, shape of ``value``.

    Examples
    --------
    >>> exact_cells([0.5], drafts=2)["upper"]
    array([0.5])
    """
    numbers = np.asarray(value, dtype=np.float64)
    out = np.zeros(numbers.shape, dtype=CELL)
    out["value"] = out["lower"] = out["upper"] = numbers
    out["drafts"], out["kind"] = drafts, EXACT
    return out


def bound_cells(bound: Bound, *, drafts: int) -> Cells:
    """Cells of a bound: exact, or its rigorous interval."""
    out = exact_cells(bound.value, drafts=drafts)
    out["lower"], out["upper"] = bound.lower, bound.upper
    out["kind"] = INTERVAL if bound.kind == "interval" else EXACT
    return out


def estimate_cells(estimates: list[Estimate], *, drafts: int) -> Cells:
    """Cells of one estimate for each position."""
    out = exact_cells([float(estimate.value) for estimate in estimates], drafts=drafts)
    out["standard_error"] = [float(estimate.standard_error) for estimate in estimates]
    out["samples"] = [estimate.samples for estimate in estimates]
    out["lower"] = out["upper"] = np.nan
    out["kind"] = ESTIMATE
    return out
