"""Sequoia (Chen et al. 2024): the optimal tree of every budget against chains and full trees.

Run it with

    python papers/sequoia/reproduce.py            # writes table.csv and budgets.png
    python papers/sequoia/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
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
)
from specsim.systems import sequoia
from theory.couplings.race_paths import RacePaths
from theory.shapes import Profile, TreeShape, best_first
from theory.shapes.templates import chain, k_ary

HERE = Path(__file__).parent
DRAFT, TEMPERATURE = "skip", 0.7
RANKS, SAMPLES = 12, 16  # of the profile; drawn drafts a position
BUDGETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SYSTEMS = {
    "chain of 4": chain_of_4,
    "Sequoia, 8 nodes": lambda bench: sequoia.system(bench.target, bench.draft, nodes=8),
}


def main():
    options = asked(__doc__)
    figures = profile_of_the_trace()
    rows = np.sort([one.value for one in figures])[::-1]
    figures += on_a_profile(Profile.positional(rows))
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def profile_of_the_trace():
    """Probability that the child of each rank is the accepted one: drawn drafts, recursive rejection."""
    rng = np.random.default_rng(0)
    means = []
    for p, q in recorded(DRAFT, temperature=TEMPERATURE):
        for target, draft in zip(p, q, strict=True):
            ranks = min(RANKS, int((draft > 1e-9).sum()))
            reached = RacePaths(target, draft).accepted(ranks, rng=rng, samples=SAMPLES).mean(axis=0)
            means.append(np.diff(np.pad(reached, (0, RANKS - ranks), mode="edge"), prepend=0.0))
    return [
        mean_of(f"trace: {DRAFT}, rank {rank + 1}", "acceptance of the child of this rank", column)
        for rank, column in enumerate(np.array(means).T)
    ]


def on_a_profile(profile):
    """Expected tokens a target call for trees of every budget; exact for this profile."""
    found = best_first(profile, nodes=max(BUDGETS))
    for budget in BUDGETS:
        shapes = {
            "optimal tree": found.shape(budget),
            "chain": chain(budget),
            "binary tree": k_ary(budget, children=2),
            "8 independent chains": chains(min(8, budget), budget),
        }
        for name, shape in shapes.items():
            yield Figure(f"budget {budget}", f"tokens a call, {name}", shape.value(profile))


def chains(count, nodes):
    """Independent chains: the root has ``count`` children, nobody else more than one."""
    parents = [-1, *[0] * count]
    parents += [node - count for node in range(count + 1, nodes + 1)]
    return TreeShape.of(parents)


def draw(figures):
    figure, (panel,) = axes()
    names = dict.fromkeys(one.quantity for one in figures if one.case.startswith("budget"))
    for colour, name in zip(COLOURS, names, strict=False):
        values = [one.value for one in figures if one.quantity == name]
        panel.plot(BUDGETS, values, "o-", ms=4, color=colour, label=name.removeprefix("tokens a call, "))
    panel.set_xscale("log", base=2)
    panel.set(xlabel="drafted tokens", ylabel="expected tokens a target call")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "budgets.png")


if __name__ == "__main__":
    sys.exit(main())
