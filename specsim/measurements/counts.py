r"""What counters of a serving engine say about drafts: how many rounds, and how far each got.

A *round* is one verification of drafted tokens. Counters are sums over rounds: rounds, drafted tokens,
accepted tokens (the target's own not counted), and for each position how many rounds had its draft accepted.
The acceptance at a position is a share of the rounds that *judged* it: those that drafted it and accepted all
drafts before. If every round drafted the same number, these are the rounds that got to the position before.
Where drafts differ in length and nobody counted how, it is known only between two ends: a round that lacks a
position lacks all behind it, which bounds how many rounds lacked it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import sqrt
from typing import Any

from scipy.optimize import brentq

from theory.speedup import block_efficiency


class BadMeasurement(ValueError):
    """A file of measurements is damaged, or contradicts itself; the message says where and why."""


@dataclass(frozen=True)
class Estimate:
    """A share of counted trials.

    Attributes
    ----------
    value
        The middle between the ends.
    standard_error
        From chance: that of a share, by (successes + 1) / (trials + 2), so that it is not 0 at 0 and 1.
    trials
        How many; the largest number that the counters allow.
    lower, upper
        What the counters leave open besides; equal where they say all.
    """

    value: float
    standard_error: float
    trials: int
    lower: float
    upper: float

    @classmethod
    def of(cls, successes: int, *, most: int, least: int | None = None) -> Estimate:
        """From successes in at least so many and at most so many trials.

        Examples
        --------
        >>> Estimate.of(80, most=100).value
        0.8
        """
        few = max(most if least is None else least, successes)
        lower = successes / most if most else 0.0
        upper = successes / few if few else 1.0
        smooth = (successes + 1) / (few + 2)
        return cls((lower + upper) / 2, sqrt(smooth * (1 - smooth) / (few + 2)), most, lower, upper)


@dataclass(frozen=True)
class DraftCounts:
    """Sums over rounds.

    Parameters
    ----------
    rounds
        Verifications of drafted tokens.
    drafted, accepted
        Draft tokens; the target's own are not counted.
    reached
        For each position in turn, the rounds in which its draft was accepted; None if nobody counted.
    judged
        For each position the rounds that judged it; None if nobody counted.

    Raises
    ------
    BadMeasurement
        If the numbers contradict each other.

    Examples
    --------
    >>> counts = DraftCounts(rounds=100, drafted=300, accepted=160, reached=(80, 50, 30))
    >>> [round(entry.value, 3) for entry in counts.by_position()]
    [0.8, 0.625, 0.6]
    """

    rounds: int
    drafted: int
    accepted: int
    reached: tuple[int, ...] | None = None
    judged: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        everything = (self.rounds, self.drafted, self.accepted, *(self.reached or ()), *(self.judged or ()))
        if min(everything) < 0:
            raise BadMeasurement(f"counts are 0 or more, got {self}")
        if self.accepted > self.drafted:
            raise BadMeasurement(f"{self.accepted} of {self.drafted} drafted tokens cannot be accepted")
        if self.reached is not None:
            self._check_positions(self.reached)
        if self.judged is not None:
            self._check_judged(self.judged)

    def _check_positions(self, reached: tuple[int, ...]) -> None:
        if any(later > earlier for earlier, later in pairwise((self.rounds, *reached))):
            raise BadMeasurement(
                f"accepted drafts by position must not rise along positions, nor exceed the {self.rounds} "
                f"rounds, got {reached}: a position is accepted only if the one before it is"
            )
        if sum(reached) != self.accepted:
            raise BadMeasurement(
                f"accepted drafts by position sum to {sum(reached)}, but {self.accepted} were accepted in "
                "all; if the engine was at work, read its counters again while it is idle"
            )
        if self.drafted > self.rounds * len(reached):
            raise BadMeasurement(
                f"{self.rounds} rounds of at most {len(reached)} drafts cannot hold {self.drafted} drafts"
            )

    def _check_judged(self, judged: tuple[int, ...]) -> None:
        if self.reached is None or len(judged) != len(self.reached):
            raise BadMeasurement("give judged rounds for each position of accepted ones")
        before = (self.rounds, *self.reached)
        for place, (most, count, least) in enumerate(zip(before, judged, self.reached, strict=False)):
            if not least <= count <= most:
                raise BadMeasurement(
                    f"position {place}: judged rounds must be between {least} and {most}, got {count}"
                )

    @property
    def missing(self) -> int:
        """Drafts that rounds lack to the longest ones."""
        return 0 if self.reached is None else self.rounds * len(self.reached) - self.drafted

    @property
    def tokens_a_round(self) -> float:
        """Block efficiency, **bonus counted**."""
        return 1 + self.accepted / self._some_rounds

    @cached_property
    def _some_rounds(self) -> int:
        if not self.rounds:
            raise BadMeasurement("no round was counted: the engine has drafted nothing yet")
        return self.rounds

    def by_position(self) -> tuple[Estimate, ...]:
        """Acceptance at each position, given that those before it were accepted; an estimate.

        Raises
        ------
        BadMeasurement
            If positions were not counted.
        """
        if self.reached is None:
            raise BadMeasurement("accepted drafts were not counted by position")
        before = (self._some_rounds, *self.reached)
        found = []
        for place, reached in enumerate(self.reached):
            most = before[place] if self.judged is None else self.judged[place]
            # a round without this position lacks all behind it, too
            lacking = 0 if self.judged is not None else self.missing // (len(self.reached) - place)
            found.append(Estimate.of(reached, most=most, least=most - lacking))
        return tuple(found)

    def constant(self) -> Estimate:
        """One acceptance for all positions: accepted over judged drafts; an estimate.

        Without counts by position the chain's mean length is solved for, which needs rounds of one length.
        """
        rounds = self._some_rounds
        if self.judged is not None:
            return Estimate.of(self.accepted, most=sum(self.judged))
        if self.reached is not None:
            most = self.accepted + rounds - (self.reached[-1] if self.reached else 0)
            return Estimate.of(self.accepted, most=most, least=most - self.missing)
        if self.drafted % rounds:
            raise BadMeasurement(
                f"{rounds} rounds with {self.drafted} drafts differ in length, and accepted drafts were not "
                "counted by position: no acceptance follows from their sums"
            )
        return _solved(self.tokens_a_round, self.drafted // rounds, rounds)

    def minus(self, earlier: DraftCounts) -> DraftCounts:
        """What was counted since an earlier reading.

        Raises
        ------
        BadMeasurement
            If a counter fell.
        """
        changes = {
            name: getattr(self, name) - getattr(earlier, name) for name in ("rounds", "drafted", "accepted")
        }
        fallen = [name for name, change in changes.items() if change < 0]
        if fallen:
            raise BadMeasurement(
                f"counters never fall, but {', '.join(fallen)} did: the engine was restarted between the two "
                "readings, or they are in the wrong order"
            )
        return DraftCounts(**changes, reached=_less(self.reached, earlier.reached))

    def plus(self, other: DraftCounts) -> DraftCounts:
        """Both together; what one of them did not count is not counted."""
        lists = {name: _sum(getattr(self, name), getattr(other, name)) for name in ("reached", "judged")}
        return DraftCounts(
            self.rounds + other.rounds, self.drafted + other.drafted, self.accepted + other.accepted, **lists
        )


@dataclass(frozen=True)
class MeanTokens:
    """Only a mean: tokens a target call, bonus counted, as SGLang's gauge has it.

    Parameters
    ----------
    tokens
        Block efficiency, **bonus counted**.
    length
        Drafts a round, if known.

    Examples
    --------
    >>> round(MeanTokens(3.0, length=4).constant().value, 4)
    0.7413
    """

    tokens: float
    length: int | None = None

    def __post_init__(self) -> None:
        if not self.tokens >= 1 or (self.length is not None and self.tokens > self.length + 1):
            raise BadMeasurement(
                f"a round of {self.length or 'some'} drafts emits from 1 to drafts + 1 tokens with the "
                f"target's own, got {self.tokens}"
            )

    def constant(self) -> Estimate:
        """The one acceptance that gives this mean; the standard error is not known (nan)."""
        if not self.length:
            raise BadMeasurement("a mean of accepted tokens needs the number of drafts a round, too")
        return _solved(self.tokens, self.length, None)


def _solved(tokens: float, length: int, rounds: int | None) -> Estimate:
    """The acceptance of rounds with this mean, its error by the delta method."""
    if length == 0:
        raise BadMeasurement("nothing was drafted, so there is no acceptance")

    def excess(value: float) -> float:
        return float(block_efficiency(acceptance=value, length=length)) - tokens

    value = 0.0 if tokens <= 1 else 1.0 if tokens >= length + 1 else float(brentq(excess, 0, 1, xtol=1e-14))
    if rounds is None:
        return Estimate(value, float("nan"), 0, value, value)
    smooth = min(max(value, 1 / (rounds + 2)), 1 - 1 / (rounds + 2))
    powers = [smooth**place for place in range(length + 1)]
    mean = sum(powers[1:])
    variance = sum((2 * place - 1) * powers[place] for place in range(1, length + 1)) - mean**2
    slope = sum(place * powers[place - 1] for place in range(1, length + 1))
    return Estimate(value, sqrt(variance / rounds) / slope, rounds, value, value)


def _less(later: Any, earlier: Any) -> tuple[int, ...] | None:
    if later is None or earlier is None:
        return None
    if len(later) != len(earlier) or any(a < b for a, b in zip(later, earlier, strict=False)):
        raise BadMeasurement(
            f"accepted drafts by position must not fall from reading to reading, got {earlier}, then {later}"
        )
    return tuple(a - b for a, b in zip(later, earlier, strict=True))


def _sum(one: Any, other: Any) -> tuple[int, ...] | None:
    if one is None or other is None:
        return None
    size = max(len(one), len(other))
    padded = [(*entry, *(0,) * (size - len(entry))) for entry in (one, other)]
    return tuple(a + b for a, b in zip(*padded, strict=True))
