r"""Whether outcomes have a law that is known: a sequential test with one false-alarm rate for all times.

The test bets against the law. After n outcomes with counts :math:`c`, the bet on the next one is the
Krichevsky-Trofimov estimate :math:`(c_x + 1/2) / (n + K/2)` over K cells, and the wealth is multiplied by
bet over law. If the law is true the wealth is a martingale that starts at 1, so by Ville's inequality it
ever reaches :math:`1 / \alpha` with probability at most :math:`\alpha`, whenever one looks and stops.

*Power.* The wealth is never behind that of the best fixed bet by more than
:math:`\frac{K - 1}{2} \ln n + \ln K` (in logarithms), and that bet, the observed frequencies :math:`\hat p`,
has :math:`n\,\mathrm{KL}(\hat p \| p) \ge 2 n\,\mathrm{TV}(\hat p, p)^2`. So the alarm has rung after n
outcomes, for certain, wherever

.. math:: \mathrm{TV}(\hat p, p) \ge \delta_n =
          \sqrt{\frac{\ln(1/\alpha) + \frac{K-1}{2} \ln n + \ln K}{2 n}},

and a law at distance :math:`\delta_n + \frac12 \sqrt{K/n} + \sqrt{\ln(1/\beta) / 2n}` or more is missed with
probability at most :math:`\beta` (expectation and bounded differences of the empirical distance).
:func:`detectable_distance` is that number.

*Texts.* Where contexts differ from outcome to outcome, :func:`sequential_events` bets on one event each: that
the next token is of a set which was settled before it (such as the tokens that the draft overrates). Its
probability :math:`P_t` is known from the target's row, so with :math:`D_t = 1_t - P_t`

.. math:: W_n = \frac{1}{G} \sum_{\lambda} \prod_t \exp(\lambda D_t - \lambda^2 / 8)

is a supermartingale (Hoeffding's lemma), however tokens depend on each other, and Ville's inequality holds.
The :math:`\lambda` are :math:`\pm 2^{-3}, .., \pm 2^2`, one of which is within a third of the best one,
:math:`4 |\bar D|`, for :math:`|\bar D|` between 0.024 and 1; so the alarm has rung, for certain, wherever
:math:`\frac{8}{9}\, 2 n \bar D^2 \ge \ln(1/\alpha) + \ln G`. A mean excess
:math:`|E[1_t | \text{past}] - P_t|` (never more than the mean total variation) of
:func:`detectable_excess` is missed with probability at most :math:`\beta` (Azuma).

Source: Krichevsky and Trofimov 1981 (the bet and its regret); Ville 1939; Pinsker's inequality;
Hoeffding 1963; Azuma 1967.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

#: Bets on events: powers of two and their negatives.
BETS = tuple(sign * 2.0**power for sign in (1, -1) for power in range(-3, 3))
#: How often a true law is rejected, at most.
FALSE_ALARM = 1e-9


@dataclass(frozen=True)
class Verdict:
    """The end of a sequential test.

    Attributes
    ----------
    rejected
        Whether the alarm rang; the test stops there.
    count
        Outcomes that were looked at.
    log_wealth
        Logarithm of the wealth at the end; infinite for an outcome of probability zero.
    detectable
        Total variation (of events: mean excess) that is missed with probability 1e-3 at most, after
        ``count`` outcomes.
    """

    rejected: bool
    count: int
    log_wealth: float
    detectable: float


def sequential_test(
    outcomes: Iterable[Hashable], *, law: Mapping[Hashable, float], false_alarm: float = FALSE_ALARM
) -> Verdict:
    """Bet against a law until the outcomes end or the alarm rings.

    Parameters
    ----------
    outcomes
        Independent outcomes, looked at one by one.
    law
        The probability of each outcome; what is missing has none.
    false_alarm
        Probability of an alarm if the law is true, at most, in (0, 1).

    Raises
    ------
    ValueError
        If the law does not sum to one (to 1e-9), or ``false_alarm`` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> fair, loaded = rng.integers(0, 2, 4000).tolist(), (rng.random(4000) < 0.6).astype(int).tolist()
    >>> law = {0: 0.5, 1: 0.5}
    >>> sequential_test(fair, law=law).rejected, sequential_test(loaded, law=law).rejected
    (False, True)
    """
    if abs(math.fsum(law.values()) - 1) > 1e-9 or min(law.values()) < 0:
        raise ValueError(f"a law's probabilities sum to 1, these to {math.fsum(law.values())}")
    if not 0 < false_alarm < 1:
        raise ValueError(f"false_alarm must be between 0 and 1, got {false_alarm}")
    cells = {outcome: weight for outcome, weight in law.items() if weight > 0}
    counts, wealth, count = dict.fromkeys(cells, 0), 0.0, 0
    for outcome in outcomes:
        if outcome not in cells:
            wealth, count = math.inf, count + 1
            break
        wealth += math.log((counts[outcome] + 0.5) / (count + len(cells) / 2) / cells[outcome])
        counts[outcome] += 1
        count += 1
        if wealth >= -math.log(false_alarm):
            break
    rejected = wealth >= -math.log(false_alarm)
    distance = detectable_distance(cells=len(cells), count=max(1, count), false_alarm=false_alarm)
    return Verdict(rejected, count, wealth, distance)


def detectable_distance(
    *, cells: int, count: int, false_alarm: float = FALSE_ALARM, missed: float = 1e-3
) -> float:
    """Total variation from a law that a test of ``count`` outcomes misses with that probability at most.

    Rigorous, and so larger than what is found in practice; above 1 where nothing is guaranteed.

    Examples
    --------
    >>> round(detectable_distance(cells=16, count=4000), 3)
    0.165
    """
    regret = (cells - 1) / 2 * math.log(count) + math.log(cells)
    certain = math.sqrt((regret - math.log(false_alarm)) / (2 * count))
    return certain + math.sqrt(cells / count) / 2 + math.sqrt(-math.log(missed) / (2 * count))


def sequential_events(events: Iterable[tuple[bool, float]], *, false_alarm: float = FALSE_ALARM) -> Verdict:
    """Bet on events of known probabilities until they end or the alarm rings.

    Parameters
    ----------
    events
        Whether each one happened, and its probability given all that was before it, in [0, 1]. Which event
        is bet on may depend on the past in any way; not on its own outcome.
    false_alarm
        Probability of an alarm if the probabilities are true, at most, in (0, 1).

    Raises
    ------
    ValueError
        If a probability or ``false_alarm`` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> chances = rng.random(2000)
    >>> true = [(bool(rng.random() < chance), chance) for chance in chances]
    >>> more = [(bool(rng.random() < chance + 0.2 * (1 - chance)), chance) for chance in chances]
    >>> sequential_events(true).rejected, sequential_events(more).rejected
    (False, True)
    """
    if not 0 < false_alarm < 1:
        raise ValueError(f"false_alarm must be between 0 and 1, got {false_alarm}")
    wealth, excess, count = 0.0, 0.0, 0
    for happened, probability in events:
        if not 0 <= probability <= 1:
            raise ValueError(f"an event's probability must be in [0, 1], got {probability}")
        excess, count = excess + happened - float(probability), count + 1
        wealth = _mixture([bet * excess - count * bet**2 / 8 for bet in BETS])
        if wealth >= -math.log(false_alarm):
            break
    rejected = wealth >= -math.log(false_alarm)
    return Verdict(rejected, count, wealth, detectable_excess(count=max(1, count), false_alarm=false_alarm))


def _mixture(logs: list[float]) -> float:
    """Logarithm of the mean of exponentials."""
    most = max(logs)
    return most + math.log(math.fsum(math.exp(one - most) for one in logs) / len(logs))


def detectable_excess(*, count: int, false_alarm: float = FALSE_ALARM, missed: float = 1e-3) -> float:
    """Mean excess of events over their probabilities that is missed with that probability at most.

    Rigorous for numbers from 0.024 on; above 1 where nothing is guaranteed.

    Examples
    --------
    >>> round(detectable_excess(count=8000), 3)
    0.061
    """
    certain = math.sqrt(9 / 8 * (math.log(len(BETS)) - math.log(false_alarm)) / (2 * count))
    return max(2**-3 / 4 * 3 / 4, certain) + math.sqrt(-math.log(missed) / (2 * count))
