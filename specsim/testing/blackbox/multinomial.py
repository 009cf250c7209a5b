r"""A multinomial test whose false-alarm rate is proved, and whose power is stated.

With n samples in k cells of expected probabilities p and observed frequencies :math:`\hat p`, the statistic
is the likelihood ratio :math:`n\,D(\hat p \| p)` (half of the G statistic). Whatever p, and for every n,

.. math:: \Pr\bigl[n\,D(\hat p \| p) \ge x\bigr] \le e^{-x} \Bigl(\frac{e x}{k - 1}\Bigr)^{k-1}, \qquad x >
k - 1,

(Agrawal 2020), so the false-alarm rate needs no chi-square approximation, however small the cells. The test
refuses above the x at which the bound is alpha.

**Power.** Let the true law be at total variation delta from p, and A the set on which it has delta more.
With probability :math:`1 - \beta` the frequency of A is at least its probability less
:math:`\sqrt{\ln(1/\beta) / 2n}` (Hoeffding), and :math:`D(\hat p \| p) \ge 2 (\hat p(A) - p(A))^2` (data
processing and Pinsker). So every law at

.. math:: \delta \ge \sqrt{\frac{x}{2n}} + \sqrt{\frac{\ln(1/\beta)}{2n}}

is detected with probability at least :math:`1 - \beta`. Cells are merged by their *expected* counts, which
does not look at the data and so cannot change the false-alarm rate; the delta is that of the merged cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import xlogy

from theory.laws import Tokens

#: Cells of a smaller expected count are merged.
MINIMAL_COUNT = 5.0


@dataclass(frozen=True)
class Cells:
    """Observed counts and expected probabilities, cell by cell.

    Attributes
    ----------
    counts
        Shape ``(k,)``, whole numbers.
    probabilities
        Shape ``(k,)``, positive, sum one.
    impossible
        An outcome that was observed although its probability is zero, or None.
    """

    counts: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    impossible: Tokens | None = None

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class MultinomialTest:
    r"""The outcome of a test.

    Attributes
    ----------
    statistic
        :math:`n\\,D(\\hat p \\| p)` over the merged cells, in nats; infinite for an impossible outcome.
    threshold
        Above it the law is refuted.
    false_alarm
        Upper bound of the probability to refute the right law.
    detectable
        Total variation (over the merged cells) from which on a wrong law is refuted with the stated power.
    power
        That power.
    samples, cells
        Number of samples, and of cells after merging.
    """

    statistic: float
    threshold: float
    false_alarm: float
    detectable: float
    power: float
    samples: int
    cells: int

    @property
    def refuted(self) -> bool:
        """Whether the law was refuted."""
        return self.statistic > self.threshold


def cells_of(counts: Mapping[Tokens, int], expected: Mapping[Tokens, float]) -> Cells:
    """Counts beside expected probabilities, with outcomes of expected probability zero set apart.

    Examples
    --------
    >>> cells_of({(0,): 3, (1,): 1}, {(0,): 0.5, (1,): 0.5}).samples
    4
    """
    impossible = next((x for x in counts if counts[x] and not expected.get(x, 0) > 0), None)
    live = [outcome for outcome, mass in expected.items() if mass > 0]
    observed = np.array([counts.get(outcome, 0) for outcome in live], dtype=np.float64)
    masses = np.array([float(expected[outcome]) for outcome in live])
    return Cells(observed, masses / masses.sum(), impossible)


def merged(cells: Cells, *, minimum: float = MINIMAL_COUNT) -> Cells:
    """Cells joined, the least expected first, until each is expected ``minimum`` times (or one is left)."""
    order = np.argsort(cells.probabilities, kind="stable")
    groups: list[list[int]] = [[]]
    expected = 0.0
    for index in order:
        if groups[-1] and expected >= minimum:
            groups.append([])
            expected = 0.0
        groups[-1].append(int(index))
        expected += cells.probabilities[index] * cells.samples
    if len(groups) > 1 and expected < minimum:
        groups[-2] += groups.pop()
    counts = np.array([cells.counts[group].sum() for group in groups])
    masses = np.array([cells.probabilities[group].sum() for group in groups])
    return Cells(counts, masses, cells.impossible)


def multinomial_test(
    counts: Mapping[Tokens, int],
    expected: Mapping[Tokens, float],
    *,
    alpha: float = 1e-9,
    power: float = 0.99,
) -> MultinomialTest:
    """Test counts of outcomes against their expected probabilities.

    Parameters
    ----------
    counts
        How often each outcome was observed; independent samples.
    expected
        Probability of each outcome.
    alpha
        Largest allowed probability to refute the right law.
    power
        Probability with which a law at the detectable distance is refuted.

    Raises
    ------
    ValueError
        For no samples, or alpha or power outside of (0, 1).

    Examples
    --------
    >>> test = multinomial_test({(0,): 700, (1,): 300}, {(0,): 0.5, (1,): 0.5})
    >>> test.refuted, round(test.detectable, 3)
    (True, 0.16)
    """
    if not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError(f"alpha and power are probabilities between 0 and 1, got {alpha} and {power}")
    cells = merged(cells_of(counts, expected))
    if cells.samples == 0 and cells.impossible is None:
        raise ValueError("a test needs at least one sample, got none")
    threshold = critical_value(alpha, cells.counts.size)
    statistic = math.inf if cells.impossible is not None else divergence(cells)
    return MultinomialTest(
        statistic,
        threshold,
        alpha,
        detectable(threshold, max(cells.samples, 1), power),
        power,
        cells.samples,
        cells.counts.size,
    )


def divergence(cells: Cells) -> float:
    r""":math:`n\\,D(\\hat p \\| p)` in nats."""
    n = cells.samples
    return float(xlogy(cells.counts, cells.counts / (n * cells.probabilities)).sum())


def log_tail(x: float, cells: int) -> float:
    """Logarithm of the bound of the probability that the statistic reaches x."""
    if cells == 1:
        return -math.inf
    free = cells - 1
    return 0.0 if x <= free else -x + free * (1 + math.log(x / free))


def critical_value(alpha: float, cells: int) -> float:
    """The statistic whose tail bound is alpha.

    Examples
    --------
    >>> round(critical_value(1e-9, 3), 2)
    28.0
    """
    if cells == 1:
        return 0.0
    goal = math.log(alpha)
    low, high = float(cells - 1), float(cells - 1) - 2 * goal + 10 * cells
    return float(brentq(lambda x: log_tail(x, cells) - goal, low, high))


def detectable(threshold: float, samples: int, power: float) -> float:
    """The total variation from which on a law is refuted with the given power; at most 1."""
    noise = math.sqrt(math.log(1 / (1 - power)) / (2 * samples))
    return min(1.0, math.sqrt(threshold / (2 * samples)) + noise)
