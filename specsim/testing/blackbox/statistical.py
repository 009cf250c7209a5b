"""The statistical audit: for functions whose randomness can't be driven.

Every case of a portfolio is sampled a little; then the samples go, batch by batch, mostly to the case whose
evidence is strongest. The average of the cases' e-processes refutes the rule when it reaches 1 / alpha; the
probability that a lossless rule is ever refuted is at most alpha, whatever was looked at in between. If the
samples are used up without, the verdict states for the worst case which distance from the target's law
would have been noticed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from specsim.testing.blackbox.evidence import Evidence, log_average
from specsim.testing.cases import Case
from theory.laws import Tokens

#: Runs a rule once on a case.
Sampler = Callable[[np.random.Generator], Tokens]


class SampledRule(Protocol):
    """A rule that can be run with free randomness."""

    def sampler(self, case: Case) -> Sampler:
        """A function that runs the rule once on the case."""
        ...


@dataclass(frozen=True)
class Budget:
    """How much to sample.

    Attributes
    ----------
    alpha
        Largest allowed probability that a lossless rule is refuted, over the whole portfolio.
    power
        With which the detectable distance is stated.
    pairs
        Number of cases.
    first, batch, total
        Samples of every case at first; of one batch after that; and of all cases together.
    explore
        Probability that a batch goes to a case at random rather than to the most suspicious one.
    """

    alpha: float = 1e-9
    power: float = 0.99
    pairs: int = 16
    first: int = 1_000
    batch: int = 1_000
    total: int = 100_000
    explore: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or not 0 < self.power < 1:
            raise ValueError(f"alpha and power are between 0 and 1, got {self.alpha} and {self.power}")
        if min(self.pairs, self.first, self.batch) < 1 or self.total < self.pairs * self.first:
            raise ValueError(
                "pairs, first and batch are at least 1, and total at least pairs * first; got "
                f"{self.pairs}, {self.first}, {self.batch} and {self.total}"
            )

    @classmethod
    def of_samples(cls, total: int) -> Budget:
        """A budget of so many samples, a fifth of them spread over all cases at first.

        Examples
        --------
        >>> Budget.of_samples(200_000).first
        2500
        """
        pairs = 16
        first = max(1, total // (5 * pairs))
        return cls(pairs=pairs, first=first, batch=max(1, min(first, 5_000)), total=max(total, pairs * first))


@dataclass(frozen=True)
class SampledVerdict:
    """What sampling showed.

    Attributes
    ----------
    refuted
        Whether the evidence reached 1 / alpha.
    case
        The case with the strongest evidence.
    counts
        Observed outcomes of that case.
    log_wealth
        Logarithm of the average evidence.
    impossible
        An outcome of that case that has probability zero, or None.
    samples
        Of all cases.
    fewest
        Samples of the case that got the fewest.
    detectable
        For that case: total variation that would have refuted the rule with the stated power.
    strongest
        The smallest such distance of all cases.
    """

    refuted: bool
    case: Case
    counts: dict[Tokens, int]
    log_wealth: float
    impossible: Tokens | None
    samples: int
    fewest: int
    detectable: float
    strongest: float


def sample_portfolio(
    rule: SampledRule, cases: list[Case], budget: Budget, *, rng: np.random.Generator
) -> SampledVerdict:
    """Sample a portfolio until it refutes the rule or the budget ends."""
    samplers = [rule.sampler(case) for case in cases]
    evidence = [Evidence({x: float(mass) for x, mass in case.expected().items()}) for case in cases]
    goal = math.log(1 / budget.alpha)
    spent = 0
    for sample, one in zip(samplers, evidence, strict=True):
        one.add([sample(rng) for _ in range(budget.first)])
        spent += budget.first
    wealth = [one.log_wealth for one in evidence]
    while log_average(wealth) < goal and spent + budget.batch <= budget.total:
        explore = rng.random() < budget.explore
        index = int(rng.integers(len(cases))) if explore else int(np.argmax(wealth))
        evidence[index].add([samplers[index](rng) for _ in range(budget.batch)])
        wealth[index] = evidence[index].log_wealth
        spent += budget.batch
    return _verdict(cases, evidence, wealth, budget, spent)


def _verdict(
    cases: list[Case], evidence: list[Evidence], wealth: list[float], budget: Budget, spent: int
) -> SampledVerdict:
    top = int(np.argmax(wealth))
    limits = [
        one.detectable(alpha=budget.alpha, shared_by=len(cases), power=budget.power) for one in evidence
    ]
    average = log_average(wealth)
    return SampledVerdict(
        refuted=average >= math.log(1 / budget.alpha),
        case=cases[top],
        counts=dict(evidence[top].counts),
        log_wealth=average,
        impossible=evidence[top].impossible,
        samples=spent,
        fewest=min(one.samples for one in evidence),
        detectable=max(limits),
        strongest=min(limits),
    )
