r"""Recorded outcomes: what any policy could have reached on a text, with hindsight.

For each position t of a text, ``reach[t]`` is how many drafts a round that starts there has accepted, if
enough are drafted. A round at t with k drafts commits :math:`\min(k, \text{reach}_t) + 1` tokens in the
time b + k d. Rounds end with the text: with r tokens to go at most r - 1 are drafted.

* :func:`clairvoyant` is a dynamic program over positions: **no policy, not even one that knows all outcomes,
  finishes sooner.**
* :func:`greedy_oracle` knows the next rejection only: it drafts what will be accepted (nothing at all where
  a draft step takes as long as a round without drafts).

**Theorem.** If outcomes belong to positions (a later start loses nothing: ``reach[t + 1] >= reach[t] -
1``), the greedy oracle is clairvoyant.

*Proof.* Let W(t) be the least number of rounds to the end. A round from t that commits up to e can be
replaced, from t + 1, by one with a draft less that commits up to e too (or by none, if e is t + 1): W does
not rise with t. So among rounds that waste nothing the one that reaches furthest needs the fewest; and with
no draft wasted the time is :math:`d N + R (b - d)` for R rounds. QED

Where drafts depend on where a round starts (look-ups of n-grams), this fails: a short round may reach a
better start, and then even a fixed length can beat the greedy oracle. Clairvoyance bounds those, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

from theory.stopping.times import Times, check_limit


@dataclass(frozen=True)
class Outcomes:
    """What would be accepted from each start of a text.

    Parameters
    ----------
    reach
        Accepted drafts of a round that starts at each position; at most ``most``.
    most
        Most drafts that the record can answer for, from each position: no more than to the end of the text
        less one.

    Raises
    ------
    ValueError
        If the two differ in length, or a number is out of its range.

    Examples
    --------
    >>> text = Outcomes.from_positions([True, True, False, True])
    >>> text.reach, text.most
    ((2, 1, 0, 0), (3, 2, 1, 0))
    """

    reach: tuple[int, ...]
    most: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.reach) != len(self.most):
            raise ValueError(
                f"reach has {len(self.reach)} positions, most {len(self.most)}; give one for each"
            )
        for place, (reach, most) in enumerate(zip(self.reach, self.most, strict=True)):
            left = len(self.reach) - place - 1
            if not 0 <= reach <= most <= left:
                raise ValueError(
                    f"at position {place}: 0 <= reach <= most <= {left} (positions behind it) must hold, "
                    f"got reach={reach}, most={most}"
                )

    @classmethod
    def from_positions(cls, accepted: Sequence[bool | None]) -> Outcomes:
        """Outcomes that belong to positions; ``None`` was never drafted, and rounds are cut before it."""
        reach, most = list[int](), list[int]()
        run = known = 0
        for place, outcome in enumerate(reversed(accepted)):
            known = 0 if outcome is None else known + 1
            run = run + 1 if outcome else 0
            # the last token of the text is the target's own
            reach.append(min(run, place))
            most.append(min(known, place))
        return cls(tuple(reversed(reach)), tuple(reversed(most)))

    @property
    def tokens(self) -> int:
        """Length of the text."""
        return len(self.reach)

    @property
    def nested(self) -> bool:
        """Whether a later start loses nothing, as where outcomes belong to positions."""
        return all(after >= before - 1 for before, after in zip(self.reach, self.reach[1:], strict=False))


@dataclass(frozen=True)
class Replayed:
    """A way through a text.

    Attributes
    ----------
    times
        Times of draft step and target call.
    tokens
        Committed.
    lengths
        Drafts that were submitted, round by round.
    accepted
        Drafts accepted.
    passes
        Draft steps: submitted drafts, and steps whose token was not submitted.
    """

    times: Times
    tokens: int
    lengths: tuple[int, ...]
    accepted: int
    passes: int

    @property
    def rounds(self) -> int:
        """Target calls."""
        return len(self.lengths)

    @property
    def time(self) -> Any:
        """All in all, in the times' unit."""
        return self.rounds * self.times.base + self.passes * self.times.draft_time

    @property
    def rate(self) -> Any:
        """Tokens per unit of time; 0 for an empty text."""
        return self.tokens / self.time if self.rounds else 0

    @property
    def speedup(self) -> Any:
        """Over plain decoding of the same text; 1 for an empty one."""
        return self.tokens * self.times.target_time / self.time if self.rounds else 1


def walk(outcomes: Outcomes, *, times: Times, limit: int, length: Callable[[int, int], int]) -> Replayed:
    """Rounds of the lengths that a function of (position, most drafts) gives, each within its limit.

    Raises
    ------
    ValueError
        If a length is negative or above the most.

    Examples
    --------
    >>> text = Outcomes.from_positions([True, True, False, True])
    >>> walk(text, times=Times(1, 4), limit=8, length=lambda start, most: min(1, most)).lengths
    (1, 1, 0)
    """
    check_limit(limit)
    start, accepted, lengths = 0, 0, list[int]()
    while start < outcomes.tokens:
        most = min(limit, outcomes.most[start])
        drafted = length(start, most)
        if not 0 <= drafted <= most:
            raise ValueError(f"a round at position {start} can draft 0 to {most} tokens, got {drafted}")
        taken = min(drafted, outcomes.reach[start])
        lengths.append(drafted)
        accepted += taken
        start += taken + 1
    return Replayed(times, outcomes.tokens, tuple(lengths), accepted, sum(lengths))


def greedy_oracle(outcomes: Outcomes, *, times: Times, limit: int) -> Replayed:
    """Draft what will be accepted, no more.

    Examples
    --------
    >>> text = Outcomes.from_positions([True, True, False, True])
    >>> greedy_oracle(text, times=Times(1, 4), limit=8).lengths
    (2, 0)
    """
    pays = times.draft_time < times.base
    return walk(
        outcomes,
        times=times,
        limit=limit,
        length=lambda start, most: min(most, outcomes.reach[start]) if pays else 0,
    )


def clairvoyant(outcomes: Outcomes, *, times: Times, limit: int) -> Replayed:
    """The fastest way through a text whose outcomes are all known: the upper bound of every policy.

    Notes
    -----
    O(tokens * limit). Times are compared as fractions (floats are fractions), so the optimum is exact.

    Examples
    --------
    >>> text = Outcomes(reach=(1, 4, 0, 0, 0, 0), most=(5, 4, 3, 2, 1, 0))
    >>> text.nested, greedy_oracle(text, times=Times(1, 4), limit=8).rounds
    (False, 5)
    >>> clairvoyant(text, times=Times(1, 4), limit=8).lengths
    (0, 4)
    """
    check_limit(limit)
    base, step = _whole(times)
    least, choice = [0] * (outcomes.tokens + 1), [0] * outcomes.tokens
    for start in range(outcomes.tokens - 1, -1, -1):
        reach = min(limit, outcomes.reach[start])
        ways = [base + drafted * step + least[start + drafted + 1] for drafted in range(reach + 1)]
        least[start] = min(ways)
        choice[start] = ways.index(least[start])
    return walk(outcomes, times=times, limit=limit, length=lambda start, most: choice[start])


def _whole(times: Times) -> tuple[int, int]:
    """A round without drafts and a draft step, as whole numbers of one tiny unit."""
    base, step = Fraction(times.target_time) + Fraction(times.round_time), Fraction(times.draft_time)
    unit = lcm(base.denominator, step.denominator)
    return int(base * unit), int(step * unit)
