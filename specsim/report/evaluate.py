"""Evaluating a trace: block after block, on one or several processes, with bounded memory.

Blocks are decoded here, in order, and go to worker processes a few rows at a time; what comes back is a few
hundred numbers a position. A row's result is a function of its logits, its number and the plan (each
pair has random numbers of its own, see :mod:`specsim.report.pairs`), so the number of processes changes
nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from specsim.processes import mapped
from specsim.report.audit import Audit
from specsim.report.cells import CELL
from specsim.report.evaluation import Evaluation, Pictures, Places, Plan
from specsim.report.methods import methods
from specsim.report.pairs import evaluate_pairs
from specsim.report.portions import DECODED, WORKED_ON, portions
from specsim.sources.traces import Block, Trace
from theory.simplex import entropy, total_variation

Array = NDArray[Any]
Progress = Callable[[int, int], None]
Arrays = TypeVar("Arrays", Places, Pictures)


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
    total = len(trace) if plan.limit is None else min(plan.limit, len(trace))
    parts, done, stream = [], 0, evaluate_stream(trace, plan, jobs=jobs)
    _report(progress, 0, total)
    for part in stream:
        parts.append(part)
        done += len(part)
        _report(progress, done, total)
    return _joined_evaluations(parts)


def evaluate_stream(trace: Trace, plan: Plan | None = None, *, jobs: int = 1) -> Iterator[Evaluation]:
    """The same, a few positions at a time, in order: memory does not grow with the trace.

    Parameters
    ----------
    trace, plan, jobs
        As for :func:`evaluate`; wrong ones are refused here, not at the first part.

    Returns
    -------
    iterator of Evaluation
        Put side by side they are what :func:`evaluate` gives. :class:`~specsim.report.RunningMeans` averages
        them as they come.

    Raises
    ------
    TraceError, ValueError, RuleAboveBound
        As :func:`evaluate`.

    Examples
    --------
    >>> from specsim.report import Demand
    >>> trace = Trace.open("traces/glassllm-en")
    >>> plan = Plan(Demand((1,)), temperatures=(1.0,), drafts=("skip",), limit=32)
    >>> sum(len(part) for part in evaluate_stream(trace, plan))
    32
    """
    plan = plan or Plan()
    rows = trace if plan.limit is None else trace.select(limit=plan.limit)
    drafts = trace.drafts if plan.drafts is None else plan.drafts
    if not drafts:
        raise ValueError("there is no draft to evaluate; the trace holds the target only")
    if len(set(drafts)) < len(drafts):
        raise ValueError(f"drafts must be different ones, got {', '.join(drafts)}")
    return mapped(_evaluated, _tasks(rows, plan, drafts), jobs=jobs)


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


def _tasks(trace: Trace, plan: Plan, drafts: tuple[str, ...]) -> Iterator[_Task]:
    blocks = trace.blocks(size=DECODED, drafts=drafts)
    for block, certify in portions(blocks, certify_every=plan.certify_every, vocabulary=trace.vocabulary):
        yield _Task(plan, drafts, block, certify)


def _evaluated(task: _Task) -> Evaluation:
    """All temperatures and drafts of one task, as many rows at a time as fit into a cache."""
    block, plan = task.block, task.plan
    n, temperatures, drafts = len(block), len(plan.temperatures), len(task.drafts)
    shape = (n, temperatures, drafts)
    pictures = Pictures(
        np.empty(shape), np.empty(shape[:2]), np.empty(shape), np.empty(shape, dtype=np.int64)
    )
    cells = np.zeros((*shape, len(methods(plan.demand.ks))), dtype=CELL)
    places = Places(block.rows, block.domain, block.passage, block.position)
    part = Evaluation(plan, task.drafts, methods(plan.demand.ks), places, pictures, cells, Audit())
    step = max(1, WORKED_ON // block.target_logits.shape[1])
    for start in range(0, n, step):
        span = slice(start, min(start + step, n))
        for t in range(temperatures):
            part = replace(part, audit=part.audit + _fill(task, part, span, t))
    return part


def _fill(task: _Task, part: Evaluation, span: slice, t: int) -> Audit:
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


def _joined_evaluations(parts: Sequence[Evaluation]) -> Evaluation:
    first = parts[0]
    return replace(
        first,
        places=_joined([part.places for part in parts]),
        pictures=_joined([part.pictures for part in parts]),
        cells=np.concatenate([part.cells for part in parts]),
        audit=sum((part.audit for part in parts), Audit()),
    )


def _joined(parts: list[Arrays]) -> Arrays:
    """Records of arrays, block after block."""
    kind = type(parts[0])
    return kind(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(kind)))
