r"""The best fixed length from counted rounds, with errors; and the rounds again, in an order that is drawn.

A round of k drafts would emit :math:`1 + \sum_{j \le k} R_j` tokens, :math:`R_j` being the share of rounds
that got j drafts accepted: every counted round of at least k drafts says what its first k would have come to.
The standard error is that of a mean over rounds. **What longer drafts would bring was not measured**, so
lengths end with the longest that was counted. With another length rounds would also start at other places of
the text; where acceptance differs from place to place (and is not only a matter of depth) this is one
estimate, replaying recorded rounds (:mod:`specsim.policies.replay`) a better one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from operator import mul

import numpy as np

from specsim.measurements.counts import BadMeasurement, DraftCounts
from specsim.policies import Text
from theory.stopping import Times


@dataclass(frozen=True)
class MeasuredLength:
    """A length that was counted: an estimate.

    Attributes
    ----------
    length
        Drafts a round.
    tokens, tokens_error
        Expected tokens a round, bonus counted, and the standard error.
    speedup, speedup_error
        Over plain decoding.
    """

    length: int
    tokens: float
    tokens_error: float
    speedup: float
    speedup_error: float


def measured_lengths(
    counts: DraftCounts, *, times: Times, limit: int | None = None
) -> tuple[MeasuredLength, ...]:
    """Every length from 0 to the longest that was counted.

    Raises
    ------
    BadMeasurement
        If accepted drafts were not counted by position.

    Notes
    -----
    Where rounds differ in length, shares are products of the acceptances at each position.

    Examples
    --------
    >>> counts = DraftCounts(rounds=1000, drafted=3000, accepted=1600, reached=(800, 500, 300))
    >>> found = measured_lengths(counts, times=Times(draft_time=0.1, target_time=1.0))
    >>> best = max(found, key=lambda entry: entry.speedup)
    >>> best.length, round(best.speedup, 3), round(best.speedup_error, 3)
    (3, 2.0, 0.027)
    """
    shares = list(accumulate((entry.value for entry in counts.by_position()), mul))
    if limit is not None:
        shares = shares[:limit]
    rows = []
    for length in range(len(shares) + 1):
        tokens = 1 + sum(shares[:length])
        second = sum((2 * place + 1) * share for place, share in enumerate(shares[:length]))
        error = sqrt(max(0.0, second - (tokens - 1) ** 2) / counts.rounds)
        factor = float(times.target_time) / float(times.of_round(length))
        rows.append(MeasuredLength(length, tokens, error, tokens * factor, error * factor))
    return tuple(rows)


def texts_of_counts(counts: DraftCounts, *, rng: np.random.Generator, most: int = 2000) -> tuple[Text, ...]:
    """The counted rounds as one text, in an order that is drawn; at most so many rounds, drawn from all.

    How many rounds accepted how many drafts is what was counted; which round follows which was not, so what a
    policy that learns or looks at features would do is lost. An estimate, for policies that count.

    Raises
    ------
    BadMeasurement
        If positions were not counted, or rounds differ in length.

    Examples
    --------
    >>> counts = DraftCounts(rounds=3, drafted=6, accepted=3, reached=(2, 1))
    >>> (text,) = texts_of_counts(counts, rng=np.random.default_rng(0))
    >>> sorted(text.accepted, key=str)
    [False, False, None, True, True, True]
    """
    if counts.reached is None or counts.missing:
        raise BadMeasurement(
            "rounds can be told apart only if accepted drafts were counted by position and all rounds "
            "drafted alike"
        )
    reached = (counts.rounds, *counts.reached, 0)
    histogram = -np.diff(reached)
    if counts.rounds > most:
        histogram = rng.multivariate_hypergeometric(histogram, most)
    accepted = rng.permutation(np.repeat(np.arange(histogram.size), histogram))
    length = len(counts.reached)
    return (Text.from_rounds("rounds in an order that is drawn", [(int(n), length) for n in accepted]),)
