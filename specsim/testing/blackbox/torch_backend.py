"""Functions of torch tensors: every random operation is intercepted while the function runs.

Torch marks its random operations (the tag ``nondeterministic_seeded``). Inside of a dispatch mode each is
answered from the drive, wherever it is called from and with whatever generator; one that isn't driven
raises :class:`NotDrivable`, so no number comes from elsewhere. Float32 numbers are made as torch makes
them, on a lattice of ``2**-24``, zero included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from specsim.testing.blackbox.box_rules import Arrays, BoxRule
from specsim.testing.blackbox.drive import Drive, NotDrivable
from specsim.testing.blackbox.extraction import Effort
from specsim.testing.blackbox.generator_rules import box_rule
from specsim.testing.forms import name_of, rng_form

if TYPE_CHECKING:
    import torch

#: What float32 arithmetic may add to a probability; added to the error of an extracted law.
FLOAT32_ROUNDING = 1e-5


@dataclass(frozen=True)
class TorchBackend:
    """Arrays are passed as tensors; random operations come from the drive.

    Attributes
    ----------
    dtype
        ``"float64"`` or ``"float32"``: of the probabilities that are passed.
    takes_generator
        Whether the function has a parameter ``generator``, a ``torch.Generator``.
    """

    dtype: str = "float64"
    takes_generator: bool = False
    effort: Effort = field(default_factory=lambda: Effort(probes=64, max_runs=6_000))

    def driven(self, function: Callable[..., Any], given: Arrays, drive: Drive) -> Any:
        """Call inside of a mode that answers random operations from the drive."""
        with _one_thread(), _mode(drive):
            return self._call(function, given, None)

    def free(self, function: Callable[..., Any], given: Arrays, rng: np.random.Generator) -> Any:
        """Call with torch's own randomness, seeded; its global state is left as it was."""
        import torch

        with torch.random.fork_rng(devices=[]):
            seed = int(rng.integers(2**62))
            torch.manual_seed(seed)
            return self._call(function, given, seed)

    def _call(self, function: Callable[..., Any], given: Arrays, seed: int | None) -> Any:
        import torch

        kind = getattr(torch, self.dtype)
        tensors = {name: _tensor(value, kind) for name, value in given.items()}
        if self.takes_generator:
            generator = torch.Generator()
            if seed is not None:
                generator.manual_seed(seed)
            tensors["generator"] = generator
        before = {
            name: tensors[name].clone() for name, value in given.items() if isinstance(value, np.ndarray)
        }
        answer = function(**tensors)
        for name, tensor in before.items():
            if not torch.equal(tensor, tensors[name]):
                # the caller compares its arrays, in its own precision
                given[name][...] = tensors[name].numpy()
        return plain(answer)


def torch_rule(
    function: Callable[..., Any],
    *,
    kind: str = "single-draft",
    name: str | None = None,
    dtype: str = "float64",
    effort: Effort | None = None,
) -> BoxRule:
    """A function of torch tensors as a rule to audit.

    Parameters
    ----------
    function
        Takes tensors p, q and a token (``kind="single-draft"``), p, q and tokens (``"multi-draft"``), or
        target_rows, draft_rows and tokens (``"tree"``, for chains), and a ``generator`` if it has that
        parameter; returns a token, or the emitted tokens.
    name
        How reports call it; None for its own name.
    dtype
        Of the probabilities; with ``"float32"`` laws are compared to 1e-5.
    effort
        How thoroughly to look.
    """
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype must be 'float64' or 'float32', got {dtype!r}")
    form, call, takes = rng_form(function, kind, source="generator")
    backend = TorchBackend(dtype, takes)
    chosen = effort or backend.effort
    if dtype == "float32":
        chosen = replace(chosen, slack=FLOAT32_ROUNDING, resolution=max(chosen.resolution, 2.0**-26))
    backend = replace(backend, effort=chosen)
    label = name or name_of(function)
    rule = box_rule(form, call, label, backend, title=f"{form.title}, of torch tensors")
    return replace(rule, default_examples=10, shrinking=(20, 30))


