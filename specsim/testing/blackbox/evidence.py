r"""Anytime-valid evidence: a Dirichlet-mixture e-process.

Bet against the law p with a mixture of all laws, weighted by a Dirichlet(1/2, ..., 1/2) prior. After n
samples with counts :math:`n_i` in k cells the wealth is

.. math:: E_n = \frac{\Gamma(k/2)}{\Gamma(n + k/2)} \prod_i \frac{\Gamma(n_i + 1/2)}{\Gamma(1/2)} \Big/
          \prod_i p_i^{n_i} .

Under p it is a martingale of mean one, so :math:`\Pr[\sup_n E_n \ge 1/\alpha] \le \alpha` (Ville): one may
look after every sample and stop when one likes. Wealths of several pairs of distributions may be averaged,
and the next samples be spent on whichever pair looks most suspicious: each bet is fair given the past, so
the average still is.

Against a wrong law, :math:`\ln E_n \ge n\,D(\hat p \| p) - \tfrac{k-1}{2} \ln n - \ln k` (the regret of the
mixture), from which the detectable distance follows as in :mod:`specsim.testing.blackbox.multinomial`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln, xlogy

from specsim.testing.blackbox.multinomial import cells_of, detectable
from theory.laws import Tokens


@dataclass
class Evidence:
    """Counts of one pair's outcomes, and the wealth of the bet against the expected law.

    Parameters
    ----------
    expected
        Probability of each outcome.

    Examples
    --------
    >>> evidence = Evidence({(0,): 0.5, (1,): 0.5})
    >>> evidence.add([(0,)] * 60)
    >>> evidence.log_wealth > math.log(1e9)
    True
    """

    expected: Mapping[Tokens, float]
    counts: dict[Tokens, int] = field(default_factory=dict)

    def add(self, outcomes: list[Tokens]) -> None:
        """Count more outcomes."""
        for outcome in outcomes:
            self.counts[outcome] = self.counts.get(outcome, 0) + 1

    @property
    def samples(self) -> int:
        """Number of outcomes so far."""
        return sum(self.counts.values())

    @property
    def cells(self) -> int:
        """Number of possible outcomes."""
        return sum(mass > 0 for mass in self.expected.values())

    @property
    def impossible(self) -> Tokens | None:
        """An observed outcome whose probability is zero, or None."""
        return cells_of(self.counts, self.expected).impossible

    @property
    def log_wealth(self) -> float:
        """Logarithm of the wealth; infinite once an impossible outcome was seen."""
        cells = cells_of(self.counts, self.expected)
        if cells.impossible is not None:
            return math.inf
        counts, k, n = cells.counts, cells.counts.size, cells.samples
        mixture = gammaln(k / 2) - gammaln(n + k / 2) + (gammaln(counts + 0.5) - gammaln(0.5)).sum()
        return float(mixture - xlogy(counts, cells.probabilities).sum())

    def detectable(self, *, alpha: float, shared_by: int, power: float) -> float:
        """The total variation that makes the average wealth refute, by this pair alone, with the power."""
        n, k = max(self.samples, 1), self.cells
        regret = (k - 1) / 2 * math.log(n) + math.log(k)
        return detectable(math.log(shared_by / alpha) + regret, n, power)


def log_average(log_wealths: list[float]) -> float:
    """Logarithm of the average of wealths given by their logarithms.

    Examples
    --------
    >>> round(log_average([0.0, 0.0]), 6)
    0.0
    """
    top = max(log_wealths)
    if math.isinf(top):
        return top
    return top + math.log(float(np.exp(np.array(log_wealths) - top).mean()))
