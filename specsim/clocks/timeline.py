"""Operations on devices, and when each of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite


@dataclass(frozen=True, slots=True)
class Op:
    """One operation.

    Parameters
    ----------
    name
        What it does, such as ``draft`` or ``verify``.
    device
        What it occupies. A device does one operation at a time, in the order in which they are listed.
    seconds
        Duration.
    after
        Numbers of the operations that have to be done before it starts; earlier ones.
    """

    name: str
    device: str
    seconds: float
    after: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not (isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(
                f"the operation {self.name!r} needs a duration of at least 0, got {self.seconds}"
            )


@dataclass(frozen=True, slots=True)
class Span:
    """An operation and when it runs."""

    op: Op
    start: float

    @property
    def end(self) -> float:
        """When it is done."""
        return self.start + self.op.seconds


@dataclass(frozen=True)
class Timeline:
    """Operations in the order in which they were listed, each with its start.

    Parameters
    ----------
    spans
        One an operation.

    Examples
    --------
    >>> ops = [Op("draft", "gpu 1", 1.0), Op("verify", "gpu 0", 3.0), Op("draft", "gpu 1", 1.0, (1,))]
    >>> line = schedule(ops)
    >>> [(span.op.name, span.start, span.end) for span in line.spans]
    [('draft', 0.0, 1.0), ('verify', 0.0, 3.0), ('draft', 3.0, 4.0)]
    >>> line.seconds, line.busy
    (4.0, {'gpu 1': 2.0, 'gpu 0': 3.0})
    """

    spans: tuple[Span, ...]

    @cached_property
    def seconds(self) -> float:
        """When the last operation is done."""
        return max((span.end for span in self.spans), default=0.0)

    @cached_property
    def busy(self) -> dict[str, float]:
        """Seconds that each device works."""
        total: dict[str, float] = {}
        for span in self.spans:
            total[span.op.device] = total.get(span.op.device, 0.0) + span.op.seconds
        return total

    @cached_property
    def by_name(self) -> dict[str, float]:
        """Seconds of work by the operations' names, over all devices."""
        total: dict[str, float] = {}
        for span in self.spans:
            total[span.op.name] = total.get(span.op.name, 0.0) + span.op.seconds
        return total


def schedule(ops: Sequence[Op]) -> Timeline:
    """Run each operation as soon as its device is free and all it waits for is done.

    Parameters
    ----------
    ops
        Operations; each may wait for earlier ones only. A device keeps the order of the list.

    Raises
    ------
    ValueError
        If an operation waits for one that is not before it.
    """
    spans: list[Span] = []
    free: dict[str, float] = {}
    for number, op in enumerate(ops):
        for other in op.after:
            if not 0 <= other < number:
                raise ValueError(
                    f"operation {number} ({op.name!r}) waits for {other}, which is not before it"
                )
        start = max([free.get(op.device, 0.0), *(spans[other].end for other in op.after)])
        spans.append(Span(op, start))
        free[op.device] = spans[-1].end
    return Timeline(tuple(spans))
