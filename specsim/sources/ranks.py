"""Ranks of recorded tokens among a draft's candidates, and the acceptance profile they estimate.

The rank of a token is its place in the order of the draft's probabilities in its own context: 0 the
likeliest. A static tree of top tokens (Medusa, Token Recycling, EAGLE) that is verified by matching the
target's own token accepts by these ranks alone, so they are what :mod:`theory.shapes.rounds` and a profile
for ``specsim tree`` need.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from specsim.sources.traces import Trace
from theory.shapes import Profile


def recorded_ranks(trace: Trace, *, draft: str, most: int) -> list[list[int]]:
    """Ranks along each run of consecutive positions of a trace.

    Parameters
    ----------
    trace
        A recorded trace, or a selection of it.
    draft
        Whose candidates.
    most
        Number of candidates, at least 1; a token beyond them has rank -1.

    Returns
    -------
    list of list of int
        One list a run: a passage's consecutive positions. Ties go to the smaller token id.

    Raises
    ------
    ValueError
        If there are no candidates; :class:`specsim.sources.traces.TraceError` if there is no such draft.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    texts: list[list[int]] = []
    last: tuple[int, int] | None = None
    for block in trace.blocks(size=64, drafts=[draft]):
        logits = block.draft_logits[draft]
        own = np.take_along_axis(logits, block.token[:, None], axis=1)
        before = np.arange(logits.shape[1]) < block.token[:, None]
        ranks = ((logits > own) | ((logits == own) & before)).sum(axis=1).tolist()
        places = zip(block.passage.tolist(), block.position.tolist(), ranks, strict=True)
        for passage, position, rank in places:
            if last != (passage, position - 1):
                texts.append([])
            texts[-1].append(rank if rank < most else -1)
            last = (passage, position)
    return texts


def estimated_profile(texts: Sequence[Sequence[int]], *, ranks: int) -> tuple[Profile, int]:
    """The positional profile of recorded ranks, and the number of positions behind it. An estimate.

    Positions of one text are not independent, so bands from this number of samples are too narrow.

    Examples
    --------
    >>> profile, samples = estimated_profile([[0, 1, 0, -1], [0, 2]], ranks=2)
    >>> profile.rows.round(3).tolist(), samples
    ([[0.5, 0.167]], 6)
    """
    flat = np.array([rank for text in texts for rank in text])
    if flat.size == 0:
        raise ValueError("there are no recorded ranks")
    counts = np.bincount(flat[(flat >= 0) & (flat < ranks)], minlength=ranks)
    return Profile.positional(counts / flat.size), int(flat.size)
