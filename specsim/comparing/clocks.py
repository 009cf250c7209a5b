"""What the passes of a real system cost: on hardware by roofline, on this CPU by measurement.

A draft's cost is a share of the target's: the weights that a pass of it multiplies over the target's.
Where several models draft (hierarchies), each of their passes is taken to cost what the largest does, so
that speed-ups are lower bounds there. Drafts without passes (retrieval) cost nothing on any clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import jax

from specsim.clocks import (
    A100,
    H100,
    L40,
    Affine,
    Call,
    Cost,
    Hardware,
    Measurement,
    Roofline,
    Scaled,
    Transformer,
    fit_affine,
)
from specsim.decoding.decode import Trace
from specsim.decoding.loaded import Loaded
from specsim.decoding.system import System
from specsim.models import Model
from specsim.models.config import LlamaConfig
from specsim.models.stages import stages_of, weights_of
from specsim.systems.base import Bench

#: Hardware by name, with the peak figures of its data sheet.
HARDWARE: Mapping[str, Hardware] = {"A100": A100, "H100": H100, "L40": L40}
#: New tokens of the calls that are timed on this machine.
TIMED = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Clock:
    """Costs of target calls; a draft pass costs a share of what such a call of the target would.

    Attributes
    ----------
    name
        For tables.
    target
        Cost of a target call.
    """

    name: str
    target: Cost

    def draft(self, share: float) -> Cost:
        """The cost of a draft pass."""
        return Scaled(self.target, share)


def hardware_clocks(model: Model) -> tuple[Clock, ...]:
    """Rooflines of a model in 16 bits: lower bounds of real times, without launches."""
    size = transformer(model)
    return tuple(Clock(name, Roofline(size, hardware)) for name, hardware in HARDWARE.items())


def transformer(model: Model) -> Transformer:
    """A model's sizes, as far as its cost goes."""
    config = model.config
    return Transformer(
        parameters=_body(model, None) + _head(config),
        layers=config.layers,
        width=config.heads * config.head_size,
        cached_bytes=2.0 * 2 * config.layers * config.kv_heads * config.head_size,
    )


def cpu_clock(model: Model, *, context: int = 64, repeats: int = 3) -> tuple[Clock, float]:
    """Times of this machine's calls: an affine fit of the fastest of some repeats, and its relative error.

    Parameters
    ----------
    model
        What is timed.
    context
        Tokens in the cache.
    repeats
        The fastest of so many counts: other work on the machine only ever adds.

    Returns
    -------
    tuple
        The clock, an estimate, and the root mean square of the fit's relative residuals.
    """
    opened = Loaded(model).open(tuple(1 + place % 50 for place in range(context)))
    measurements = []
    for tokens in TIMED:
        path = tuple(1 + place % 50 for place in range(tokens - 1))
        call = Call(tokens=tokens, context=context - 1)
        measurements.append(Measurement(call, min(_timed(opened, path) for _ in range(repeats + 1))))
    fit = fit_affine(measurements)
    return Clock("this CPU", fit.cost), fit.residual


def _timed(opened: Any, path: tuple[int, ...]) -> float:
    begun = time.perf_counter()
    opened.read([path]).logits(path)
    return time.perf_counter() - begun


def clock_of(name: str, coefficients: Sequence[float]) -> Clock:
    """A clock from the kept coefficients of an affine cost."""
    return Clock(name, Affine(*coefficients))


def share_used(system: System, bench: Bench, traces: Iterable[Trace]) -> float:
    """:func:`draft_share`, but 1 where there were passes of a model whose size can't be told."""
    share = draft_share(system, bench)
    drafted = any(done.draft for trace in traces for done in trace.rounds)
    return 1.0 if drafted and not share else share


def draft_share(system: System, bench: Bench) -> float:
    """What a draft pass costs of a target call: the largest among the models that draft; 0 if none is found.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> from specsim.systems import by_name
    >>> bench = Bench(toy_model(seed=0))
    >>> draft_share(by_name("plain").real(bench), bench)
    0.0
    >>> 0.5 < draft_share(by_name("speculative").real(bench), bench) < 1
    True
    """
    whole = _body(bench.model, None) + _head(bench.model.config)
    return max((size / whole for size in _sizes(system.drafter, 6)), default=0.0)


def _sizes(part: Any, depth: int) -> Iterator[float]:
    """Weights that a pass of each model inside of a drafter multiplies."""
    if depth == 0:
        return
    if isinstance(part, Loaded):
        yield _body(part.model, part.view) + _head(part.model.config)
    elif hasattr(part, "network") and hasattr(part, "params"):
        yield _count(part.params) + _count(getattr(getattr(part.network, "backbone", None), "head", 0))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _sizes(value, depth - 1)
    elif is_dataclass(part):
        for item in fields(part):
            yield from _sizes(getattr(part, item.name), depth - 1)


def _body(model: Model, view: Any) -> float:
    parts = {
        (part, kind)
        for stage in stages_of(view, model.config)
        for kind in ("attention", "feed")
        for part in getattr(stage, kind)
    }
    return sum(_sublayer(weights_of(model.params, part), kind) for part, kind in parts)


def _sublayer(weights: Mapping[str, Any], kind: str) -> float:
    feed = {"gate", "up", "down", "feed_norm"}
    return sum(_count(weights[name]) for name in weights if (name in feed) == (kind == "feed"))


def _head(config: LlamaConfig) -> float:
    return float(config.vocabulary * config.hidden)


def _count(tree: Any) -> float:
    return float(sum(getattr(leaf, "size", 0) for leaf in jax.tree.leaves(tree)))
