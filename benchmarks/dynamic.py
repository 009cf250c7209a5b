"""Dynamic trees: time as a multiple of one pass over the draft's rows, and the tables of docs/dynamic-trees.md.

Run with ``python benchmarks/dynamic.py``. CPU seconds of this process (one thread). A *pass* is the least that any
algorithm does: ``row.sum()`` over every row that the algorithm asked for.
"""

import time
from fractions import Fraction
from functools import lru_cache
from random import Random

import numpy as np

from theory.chance import Sampled
from theory.couplings import Recursive, SampleAndMatch
from theory.shapes import Profile
from theory.shapes.dynamic import (
    Beam,
    Chain,
    DySpec,
    DySpecThreshold,
    Eagle2,
    Expansion,
    OptTree,
    Reference,
    Sequoia,
    SquaredMass,
    StochasticBeam,
    by_draft,
    by_target,
    expected,
    ranking,
    rsd_constant,
)
from theory.walks import TopDown, Traversal

VOCABULARY, BUDGET = 32_000, 64


class Rows:
    """A draft whose rows are made beforehand; it counts which ones are asked for."""

    def __init__(self, count=256):
        rng = np.random.default_rng(0)
        # Zipf's law with another exponent and another order of tokens in every row
        weights = np.arange(1.0, VOCABULARY + 1) ** -rng.uniform(1.5, 4.0, size=(count, 1))
        self.rows = rng.permuted(weights / weights.sum(axis=1, keepdims=True), axis=1)
        self.asked = set()

    def __call__(self, prefix):
        place = hash(prefix) % len(self.rows)
        self.asked.add((prefix, place))
        return self.rows[place]


