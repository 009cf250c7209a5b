r"""Texts from recorded distributions: what drafts would have met on a text that the target wrote.

**Given the text, outcomes belong to positions, under sampling, too.** At a position with target p and draft
q the verified token is y with a draft accepted with probability :math:`\min(p_y, q_y)`, and y at all with
probability :math:`p_y`. So given that the text has y there, a draft was accepted with probability
:math:`\min(1, q_y / p_y)`, independently of all other positions: q and p depend on the text alone. Drawing
one coin for each position draws from the exact law of outcomes given the text; policies are then replayed
on the same coins.

The text must have been sampled from the target at the temperature and by the filters of p; traces of
``specsim record`` are, at ``trace.header.temperature``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from specsim.policies.base import Features
from specsim.policies.texts import Text
from specsim.sources.traces import Block, Trace
from theory.simplex import Warp


def texts_of_trace(trace: Trace, *, draft: str, samples: int, rng: np.random.Generator) -> tuple[Text, ...]:
    """Some draws of outcomes for every passage, with features: an estimate of what the draft would meet.

    Parameters
    ----------
    trace
        Of ``specsim record``.
    draft
        Name of a draft in it.
    samples
        Texts made of each passage, at least 1; they share features and differ in outcomes.
    rng
        Randomness of the outcomes.

    Returns
    -------
    tuple of Text
        ``confidence`` is the sum of min(p, q), what a head that knew the target would say; ``top`` and
        ``entropy`` are of q.

    Raises
    ------
    ValueError
        If the trace is empty or has holes, has no such draft, or the target gives a token of its own text no
        probability.

    Notes
    -----
    O(rows V + samples rows).
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, got {samples}")
    if not len(trace):
        raise ValueError("the trace holds no position")
    chances: dict[int, list[float]] = {}
    features: dict[int, list[Features]] = {}
    last: dict[int, int] = {}
    for block in trace.blocks(drafts=(draft,)):
        _check_whole(block, last)
        for passage, chance, known in _positions(block, draft, Warp(trace.header.temperature)):
            chances.setdefault(passage, []).append(chance)
            features.setdefault(passage, []).append(known)
    return tuple(
        Text(f"{passage}/{sample}", tuple((rng.random(len(row)) < row).tolist()), tuple(features[passage]))
        for passage, row in chances.items()
        for sample in range(samples)
    )


def _check_whole(block: Block, last: dict[int, int]) -> None:
    """Positions of a passage follow each other; ``last`` keeps where each one is."""
    for passage, position in zip(block.passage.tolist(), block.position.tolist(), strict=True):
        if last.get(passage, position - 1) != position - 1:
            raise ValueError(
                f"passage {passage} has holes (position {position} follows {last[passage]}); "
                "select whole passages, by domain, not by a limit"
            )
        last[passage] = position


def _positions(block: Block, draft: str, warp: Warp) -> Iterator[tuple[int, float, Features]]:
    """For each row its passage, the probability that a draft was accepted given the text, and features."""
    p, q = warp.probabilities(block.target_logits), warp.probabilities(block.draft_logits[draft])
    overlaps = np.minimum(p, q).sum(axis=-1)
    for row, token in enumerate(block.token.tolist()):
        if not p[row, token] > 0:
            raise ValueError(
                f"row {int(block.rows[row])}: the target gives the text's own token no probability at "
                f"temperature {warp.temperature:g}, so the text is not the target's"
            )
        known = Features.of(q[row], confidence=min(1.0, float(overlaps[row])))
        yield int(block.passage[row]), min(1.0, float(q[row, token] / p[row, token])), known
