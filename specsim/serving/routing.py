r"""Several targets at once: requests are routed, and drafts come from exits of one sorted draft (S2D).

A *sorted* draft is one network that may be left after several of its layers; an early exit is cheaper and
accepted less often, and how much less depends on the target that verifies. So the exit is picked for each
target: :func:`pick_exit` takes the exit and the length of the most expected tokens a second. The baseline is
a draft of its own for each target: a target with a single exit.

An exit's *power* says how well it does: a draft of a request of acceptance a is accepted with probability
:math:`a^{\text{power}}` (1: as the request says; larger: less often). So requests keep their differences.

Targets run side by side on devices of their own. A router sees, at a request's arrival, what is waiting and
running everywhere at that moment, not how steps under way will end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from specsim.clocks import Affine
from specsim.serving.batch import Batch
from specsim.serving.engine import Engine, Server
from specsim.serving.log import BrokenLaw, Log
from specsim.serving.workload import Counts, Workload


@dataclass(frozen=True)
class Exit:
    """A place to leave a draft.

    Parameters
    ----------
    cost
        Of a draft step up to here.
    power
        Its drafts are accepted with the request's acceptance to this power; positive.
    name
        For tables.
    """

    cost: Affine
    power: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        if not self.power > 0:
            raise ValueError(f"an exit's power must be positive, got {self.power}")


@dataclass(frozen=True)
class Picked:
    """The best exit for a target: exact for requests of one acceptance.

    Attributes
    ----------
    exit
        Number of the exit.
    length
        Drafts a round; 0 if drafts do not pay.
    tokens_a_second
        Expected, of the whole batch.
    """

    exit: int
    length: int
    tokens_a_second: float


def pick_exit(
    exits: Sequence[Exit], target: Affine, *, acceptance: float, size: int = 1, cached: int = 0, most: int = 8
) -> Picked:
    """The exit and the length of the most expected tokens a second, for a batch of like requests.

    Parameters
    ----------
    exits
        To choose from.
    target
        Cost of the target's calls.
    acceptance
        Of each request, before the exits' powers.
    size, cached
        Requests in the batch, and tokens in all their caches.
    most
        Longest draft.

    Raises
    ------
    ValueError
        If there is no exit, or a number is out of its range.

    Examples
    --------
    >>> exits = [Exit(Affine(0.001), power=2.0), Exit(Affine(0.003))]
    >>> slow, fast = Affine(0.060), Affine(0.010)
    >>> [pick_exit(exits, target, acceptance=0.8).exit for target in (slow, fast)]
    [1, 0]
    """
    if not exits or not 0 <= acceptance <= 1 or size < 1 or cached < 0 or most < 0:
        raise ValueError(
            "picking an exit needs exits, an acceptance in [0, 1], a batch of at least 1 and no negative "
            f"number, got {len(exits)} exits, {acceptance}, {size}, {cached}, {most}"
        )
    best = Picked(0, 0, -np.inf)
    for number, leave in enumerate(exits):
        acceptances = np.full(size, float(acceptance) ** leave.power)
        batch = Batch(acceptances, np.full(size, most + 1), cached, 0, target, leave.cost, np.zeros(size))
        gains = np.concatenate([[0.0], np.cumsum(batch.gains(most).sum(axis=0))])
        for length, gain in enumerate(gains.tolist()):
            rate = float((size + gain) / batch.seconds(size * length, length))
            if rate > best.tokens_a_second:
                best = Picked(number, length, rate)
    return best


@dataclass(frozen=True)
class Target:
    """One of the targets.

    Parameters
    ----------
    name
        Of the target.
    server
        Its costs, slots, memory and scheduler; the draft's cost is the exit's.
    exit
        The exit of the draft that was picked for it.
    """

    name: str
    server: Server
    exit: Exit

    def engine(self, workload: Workload, rng: np.random.Generator, numbers: Sequence[int]) -> Engine:
        """A server of these requests, with the exit's cost and acceptances."""
        theirs = Workload(
            workload.arrival,
            workload.prompt,
            workload.output,
            workload.acceptance**self.exit.power,
            workload.kinds,
        )
        return Engine(theirs, replace(self.server, draft=self.exit.cost), rng, numbers)


@dataclass(frozen=True)
class Load:
    """What a router sees of a target.

    Attributes
    ----------
    requests
        Waiting and running.
    slots
        Most requests in its batch.
    owed
        Tokens that these requests have still to emit.
    pace
        Seconds in steps over tokens emitted so far; before the first, of a step of one token.
    """

    requests: int
    slots: int
    owed: int
    pace: float


class Router(Protocol):
    """Sends each request to a target."""

    def choose(self, number: int, loads: Sequence[Load], /) -> int:
        """The target of a request, by the loads at its arrival."""
        ...


