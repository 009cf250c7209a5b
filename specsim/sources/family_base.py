"""What every synthetic family offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from specsim.sources.pair import Pair, check_rng, check_whole, with_denominator
from theory.simplex import Array


class Family(ABC):
    """A named way to draw pairs; its fields are its parameters."""

    name: ClassVar[str]
    smallest: ClassVar[int] = 1

    def pair(self, *, vocabulary: int, rng: np.random.Generator) -> Pair:
        """Draw a pair in float64.

        Parameters
        ----------
        vocabulary
            Number of tokens V, at least 1 (2 for ``peaked`` and ``disjoint``).
        rng
            All randomness comes from here: the same state gives the same pair.

        Returns
        -------
        Pair
            Cost: O(V), with a few exponentials or gamma draws a token.

        Raises
        ------
        ValueError
            For a vocabulary that is too small, or an rng that is none.
        """
        self._check_request(vocabulary, rng)
        return Pair(*self._draw(vocabulary, rng))

    def exact_pair(self, *, vocabulary: int, rng: np.random.Generator, denominator: int = 1000) -> Pair:
        """Draw a pair in fractions: the float pair, rounded by :func:`with_denominator`.

        What defines the family survives: equal stays equal, disjoint stays disjoint, and uniform is
        exactly uniform. Tokens of less than a unit may become zeros.

        Parameters
        ----------
        vocabulary, rng
            As for :meth:`pair`; meant for small vocabularies, as fractions are slow.
        denominator
            Common denominator of the entries, at least 1.

        Raises
        ------
        ValueError
            As for :meth:`pair`, or for another denominator.
        """
        check_whole("denominator", denominator, least=1)
        pair = self.pair(vocabulary=vocabulary, rng=rng)
        return Pair(with_denominator(pair.p, denominator), with_denominator(pair.q, denominator))

    def _check_request(self, vocabulary: int, rng: np.random.Generator) -> None:
        check_whole(f"vocabulary of the family {self.name!r}", vocabulary, least=self.smallest)
        check_rng(rng)

    @abstractmethod
    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """p and q, shape ``(V,)``."""


def check_real(family: Family, name: str, low: float, high: float, *, open_ends: bool = False) -> None:
    """Raise ValueError unless a parameter is in [low, high], or with open ends in (low, high)."""
    value = getattr(family, name)
    number = isinstance(value, int | float | np.number)
    if not number or not (low < value < high if open_ends else low <= value <= high):
        ends = f"({low:g}, {high:g})" if open_ends else f"[{low:g}, {high:g}]"
        raise ValueError(f"{name} of the family {family.name!r} must be in {ends}, got {value!r}")
