"""Means over positions, with everything that is known about each: the report's numbers.

The mean over the positions of a trace is a number *of that trace*: exact where every term is, an interval
where the terms are intervals, an estimate (with the standard error of its random drafts) where one term is
estimated. That the trace itself is a sample of texts is another matter, and has a column of its own: the
``sampling_standard_error``, which treats the passages as drawn independently from all such passages and
allows for any dependence within a passage (cluster-robust, with the factor C / (C - 1) for C passages).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.report.cells import ESTIMATE, EXACT, INTERVAL, KINDS, Cells
from specsim.report.evaluation import Evaluation
from specsim.report.methods import Method

Array = NDArray[Any]

#: The domain name of rows that are over all positions.
ALL = "all"


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of N cells.

    Attributes
    ----------
    kind
        ``exact``, ``interval`` or ``estimate``.
    value
        The mean; the middle of an interval.
    lower, upper
        Rigorous ends; equal to the value if exact, NaN for an estimate.
    standard_error
        Of an estimate, from its random drafts alone; else 0.
    sampling_standard_error
        How far the mean would move with other passages; NaN with only one passage.
    """

    kind: str
    value: float
    lower: float
    upper: float
    standard_error: float
    sampling_standard_error: float


@dataclass(frozen=True, slots=True)
class Result:
    """One number of the report.

    Attributes
    ----------
    temperature, draft, domain
        Which positions and distributions; domain ``all`` is every position.
    method
        The rule, its law and the number of drafts.
    acceptance
        Mean probability that the emitted token is one of the drafts.
    gap
        Mean of bound minus acceptance.
    positions, passages
        How many the means are over.
    fewer_drafts
        Positions at which q has fewer than k tokens of positive probability, so that fewer drafts were made.
    samples
        Random drafts per position behind an estimate; 0 if none.
    """

    temperature: float
    draft: str
    domain: str
    method: Method
    acceptance: Mean
    gap: Mean
    positions: int
    passages: int
    fewer_drafts: int
    samples: int

    def tidy(self) -> dict[str, Any]:
        """One flat row of ``results.csv``."""
        method = self.method
        row: dict[str, Any] = {"temperature": self.temperature, "draft": self.draft, "domain": self.domain}
        row |= {"law": method.law, "rule": method.rule, "k": method.k}
        row |= _flat(self.acceptance, "") | _flat(self.gap, "gap_")
        row |= {"positions": self.positions, "passages": self.passages}
        return row | {"fewer_drafts": self.fewer_drafts, "samples": self.samples}


def _flat(mean: Mean, prefix: str) -> dict[str, Any]:
    names = ("kind", "value", "lower", "upper", "standard_error", "sampling_standard_error")
    flat = {f"{prefix}{name}": getattr(mean, name) for name in names}
    return {"gap" if name == "gap_value" else name: value for name, value in flat.items()}


def results(evaluation: Evaluation) -> list[Result]:
    """Every number of the report, in the order of temperatures, drafts, domains, methods.

    Examples
    --------
    See :func:`specsim.report.evaluate`.
    """
    return list(_results(evaluation))


def _results(evaluation: Evaluation) -> Iterator[Result]:
    everywhere = np.ones(len(evaluation), dtype=bool)
    domains = {ALL: everywhere} | {
        name: evaluation.places.domain == name for name in evaluation.domains if name != ALL
    }
    for temperature in evaluation.plan.temperatures:
        for draft in evaluation.drafts:
            for domain, rows in domains.items():
                for method in evaluation.methods:
                    yield _result(evaluation, temperature, draft, domain, rows, method)


def _result(
    evaluation: Evaluation, temperature: float, draft: str, domain: str, rows: Array, method: Method
) -> Result:
    cells = evaluation.of(temperature=temperature, draft=draft, method=method)[rows]
    bound = evaluation.of(temperature=temperature, draft=draft, method=method.bound)[rows]
    passages = evaluation.places.passage[rows]
    return Result(
        temperature=temperature,
        draft=draft,
        domain=domain,
        method=method,
        acceptance=mean_of_cells(cells, passages),
        gap=mean_of_cells(gaps(cells, bound), passages),
        positions=len(cells),
        passages=len(np.unique(passages)),
        fewer_drafts=int((cells["drafts"] < method.k).sum()),
        samples=int(cells["samples"].max()),
    )


def gaps(cells: Cells, bound: Cells) -> Cells:
    """Cells of bound minus value: an interval where one of them is, an estimate where the value is.

    The bound of an estimate's gap may be an interval of about 1e-11; its middle is taken.
    """
    out = cells.copy()
    out["value"] = bound["value"] - cells["value"]
    out["lower"] = bound["lower"] - cells["upper"]
    out["upper"] = bound["upper"] - cells["lower"]
    out["kind"] = np.where(cells["kind"] == ESTIMATE, ESTIMATE, np.maximum(cells["kind"], bound["kind"]))
    return out


def mean_of_cells(cells: Cells, passages: Array) -> Mean:
    """The mean of cells, of the weakest kind among them, with its sampling error over passages.

    Examples
    --------
    >>> from specsim.report.cells import exact_cells
    >>> mean = mean_of_cells(exact_cells([0.5, 0.7, 0.9, 0.9], drafts=2), np.array([0, 0, 1, 1]))
    >>> mean.kind, round(mean.value, 6), round(mean.sampling_standard_error, 6)
    ('exact', 0.75, 0.15)
    """
    count = len(cells)
    kind = int(cells["kind"].max())
    known = kind in (EXACT, INTERVAL)
    value = float(cells["value"].mean())
    return Mean(
        kind=KINDS[kind],
        value=value,
        lower=float(cells["lower"].mean()) if known else float("nan"),
        upper=float(cells["upper"].mean()) if known else float("nan"),
        standard_error=float(np.sqrt((cells["standard_error"] ** 2).sum())) / count,
        sampling_standard_error=clustered_standard_error(cells["value"], passages),
    )


def clustered_standard_error(values: Array, clusters: Array) -> float:
    """Standard error of a mean whose terms come in independent clusters; NaN for a single cluster.

    Examples
    --------
    >>> clustered_standard_error(np.array([0.0, 1.0, 0.0, 1.0]), np.array([0, 0, 1, 1]))
    0.0
    """
    labels, member = np.unique(clusters, return_inverse=True)
    if len(labels) < 2:
        return float("nan")
    totals = np.bincount(member.ravel(), weights=values - values.mean())
    return float(np.sqrt(len(labels) / (len(labels) - 1) * (totals**2).sum()) / len(values))
