"""The table worlds that a comparison holds lossy systems against: three tokens, fractions, enumerated."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from specsim.decoding.exact import distortion_of
from specsim.decoding.world import World
from specsim.sources.tables import TableModel
from specsim.systems.base import Published, Worlds

#: Text for the stores of retrieval systems.
CORPUS = (0, 1, 2, 0, 1, 1, 2, 0, 2, 1, 0, 1, 2, 2, 0, 0)
PROMPT = (0, 1)


def world(seed: int) -> World:
    """Random rows over three tokens that depend on the last two, with features."""
    rng = np.random.default_rng(seed)
    table = TableModel.random(vocabulary=3, order=2, rng=rng, denominator=12)
    return World(table, features=lambda context: np.array([len(context), *context[-2:]], dtype=float))


def small_worlds() -> Worlds:
    """Target, draft, and a smaller draft."""
    return Worlds(world(1), world(2), world(7), corpus=CORPUS)


def distortions(systems: Iterable[Published], *, length: int = 2) -> dict[str, Fraction]:
    """Exact total variation between what a system emits and the target, by name, for the lossy systems.

    One round from one context of :func:`small_worlds`, completed with samples of the target to ``length``
    tokens. What it says is that of these worlds, not of a real model.

    Examples
    --------
    >>> from specsim.systems import by_name
    >>> distortions([by_name("plain")])
    {}
    """
    return {
        published.name: distortion_of(published.world(small_worlds()), PROMPT, rounds=1, length=length)
        for published in systems
        if not published.lossless
    }
