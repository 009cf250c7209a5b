"""What an evaluation of a trace found at every position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from specsim.report.audit import Audit
from specsim.report.cells import KINDS, Cells
from specsim.report.demand import Demand
from specsim.report.methods import Method
from theory.simplex import Warp

Array = NDArray[Any]


@dataclass(frozen=True)
class Plan:
    """What to compute of a trace.

    Parameters
    ----------
    demand
        Numbers of drafts, samples and seed.
    temperatures
        Different ones, finite and at least 0; each is applied to target and draft alike.
    drafts
        Names of recorded drafts; all if None.
    limit
        At most so many positions, evenly spaced; all if None.
    filters
        A :class:`~theory.simplex.Warp` whose top-k, top-p and min-p are used; its temperature is not.
    certify_every
        Without replacement, evaluate the certificate of every so-many-th position anew (it takes as long as a
        bound); those of the other laws always are.

    Raises
    ------
    ValueError
        For a parameter out of its range.

    Examples
    --------
    >>> Plan(temperatures=(0.7,)).warp(0.7).temperature
    0.7
    """

    demand: Demand = field(default_factory=Demand)
    temperatures: tuple[float, ...] = (0.6, 1.0)
    drafts: tuple[str, ...] | None = None
    limit: int | None = None
    filters: Warp = field(default_factory=Warp)
    certify_every: int = 8

    def __post_init__(self) -> None:
        if not self.temperatures or len(set(self.temperatures)) < len(self.temperatures):
            raise ValueError(f"temperatures must be one or more different ones, got {self.temperatures}")
        for name in ("limit", "certify_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for temperature in self.temperatures:
            self.warp(temperature)

    def warp(self, temperature: float) -> Warp:
        """The processing of logits at a temperature."""
        filters = self.filters
        return Warp(temperature, filters.top_k, filters.top_p, filters.min_p)


@dataclass(frozen=True, eq=False)
class Places:
    """Where the N positions are: arrays of shape ``(N,)``, as in :class:`~specsim.sources.traces.Block`."""

    row: Array
    domain: Array
    passage: Array
    position: Array


@dataclass(frozen=True, eq=False)
class Pictures:
    """What the distributions look like.

    Attributes
    ----------
    tv, draft_entropy, draft_support
        Shape ``(N, temperatures, drafts)``: total variation distance of p and q; entropy of q in nats; tokens
        to which q gives positive probability.
    target_entropy
        Shape ``(N, temperatures)``: entropy of p in nats.
    """

    tv: Array
    target_entropy: Array
    draft_entropy: Array
    draft_support: Array


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Every method at every position of a trace.

    Attributes
    ----------
    plan
        What was asked for.
    drafts
        Names along the third axis of ``cells``.
    methods
        Rules under their laws, along the last axis of ``cells``.
    places, pictures
        Where the positions are, and what the distributions there look like.
    cells
        Structured array (see :mod:`specsim.report.cells`) of shape
        ``(N, temperatures, drafts, methods)``.
    audit
        What the checks found.
    """

    plan: Plan
    drafts: tuple[str, ...]
    methods: tuple[Method, ...]
    places: Places
    pictures: Pictures
    cells: Cells
    audit: Audit

    def __len__(self) -> int:
        return len(self.places.row)

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains of the positions, in the order in which they come."""
        return tuple(dict.fromkeys(self.places.domain.tolist()))

    def of(self, *, temperature: float, draft: str, method: Method) -> Cells:
        """The N cells of one method."""
        return self.cells[
            :,
            self.plan.temperatures.index(temperature),
            self.drafts.index(draft),
            self.methods.index(method),
        ]

    def positions(self) -> Iterator[dict[str, Any]]:
        """Tidy rows: one for each position, temperature, draft and method."""
        for t, temperature in enumerate(self.plan.temperatures):
            for d, draft in enumerate(self.drafts):
                for n in range(len(self)):
                    shared = (
                        self._place(n) | {"temperature": temperature, "draft": draft} | self._picture(n, t, d)
                    )
                    for method, cell, bound in self._with_bounds(self.cells[n, t, d]):
                        yield shared | _tidy(method, cell, bound)

    def _place(self, n: int) -> dict[str, Any]:
        places = self.places
        return {
            "row": int(places.row[n]),
            "domain": str(places.domain[n]),
            "passage": int(places.passage[n]),
            "position": int(places.position[n]),
        }

    def _picture(self, n: int, t: int, d: int) -> dict[str, Any]:
        pictures = self.pictures
        return {
            "tv": float(pictures.tv[n, t, d]),
            "target_entropy": float(pictures.target_entropy[n, t]),
            "draft_entropy": float(pictures.draft_entropy[n, t, d]),
            "draft_support": int(pictures.draft_support[n, t, d]),
        }

    def _with_bounds(self, cells: Cells) -> Iterator[tuple[Method, tuple[Any, ...], tuple[Any, ...]]]:
        values = cells.tolist()
        for method, cell in zip(self.methods, values, strict=True):
            yield method, cell, values[self.methods.index(method.bound)]


def _tidy(method: Method, cell: tuple[Any, ...], bound: tuple[Any, ...]) -> dict[str, Any]:
    value, lower, upper, standard_error, samples, drafts, kind = cell
    return {
        "law": method.law,
        "rule": method.rule,
        "k": method.k,
        "drafts": drafts,
        "kind": KINDS[kind],
        "value": value,
        "lower": lower,
        "upper": upper,
        "standard_error": standard_error,
        "samples": samples,
        "gap": bound[0] - value,
    }
