"""A target and a draft at one position; rounding to fractions; and checks that the sources share."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.simplex import Array, check_distribution, check_pair


@dataclass(frozen=True, eq=False)
class Pair:
    """A target and a draft distribution at one position.

    Parameters
    ----------
    p, q
        Target and draft, shape ``(V,)``; both floats or both fractions.

    Raises
    ------
    ValueError
        If either is not a distribution, or vocabularies or kinds differ.

    Examples
    --------
    >>> Pair([0.5, 0.5], [0.25, 0.75]).vocabulary
    2
    """

    p: Array
    q: Array

    def __post_init__(self) -> None:
        for name, values in zip(("p", "q"), check_pair(self.p, self.q), strict=True):
            object.__setattr__(self, name, values)

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return int(self.p.shape[-1])


def with_denominator(values: ArrayLike, denominator: int) -> Array:
    """A distribution rounded to multiples of ``1 / denominator`` that sum to one exactly.

    Largest remainders: each entry is rounded down, and the units that are left go to the entries that lost
    most. No entry moves by a whole unit, and zeros stay zeros; entries below a unit may become zero.

    Parameters
    ----------
    values
        Distribution, shape ``(V,)``.
    denominator
        At least 1.

    Returns
    -------
    ndarray
        Fractions, shape ``(V,)``. Cost: O(V log V) on fractions.

    Examples
    --------
    >>> with_denominator([0.62, 0.38, 0.0], 10).tolist()
    [Fraction(3, 5), Fraction(2, 5), Fraction(0, 1)]
    """
    check_whole("denominator", denominator, least=1)
    entries = [Fraction(value) for value in check_distribution(values).tolist()]
    unit = Fraction(denominator) / sum(entries)
    units = [int(entry * unit) for entry in entries]
    by_loss = sorted(range(len(entries)), key=lambda token: units[token] - entries[token] * unit)
    for token in by_loss[: denominator - sum(units)]:
        units[token] += 1
    return np.array([Fraction(count, denominator) for count in units], dtype=object)


def check_whole(what: str, value: Any, *, least: int) -> None:
    """Raise ValueError unless a value is an integer of at least ``least``.

    Examples
    --------
    >>> check_whole("order", 1, least=0)
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{what} must be an integer of at least {least}, got {value!r}")


def check_rng(rng: Any) -> None:
    """Raise ValueError unless given a numpy Generator.

    Examples
    --------
    >>> check_rng(np.random.default_rng(0))
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy Generator (numpy.random.default_rng(seed)), got {rng!r}")


def unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    """The message for a name that is not among the known ones, with the nearest of them.

    Examples
    --------
    >>> unknown("law", "idd", ("iid", "point"))
    "there is no law 'idd'; did you mean 'iid'? Known: iid, point"
    """
    near = difflib.get_close_matches(str(name), known, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return f"there is no {what} {name!r}{guess} Known: {', '.join(known)}"
