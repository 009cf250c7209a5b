r"""The acceptance profile of a recorded trace: how likely the target takes the draft's k-th likeliest token.

A child that is the draft's k-th likeliest token is, as a point mass under recursive rejection, accepted
with the target's probability of it. So the mean of that probability over the recorded positions is the
profile of every static tree of top tokens, at the given temperature. It needs no coin: its spread is
smaller than that of counting how often the recorded token was the k-th (:mod:`specsim.sources.ranks`), and
it holds for texts that the target did not write.

An estimate. Positions of one passage hang together, so errors are taken over passages (delete-one jackknife).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specsim.sources.traces import Trace
from theory.shapes import Profile
from theory.simplex import top_tokens


@dataclass(frozen=True, eq=False)
class TraceProfile:
    """Target probabilities of a draft's top tokens, position by position.

    Attributes
    ----------
    masses
        float64, shape ``(positions, ranks)``.
    passages
        int64, shape ``(positions,)``: which passage each position is of.
    """

    masses: NDArray[np.float64]
    passages: NDArray[np.int64]

    @property
    def profile(self) -> Profile:
        """The mean over positions: a positional profile. An estimate."""
        return Profile.positional(self.masses.mean(axis=0))

    def standard_error(self, value: Callable[[Profile], float]) -> float:
        """Delete-one-passage jackknife error of a number that depends on the profile; two passages at least.

        Examples
        --------
        >>> found = TraceProfile(np.array([[0.5], [0.7]]), np.array([0, 1]))
        >>> round(found.standard_error(lambda profile: float(profile.rows[0, 0])), 6)
        0.1
        """
        names = np.unique(self.passages)
        if names.size < 2:
            raise ValueError("an error over passages needs at least two of them")
        left_out = [
            value(Profile.positional(self.masses[self.passages != name].mean(axis=0))) for name in names
        ]
        return float(np.sqrt((names.size - 1) * np.var(left_out)))


def profile_of_trace(trace: Trace, *, draft: str, ranks: int, temperature: float) -> TraceProfile:
    """Read the target's probabilities of a draft's ``ranks`` likeliest tokens off a trace.

    Parameters
    ----------
    trace
        A recorded trace, or a selection of it.
    draft
        Whose candidates; ties go to the smaller token id.
    ranks
        Number of candidates, from 1 to the vocabulary.
    temperature
        Of the target, positive.

    Raises
    ------
    ValueError
        If a number is out of range or there are no positions;
        :class:`specsim.sources.traces.TraceError` if there is no such draft.
    """
    if not 1 <= ranks <= trace.vocabulary:
        raise ValueError(f"ranks must be in 1..{trace.vocabulary} (the vocabulary), got {ranks}")
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be positive, got {temperature}")
    if len(trace) == 0:
        raise ValueError("the trace has no positions")
    masses, passages = [], []
    for block in trace.blocks(size=16, drafts=[draft]):
        scaled = block.target_logits / temperature
        p = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        chosen = top_tokens(block.draft_logits[draft], ranks)
        masses.append(np.take_along_axis(p, chosen, axis=1) / p.sum(axis=1, keepdims=True))
        passages.append(block.passage)
    return TraceProfile(np.concatenate(masses), np.concatenate(passages))
