r"""Chance: the one source of randomness of every drafter and verifier.

A randomised algorithm of this package is a plain function that takes a ``chance`` and asks it two
questions:

* ``chance.flip(probability, stream=...)`` - true with that probability;
* ``chance.draw(weights, stream=...)`` - an index, with probability proportional to its weight.

It takes randomness from nowhere else. So one and the same function can be

* **sampled**, with :class:`Sampled` over a numpy generator;
* **enumerated**, with :class:`Enumerated`: the function is replayed over every outcome of its questions,
  and the weights of the runs that end alike are added up. With fractions the law that comes out is
  exact, and 'lossless' is an equality.

``stream`` names what a question is for: ``"draft"``, ``"accept"``, ``"residual"``, ``"bonus"``, with a
level behind it where there are several (``"accept/2"``). Each stream of :class:`Sampled` is a generator of
its own, so two choices that must be independent cannot share random numbers by accident, and whether a
stream is used never shifts another one.

Examples
--------
>>> from fractions import Fraction as F
>>> def two_coins(chance):
...     first = chance.flip(F(1, 3), stream="first")
...     second = chance.flip(F(1, 2), stream="second")
...     return first + second
>>> Enumerated().law(two_coins)
{2: Fraction(1, 6), 1: Fraction(1, 2), 0: Fraction(1, 3)}
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from theory.simplex import Array, check_weights, is_exact, is_exact_kind, normalise

Outcome = TypeVar("Outcome", bound=Hashable)


class BadQuestion(ValueError):
    """A probability outside [0, 1], or weights that are no weights, were handed to a chance."""


@runtime_checkable
class Chance(Protocol):
    """What a randomised algorithm may ask for; see the module's text."""

    def flip(self, probability: Any, *, stream: str) -> bool:
        """True with the given probability, in [0, 1]."""
        ...

    def draw(self, weights: ArrayLike, *, stream: str) -> int:
        """An index into a vector of weights, with probability weight / total; the total is positive."""
        ...


def check_probability(probability: Any) -> Any:
    """Return a probability, or raise :class:`BadQuestion` if it is not in [0, 1].

    A float may leave the interval by 1e-9 (rounding in a ratio of sums) and is then clipped to it. Text,
    lists and arrays with an axis are no probabilities.

    Examples
    --------
    >>> check_probability(0.25)
    0.25
    """
    if not _is_scalar(probability):
        raise BadQuestion(f"flip needs a probability, one number in [0, 1], got {probability!r}")
    if 0 <= probability <= 1:
        return probability
    if isinstance(probability, float) and -1e-9 <= probability <= 1 + 1e-9:
        return min(max(probability, 0.0), 1.0)
    raise BadQuestion(f"flip needs a probability in [0, 1], got {probability}")


def _is_scalar(value: Any) -> bool:
    """Whether a value is one number: a real, a symbol, or an array without axes that holds a number."""
    if isinstance(value, Real | np.bool_):
        return True
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return is_exact_kind(type(value))
    return np.ndim(value) == 0 and np.dtype(dtype).kind not in "USOcmM"


def check_draw(weights: ArrayLike) -> Any:
    """Return weights as a vector with a positive total, or raise :class:`BadQuestion`.

    Examples
    --------
    >>> check_draw([1, 3])
    array([1., 3.])
    """
    try:
        array = check_weights(weights)
    except ValueError as error:
        raise BadQuestion(f"draw: {error}") from None
    if array.ndim != 1:
        raise BadQuestion(f"draw needs one vector of weights, got shape {array.shape}")
    if not np.any(array > 0):
        raise BadQuestion("draw needs at least one positive weight, got none")
    return array