def cpu(function, repeats=5):
    """Least CPU time of some calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def timed():
    draft = Rows()
    profile = Profile.positional([0.6, 0.15, 0.07, 0.04, 0.02, 0.01])
    algorithms = {
        "chain": Chain(),
        "SpecInfer 4-2-2-1": Expansion((4, 2, 2, 1)),
        "RSD-C 4-2-2-1": rsd_constant((4, 2, 2, 1)),
        "RSD-S, width 8": StochasticBeam(8),
        "Sequoia": Sequoia(profile),
        "DySpec": DySpec(),
        "DySpec, threshold": DySpecThreshold(),
        "squared mass": SquaredMass(),
        "beam of 8": Beam(8),
        "EAGLE-2": Eagle2(),
        "OPT-Tree": OptTree(delta=0.2),
    }
    print(f"V = {VOCABULARY}, budget {BUDGET}: CPU time of a tree with its laws")
    print("| tree | tokens | rows asked for | ms | passes over these rows | cumulative sums |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, algorithm in algorithms.items():
        draft.asked.clear()
        tree = algorithm.grow(draft=draft, budget=BUDGET, chance=Sampled(np.random.default_rng(1)))
        rows = [draft.rows[place] for _, place in draft.asked]
        grow = cpu(lambda algorithm=algorithm: algorithm.grow(
            draft=draft, budget=BUDGET, chance=Sampled(np.random.default_rng(1))))  # fmt: skip
        one = cpu(lambda rows=rows: [row.sum() for row in rows], 20)
        draws = cpu(lambda rows=rows: [np.cumsum(row) for row in rows], 20)
        print(
            f"| {name} | {tree.size} | {len(rows)} | {1e3 * grow:.1f} | {grow / one:.0f} | {grow / draws:.1f} |"
        )
    rows = draft.rows[:BUDGET]
    one = cpu(lambda: [row.sum() for row in rows], 20)
    print(f"| *a full sort of {BUDGET} rows* | | {BUDGET} | | {cpu(lambda: np.sort(rows)) / one:.0f} | |")


def indices():
    """Gaps of both indices to the exact optimum under DySpec's hypothesis: contexts sharp, medium, flat."""
    sharp = np.array([Fraction(9, 10), Fraction(7, 100), Fraction(3, 100), Fraction(0), Fraction(0)])
    medium = np.array([Fraction(11, 20), Fraction(1, 4), Fraction(3, 20), Fraction(1, 20), Fraction(0)])
    flat = np.array([Fraction(1, 5)] * 5)

    def draft_of(seed):
        return lru_cache(None)(lambda prefix: Random(repr((seed, prefix))).choice([sharp, medium, flat]))

    references = [Reference(draft_of(seed)) for seed in range(20)]
    print("\nExpected accepted tokens under DySpec's hypothesis, mean of 20 drafts of mixed sharpness")
    print("| budget | optimum | by reach | gap | by squared mass | gap |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for budget in (1, 2, 3, 4):
        mean = [
            float(sum(values)) / len(references)
            for values in zip(
                *(
                    (r.best(budget), r.value(lambda s: s.reach, budget), r.value(lambda s: s.gain, budget))
                    for r in references
                ),
                strict=True,
            )
        ]
        best, reach, gain = mean
        print(
            f"| {budget} | {best:.4f} | {reach:.4f} | {1 - reach / best:.2%} | {gain:.4f} | {1 - gain / best:.3%} |"
        )
    texts = [draft_of(seed) for seed in range(400)]
    floats = [lru_cache(None)(lambda prefix, t=t: t(prefix).astype(float)) for t in texts]
    print(
        "\nThe same at larger budgets: estimates over 400 drafts, one tree each (mean gain, standard error)"
    )
    for budget in (8, 16, 32, 64):
        gains, base = [], []
        for seed, draft in enumerate(floats):
            values = [
                by_draft(
                    a.grow(draft=draft, budget=budget, chance=Sampled(np.random.default_rng(seed))),
                    draft=draft,
                )
                for a in (DySpec(), SquaredMass())
            ]
            gains.append(values[1] - values[0])
            base.append(values[0] - 1)
        mean, error = np.mean(gains) / np.mean(base), np.std(gains) / np.sqrt(len(gains)) / np.mean(base)
        print(f"budget {budget}: {mean:+.1%} +- {error:.1%} accepted tokens")


def tables(closeness, count):
    """Targets and drafts over three tokens, every prefix its own row; the draft is part target, part its own."""

    def row(seed, prefix):
        rng = Random(repr((seed, prefix)))
        weights = [rng.choice([1, 1, 2, 4, 8]) for _ in range(3)]
        return np.array([Fraction(weight, sum(weights)) for weight in weights])

    def pair(seed):
        def target(prefix):
            return row(("p", seed), prefix)

        def draft(prefix):
            return closeness * target(prefix) + (1 - closeness) * row(("q", seed), prefix)

        return lru_cache(None)(target), lru_cache(None)(draft)

    return [pair(seed) for seed in range(count)]


def joint(budget=3, count=6):
    """Tree x verifier: exact expected tokens per target call."""
    trees = {
        "chain": Chain(),
        "SpecInfer, i.i.d. star": Expansion((budget,)),
        "RSD-C star": rsd_constant((budget,)),
        "RSD-S, width 2": StochasticBeam(2),
        "Sequoia (.6, .2)": Sequoia(Profile.positional([0.6, 0.2])),
        "DySpec": DySpec(),
        "squared mass": SquaredMass(),
        "greedy chain": Chain(sampled=False),
        "OPT-Tree": OptTree(),
        "EAGLE-2, top 2": Eagle2(top_k=2, steps=2),
    }
    walks = {
        "recursive": TopDown(Recursive()),
        "naive": TopDown(SampleAndMatch()),
        "traversal": Traversal(),
    }
    for closeness in (Fraction(9, 10), Fraction(1, 2)):
        models = tables(closeness, count)
        pairs = {(tree, walk): (trees[tree], walks[walk]) for tree in trees for walk in walks}
        rows = ranking(pairs, models=models, budget=budget)
        value = {(r.tree, r.verifier): float(r.value) for r in rows}
        print(f"\nBudget {budget}, three tokens, draft {closeness} target: exact mean of {count} pairs")
        print("| tree | by draft | oracle | " + " | ".join(walks) + " |")
        print("| --- | ---: | ---: |" + " ---: |" * len(walks))
        order = sorted(trees, key=lambda tree: -max(value[tree, walk] for walk in walks))
        for tree in order:
            drafted = [
                (
                    expected(
                        lambda t, q=q: by_draft(t, draft=q), algorithm=trees[tree], draft=q, budget=budget
                    ),
                    expected(
                        lambda t, p=p: by_target(t, target=p), algorithm=trees[tree], draft=q, budget=budget
                    ),
                )
                for p, q in models
            ]
            means = [float(sum(column)) / count for column in zip(*drafted, strict=True)]
            cells = [f"{x:.3f}" for x in (*means, *(value[tree, walk] for walk in walks))]
            print(f"| {tree} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    timed()
    indices()
    joint()
