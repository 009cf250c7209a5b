"""What happened to each request, and the measures that are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsim.serving.workload import Counts, Floats, Workload


class BrokenLaw(AssertionError):
    """A log violates a law that every queue obeys: a bug of the simulator."""


@dataclass(frozen=True, eq=False)
class Log:
    """A run of a server; nine numbers a request.

    Attributes
    ----------
    workload
        The requests.
    first, finish
        When each emitted its first token and was done; nan for what did not happen (refused, no output).
    refused
        Requests that fit no memory.
    preempted
        How often each was sent back.
    emitted_of
        Tokens that each emitted.
    drafted, accepted
        Draft tokens in all, and those that were emitted as accepted.
    reread
        Cached tokens that preemptions dropped.
    steps, busy, end
        Steps, seconds in steps, and when the last one ended.
    presence
        The integral of the number of requests in the system over time, counted along the way.
    """

    workload: Workload
    first: Floats
    finish: Floats
    refused: np.ndarray
    preempted: Counts
    emitted_of: Counts
    drafted: int
    accepted: int
    reread: int
    steps: int
    busy: float
    end: float
    presence: float

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Laws of conservation: all tokens emitted, nobody lost, time forward, and Little's law.

        Raises
        ------
        BrokenLaw
            If one does not hold.
        """
        served = ~self.refused
        if not np.array_equal(self.emitted_of[served], self.workload.output[served]):
            raise BrokenLaw("tokens were lost or emitted twice")
        if self.emitted_of[self.refused].any() or np.isnan(self.finish[served]).any():
            raise BrokenLaw("a request was lost, or served though refused")
        if np.any(self.latency < 0) or np.any(self.finish[served] > self.end):
            raise BrokenLaw("a request was done before it arrived, or after the end")
        total = float(self.latency.sum())
        if abs(self.presence - total) > 1e-9 * max(1.0, total):
            raise BrokenLaw(
                f"Little's law: {self.presence} request-seconds in the system, {total} in latencies"
            )

    @property
    def latency(self) -> Floats:
        """Seconds from arrival to the end, of the served requests."""
        served = ~self.refused
        values: Floats = self.finish[served] - self.workload.arrival[served]
        return values

    @property
    def ttft(self) -> Floats:
        """Time to first token, of the requests that have one."""
        some = np.isfinite(self.first)
        values: Floats = self.first[some] - self.workload.arrival[some]
        return values

    @property
    def tpot(self) -> Floats:
        """Time per output token after the first, of the requests with two or more."""
        more = self.emitted_of > 1
        values: Floats = (self.finish[more] - self.first[more]) / (self.emitted_of[more] - 1)
        return values

    @property
    def emitted(self) -> int:
        """Tokens of all requests."""
        return int(self.emitted_of.sum())

    @property
    def throughput(self) -> float:
        """Tokens a second, from time 0 to the end."""
        return self.emitted / self.end if self.end else 0.0

    @property
    def mean_in_system(self) -> float:
        """Requests in the system, a mean over time."""
        return self.presence / self.end if self.end else 0.0

    def meets(self, *, ttft: float, tpot: float) -> np.ndarray:
        """Which requests met both objectives; refused ones did not, those without output did."""
        first = self.first - self.workload.arrival
        with np.errstate(invalid="ignore", divide="ignore"):
            pace = (self.finish - self.first) / (self.emitted_of - 1)
            good = (first <= ttft) & ((self.emitted_of <= 1) | (pace <= tpot))
        met: np.ndarray = (good | (self.workload.output == 0)) & ~self.refused
        return met

    def attainment(self, *, ttft: float, tpot: float) -> float:
        """Share of all requests that met both objectives."""
        return float(self.meets(ttft=ttft, tpot=tpot).mean())

    def goodput(self, *, ttft: float, tpot: float) -> float:
        """Tokens a second of requests that met both objectives.

        SmartSpec calls the throughput of emitted tokens goodput; here that is :attr:`throughput`.
        """
        good = self.meets(ttft=ttft, tpot=tpot)
        return float(self.emitted_of[good].sum() / self.end) if self.end else 0.0

    def summary(self) -> dict[str, float]:
        """Means and percentiles, by name; seconds."""
        out: dict[str, float] = {
            "requests": float(self.workload.size),
            "refused": float(self.refused.sum()),
            "preemptions": float(self.preempted.sum()),
            "throughput": self.throughput,
            "utilisation": self.accepted / self.drafted if self.drafted else 0.0,
            "busy": self.busy / self.end if self.end else 0.0,
        }
        for name, values in (("ttft", self.ttft), ("tpot", self.tpot), ("latency", self.latency)):
            for level in (50, 95, 99):
                out[f"{name}_p{level}"] = float(np.percentile(values, level)) if values.size else float("nan")
            out[f"{name}_mean"] = float(values.mean()) if values.size else float("nan")
        return out