def plain(answer: Any) -> Any:
    """Tensors as Python numbers and lists."""
    if isinstance(answer, (list, tuple)):
        return [plain(entry) for entry in answer]
    return answer.tolist() if hasattr(answer, "tolist") else answer


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tensors of a few tokens gain nothing from threads, and lose much."""
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def _tensor(value: Any, kind: torch.dtype) -> Any:
    import torch

    if not isinstance(value, np.ndarray):
        return value
    # a copy: the function may write to it, and the caller compares afterwards
    return torch.tensor(value, dtype=torch.long if value.dtype.kind == "i" else kind)


def _mode(drive: Drive) -> Any:
    """A dispatch mode that answers random operations from a drive."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    answers = _Answers(drive)

    def dispatch(mode: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **options)
        handler = getattr(answers, func.overloadpacket.__name__, None)
        if handler is None:
            raise NotDrivable(f"torch's {func.overloadpacket.__name__} is not driven")
        return handler(func, *args, **options)

    return type("Mode", (TorchDispatchMode,), {"__torch_dispatch__": dispatch})()


class _Answers:
    """One method for each random operation, named like it."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive

    def rand(self, func: Any, size: Any, **options: Any) -> Any:
        import torch

        out = torch.empty(size, dtype=options.get("dtype") or torch.get_default_dtype())
        return self._fill(out, self._number(out))

    def rand_like(self, func: Any, like: Any, **options: Any) -> Any:
        import torch

        out = torch.empty(like.shape, dtype=options.get("dtype") or like.dtype)
        return self._fill(out, self._number(out))

    def uniform_(self, func: Any, out: Any, low: float = 0.0, high: float = 1.0, **options: Any) -> Any:
        number = self._number(out)
        return self._fill(out, lambda: low + (high - low) * number())

    def exponential_(self, func: Any, out: Any, rate: float = 1.0, **options: Any) -> Any:
        number = self._number(out)
        return self._fill(out, lambda: -math.log1p(-number()) / rate)

    def multinomial(
        self, func: Any, weights: Any, count: int, replacement: bool = False, **options: Any
    ) -> Any:
        import torch

        rows = weights.reshape(-1, weights.shape[-1]).tolist()
        drawn = [self._draws(row, count, replacement) for row in rows]
        return torch.tensor(drawn, dtype=torch.long).reshape(*weights.shape[:-1], count)

    def _draws(self, row: list[float], count: int, replacement: bool) -> list[int]:
        chosen: list[int] = []
        for _ in range(count):
            total = sum(row)
            if not 0 < total < math.inf or min(row) < 0:
                raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
            chosen.append(self._drive.choose([weight / total for weight in row]))
            if not replacement:
                row = [0.0 if index == chosen[-1] else weight for index, weight in enumerate(row)]
        return chosen

    def bernoulli(self, func: Any, chances: Any, p: float | None = None, **options: Any) -> Any:
        import torch

        flat = chances.reshape(-1).tolist() if p is None else [p] * chances.numel()
        return torch.tensor([self._flip(chance) for chance in flat], dtype=chances.dtype).reshape(
            chances.shape
        )

    def bernoulli_(self, func: Any, out: Any, p: Any = 0.5, **options: Any) -> Any:
        flat = p.expand(out.shape).reshape(-1).tolist() if hasattr(p, "expand") else [p] * out.numel()
        answers = iter(flat)
        return self._fill(out, lambda: self._flip(next(answers)))

    def randint(self, func: Any, *args: Any, **options: Any) -> Any:
        import torch

        low, high, size = (0, *args) if len(args) == 2 else args
        out = torch.empty(size, dtype=options.get("dtype") or torch.long)
        return self._fill(out, lambda: low + self._drive.choose([1 / (high - low)] * (high - low)))

    def randperm(self, func: Any, count: int, **options: Any) -> Any:
        import torch

        return torch.tensor(self._draws([1.0] * count, count, replacement=False), dtype=torch.long)

    def _flip(self, chance: float) -> float:
        return float(self._drive.choose([1 - chance, chance]))

    def _number(self, out: Any) -> Callable[[], float]:
        """Numbers on the lattice that torch uses for the dtype."""
        import torch

        grains = {
            torch.float64: 0.0,
            torch.float32: 2.0**-24,
            torch.float16: 2.0**-11,
            torch.bfloat16: 2.0**-8,
        }
        if out.dtype not in grains:
            raise NotDrivable(f"torch's uniform numbers of {out.dtype} are not driven")
        return lambda: self._drive.uniform(grains[out.dtype])

    @staticmethod
    def _fill(out: Any, one: Callable[[], float]) -> Any:
        import torch

        values = [one() for _ in range(out.numel())]
        return out.copy_(torch.tensor(values, dtype=torch.float64).reshape(out.shape))
