"""Schedules: how many steps a training takes, and which stage each belongs to.

=================  ================================================================================
:class:`Offline`   so many steps on one source
:class:`Staged`    one stage after another (FastDraft: pre-training, continued pre-training, fine-tuning)
:class:`Online`    some steps after every so many served requests (Online Speculative Decoding)
=================  ================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol


class Schedule(Protocol):
    """When which source is asked."""

    @property
    def steps(self) -> int:
        """Gradient steps in all."""

    def stage(self, step: int) -> str:
        """The stage of a step, from 0."""


def _check_steps(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


@dataclass(frozen=True)
class Offline:
    """``steps`` steps, one stage of the name ``"train"``."""

    steps: int

    def __post_init__(self) -> None:
        _check_steps("steps", self.steps)

    def stage(self, step: int) -> str:
        return "train"


@dataclass(frozen=True)
class Staged:
    """Stages of given lengths, in order.

    Parameters
    ----------
    stages
        Pairs of a name and a number of steps; names differ.

    Examples
    --------
    >>> schedule = Staged((("pt", 10), ("ft", 5)))
    >>> schedule.steps, schedule.stage(9), schedule.stage(10)
    (15, 'pt', 'ft')
    """

    stages: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.stages]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"stages need different names, at least one; got {names}")
        for name, steps in self.stages:
            _check_steps(f"the steps of stage {name!r}", steps)

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(steps for _, steps in self.stages)

    def stage(self, step: int) -> str:
        ends = accumulate(steps for _, steps in self.stages)
        return next(name for (name, _), end in zip(self.stages, ends, strict=True) if step < end)


@dataclass(frozen=True)
class Online:
    """After every ``every`` of ``requests`` served requests, ``updates`` steps; stage ``"online"``.

    Its source is a :class:`~specsim.training.online.Stream`, which serves the requests.

    Examples
    --------
    >>> Online(requests=20, every=8, updates=3).steps
    6
    """

    requests: int
    every: int = 8
    updates: int = 1

    def __post_init__(self) -> None:
        for name in ("requests", "every", "updates"):
            _check_steps(name, getattr(self, name))
        if self.requests < self.every:
            raise ValueError(f"{self.requests} requests never reach an update every {self.every}")

    @property
    def steps(self) -> int:
        """Updates in all; requests after the last full ``every`` lead to none."""
        return self.requests // self.every * self.updates

    def stage(self, step: int) -> str:
        return "online"
