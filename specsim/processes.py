"""Work on a stream of tasks, on one or several processes: results in order, memory bounded."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def mapped(function: Callable[[Task], Answer], tasks: Iterable[Task], *, jobs: int) -> Iterator[Answer]:
    """What a function gives for each task, in their order.

    Parameters
    ----------
    function
        Of a module, so that another process can find it.
    tasks
        Taken one after the other: with several processes at most two for each are under way.
    jobs
        Processes; with one, the work is done here.

    Raises
    ------
    ValueError
        If jobs is below one.

    Examples
    --------
    >>> list(mapped(abs, iter([-1, 2, -3]), jobs=1))
    [1, 2, 3]
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    return map(function, tasks) if jobs == 1 else _shared_out(function, tasks, jobs)


def _shared_out(function: Callable[[Task], Answer], tasks: Iterable[Task], jobs: int) -> Iterator[Answer]:
    context = get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(jobs, context, initializer=_leave_interrupts) as pool:
        waiting: deque[Future[Answer]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(function, task))
                if len(waiting) >= 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # waits for the tasks under way: workers that outlive this can keep a process from ending
            pool.shutdown(cancel_futures=True)


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
