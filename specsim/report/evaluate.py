"""Evaluating a trace: block after block, on one or several processes, with bounded memory.

Blocks are decoded here, in order, and go to worker processes a few rows at a time; what comes back is a few
hundred numbers a position. A row's result is a function of its logits, its number and the plan (each
pair has random numbers of its own, see :mod:`specsim.report.pairs`), so the number of processes changes
nothing but the time.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from specsim.report.audit import Audit
from specsim.report.cells import CELL, Cells
from specsim.report.evaluation import Evaluation, Pictures, Places, Plan
from specsim.report.methods import methods
from specsim.report.pairs import evaluate_pairs
from specsim.sources.traces import Block, Trace
from theory.simplex import entropy, total_variation

Array = NDArray[Any]
Progress = Callable[[int, int], None]
Arrays = TypeVar("Arrays", Places, Pictures)

#: Positions decoded at a time, and (at least, with a small vocabulary more) handed to a process at a time.
DECODED, HANDED_OUT = 16, 4
#: Numbers in an array that is worked on at a time: they fit into a cache.
WORKED_ON = 2**16
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def evaluate(
    trace: Trace, plan: Plan | None = None, *, jobs: int = 1, progress: Progress | None = None
) -> Evaluation:
    """The acceptance of every rule, and its bound, at every position of a trace.

    Parameters
    ----------
    trace
        A trace, or a selection of its rows.
    plan
        What to compute; ``Plan()`` if None.
    jobs
        Processes that evaluate. The result does not depend on it, to the last bit.
    progress
        Called with (positions done, positions in all), first before any work.

    Returns
    -------
    Evaluation
        Values, their kinds, and what the checks found.

    Raises
    ------
    TraceError
        For an unknown draft, or a damaged file when it is reached.
    ValueError
        If jobs is below one, the trace has no drafts, or a certificate does not prove its bound.
    RuleAboveBound
        If an exact acceptance exceeds its bound.

    Notes
    -----
    About 0.06 s a position, draft and temperature at 49,152 tokens on one core. Memory for a few dozen
    positions' logits and what :class:`~specsim.sources.traces.Trace` holds, whatever the trace's size.
    """
    plan = plan or Plan()
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    rows = trace if plan.limit is None else trace.select(limit=plan.limit)
    drafts = trace.drafts if plan.drafts is None else plan.drafts
    if not drafts:
        raise ValueError("there is no draft to evaluate; the trace holds the target only")
    if len(set(drafts)) < len(drafts):
        raise ValueError(f"drafts must be different ones, got {', '.join(drafts)}")
    tasks = _tasks(rows, plan, drafts)
    parts, done = [], 0
    _report(progress, 0, len(rows))
    for part in _mapped(tasks, jobs):
        parts.append(part)
        done += len(part.places.row)
        _report(progress, done, len(rows))
    return _assembled(plan, drafts, parts)


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


@dataclass(frozen=True, eq=False)
class _Task:
    """Some rows to evaluate; ``certify`` marks positions of the stated subset."""

    plan: Plan
    drafts: tuple[str, ...]
    block: Block
    certify: Array


@dataclass(frozen=True, eq=False)
class _Part:
    """What one task gave."""

    places: Places
    pictures: Pictures
    cells: Cells
    audit: Audit


def _tasks(trace: Trace, plan: Plan, drafts: tuple[str, ...]) -> Iterator[_Task]:
    first = 0
    for block in trace.blocks(size=DECODED, drafts=drafts):
        ordinal = np.arange(first, first + len(block))
        first += len(block)
        size = max(HANDED_OUT, WORKED_ON // trace.vocabulary)
        for start in range(0, len(block), size):
            span = slice(start, start + size)
            yield _Task(plan, drafts, _part_of(block, span), ordinal[span] % plan.certify_every == 0)


def _part_of(block: Block, span: slice) -> Block:
    return Block(
        rows=block.rows[span],
        target_logits=block.target_logits[span],
        draft_logits={name: logits[span] for name, logits in block.draft_logits.items()},
        domain=block.domain[span],
        passage=block.passage[span],
        position=block.position[span],
        previous=block.previous[span],
        token=block.token[span],
    )


def _mapped(tasks: Iterator[_Task], jobs: int) -> Iterator[_Part]:
    """The parts in order, with at most two tasks a process under way."""
    if jobs == 1:
        yield from map(_evaluated, tasks)
        return
    context = get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(jobs, context, initializer=_leave_interrupts) as pool:
        waiting: deque[Future[_Part]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(_evaluated, task))
                if len(waiting) >= 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _leave_interrupts() -> None:
    """A worker leaves control-C to the process that feeds it, which then stops it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started in here do linear algebra on one thread each: there is one for each core."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _evaluated(task: _Task) -> _Part:
    """All temperatures and drafts of one task, as many rows at a time as fit into a cache."""
    block, plan = task.block, task.plan
    n, temperatures, drafts = len(block), len(plan.temperatures), len(task.drafts)
    shape = (n, temperatures, drafts)
    pictures = Pictures(
        np.empty(shape), np.empty(shape[:2]), np.empty(shape), np.empty(shape, dtype=np.int64)
    )
    cells = np.zeros((*shape, len(methods(plan.demand.ks))), dtype=CELL)
    places = Places(block.rows, block.domain, block.passage, block.position)
    part = _Part(places, pictures, cells, Audit())
    step = max(1, WORKED_ON // block.target_logits.shape[1])
    for start in range(0, n, step):
        span = slice(start, min(start + step, n))
        for t in range(temperatures):
            part = replace(part, audit=part.audit + _fill(task, part, span, t))
    return part


def _fill(task: _Task, part: _Part, span: slice, t: int) -> Audit:
    """Evaluate some rows of a task at one temperature into the task's arrays."""
    plan, block, pictures = task.plan, task.block, part.pictures
    temperature = plan.temperatures[t]
    p = plan.warp(temperature).probabilities(block.target_logits[span])
    pictures.target_entropy[span, t] = entropy(p)
    audit = Audit()
    for d, draft in enumerate(task.drafts):
        q = plan.warp(temperature).probabilities(block.draft_logits[draft][span])
        pictures.tv[span, t, d] = total_variation(p, q)
        pictures.draft_entropy[span, t, d] = entropy(q)
        pictures.draft_support[span, t, d] = (q > 0).sum(axis=-1)
        part.cells[span, t, d], found = evaluate_pairs(
            p=p,
            q=q,
            demand=plan.demand,
            rows=block.rows[span],
            label=f"{draft} at temperature {temperature}",
            certify=task.certify[span],
        )
        audit += found
    return audit


def _assembled(plan: Plan, drafts: tuple[str, ...], parts: list[_Part]) -> Evaluation:
    return Evaluation(
        plan=plan,
        drafts=drafts,
        methods=methods(plan.demand.ks),
        places=_joined([part.places for part in parts]),
        pictures=_joined([part.pictures for part in parts]),
        cells=np.concatenate([part.cells for part in parts]),
        audit=sum((part.audit for part in parts), Audit()),
    )


def _joined(parts: list[Arrays]) -> Arrays:
    """Records of arrays, block after block."""
    kind = type(parts[0])
    return kind(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(kind)))