@dataclass(frozen=True)
class Sampled:
    """Randomness from a numpy generator: the interpreter that simulates.

    Parameters
    ----------
    rng
        A generator; 128 bits are taken from it once, and every stream is seeded from them and its name.

    Notes
    -----
    A draw costs one sum over the weights, O(V). Fractions are answered through their nearest floats. Weights
    whose floats would overflow or vanish are divided by the largest first; only their shares matter.

    Examples
    --------
    >>> chance = Sampled(np.random.default_rng(0))
    >>> chance.draw([0.0, 1.0, 0.0], stream="draft")
    1
    """

    rng: np.random.Generator
    _streams: dict[str, np.random.Generator] = field(default_factory=dict, init=False, repr=False)
    _root: tuple[int, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        root = tuple(int(word) for word in self.rng.integers(0, 2**32, size=4, dtype=np.uint64))
        object.__setattr__(self, "_root", root)

    def flip(self, probability: Any, *, stream: str) -> bool:
        """True with the given probability; zero is never and one is always true."""
        probability = check_probability(probability)
        return bool(self._stream(stream).random() < probability)

    def draw(self, weights: ArrayLike, *, stream: str) -> int:
        """An index drawn by its weight; an index of weight zero is never drawn."""
        floats, sums = _sound_sums(weights) or _block_sums(check_draw(weights))
        total = sums.cumsum()
        point = self._stream(stream).random() * total[-1]
        block = _index_at(total, point)
        inside = floats[block * _BLOCK : (block + 1) * _BLOCK].cumsum()
        return block * _BLOCK + _index_at(inside, point - (total[block - 1] if block else 0.0))

    def _stream(self, name: str) -> np.random.Generator:
        if name not in self._streams:
            digest = hashlib.sha256(name.encode()).digest()
            key = np.frombuffer(digest, dtype=np.uint32)[:4].tolist()
            self._streams[name] = np.random.default_rng([*self._root, *key])
        return self._streams[name]


#: Sums of weights from here to the largest float are drawn from as they are.
_LEAST_TOTAL = 1e-280
#: Cumulative sums are taken over blocks of so many weights, then inside of one of them.
_BLOCK = 512


def _sound_sums(weights: ArrayLike) -> tuple[Array, Array] | None:
    """A float vector and its sums by blocks, in two passes; None if it is none or needs a closer look.

    An entry that is not finite makes the total so; a total in range has a positive entry.
    """
    if not isinstance(weights, np.ndarray) or weights.dtype != np.float64 or weights.ndim != 1:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.add.reduceat(weights, np.arange(0, weights.size, _BLOCK)) if weights.size else weights
        in_range = _LEAST_TOTAL <= sums.sum() < np.inf
    return (weights, sums) if in_range and weights.min() >= 0 else None


def _block_sums(weights: Array) -> tuple[Array, Array]:
    """Weights in floats and their sums by blocks; scaled where these leave the range of normal floats."""
    starts = np.arange(0, weights.size, _BLOCK)
    try:
        floats = np.asarray(weights, dtype=np.float64)
        with np.errstate(over="ignore"):
            sums = np.add.reduceat(floats, starts)
            total = float(sums.sum())
    except OverflowError:  # of a fraction
        total = np.inf
    if not _LEAST_TOTAL <= total < np.inf:
        floats = np.asarray(weights / weights.max(), dtype=np.float64)
        sums = np.add.reduceat(floats, starts)
    return floats, sums


def _index_at(sums: Array, point: float) -> int:
    """Where cumulative sums pass a point; never at a weight of zero.

    The right side of equals skips zero weights; a point rounded to the end or beyond falls back to the last
    live index.
    """
    index = int(sums.searchsorted(point, side="right"))
    return min(index, int(sums.searchsorted(sums[-1], side="left")))


@dataclass(frozen=True)
class Path:
    """One run of a program: the weight of its choices and the choices themselves.

    Attributes
    ----------
    outcome
        What the program returned.
    weight
        Product of the probabilities of the choices.
    choices
        ``(stream, index, probability)`` of each question in order; a flip has index 1 for true.
    """

    outcome: Any
    weight: Any
    choices: tuple[tuple[str, int, Any], ...]


class TooManyPaths(RuntimeError):
    """An enumeration ran past its limit of paths."""


@dataclass(frozen=True)
class Enumerated:
    """Replay a program over every outcome: the interpreter that computes laws.

    Parameters
    ----------
    limit
        Most runs allowed; :class:`TooManyPaths` beyond it.

    Notes
    -----
    The program is run once for each combination of outcomes of positive probability. It has to be a pure
    function of the answers: a question asked outside of ``chance`` would make the law wrong. With
    fractions the law is exact and its total is exactly one.
    """

    limit: int = 10_000_000

    def law(self, program: Callable[[Chance], Outcome]) -> dict[Outcome, Any]:
        """The law of a program's outcome, a dictionary from outcome to probability.

        Raises
        ------
        TooManyPaths
            Past ``limit`` runs.
        """
        law: dict[Outcome, Any] = {}
        for path in self.paths(program):
            law[path.outcome] = law.get(path.outcome, 0) + path.weight
        return law

    def expectation(self, program: Callable[[Chance], Any]) -> Any:
        """The expected value of a program that returns a number or an array.

        Examples
        --------
        >>> from fractions import Fraction as F
        >>> Enumerated().expectation(lambda chance: chance.draw([F(1), F(3)], stream="x"))
        Fraction(3, 4)
        """
        total: Any = 0
        for path in self.paths(program):
            total = total + path.weight * path.outcome
        return total

    def paths(self, program: Callable[[Chance], Any]) -> Iterator[Path]:
        """Every run of positive weight, depth first, the first alternative first."""
        pending: list[list[int]] = [[]]
        for _ in range(self.limit):
            if not pending:
                return
            replay = _Replay(pending.pop())
            outcome = program(replay)
            pending.extend(replay.untried())
            yield Path(outcome, replay.weight, tuple(replay.choices))
        if pending:
            raise TooManyPaths(
                f"more than {self.limit} paths; use a smaller vocabulary or fewer tokens, or raise limit"
            )


class _Replay:
    """Follows a prescribed prefix of choices, then takes the first possible one at every question."""

    def __init__(self, prefix: list[int]) -> None:
        self.prefix = prefix
        self.weight: Any = 1
        self.choices: list[tuple[str, int, Any]] = []
        self.taken: list[int] = []
        self.alternatives: list[list[int]] = []

    def flip(self, probability: Any, *, stream: str) -> bool:
        probability = check_probability(probability)
        options = [(1, probability), (0, 1 - probability)]
        return bool(self._choose([option for option in options if option[1] > 0], stream))

    def draw(self, weights: ArrayLike, *, stream: str) -> int:
        array = check_draw(weights)
        shares = _exact_shares(array) if is_exact(array) else normalise(array).tolist()
        options = [(int(i), shares[i]) for i in np.flatnonzero(array > 0)]
        return self._choose(options, stream)

    def _choose(self, options: list[tuple[int, Any]], stream: str) -> int:
        depth = len(self.taken)
        position = self.prefix[depth] if depth < len(self.prefix) else 0
        index, probability = options[position]
        rest = [] if depth < len(self.prefix) else list(range(1, len(options)))
        self.alternatives.append(rest)
        self.taken.append(position)
        self.weight = self.weight * probability
        self.choices.append((stream, index, probability))
        return index

    def untried(self) -> list[list[int]]:
        """Prefixes of the runs that branch off this one, the deepest and first last (popped first)."""
        return [
            [*self.taken[:depth], option]
            for depth, options in enumerate(self.alternatives)
            for option in reversed(options)
        ]


def _exact_shares(weights: Array) -> Any:
    total = weights.sum()
    return weights if total == 1 else weights / total
