"""The raffle without replacement: certified gap to the optimum, and CPU seconds of its plans.

    python benchmarks/raffle.py                 # synthetic families at V = 32,768 and a few rows of the trace
    python benchmarks/raffle.py --rows 24       # more rows of the trace

Means over positions; the gap is the certified one (RafflePlan.gap), its mean and its largest. 'recursive' is what
recursive rejection without replacement gives up against the same optimum (an estimate from 400 paths).
"""

import argparse
import time
from pathlib import Path

import numpy as np

from specsim.sources.synthetic import family
from specsim.sources.traces import Trace
from theory.couplings import Recursive
from theory.laws import WithoutReplacement
from theory.raffle import RafflePlan
from theory.simplex import Warp

TRACE = Path(__file__).parents[1] / "traces" / "smollm2-135m"
FAMILIES = ("zipf", "dirichlet", "sharpened", "flattened", "peaked", "uniform")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rows", type=int, default=4, help="positions of the trace")
    options.add_argument("--drafts", type=int, nargs="*", default=[2, 4, 8])
    options = options.parse_args()
    print(
        f"{'pairs':<26} {'k':>2} {'positions':>9} {'optimum':>8} {'mean gap':>9} {'largest':>9} {'recursive':>9} {'CPU s':>6}"
    )
    for name, pairs in sources(options.rows):
        for k in options.drafts:
            row(name, list(pairs), k)


def sources(rows):
    """Named lists of pairs (p, q)."""
    for name in FAMILIES:
        rng = np.random.default_rng(3)
        made = [family(name).pair(vocabulary=32_768, rng=rng) for _ in range(2)]
        yield f"{name}, V = 32,768", [(pair.p, pair.q) for pair in made]
    blocks = list(Trace.open(TRACE).select(limit=rows).blocks(size=8))
    for temperature in (1.0, 0.3):
        warp = Warp(temperature=temperature)
        for draft in blocks[0].draft_logits:
            yield (
                f"trace, {draft}, T = {temperature}",
                [
                    pair
                    for block in blocks
                    for pair in zip(
                        warp.probabilities(block.target_logits),
                        warp.probabilities(block.draft_logits[draft]),
                        strict=True,
                    )
                ],
            )


def row(name, pairs, k):
    best, gaps, others, seconds = [], [], [], []
    for p, q in pairs:
        start = time.process_time()
        plan = RafflePlan.solved(p=p, q=q, k=k, tolerance=1e-7, rounds=100)
        seconds.append(time.process_time() - start)
        best.append(plan.wanted.upper)
        gaps.append(plan.gap)
        found = Recursive().estimate(
            p=p, law=WithoutReplacement(q, k), rng=np.random.default_rng(0), samples=400
        )
        others.append(plan.wanted.upper - found.value)
    print(
        f"{name:<26} {k:>2} {len(pairs):>9} {np.mean(best):>8.4f} {np.mean(gaps):>9.1e} {np.max(gaps):>9.1e} "
        f"{np.mean(others):>9.4f} {np.mean(seconds):>6.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
