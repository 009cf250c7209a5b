r"""A text of N tokens: the length of each round that finishes it soonest.

With r tokens to go, a round may draft up to r - 1 (the target adds one). The expected time to the end is

.. math:: W(r) = \min_k\; b + k d + \sum_{j < k} A_j (1 - a_{j+1})\, W(r - j - 1) + A_k W(r - k - 1),
          \qquad A_j = a_1 \cdots a_j.

Far from the end the time per token tends to one over the best rate, and the lengths to the best fixed
length where acceptance is constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from theory.stopping.times import Times, check_limit


@dataclass(frozen=True)
class FinitePlan:
    """The plan for a text.

    Attributes
    ----------
    lengths
        ``lengths[r]``: drafts with r tokens to go (the smallest of the best); ``lengths[0]`` is 0.
    expected_time
        ``expected_time[r]``: expected time to the end; exact for fractions.
    """

    lengths: tuple[int, ...]
    expected_time: tuple[Any, ...]


def finite_plan(*, acceptance: Any, tokens: int, times: Times, limit: int) -> FinitePlan:
    """The fastest way to a text of so many tokens.

    Parameters
    ----------
    acceptance
        One probability, or one for each depth (entry j: that draft j + 1 is accepted if those before it
        were).
    tokens
        Length of the text, at least 0.
    times
        Times of draft step and target call.
    limit
        Most drafts a round; acceptance by depth may allow fewer.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    O(tokens * limit); dynamic programming, exact for fractions.

    Examples
    --------
    >>> plan = finite_plan(acceptance=0.8, tokens=200, times=Times(draft_time=0.1, target_time=1.0), limit=20)
    >>> plan.lengths[:6], plan.lengths[-1], round(200 / plan.expected_time[-1], 3)
    ((0, 0, 1, 2, 3, 4), 6, 2.461)
    """
    check_limit(limit)
    if tokens < 0 or int(tokens) != tokens:
        raise ValueError(f"tokens must be a whole number, at least 0, got {tokens}")
    rates = list(acceptance) if isinstance(acceptance, Sequence) else [acceptance] * limit
    for rate in rates:
        if not 0 <= rate <= 1:
            raise ValueError(f"acceptance must be probabilities in [0, 1], got {rate}")
    lengths, expected = [0], [times.base * 0]
    for _ in range(tokens):
        length, least = _best_round(rates[:limit], expected, times)
        lengths.append(length)
        expected.append(least)
    return FinitePlan(tuple(lengths), tuple(expected))


def _best_round(rates: list[Any], expected: list[Any], times: Times) -> tuple[int, Any]:
    """Best length and least time with ``len(expected)`` tokens to go."""
    rest, reached = times.base * 0, 1
    best, least = 0, times.base + expected[-1]
    for length, rate in enumerate(rates[: len(expected) - 1], start=1):
        rest = rest + reached * (1 - rate) * expected[-length]
        reached = reached * rate
        time = times.of_round(length) + rest + reached * expected[-length - 1]
        if time < least:
            best, least = length, time
    return best, least
