"""What is asked for, and the pairs that it is asked of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Demand:
    """What to compute for each pair.

    Parameters
    ----------
    ks
        Numbers of drafts: different, ascending, at least 1.
    samples
        Drawn drafts an estimate is over; at least 2.
    seed
        Of the estimates.

    Raises
    ------
    ValueError
        For a parameter out of its range.
    """

    ks: tuple[int, ...] = (1, 2, 4, 8)
    samples: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.ks or any(k < 1 for k in self.ks) or list(self.ks) != sorted(set(self.ks)):
            raise ValueError(
                f"ks must be one or more different numbers of at least 1, ascending, got {self.ks}"
            )
        if self.samples < 2:
            raise ValueError(f"samples must be at least 2 (for a standard error), got {self.samples}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch of targets and drafts, and what names their chance.

    Parameters
    ----------
    p, q
        Distributions of shape ``(n, V)``.
    rows
        A number for each pair; with ``label`` and the seed it fixes the pair's random numbers, whatever
        batch it comes in.
    label
        Says which pairs these are (draft and temperature).
    certify
        Shape ``(n,)``: where the certificate of the bound without replacement is evaluated anew.
    """

    p: Array
    q: Array
    rows: NDArray[np.int64]
    label: str = ""
    certify: Array | None = None

    def chance(self, place: int, purpose: str, demand: Demand) -> np.random.Generator:
        """Random numbers of one pair and purpose: a function of the seed, the label and the pair's row."""
        key = crc32(f"{self.label}/{purpose}".encode())
        return np.random.default_rng(
            np.random.SeedSequence(demand.seed, spawn_key=(int(self.rows[place]), key))
        )

    def take(self, index: Array) -> Pairs:
        """Some of the pairs."""
        certify = None if self.certify is None else self.certify[index]
        return Pairs(self.p[index], self.q[index], self.rows[index], self.label, certify)
