"""What knowing more is worth: fixed < threshold < state-dependent optimum < greedy oracle <= clairvoyant.

Every figure is exact for its policy. 'Fixed' is the best fixed length. 'Last confidence' and 'threshold' are
the best among all cut-offs that tell types apart with all lengths, and among a list of beliefs: what the
best single number of their family earns is at least that. The optimum carries a certificate. In this model
outcomes belong to positions, so the greedy oracle is clairvoyant (:mod:`theory.stopping.recorded` has the
theorem, and texts on which it isn't).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.stopping.confidence import Confidence
from theory.stopping.evaluation import Evaluated, belief_stops, evaluate, fixed_stops, last_stops
from theory.stopping.optimum import optimal_policy
from theory.stopping.oracle import greedy_oracle_rate
from theory.stopping.thresholds import brackets


@dataclass(frozen=True, eq=False)
class Rung:
    """One policy of the ladder.

    Attributes
    ----------
    name
        Which knowledge it uses.
    setting
        The best setting: a length, a cut-off.
    figures
        Exact.
    gap
        Part of the state-dependent optimum's rate that it gives away; negative for oracles.
    """

    name: str
    setting: str
    figures: Evaluated
    gap: float


def ladder(problem: Confidence, *, candidates: int = 48) -> tuple[Rung, ...]:
    """The ladder of a problem, from no drafts to clairvoyance.

    Parameters
    ----------
    problem
        Types, how they move, times, limit.
    candidates
        Beliefs tried as single threshold, at least 2: spread over the optimum's own thresholds.

    Notes
    -----
    Some hundred evaluations of O(S^2 limit^S).

    Examples
    --------
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.95, 0.4], shares=[0.6, 0.4],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=10)
    >>> for rung in ladder(problem)[3:]:
    ...     print(f"{rung.name:24} {rung.figures.speedup:.3f}")
    belief threshold         2.225
    state-dependent optimum  2.225
    greedy oracle            2.850
    clairvoyant              2.850
    """
    if candidates < 2:
        raise ValueError(f"candidates must be at least 2, got {candidates}")
    best = optimal_policy(problem)
    oracle = greedy_oracle_rate(problem)
    rows = [
        ("no drafts", "", evaluate(problem, fixed_stops(problem, 0))),
        ("fixed length", *_best(_fixed(problem))),
        ("last confidence", *_best(_last(problem))),
        ("belief threshold", *_best(_threshold(problem, candidates))),
        ("state-dependent optimum", f"{best.iterations} policies", best.figures),
        ("greedy oracle", "knows the next rejection", oracle),
        ("clairvoyant", "the greedy oracle, by theorem", oracle),
    ]
    return tuple(
        Rung(name, setting, figures, 1 - figures.rate / best.rate) for name, setting, figures in rows
    )


def _best(tried: Iterator[tuple[str, Evaluated]]) -> tuple[str, Evaluated]:
    return max(tried, key=lambda entry: entry[1].rate)


def _fixed(problem: Confidence) -> Iterator[tuple[str, Evaluated]]:
    for length in range(problem.limit + 1):
        yield f"{length} drafts", evaluate(problem, fixed_stops(problem, length))


def _last(problem: Confidence) -> Iterator[tuple[str, Evaluated]]:
    for cut in np.unique(problem.acceptance):
        for length in range(problem.limit + 1):
            figures = evaluate(problem, last_stops(problem, cut, length))
            yield f"from {cut:g}, up to {length} drafts", figures


def _threshold(problem: Confidence, candidates: int) -> Iterator[tuple[str, Evaluated]]:
    """Theorem 2's belief, and some between the optimum's least and largest threshold."""
    best = optimal_policy(problem)
    found = brackets(problem, best)
    ends = [end for bracket in found for end in (bracket.stops, bracket.goes_on) if 0 < end < np.inf]
    low, high = min(ends, default=0.5), min(max(ends, default=0.5), 1.0)
    mean = max(float(problem.shares @ problem.acceptance), 1e-300)
    independent = min(best.rate * float(problem.times.draft_time) / mean, 1.0)
    for belief in (independent, *np.geomspace(low * 0.999, high * 1.001, candidates)):
        yield f"P > {belief:.3f}", evaluate(problem, belief_stops(problem, float(belief)))
