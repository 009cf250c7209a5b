r"""How the value of the optimal tree grows with its size: laws with their constants.

For a positional profile p the number N(w) of nodes of weight at least w satisfies
:math:`N(w) = 1 + \sum_k N(w / p_k)`: a renewal equation in ln(1/w). With
:math:`\mathrm{H} = -\sum p \ln p` and :math:`\mathrm{H}_2 = \sum p \ln^2 p`:

* **Sum of p one** (some draft is always accepted; Tunstall's trees): :math:`N(w) \sim 1 / (\mathrm{H} w)` and

  .. math:: G(n) = \frac{\ln n + \ln \mathrm{H}}{\mathrm{H}} + \frac{\mathrm{H}_2}{2 \mathrm{H}^2} + o(1) .

  One more token for every :math:`e^{\mathrm{H}}`-fold number of nodes.
* **Sum of p below one**: G tends to :math:`1 / (1 - \sum p)`. With rho solving :math:`\sum p^\rho = 1` and
  :math:`\mu = \sum p^\rho \ln (1/p)`: :math:`N(w) \sim A w^{-\rho}`, :math:`A = 1 / (\rho \mu)`, and

  .. math:: \frac{1}{1 - \sum p} - G(n) \sim C n^{-(1 - \rho) / \rho}, \qquad
            C = \frac{\rho}{1 - \rho} A^{1/\rho} .

Both hold where the logarithms of p have no common divisor. Where they have one (one rank; halves and
quarters), N jumps, the o(1) is a bounded oscillation instead, and the law is a value within it: an estimate,
not exact. ``docs/trees.md`` derives both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from theory.shapes.profile import Profile
from theory.simplex import Array


@dataclass(frozen=True)
class LogarithmicGrowth:
    """The law of a positional profile that sums to one.

    Attributes
    ----------
    entropy
        H, in nats.
    second_moment
        H2, the mean square of ln(1/p).
    """

    entropy: float
    second_moment: float

    @property
    def factor_for_one_more(self) -> float:
        """By which factor the number of nodes must grow for one more token: e to the entropy."""
        return float(np.exp(self.entropy))

    def value(self, nodes: Any) -> Any:
        """The law's G(n), tokens per target call with the root counted; n at least 1."""
        constant = self.second_moment / (2 * self.entropy**2)
        return (np.log(nodes) + np.log(self.entropy)) / self.entropy + constant

    def nodes(self, value: float) -> float:
        """Number of nodes at which the law has a value."""
        constant = self.second_moment / (2 * self.entropy**2)
        return float(np.exp((value - constant) * self.entropy) / self.entropy)


@dataclass(frozen=True)
class BoundedGrowth:
    """The law of a positional profile that sums to less than one.

    Attributes
    ----------
    limit
        Value of the infinite tree.
    exponent
        Power of n with which the rest vanishes, (1 - rho) / rho.
    constant
        C: the rest is about ``C n^-exponent``.
    rho
        Power at which the profile sums to one.
    """

    limit: float
    exponent: float
    constant: float
    rho: float

    def value(self, nodes: Any) -> Any:
        """The law's G(n), tokens per target call with the root counted; n at least 1."""
        return self.limit - self.constant * np.asarray(nodes, dtype=np.float64) ** -self.exponent

    def nodes(self, value: float) -> float:
        """Number of nodes at which the law has a value below the limit."""
        if value >= self.limit:
            raise ValueError(f"no tree is worth {value}: the infinite one is worth {self.limit:.6g}")
        return float(((self.limit - value) / self.constant) ** (-1 / self.exponent))


def growth_law(p: Sequence[float] | Array) -> LogarithmicGrowth | BoundedGrowth:
    """The growth law of a positional profile. An asymptotic law, not a bound.

    Parameters
    ----------
    p
        Acceptance probabilities in any order, at least two positive ones, that sum to at most one. A sum
        within 1e-12 of one counts as one. (The order matters to small trees, not to the law: a rise of p
        makes the first nodes wait. The law is that of the sorted profile, an upper bound then.)

    Returns
    -------
    LogarithmicGrowth or BoundedGrowth
        By the sum of p.

    Raises
    ------
    ValueError
        If p is no profile or has fewer than two positive entries (a chain is worth
        ``(1 - p^(n + 1)) / (1 - p)`` exactly).

    Examples
    --------
    >>> law = growth_law([0.6, 0.25, 0.15])
    >>> round(law.factor_for_one_more, 3), round(float(law.value(10**6)), 3)
    (2.554, 15.335)
    >>> law = growth_law([0.5, 0.2, 0.1])
    >>> round(law.limit, 3), round(law.rho, 3)
    (5.0, 0.807)
    """
    row = Profile.positional(p).rows[0].astype(np.float64)
    row = row[row > 0]
    if row.size < 2:
        raise ValueError("the law needs at least two positive probabilities; chains have a closed form")
    information = -np.log(row)
    if abs(row.sum() - 1) <= 1e-12:
        return LogarithmicGrowth(float(row @ information), float(row @ information**2))
    rho = float(brentq(lambda power: np.exp(-power * information).sum() - 1, 1e-9, 1.0, xtol=1e-15))
    tilted = np.exp(-rho * information)
    amount = 1 / (rho * (tilted @ information))
    exponent = (1 - rho) / rho
    return BoundedGrowth(
        float(1 / (1 - row.sum())), exponent, float(rho / (1 - rho) * amount ** (1 / rho)), rho
    )
