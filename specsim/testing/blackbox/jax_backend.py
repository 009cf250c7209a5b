"""Functions of JAX arrays and a key: ``jax.random`` answers from the drive while the function runs.

The function is given a driven key instead of a real one. Inside of the call the functions of ``jax.random``
take driven keys only, and jitted functions run uncompiled (``jax.disable_jit``). A driven key keeps JAX's
promise: the same key used twice for the same draw gives the same numbers. Used for two *different* draws it
would give related ones, which is a mistake that can't be driven: :class:`NotDrivable`, and the rule is
sampled. A function imported from ``jax.random`` by name refuses a driven key with a TypeError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from specsim.testing.blackbox.box_rules import Arrays, BoxRule
from specsim.testing.blackbox.drive import Drive, NotDrivable
from specsim.testing.blackbox.extraction import Effort
from specsim.testing.blackbox.generator_rules import box_rule
from specsim.testing.blackbox.torch_backend import FLOAT32_ROUNDING, plain
from specsim.testing.forms import name_of, rng_form


@dataclass
class DrivenKey:
    """A key; what was drawn from it is remembered."""

    drive: Drive
    used: dict[Any, Any] = field(default_factory=dict)
    children: dict[Any, DrivenKey] = field(default_factory=dict)

    def once(self, draw: Any, make: Callable[[], Any]) -> Any:
        """The answer to a draw: the one given before, if it is the same draw."""
        if draw not in self.used:
            if self.used:
                first = next(iter(self.used))[0]
                raise NotDrivable(f"one key is used for two draws, {first} and {draw[0]}; split it")
            self.used[draw] = make()
        return self.used[draw]

    def child(self, name: Any) -> DrivenKey:
        """The key that a split makes."""
        return self.children.setdefault(name, DrivenKey(self.drive))


@dataclass(frozen=True)
class JaxBackend:
    """Arrays are passed as JAX arrays, with a parameter ``key``."""

    effort: Effort = field(default_factory=lambda: Effort(probes=32, max_runs=4_000))

    def driven(self, function: Callable[..., Any], given: Arrays, drive: Drive) -> Any:
        """Call with a driven key."""
        import jax

        with _driven_random(), jax.disable_jit():
            return plain(function(**_arrays(given), key=DrivenKey(drive)))

    def free(self, function: Callable[..., Any], given: Arrays, rng: np.random.Generator) -> Any:
        """Call with a real key."""
        import jax

        return plain(function(**_arrays(given), key=jax.random.key(int(rng.integers(2**31)))))


def jax_rule(
    function: Callable[..., Any],
    *,
    kind: str = "single-draft",
    name: str | None = None,
    effort: Effort | None = None,
) -> BoxRule:
    """A function of JAX arrays and a key as a rule to audit.

    Parameters
    ----------
    function
        Takes p, q and a token (``kind="single-draft"``), p, q and tokens (``"multi-draft"``), or
        target_rows, draft_rows and tokens (``"tree"``, for chains), and a ``key``; returns a token, or the
        emitted tokens.
    name
        How reports call it; None for its own name.
    effort
        How thoroughly to look.

    Notes
    -----
    Where JAX computes in float32, laws are compared to 1e-5.
    """
    form, call, takes = rng_form(function, kind, source="key")
    if not takes:
        raise ValueError(
            f"{form.title} for JAX has a parameter 'key'; a function without one has no randomness"
        )
    chosen = effort or JaxBackend().effort
    if not _wide():
        chosen = replace(chosen, slack=FLOAT32_ROUNDING, resolution=max(chosen.resolution, 2.0**-26))
    label = name or name_of(function)
    rule = box_rule(form, call, label, JaxBackend(chosen), title=f"{form.title}, of JAX arrays")
    return replace(rule, default_examples=8, shrinking=(10, 20))


def _wide() -> bool:
    """Whether JAX has 64-bit numbers switched on."""
    import jax

    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)


def _arrays(given: Arrays) -> Arrays:
    import jax.numpy as jnp

    return {
        name: jnp.asarray(value) if isinstance(value, np.ndarray) else value for name, value in given.items()
    }


@contextmanager
def _driven_random() -> Iterator[None]:
    """While entered, ``jax.random`` answers driven keys and refuses everything else."""
    import jax

    originals = {name: value for name, value in vars(jax.random).items() if _is_public_function(name, value)}
    try:
        for name in originals:
            setattr(jax.random, name, _DRIVEN.get(name) or _refusing(name))
        yield
    finally:
        for name, value in originals.items():
            setattr(jax.random, name, value)


def _is_public_function(name: str, value: Any) -> bool:
    return not name.startswith("_") and callable(value) and not isinstance(value, type)


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **options: Any) -> Any:
        raise NotDrivable(f"jax.random.{name} is not driven")

    return refuse


def _split(key: DrivenKey, num: Any = 2) -> tuple[DrivenKey, ...]:
    return tuple(key.child(("split", index)) for index in range(int(np.prod(num))))


def _fold_in(key: DrivenKey, data: Any) -> DrivenKey:
    return key.child(("fold_in", int(data)))


def _clone(key: DrivenKey) -> DrivenKey:
    return key


def _uniform(
    key: DrivenKey, shape: Any = (), dtype: Any = float, minval: Any = 0.0, maxval: Any = 1.0
) -> Any:
    return minval + (maxval - minval) * _numbers("uniform", key, shape, lambda value: value)


def _exponential(key: DrivenKey, shape: Any = (), dtype: Any = float) -> Any:
    return _numbers("exponential", key, shape, lambda value: -math.log1p(-value))


def _gumbel(key: DrivenKey, shape: Any = (), dtype: Any = float, mode: Any = None) -> Any:
    return _numbers("gumbel", key, shape, lambda value: -math.log(-math.log(max(value, 2.0**-24))))


def _numbers(name: str, key: DrivenKey, shape: Any, turn: Callable[[float], float]) -> Any:
    import jax.numpy as jnp

    sides = tuple(np.atleast_1d(shape).astype(int)) if shape != () else ()
    # without 64-bit numbers JAX fills 23 bits of a float32
    grain = 0.0 if _wide() else 2.0**-23

    def make() -> Any:
        values = [turn(key.drive.uniform(grain)) for _ in range(int(np.prod(sides)))]
        return jnp.asarray(np.array(values).reshape(sides))

    return key.once((name, sides), make)


def _categorical(
    key: DrivenKey, logits: Any, axis: int = -1, shape: Any = None, replace: bool = True, mode: Any = None
) -> Any:
    scores = np.moveaxis(np.asarray(logits, dtype=np.float64), axis, -1)
    if shape is not None and tuple(shape) != scores.shape[:-1]:
        raise NotDrivable("jax.random.categorical is driven for the shape of its logits only")
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return _choices("categorical", key, weights / weights.sum(axis=-1, keepdims=True))


def _choices(name: str, key: DrivenKey, rows: Any) -> Any:
    import jax.numpy as jnp

    def make() -> Any:
        flat = [key.drive.choose(row) for row in rows.reshape(-1, rows.shape[-1])]
        return jnp.asarray(np.array(flat).reshape(rows.shape[:-1]))

    return key.once((name, rows.tobytes()), make)


def _bernoulli(key: DrivenKey, p: Any = 0.5, shape: Any = None, mode: Any = None) -> Any:
    chances = np.asarray(p, dtype=np.float64)
    chances = np.broadcast_to(chances, chances.shape if shape is None else shape)
    return _choices("bernoulli", key, np.stack([1 - chances, chances], axis=-1)).astype(bool)


def _choice(
    key: DrivenKey,
    a: Any,
    shape: Any = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: Any = None,
) -> Any:
    import jax.numpy as jnp

    items = jnp.arange(a) if np.ndim(a) == 0 else jnp.asarray(a)
    count = items.shape[axis]
    weights = np.full(count, 1 / count) if p is None else np.asarray(p, dtype=np.float64)
    if not replace or axis != 0:
        raise NotDrivable("jax.random.choice is driven with replacement and along the first axis only")
    rows = np.broadcast_to(weights / weights.sum(), (*tuple(shape), count))
    return items[_choices("choice", key, np.array(rows))]


def _randint(key: DrivenKey, shape: Any, minval: Any, maxval: Any, dtype: Any = int) -> Any:
    count = int(maxval) - int(minval)
    return int(minval) + _choices("randint", key, np.full((*tuple(shape), count), 1 / count))


_DRIVEN: dict[str, Callable[..., Any]] = {
    "bernoulli": _bernoulli,
    "categorical": _categorical,
    "choice": _choice,
    "clone": _clone,
    "exponential": _exponential,
    "fold_in": _fold_in,
    "gumbel": _gumbel,
    "randint": _randint,
    "split": _split,
    "uniform": _uniform,
}
