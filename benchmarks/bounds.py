"""Time of the bounds at full vocabulary, as multiples of one ``numpy.sort`` of the same array.

Run with ``python benchmarks/bounds.py``. Each ratio is the median over rounds in which the bound and the sort
were timed one right after the other, validation of p and q included; it is what to quote, not the seconds.
"""

import statistics
import time

import numpy as np

from specsim.sources.synthetic import family
from theory.bounds import optimal_acceptance
from theory.laws import Iid, WithoutReplacement

VOCABULARIES = (32_000, 128_000)
DRAFTS = (1, 2, 4, 8)
ROUNDS = 15


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratio_to_sort(function, array):
    function()
    ratios = []
    for _ in range(ROUNDS):
        reference = min(seconds(lambda: np.sort(array)) for _ in range(3))
        ratios.append(min(seconds(function) for _ in range(3)) / reference)
    return statistics.median(ratios)


def measured(p, q, k):
    """Both ratios for one pair and one number of drafts."""
    return (
        ratio_to_sort(lambda: optimal_acceptance(p=p, law=Iid(q, k)), p),
        ratio_to_sort(lambda: optimal_acceptance(p=p, law=WithoutReplacement(q, k)), p),
    )


def main():
    rng = np.random.default_rng(0)
    print(f"{'V':>8} {'k':>3} {'iid / sort':>11} {'without replacement / sort':>27}")
    for vocabulary in VOCABULARIES:
        pair = family("zipf").pair(vocabulary=vocabulary, rng=rng)
        for k in DRAFTS:
            iid, race = measured(pair.p, pair.q, k)
            print(f"{vocabulary:>8} {k:>3} {iid:>11.2f} {race:>27.1f}")


if __name__ == "__main__":
    main()
