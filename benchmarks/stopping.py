"""Speed of the draft-length solvers. Run with ``python benchmarks/stopping.py``.

CPU time, the best of five; beside each solver the plainest way to the same answer, where there is one.
"""

import time

import numpy as np

from theory.speedup import tokens_by_depth
from theory.stopping import Confidence, Outcomes, Times, best_length, clairvoyant, optimal_policy


def best_of(function, repeats=5):
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def three(limit):
    return Confidence.mixed(
        acceptance=[0.97, 0.8, 0.35],
        shares=[0.5, 0.3, 0.2],
        persistence=0.5,
        times=Times(0.02, 1.0),
        limit=limit,
    )


def searched(times, most=120):
    """The best length by trying all, sums made anew."""
    return max(range(most), key=lambda k: tokens_by_depth([0.95] * k) / times.of_round(k))


def main():
    print("| what | ms |")
    print("|---|---|")
    for limit in (10, 20, 40):
        found = best_of(lambda limit=limit: optimal_policy(three(limit)))
        print(f"| optimal stopping rule, 3 types, at most {limit} drafts | {1e3 * found:.1f} |")
    times = Times(0.01, 1.0)
    closed = best_of(lambda: [best_length(acceptance=0.95, times=times) for _ in range(100)]) / 100
    plain = best_of(lambda: searched(times))
    assert searched(times) == best_length(acceptance=0.95, times=times).length
    print(f"| best fixed length, closed form | {1e3 * closed:.4f} |")
    print(f"| the same by trying 120 lengths ({plain / closed:,.0f} x) | {1e3 * plain:.2f} |")
    text = Outcomes.from_positions((np.random.default_rng(0).random(10_000) < 0.8).tolist())
    found = best_of(lambda: clairvoyant(text, times=Times(0.1, 1.0), limit=16))
    print(f"| clairvoyant bound of 10,000 tokens, at most 16 drafts | {1e3 * found:.1f} |")


if __name__ == "__main__":
    main()
