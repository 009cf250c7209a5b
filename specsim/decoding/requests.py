"""Requests one after the other: what a drafter keeps from one to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from specsim.decoding.decode import Trace, resume
from specsim.decoding.drafting import Drafter
from specsim.decoding.reading import Memory
from specsim.decoding.session import open_session
from specsim.decoding.system import System
from theory.chance import Chance
from theory.laws import Tokens


@runtime_checkable
class Warming(Protocol):
    """A drafter that learns across requests (Token Recycling's matrix, ADED's table, retrieved texts)."""

    def warmed(self, memory: Any) -> Drafter:
        """The drafter of a next request, from the memory that this one ended with."""
        ...


def warmed(system: System, memory: Memory) -> System:
    """The system for a next request: its drafter keeps what it has learnt, if it learns."""
    if isinstance(system.drafter, Warming):
        return replace(system, drafter=system.drafter.warmed(memory))
    return system


def decode_all(
    system: System,
    prompts: Iterable[Tokens],
    *,
    max_new_tokens: int,
    chance: Chance,
    end_tokens: Collection[int] = (),
) -> tuple[tuple[Trace, ...], System]:
    """Decode requests in order, each with what the drafter learnt from those before.

    Parameters
    ----------
    system
        As it is before the first request.
    prompts
        One a request.
    max_new_tokens, chance, end_tokens
        As in :func:`~specsim.decoding.decode.decode`.

    Returns
    -------
    traces
        One a request.
    system
        The system after the last one.
    """
    traces = list[Trace]()
    for prompt in prompts:
        session = open_session(system, prompt)
        trace, session = resume(
            system, session, max_new_tokens=max_new_tokens, chance=chance, end_tokens=end_tokens
        )
        traces.append(trace)
        system = warmed(system, session.memory)
    return tuple(traces), system
