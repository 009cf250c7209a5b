"""Recursive speculative decoding (Jeon et al. 2024): siblings without replacement, and trees against chains.

Run it with

    python papers/rsd/reproduce.py            # writes table.csv and trees.png
    python papers/rsd/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.shared import (
    COLOURS,
    Figure,
    asked,
    axes,
    chain_of_4,
    finish,
    mean_of,
    on_the_model,
    recorded,
    save,
    softmax,
)  # fmt: skip
from specsim.systems import rsd, specinfer
from theory.couplings import Recursive
from theory.laws import Iid, WithoutReplacement
from theory.multistep import path_levels, top_down_length
from theory.walks import named

HERE = Path(__file__).parent
DRAFTS = ("skip", "ngram")
TEMPERATURE = 1.0
VOCABULARY, WORLDS = 4, 8
ALIGNMENTS = (0.1, 0.3, 0.5, 0.7, 0.85, 0.95)  # weight of the target in the draft
BUDGET = {  # four drafted tokens each
    "chain (4)": path_levels(1, 4),
    "i.i.d. tree (2, 1)": tuple(named.iid(k) for k in (2, 1)),
    "RSD-C (2, 1)": tuple(named.without_replacement(k) for k in (2, 1)),
}
SYSTEMS = {
    "chain of 4": chain_of_4,
    "i.i.d. tree (2, 2, 2)": lambda bench: specinfer.system(bench.target, bench.draft, expansion=(2, 2, 2)),
    "RSD-C (2, 2, 2)": lambda bench: rsd.constant(bench.target, bench.draft, branching=(2, 2, 2)),
    "RSD-S 3 x 3": lambda bench: rsd.stochastic(bench.target, bench.draft, width=3, depth=3),
}


def main():
    options = asked(__doc__)
    figures = [figure for draft in DRAFTS for figure in on_the_trace(draft)]
    figures += [figure for weight in ALIGNMENTS for figure in on_worlds(weight)]
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def on_the_trace(draft):
    """Two siblings, with and without replacement, by recursive rejection."""
    rows = []
    for p, q in recorded(draft, temperature=TEMPERATURE):
        laws = Iid(q, 2), WithoutReplacement(q, 2)
        rows.append([Recursive().acceptance(p=p, law=law) for law in laws])
    with_, without = np.concatenate(rows, axis=1)
    yield Figure(f"trace: {draft}, 2 siblings", "acceptance, with replacement", with_.mean())
    yield Figure(f"trace: {draft}, 2 siblings", "acceptance, without replacement", without.mean())
    yield Figure(
        f"trace: {draft}, 2 siblings",
        "share of positions no worse without",
        (without >= with_ - 1e-12).mean(),
    )


def on_worlds(weight):
    """Expected tokens of a round at four drafted tokens: exact for each world, the mean over worlds."""
    case, found = f"worlds: alignment {weight}", {}
    for name, levels in BUDGET.items():
        models = [mixed(seed, weight) for seed in range(WORLDS)]
        found[name] = [1 + top_down_length(target=p, draft=q, levels=levels) for p, q in models]
        yield mean_of(case, f"tokens a round, {name}", found[name])
    gain = np.subtract(found["RSD-C (2, 1)"], found["chain (4)"])
    yield mean_of(case, "RSD-C (2, 1) less chain (4)", gain)


def mixed(seed, weight):
    """The target is random; the draft mixes it with another random model."""

    @cache
    def rows(prefix):
        rng = np.random.default_rng([seed, len(prefix), *prefix])
        p, other = (softmax(2 * rng.standard_normal(VOCABULARY)) for _ in range(2))
        return p, weight * p + (1 - weight) * other

    return (lambda prefix: rows(prefix)[0]), (lambda prefix: rows(prefix)[1])


def draw(figures):
    figure, (panel,) = axes()
    for colour, name in zip(COLOURS, BUDGET, strict=False):
        values = [one for one in figures if one.quantity == f"tokens a round, {name}"]
        panel.plot(ALIGNMENTS, [one.value for one in values], "o-", color=colour, ms=4, label=name)
    panel.set(xlabel="weight of the target in the draft", ylabel="expected tokens a round, 4 drafts")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "trees.png")


if __name__ == "__main__":
    sys.exit(main())
