"""Runs of several systems over the same prompts and seeds, kept as they come.

Results are a function of the model, the systems, the prompts, the seeds and the budget: a run that was
killed goes on where it was and gives the same traces. How long requests took here, compilation not counted,
is measured beside, and is no part of a result's equality.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from specsim.clocks import Call
from specsim.comparing.compiling import compiling
from specsim.comparing.ledger import Ledger
from specsim.decoding.decode import Trace
from specsim.decoding.plans import Round
from specsim.decoding.session import open_session
from specsim.decoding.system import System
from specsim.systems.base import Bench, Published
from theory.chance import Chance, Sampled
from theory.laws import Tokens

#: More than any round emits.
_NO_CUT = 10**9


@dataclass(frozen=True)
class Request:
    """One request of one system.

    Attributes
    ----------
    trace
        What it did.
    seed
        Its seed.
    wall
        Seconds that its rounds took on this machine; the prompt's reading and compilation not counted.
    """

    trace: Trace
    seed: int
    wall: float = field(compare=False)


@dataclass(frozen=True)
class Results:
    """Requests by system, in the order of systems, prompts and seeds; equal if all traces are."""

    requests: Mapping[str, tuple[Request, ...]]

    def traces(self, name: str) -> tuple[Trace, ...]:
        """The traces of a system."""
        return tuple(request.trace for request in self.requests[name])

    def wall_a_token(self, name: str) -> float:
        """Median over requests of measured seconds a token: on this machine, under its load at the time."""
        return float(np.median([request.wall / len(request.trace.tokens) for request in self.requests[name]]))


def whole_rounds(
    system: System, prompt: Tokens, *, tokens: int, chance: Chance, end_tokens: Collection[int] = ()
) -> tuple[Trace, float]:
    """Rounds until ``tokens`` are there or an end token was emitted; the last one is kept whole.

    Whether there is another round depends on the past only, so tokens over rounds estimates the block
    efficiency without the bias of a last round that is cut (Wald's identity).

    Parameters
    ----------
    system, prompt, chance
        As for :func:`specsim.decoding.decode`.
    tokens
        At least so many, at least 1; the last round may add to them.
    end_tokens
        The text ends with the round that emits one of them.

    Returns
    -------
    tuple
        The trace, and the seconds its rounds took on this machine without those of compilation, which falls
        on whoever comes first with a shape (:mod:`specsim.comparing.compiling`).
    """
    if tokens < 1:
        raise ValueError(f"tokens must be at least 1, got {tokens}")
    session, rounds, emitted = open_session(system, prompt), list[Round](), 0
    begun = time.perf_counter()
    with compiling() as compiled:
        while emitted < tokens:
            step = system.plan.step(system, session, chance=chance, room=_NO_CUT)
            session = step.session
            rounds.append(step.round)
            emitted += len(step.round.tokens)
            if any(token in end_tokens for token in step.round.tokens):
                break
        took = time.perf_counter() - begun
    return Trace(tuple(prompt), tuple(rounds)), took - compiled.seconds


def run(
    systems: Iterable[Published],
    bench: Bench,
    prompts: Sequence[Tokens],
    *,
    seeds: Sequence[int],
    max_new_tokens: int,
    ledger: str | Path | None = None,
    end_tokens: Collection[int] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Results:
    """Each system on each prompt with each seed.

    Parameters
    ----------
    systems
        From :func:`specsim.systems.every`.
    bench
        The model they run on, and what they need besides.
    prompts
        Token ids, different ones.
    seeds
        Different whole numbers. A request's randomness is a function of its seed and prompt.
    max_new_tokens
        Budget of a request; its last round is kept whole.
    ledger
        A file for results as they come: a run that was killed goes on there. None: kept in memory only.
    end_tokens
        As for :func:`whole_rounds`.
    progress
        Told the system, the requests that are done, and all.

    Raises
    ------
    ValueError
        Before any work, if there is nothing to run, a prompt or seed comes twice, or a system can't be
        made on the bench.
    LedgerError
        If the file is of another run.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> from specsim.systems import by_name
    >>> bench = Bench(toy_model(seed=0))
    >>> results = run([by_name("plain")], bench, [(1, 2, 3)], seeds=[0, 1], max_new_tokens=3)
    >>> [len(trace.rounds) for trace in results.traces("plain")]
    [3, 3]
    """
    made = {published.name: published.real(bench) for published in systems}
    _check(made, prompts, seeds)
    settings = settings_of(bench, max_new_tokens=max_new_tokens, end_tokens=end_tokens)
    book = Ledger(ledger, settings=settings) if ledger is not None else None
    total, done = len(made) * len(prompts) * len(seeds), 0
    requests: dict[str, tuple[Request, ...]] = {}
    for name, system in made.items():
        found = []
        for prompt in prompts:
            for seed in seeds:
                key = f"{name}/{digest(prompt)}/{seed}"
                if book is not None and key in book:
                    found.append(_read(prompt, seed, book[key]))
                else:
                    found.append(_request(system, prompt, seed, max_new_tokens, end_tokens))
                    if book is not None:
                        book.put(key, _written(found[-1]))
                done += 1
                if progress is not None:
                    progress(name, done, total)
        requests[name] = tuple(found)
    return Results(requests)


def settings_of(bench: Bench, *, max_new_tokens: int, end_tokens: Collection[int] = ()) -> dict[str, Any]:
    """What every trace depends on besides system, prompt and seed."""
    return {
        "model": _identity(bench.model),
        "companion": None if bench.companion is None else _identity(bench.companion),
        "warp": repr(bench.warp),
        "corpus": digest(bench.corpus),
        "trained parts": "given" if bench.load is not None else _shipped_parts(),
        "max_new_tokens": max_new_tokens,
        "end_tokens": sorted(end_tokens),
    }


def _shipped_parts() -> str:
    """Of the checksums of all shipped parts: retrained heads make another run."""
    try:
        from specsim.training import artefacts
    except ModuleNotFoundError:  # without the extra 'training' no part is loaded
        return "none"
    sums = artefacts.folder() / artefacts.SUMS
    return hashlib.sha256(sums.read_bytes()).hexdigest()[:16] if sums.is_file() else "none"


def _identity(model: Any) -> str:
    return f"{model.name} {model.source.sha256}"


def digest(tokens: Tokens) -> str:
    """A short name of a text.

    Examples
    --------
    >>> digest((1, 2, 3))
    '8a6ae15122001229'
    """
    return hashlib.sha256(",".join(map(str, tokens)).encode()).hexdigest()[:16]


def _check(systems: Mapping[str, System], prompts: Sequence[Tokens], seeds: Sequence[int]) -> None:
    for what, values in (("system", list(systems)), ("prompt", list(prompts)), ("seed", list(seeds))):
        if not values:
            raise ValueError(f"there is no {what} to run")
        if len({*values}) < len(values):
            raise ValueError(f"a {what} comes twice: requests must differ")


def _request(system: System, prompt: Tokens, seed: int, tokens: int, end_tokens: Collection[int]) -> Request:
    chance = Sampled(np.random.default_rng([seed, int(digest(prompt), 16)]))
    trace, wall = whole_rounds(system, prompt, tokens=tokens, chance=chance, end_tokens=end_tokens)
    return Request(trace, seed, wall)


def _written(request: Request) -> dict[str, Any]:
    rounds = [
        {
            "drafted": done.drafted,
            "depth": done.depth,
            "accepted": done.accepted,
            "tokens": list(done.tokens),
            "bonus": bool(done.bonus),
            "draft": [_numbers(call) for call in done.draft],
            "target": [_numbers(call) for call in done.target],
            "overlapped": done.overlapped,
            "source": list(done.source),
        }
        for done in request.trace.rounds
    ]
    return {"rounds": rounds, "wall": request.wall}


def _numbers(call: Call) -> list[int]:
    return [call.tokens, call.batch, call.context]


def _read(prompt: Tokens, seed: int, value: Mapping[str, Any]) -> Request:
    rounds = tuple(_round(written) for written in value["rounds"])
    return Request(Trace(tuple(prompt), rounds), seed, value["wall"])


def _round(written: Mapping[str, Any]) -> Round:
    tuples = {key: tuple(written[key]) for key in ("tokens", "source")}
    calls = {
        key: tuple(
            Call(tokens=tokens, batch=batch, context=context) for tokens, batch, context in written[key]
        )
        for key in ("draft", "target")
    }
    return Round(**{**written, **tuples, **calls})