@dataclass(frozen=True)
class AsAsked:
    """Each request says its target, as where users choose a model.

    Parameters
    ----------
    targets
        Number of the target of each request.
    """

    targets: tuple[int, ...]

    def choose(self, number: int, loads: Sequence[Load], /) -> int:
        """As it says."""
        return self.targets[number]


@dataclass(frozen=True)
class ShortestQueue:
    """The target with the fewest requests a slot; the first of equals."""

    def choose(self, number: int, loads: Sequence[Load], /) -> int:
        """The least filled."""
        return int(np.argmin([load.requests / load.slots for load in loads]))


@dataclass(frozen=True)
class LeastWork:
    """The target that has the least to do: tokens owed times its seconds a token; the first of equals."""

    def choose(self, number: int, loads: Sequence[Load], /) -> int:
        """The first to be done."""
        return int(np.argmin([load.owed * load.pace for load in loads]))


@dataclass(frozen=True, eq=False)
class FleetLog:
    """Logs of all targets.

    Attributes
    ----------
    logs
        By name.
    targets
        Number of each request's target.
    """

    logs: Mapping[str, Log]
    targets: Counts

    @property
    def throughput(self) -> float:
        """Tokens a second of all targets, until the last is done."""
        end = max(log.end for log in self.logs.values())
        return sum(log.emitted for log in self.logs.values()) / end if end else 0.0

    def attainment(self, *, ttft: float, tpot: float) -> float:
        """Share of all requests that met both objectives."""
        met = sum(int(log.meets(ttft=ttft, tpot=tpot).sum()) for log in self.logs.values())
        return met / self.targets.size

    def goodput(self, *, ttft: float, tpot: float) -> float:
        """Tokens a second of requests that met both objectives, until the last target is done."""
        end = max(log.end for log in self.logs.values())
        good = sum(int(log.emitted_of[log.meets(ttft=ttft, tpot=tpot)].sum()) for log in self.logs.values())
        return good / end if end else 0.0


def serve_fleet(
    workload: Workload, targets: Sequence[Target], router: Router, *, rng: np.random.Generator
) -> FleetLog:
    """Serve all requests on several targets at once.

    Parameters
    ----------
    workload
        The requests.
    targets
        With names that differ.
    router
        Sends each request to one of them.
    rng
        Each target's randomness is a child of it.

    Returns
    -------
    FleetLog
        A checked log for each target that got a request; no request is in two or in none.

    Raises
    ------
    ValueError
        If names are equal, or the router names no target.

    Examples
    --------
    >>> load = Workload.poisson(rate=30, requests=60, rng=np.random.default_rng(0), acceptance=0.8)
    >>> exits = [Exit(Affine(0.001), power=2.0), Exit(Affine(0.003))]
    >>> costs = {"small": Affine(0.010), "large": Affine(0.060)}
    >>> picks = {name: pick_exit(exits, cost, acceptance=0.8) for name, cost in costs.items()}
    >>> from specsim.serving import Fixed
    >>> fleet = [Target(name, Server(costs[name], scheduler=Fixed(pick.length)), exits[pick.exit])
    ...          for name, pick in picks.items()]
    >>> log = serve_fleet(load, fleet, LeastWork(), rng=np.random.default_rng(1))
    >>> sum(part.emitted for part in log.logs.values()) == load.output.sum()
    np.True_
    """
    if not targets or len({target.name for target in targets}) < len(targets):
        raise ValueError(f"a fleet needs targets with different names, got {[each.name for each in targets]}")
    coming: list[list[int]] = [[] for _ in targets]
    engines = [
        target.engine(workload, child, numbers)
        for target, child, numbers in zip(targets, rng.spawn(len(targets)), coming, strict=True)
    ]
    owed = [0] * len(targets)
    chosen = np.zeros(workload.size, dtype=np.int64)
    for number, arrival in enumerate(workload.arrival.tolist()):
        for engine in engines:
            engine.advance(arrival)
        loads = [
            _load(engine, target, tokens)
            for engine, target, tokens in zip(engines, targets, owed, strict=True)
        ]
        place = router.choose(number, loads)
        if not 0 <= place < len(targets):
            raise ValueError(f"the router sends request {number} to target {place} of {len(targets)}")
        chosen[number] = place
        coming[place].append(number)
        if not engines[place].refused[number]:
            owed[place] += int(workload.output[number])
    for engine in engines:
        engine.advance()
    logs = {
        target.name: engine.log() for target, engine in zip(targets, engines, strict=True) if engine.numbers
    }
    if sum(log.workload.size for log in logs.values()) != workload.size:
        raise BrokenLaw("a request is at two targets, or at none")
    return FleetLog(logs, chosen)


def _load(engine: Engine, target: Target, owed: int) -> Load:
    pace = engine.busy / engine.emitted if engine.emitted else target.server.target.base
    return Load(engine.here, target.server.slots, owed - engine.emitted, pace)
