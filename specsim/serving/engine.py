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
the seed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from specsim.clocks import Affine
from specsim.serving.log import Log
from specsim.serving.schedulers import Batch, NoDrafts, Scheduler
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
    return _Engine(workload, server, rng).run()


class _Engine:
    """The state of a run: requests in slots as columns of small arrays."""

    def __init__(self, workload: Workload, server: Server, rng: np.random.Generator) -> None:
        self.work, self.server, self.rng = workload, server, rng
        self.time, self.next = 0.0, 0
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
        self.drafted = self.accepted = self.steps = self.reread = 0
        self.presence = self.busy = 0.0

    def run(self) -> Log:
        """Step until nobody is left."""
        while True:
            self._arrivals()
            self._admit()
            if not self.ids.size:
                if self.next >= self.work.size:
                    break
                self._wait(float(self.work.arrival[self.next]))
                continue
            self._step()
        return Log(
            workload=self.work,
            first=self.first,
            finish=self.finish,
            refused=self.refused,
            preempted=self.preempted,
            emitted_of=self.emitted_of,
            drafted=self.drafted,
            accepted=self.accepted,
            reread=self.reread,
            steps=self.steps,
            busy=self.busy,
            end=self.time,
            presence=self.presence,
        )

    def _arrivals(self) -> None:
        while self.next < self.work.size and self.work.arrival[self.next] <= self.time:
            if not self.refused[self.next]:
                self.queue.append(self.next)
                # from its arrival to now it was there, too
                self.presence += self.time - float(self.work.arrival[self.next])
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

    def _step(self) -> None:
        reading = self._chunks()
        decoding = self.unread == 0
        lengths = self._lengths(decoding, int(reading.sum()))
        if not self._fits(reading, decoding, lengths):
            # drafts go first, requests only if that is not enough
            lengths = np.zeros_like(lengths)
        while not self._fits(reading, decoding, lengths):
            self._preempt()
            reading, decoding = reading[:-1], decoding[:-1]
            lengths = lengths[:-1]
        seconds = self._seconds(int(reading.sum()), lengths[decoding])
        self._wait(self.time + seconds)
        self.busy += seconds
        self.steps += 1
        tokens = self._accept(decoding, lengths)
        self._read(reading, tokens)
        self._emit(tokens)

    def _chunks(self) -> Counts:
        """Prompt tokens that each request reads in this step, first come first served."""
        before = np.cumsum(self.unread) - self.unread
        reads: Counts = np.clip(self.server.chunk - before, 0, self.unread)
        return reads

    def _lengths(self, decoding: np.ndarray, prefill: int) -> Counts:
        lengths = np.zeros(self.ids.size, dtype=np.int64)
        if decoding.any():
            numbers = self.ids[decoding]
            batch = Batch(
                self.work.acceptance[numbers],
                self.left[decoding],
                int(self.cached.sum()),
                prefill,
                self.server.target,
                self.server.draft,
                self._late(numbers),
            )
            lengths[decoding] = _checked(self.server.scheduler.lengths(batch), batch)
        return lengths

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

    def _seconds(self, prefill: int, lengths: Counts) -> float:
        target, draft, cached = self.server.target, self.server.draft, int(self.cached.sum())
        fresh = prefill + lengths.size + int(lengths.sum())
        seconds = target.base + target.per_token * fresh + target.per_cached * cached
        deepest = int(lengths.max(initial=0))
        seconds += deepest * (draft.base + draft.per_cached * cached) + draft.per_token * int(lengths.sum())
        return float(seconds)

    def _accept(self, decoding: np.ndarray, lengths: Counts) -> Counts:
        """Tokens that each request emits by decoding."""
        tokens = np.zeros(self.ids.size, dtype=np.int64)
        if decoding.any():
            drafted = lengths[decoding]
            accepted = accepted_prefixes(self.work.acceptance[self.ids[decoding]], drafted, self.rng)
            self.drafted += int(drafted.sum())
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
        self.left = self.left - tokens
        fresh = (tokens > 0) & np.isnan(self.first[self.ids])
        self.first[self.ids[fresh]] = self.time
        gone = (self.left == 0) & (self.unread == 0)
        if gone.any():
            self.finish[self.ids[gone]] = self.time
            for name in ("ids", "cached", "unread", "left"):
                setattr(self, name, getattr(self, name)[~gone])


def _checked(lengths: Counts, batch: Batch) -> Counts:
    good = lengths.shape == batch.remaining.shape and lengths.dtype.kind in "iu"
    if not good or np.any((lengths < 0) | (lengths >= batch.remaining)):
        raise ValueError(
            "a scheduler returns a whole number for each request, from 0 to one less than the tokens that it "
            f"needs; got {lengths!r} for {batch.remaining!r}"
        )
    return lengths


def accepted_prefixes(acceptance: Floats, lengths: Counts, rng: np.random.Generator) -> Counts:
    """How many drafts of each chain are accepted before the first that is not.

    The number of successes before a failure is geometric: one uniform number a chain.

    Examples
    --------
    >>> accepted_prefixes(np.array([0.0, 1.0]), np.array([3, 3]), np.random.default_rng(0)).tolist()
    [0, 3]
    """
    uniform = 1.0 - rng.random(acceptance.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        runs = np.floor(np.log(uniform) / np.log(acceptance))
    runs = np.where(acceptance >= 1, np.inf, np.where(acceptance <= 0, 0.0, runs))
    accepted: Counts = np.minimum(runs, lengths).astype(np.int64)
    return accepted
