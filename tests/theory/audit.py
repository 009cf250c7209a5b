"""Assertions shared by the tests: independent references, and what 'lossless' means.

Nothing here calls the code that it is used to judge, except to run it.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, combinations
from typing import Any

import numpy as np
from scipy import stats

from tests.theory.strategies import F
from theory.chance import Enumerated
from theory.couplings.base import Coupling, NoClosedForm
from theory.laws import Law, Tokens
from theory.simplex import Array

FALSE_ALARM = 1e-9


def subsets(size: int) -> list[Tokens]:
    """All subsets of the tokens, as tuples."""
    return list(chain.from_iterable(combinations(range(size), count) for count in range(size + 1)))


def mask_of(tokens: Tokens, size: int) -> Array:
    """A boolean mask."""
    mask = np.zeros(size, dtype=bool)
    mask[list(tokens)] = True
    return mask


def product_of_conditionals(law: Law) -> dict[Tokens, Any]:
    """The joint law of the drafts by multiplying conditionals out, over every tuple."""
    table: dict[Tokens, Any] = {(): 1}
    for _ in range(law.k):
        table = {
            (*drawn, token): weight * probability
            for drawn, weight in table.items()
            for token, probability in enumerate(law.conditional(drawn))
            if probability > 0
        }
    return table


def contained(table: dict[Tokens, Any], inside: Tokens) -> Any:
    """Probability that all drafts are inside, summed over the joint law."""
    return sum((weight for drafts, weight in table.items() if set(drafts) <= set(inside)), F(0))


def brute_force_bound(p: Array, law: Law) -> Any:
    """1 + min over all subsets H of p(H) - Q(H), with Q from the product of conditionals."""
    table = product_of_conditionals(law)
    return min(1 + sum(p[list(h)]) - contained(table, h) for h in subsets(p.size))


def outcomes(coupling: Coupling, p: Array, law: Law) -> dict[tuple[int, bool], Any]:
    """Exact joint law of (emitted token, whether it was drafted) when the drafts come from the law."""
    result: dict[tuple[int, bool], Any] = {}
    for drafts, weight in product_of_conditionals(law).items():
        decided = Enumerated().law(
            lambda chance, drafts=drafts: coupling.resolve(p=p, drafts=drafts, law=law, chance=chance)
        )
        for resolution, share in decided.items():
            drafted = resolution.token in drafts
            assert resolution.accepted == drafted, "slot and drafts disagree"
            assert not drafted or resolution.slot == drafts.index(resolution.token)
            key = (resolution.token, drafted)
            result[key] = result.get(key, 0) + weight * share
    return result


def assert_lossless(coupling: Coupling, p: Array, law: Law) -> Any:
    """Output law equals p; acceptance formula equals enumeration; none above the bound. Exact.

    Returns the acceptance probability.
    """
    joint = outcomes(coupling, p, law)
    output = [sum(joint.get((token, drafted), 0) for drafted in (True, False)) for token in range(p.size)]
    assert output == p.tolist(), f"output law {output} is not p"
    accepted = sum((weight for (_, drafted), weight in joint.items() if drafted), F(0))
    assert accepted <= brute_force_bound(p, law), "acceptance above the bound"
    try:
        formula = coupling.acceptance(p=p, law=law)
    except NoClosedForm:
        return accepted
    assert formula == accepted, f"the formula says {formula}, enumeration {accepted}"
    return accepted


def assert_frequencies(
    counts: Counter[Any], law: dict[Any, Any], *, false_alarm: float = FALSE_ALARM
) -> None:
    """Refute a sampler whose counts do not fit a law: exact binomial tests, one a cell.

    A Bonferroni share of ``false_alarm`` goes to each side of each cell, so a correct sampler fails with at
    most that probability, whatever the sample size; an outcome of probability zero is refuted by one
    occurrence. A cell of probability w is refuted (999 times in 1000) once it is off by
    ``10 sqrt(w (1 - w) / n)``.
    """
    total = counts.total()
    assert set(counts) <= {key for key, weight in law.items() if weight > 0}, "an impossible outcome came"
    share = false_alarm / (2 * len(law))
    for key, weight in law.items():
        seen = counts[key]
        low, high = (
            stats.binom.cdf(seen, total, float(weight)),
            stats.binom.sf(seen - 1, total, float(weight)),
        )
        assert min(low, high) > share, (
            f"{key} came {seen} times in {total}, its probability is {float(weight)}"
        )


def assert_mean(samples: Array, mean: Any, *, span: float = 1.0, false_alarm: float = FALSE_ALARM) -> None:
    """Refute a sample whose mean does not fit; samples lie in an interval of length ``span``.

    Empirical Bernstein (Maurer and Pontil 2009, theorem 4): no approximation at any sample size.
    """
    count, log = samples.size, np.log(4 / false_alarm)
    radius = np.sqrt(2 * samples.var(ddof=1) * log / count) + 7 * span * log / (3 * (count - 1))
    assert abs(samples.mean() - float(mean)) <= radius, (
        f"mean {samples.mean()} is more than {radius} off {float(mean)}"
    )


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Fail a block that hangs."""

    def stop(*_: Any) -> None:
        raise AssertionError(f"still running after {seconds} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
