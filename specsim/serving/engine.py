"""Continuous batching: a server that decodes many requests at once, step after step.

In a step the target reads some prompt tokens (chunked prefill) and verifies the drafts of all requests
that decode; its time is that of one call with the batch's totals, after as many draft steps as the
longest draft has. The step that ends a prompt emits its first token. A request that decodes emits its
accepted drafts and one token more, never more than it needs.

**Memory.** Caches hold so many tokens in all. A request is admitted if its prompt fits beside what is
there; if a step could not store its tokens, drafts are dropped first; if that is not enough, the request
that was admitted last is preempted: its cache is dropped, and it comes back to the head of the queue, to
be read again with what it has emitted. A request that could never fit by itself is refused.

The order of service is first come, first served. Everything is a function of the workload, the server and
the seed. Steps follow each other, and nothing happens within one, so a queue of events would hold a single
entry: there is none.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from specsim.clocks import Affine
from specsim.serving.batch import Batch, Chains, Plan
from specsim.serving.log import Log
from specsim.serving.schedulers import NoDrafts, Scheduler
from specsim.serving.trees import Menu, Trees
from specsim.serving.workload import Counts, Floats, Workload


@dataclass(frozen=True)
class Server:
    """What serves.

    Parameters
    ----------
    target, draft
        Costs of their calls, by the batch's totals of new and cached tokens.
    scheduler
        Chooses draft lengths.
    slots
        Most requests in the batch.
    memory
        Tokens that all caches hold together.
    chunk
        Most prompt tokens a step.
    pace
        Seconds a token that requests are promised; only for schedulers that look at it.
    menus
        Trees that are drafted in place of chains, one menu for each kind of request; acceptances of the
        workload are not looked at then, and sizes are numbers of nodes.

    Raises
    ------
    ValueError
        If a number is too small.
    """

    target: Affine
    draft: Affine = field(default_factory=lambda: Affine(0.0))
    scheduler: Scheduler = field(default_factory=NoDrafts)
    slots: int = 64
    memory: int = 200_000
    chunk: int = 2048
    pace: float | None = None
    menus: tuple[Menu, ...] = ()

    def __post_init__(self) -> None:
        if min(self.slots, self.memory, self.chunk) < 1:
            raise ValueError(
                "slots, memory and chunk must be at least 1, got "
                f"{self.slots}, {self.memory} and {self.chunk}"
            )
        if not self.target.base > 0:
            raise ValueError("the target needs a positive base time, or steps could take no time")
        if self.pace is not None and not self.pace > 0:
            raise ValueError(f"pace must be positive, got {self.pace}")


def serve(workload: Workload, server: Server, *, rng: np.random.Generator) -> Log:
    """Serve all requests to the end.

    Parameters
    ----------
    workload
        The requests.
    server
        The server.
    rng
        Says which drafts are accepted; the same seed gives the same log.

    Returns
    -------
    Log
        Times of each request, and totals; the identities that a queue obeys are checked in it.

    Examples
    --------
    >>> from specsim.serving import Fixed
    >>> load = Workload.poisson(rate=5, requests=50, rng=np.random.default_rng(0))
    >>> cost = Affine(0.02, per_token=1e-5)
    >>> log = serve(load, Server(cost, Affine(0.002), Fixed(3)), rng=np.random.default_rng(1))
    >>> bool(log.emitted == load.output.sum())
    True
    """
    engine = Engine(workload, server, rng, range(workload.size))
    engine.advance()
    return engine.log()


@dataclass(frozen=True)
class _Step:
    """A step that has begun: who reads, who decodes with which drafts, and when it ends."""

    reading: Counts
    decoding: np.ndarray
    plan: Plan
    end: float


class Engine:
    """The state of a run: requests in slots as columns of small arrays.

    Parameters
    ----------
    workload, server, rng
        As for :func:`serve`.
    numbers
        Which requests come here, in the order of arrival. A list may grow while the engine runs, by requests
        that arrive no earlier than it has advanced to (:mod:`specsim.serving.routing`).
    """

    def __init__(
        self, workload: Workload, server: Server, rng: np.random.Generator, numbers: Sequence[int]
    ) -> None:
        self.work, self.server, self.rng, self.numbers = workload, server, rng, numbers
        self.drafts = Trees(server.menus, workload.kinds) if server.menus else Chains(workload.acceptance)
        self.time, self.next = 0.0, 0
        self.step: _Step | None = None
        self.queue: deque[int] = deque()
        # columns of the slots, in the order of admission
        self.ids = np.zeros(0, dtype=np.int64)
        self.cached = np.zeros(0, dtype=np.int64)
        self.unread = np.zeros(0, dtype=np.int64)
        self.left = np.zeros(0, dtype=np.int64)
        count = workload.size
        self.emitted_of = np.zeros(count, dtype=np.int64)
        self.first, self.finish = np.full(count, np.nan), np.full(count, np.nan)
        self.preempted = np.zeros(count, dtype=np.int64)
        self.refused = workload.prompt + workload.output > server.memory
        self.drafted = self.accepted = self.steps = self.reread = self.emitted = 0
        self.presence = self.busy = 0.0

    def advance(self, until: float = math.inf) -> None:
        """Do all that is done before a time; a step that ends later stays begun."""
        while True:
            if self.step is not None:
                if self.step.end >= until:
                    return
                self._end(self.step)
            self._arrivals()
            self._admit()
            if self.ids.size:
                self.step = self._begin()
                continue
            if self.next >= len(self.numbers):
                return
            arrival = float(self.work.arrival[self.numbers[self.next]])
            if arrival >= until:
                return
            self._wait(arrival)

    @property
    def here(self) -> int:
        """Requests that are waiting or being served."""
        return len(self.numbers) - self.next + len(self.queue) + int(self.ids.size)

    def log(self) -> Log:
        """What happened to the requests that came here."""
        mine = np.array(self.numbers, dtype=np.int64)
        everybody = mine.size == self.work.size
        return Log(
            workload=self.work if everybody else self.work.only(mine),
            first=self.first[mine],
            finish=self.finish[mine],
            refused=self.refused[mine],
            preempted=self.preempted[mine],
            emitted_of=self.emitted_of[mine],
            drafted=self.drafted,
            accepted=self.accepted,
            reread=self.reread,
            steps=self.steps,
            busy=self.busy,
            end=self.time,
            presence=self.presence,
        )

    def _arrivals(self) -> None:
        while self.next < len(self.numbers):
            number = self.numbers[self.next]
            arrival = float(self.work.arrival[number])
            if arrival > self.time:
                return
            if not self.refused[number]:
                self.queue.append(number)
                # from its arrival to now it was there, too
                self.presence += self.time - arrival
            self.next += 1

    def _wait(self, until: float) -> None:
        self.presence += (len(self.queue) + self.ids.size) * (until - self.time)
        self.time = until

    def _admit(self) -> None:
        admitted: list[int] = []
        room = self.server.memory - int((self.cached + self.unread).sum())
        while self.queue and self.ids.size + len(admitted) < self.server.slots:
            need = self._to_read(self.queue[0])
            if need > room:
                break
            room -= need
            admitted.append(self.queue.popleft())
        if admitted:
            numbers = np.array(admitted, dtype=np.int64)
            reads = np.array([self._to_read(number) for number in admitted], dtype=np.int64)
            self.ids = np.append(self.ids, numbers)
            self.cached = np.append(self.cached, np.zeros_like(reads))
            self.unread = np.append(self.unread, reads)
            self.left = np.append(self.left, self.work.output[numbers] - self.emitted_of[numbers])

    def _to_read(self, number: int) -> int:
        # what was emitted before a preemption is read again
        return int(self.work.prompt[number] + self.emitted_of[number])

    def _begin(self) -> _Step:
        reading = self._chunks()
        decoding = self.unread == 0
        sizes, depth, steps = self._plan(decoding, int(reading.sum()))
        if not self._fits(reading, decoding, sizes):
            # drafts go first, requests only if that is not enough
            sizes, steps = np.zeros_like(sizes), 0
        while not self._fits(reading, decoding, sizes):
            self._preempt()
            reading, decoding, sizes = reading[:-1], decoding[:-1], sizes[:-1]
        seconds = self._seconds(int(reading.sum()), sizes[decoding], steps)
        self.busy += seconds
        return _Step(reading, decoding, Plan(sizes[decoding], depth), self.time + seconds)

    def _end(self, step: _Step) -> None:
        self.step = None
        self._wait(step.end)
        self.steps += 1
        tokens = self._accept(step.decoding, step.plan)
        self._read(step.reading, tokens)
        self._emit(tokens)

    def _chunks(self) -> Counts:
        """Prompt tokens that each request reads in this step, first come first served."""
        before = np.cumsum(self.unread) - self.unread
        reads: Counts = np.clip(self.server.chunk - before, 0, self.unread)
        return reads

    def _plan(self, decoding: np.ndarray, prefill: int) -> tuple[Counts, int | None, int]:
        """Draft tokens of each slot, the limit of their depth, and draft steps."""
        sizes = np.zeros(self.ids.size, dtype=np.int64)
        if not decoding.any():
            return sizes, None, 0
        numbers, server = self.ids[decoding], self.server
        costs = server.target, server.draft
        batch = self.drafts.batch(
            numbers, self.left[decoding], int(self.cached.sum()), prefill, *costs, self._late(numbers)
        )
        plan = _checked(server.scheduler.lengths(batch), batch)
        sizes[decoding] = plan.sizes
        return sizes, plan.depth, batch.steps(plan)

    def _late(self, numbers: Counts) -> Floats:
        if self.server.pace is None:
            return np.zeros(numbers.size)
        late: Floats = self.time - self.first[numbers] - self.server.pace * (self.emitted_of[numbers] - 1)
        return late

    def _fits(self, reading: Counts, decoding: np.ndarray, lengths: Counts) -> bool:
        grown = int(self.cached.sum() + reading.sum() + decoding.sum() + lengths.sum())
        return grown <= self.server.memory

    def _preempt(self) -> None:
        """Send the last that was admitted back to the head of the queue."""
        number = int(self.ids[-1])
        self.queue.appendleft(number)
        self.preempted[number] += 1
        self.reread += int(self.cached[-1])
        for name in ("ids", "cached", "unread", "left"):
            setattr(self, name, getattr(self, name)[:-1])

    def _seconds(self, prefill: int, sizes: Counts, steps: int) -> float:
        target, draft, cached = self.server.target, self.server.draft, int(self.cached.sum())
        drafted = int(sizes.sum())
        fresh = prefill + sizes.size + drafted
        seconds = target.base + target.per_token * fresh + target.per_cached * cached
        seconds += steps * (draft.base + draft.per_cached * cached) + draft.per_token * drafted
        return float(seconds)

    def _accept(self, decoding: np.ndarray, plan: Plan) -> Counts:
        """Tokens that each request emits by decoding."""
        tokens = np.zeros(self.ids.size, dtype=np.int64)
        if decoding.any():
            accepted = self.drafts.accepted(self.ids[decoding], self.left[decoding], plan, self.rng)
            self.drafted += int(plan.sizes.sum())
            tokens[decoding] = np.minimum(accepted + 1, self.left[decoding])
            self.accepted += int((tokens[decoding] - 1).sum())
        return tokens

    def _read(self, reading: Counts, tokens: Counts) -> None:
        """Store what was read and decoded; a prompt that is done emits a token, unless none is wanted."""
        was_reading = self.unread > 0
        self.unread = self.unread - reading
        self.cached = self.cached + reading + tokens
        done = was_reading & (self.unread == 0)
        tokens[done] = np.minimum(1, self.left[done])

    def _emit(self, tokens: Counts) -> None:
        self.emitted_of[self.ids] += tokens
        self.emitted += int(tokens.sum())
        self.left = self.left - tokens
        fresh = (tokens > 0) & np.isnan(self.first[self.ids])
        self.first[self.ids[fresh]] = self.time
        gone = (self.left == 0) & (self.unread == 0)
        if gone.any():
            self.finish[self.ids[gone]] = self.time
            for name in ("ids", "cached", "unread", "left"):
                setattr(self, name, getattr(self, name)[~gone])


def _checked(chosen: Counts | Plan, batch: Batch) -> Plan:
    plan = chosen if isinstance(chosen, Plan) else Plan(chosen)
    sizes, room = plan.sizes, batch.room()
    good = sizes.shape == room.shape and sizes.dtype.kind in "iu"
    if not good or np.any((sizes < 0) | (sizes > room)):
        raise ValueError(
            "a scheduler returns a whole number of drafts for each request, from 0 to what it can use (one "
            f"less than the tokens that it needs); got {sizes!r} for {room!r}"
        )
    return plan
