"""Bounds along a trace, a few positions at a time, on one or several processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.bounding.pairs import bound_pairs, truncated_cells
from specsim.bounding.question import Question
from specsim.processes import mapped
from specsim.report.audit import Audit
from specsim.report.cells import CELL, Cells
from specsim.report.portions import DECODED, portions
from specsim.sources.traces import Block, Trace
from theory.bounds import Truncated

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Piece:
    """Some positions of a trace with their bounds.

    Attributes
    ----------
    row, domain, passage, position
        Shape ``(n,)``, as in :class:`~specsim.sources.traces.Block`.
    cells
        Structured array of shape ``(n, temperatures, drafts, methods)``.
    thresholds
        Of the proving sets, same shape; see :mod:`specsim.bounding.pairs`.
    sets
        The proving sets as packed bits, uint8 of shape
        ``(n, temperatures, drafts, methods, ceil(V / 8))``, or None.
    audit
        What the checks found.
    """

    row: Array
    domain: Array
    passage: Array
    position: Array
    cells: Cells
    thresholds: Array
    sets: Array | None
    audit: Audit

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class _Task:
    question: Question
    drafts: tuple[str, ...]
    block: Block
    certify: Array
    sets: bool


def chosen_drafts(trace: Trace, question: Question) -> tuple[str, ...]:
    """The drafts that a question is about.

    Raises
    ------
    ValueError
        If there is none, or one is named twice.
    """
    drafts = trace.drafts if question.drafts is None else question.drafts
    if not drafts:
        raise ValueError("there is no draft to bound; the trace holds the target only")
    if len(set(drafts)) < len(drafts):
        raise ValueError(f"drafts must be different ones, got {', '.join(drafts)}")
    return drafts


def bound_stream(
    trace: Trace, question: Question | None = None, *, jobs: int = 1, sets: bool = False
) -> Iterator[Piece]:
    """The bounds at every position that was asked about, a few positions at a time, in order.

    Parameters
    ----------
    trace
        A trace, or a selection of its rows.
    question
        Laws, numbers of drafts, temperatures; ``Question()`` if None.
    jobs
        Processes; the numbers do not depend on it.
    sets
        Whether pieces hold the proving sets as packed bits. Thresholds, from which the sets follow, they
        always hold (unless the question takes only the likeliest tokens as known).

    Returns
    -------
    iterator of Piece
        Memory for a few dozen positions at a time.

    Raises
    ------
    TraceError
        For an unknown draft or domain (at once), or a damaged file when it is reached.
    ValueError
        If there is no draft, jobs is below one, or a certificate does not prove its bound.

    Examples
    --------
    >>> trace = Trace.open("traces/glassllm-en")
    >>> question = Question(laws=("iid",), ks=(1, 2), drafts=("skip",), limit=8)
    >>> pieces = list(bound_stream(trace, question))
    >>> sum(len(piece) for piece in pieces), pieces[0].cells.shape[1:]
    (8, (1, 1, 2))
    """
    question = question or Question()
    rows = selected(trace, question)
    drafts = chosen_drafts(trace, question)
    blocks = rows.blocks(size=DECODED, drafts=drafts)
    return mapped(_bounded, _tasks(blocks, question, drafts, rows.vocabulary, sets), jobs=jobs)


def selected(trace: Trace, question: Question) -> Trace:
    """The rows that a question is about."""
    if question.domains is None and question.limit is None:
        return trace
    return trace.select(domain=question.domains, limit=question.limit)


def _tasks(
    blocks: Iterator[Block], question: Question, drafts: tuple[str, ...], vocabulary: int, sets: bool
) -> Iterator[_Task]:
    for block, certify in portions(blocks, certify_every=question.certify_every, vocabulary=vocabulary):
        yield _Task(question, drafts, block, certify, sets)


def _bounded(task: _Task) -> Piece:
    """All temperatures and drafts of one task."""
    block, question, vocabulary = task.block, task.question, task.block.target_logits.shape[1]
    methods = len(list(question.methods()))
    shape = (len(block), len(question.temperatures), len(task.drafts), methods)
    bits = np.zeros((*shape, -(-vocabulary // 8)), dtype=np.uint8) if task.sets else None
    cells, thresholds, audit = np.zeros(shape, dtype=CELL), np.full(shape, np.nan), Audit()
    for t, temperature in enumerate(question.temperatures):
        warp = question.warp(temperature)
        p = warp.probabilities(block.target_logits)
        for d, draft in enumerate(task.drafts):
            q = warp.probabilities(block.draft_logits[draft])
            if question.top is not None:
                cells[:, t, d] = _truncated(p, q, question, question.top)
                continue
            found = bound_pairs(
                p=p, q=q, laws=question.laws, ks=question.ks, certify=task.certify, sets=task.sets
            )
            cells[:, t, d], thresholds[:, t, d] = found.cells, found.thresholds
            audit += found.audit
            if bits is not None and found.sets is not None:
                bits[:, t, d] = np.packbits(found.sets, axis=-1)
    return Piece(block.rows, block.domain, block.passage, block.position, cells, thresholds, bits, audit)


def _truncated(p: Array, q: Array, question: Question, top: int) -> Cells:
    """Intervals from the likeliest tokens of each row alone."""
    count = min(top, p.shape[1])
    return np.stack(
        [
            truncated_cells(
                p=Truncated.of(target, count),
                q=Truncated.of(draft, count),
                laws=question.laws,
                ks=question.ks,
            )
            for target, draft in zip(p, q, strict=True)
        ]
    )
