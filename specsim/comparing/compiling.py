"""How long programs were compiled, so that a measured time can be given without it.

JAX compiles a program for each new shape, once a process. That says nothing about a system: whoever ran
first with a shape has paid for all. JAX reports each step of it (tracing, lowering, compiling) as it ends;
steps may hold one another, so what counts is the length of the union of their intervals.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_COMPILING = "/jax/core/compile/"


@dataclass
class Compiled:
    """When something was compiled, in seconds of :func:`time.perf_counter`."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """All in all, overlaps counted once."""
        return covered(self.spans)


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of a union of intervals.

    Examples
    --------
    >>> covered([(0.0, 2.0), (0.5, 1.0), (1.5, 3.0), (5.0, 6.0)])
    4.0
    """
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(end - max(begin, reached), 0.0)
        reached = max(reached, end)
    return total


@contextmanager
def compiling() -> Iterator[Compiled]:
    """What is compiled inside of the block; nothing that was under way before counts.

    Examples
    --------
    >>> import jax
    >>> with compiling() as compiled:
    ...     _ = jax.jit(lambda x: x + 3.0)(1.0)
    >>> compiled.seconds > 0
    True
    """
    found, begun, listening = Compiled(), time.perf_counter(), True
    if "jax" not in sys.modules:  # table worlds run without it
        yield found
        return
    from jax import monitoring

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if listening and event.startswith(_COMPILING):
            now = time.perf_counter()
            found.spans.append((max(now - duration_secs, begun), now))

    monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        listening = False
        stop = getattr(monitoring, "unregister_event_duration_listener", None)  # older releases have none
        if stop is not None:
            stop(listen)
