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

Source: Krichevsky and Trofimov 1981 (the bet and its regret); Ville 1939; Pinsker's inequality.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

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
        Total variation that is missed with probability 1e-3 at most, after ``count`` outcomes.
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
