"""DySpec (Xiong et al. 2024): trees that grow with the draft's distributions, at equal size.

Run it with

    python papers/dyspec/reproduce.py            # writes table.csv and trees.png
    python papers/dyspec/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import (
    asked,
    axes,
    chain_of_4,
    finish,
    mean_of,
    measured,
    on_the_model,
    runs,
    save,
    wavering,
)
from specsim.decoding import Drawn, System
from specsim.systems import dyspec, sequoia, specinfer, speculative
from theory.couplings import Recursive
from theory.shapes.dynamic import SquaredMass, WithBudget
from theory.walks import TopDown

HERE = Path(__file__).parent
NODES = 14
WORLDS, TOKENS = 10, 40  # one run on each world
DRAFTS = {
    "calibrated, greedy target": {"calibrated": True, "weight": 0.02},
    "calibrated": {"calibrated": True},
    "overconfident": {"calibrated": False},
}
PROFILE = (0.55, 0.15, 0.08, 0.05, 0.03, 0.02)  # of the worlds, for the static tree
TREES = {
    "chain": lambda p, q: speculative.system(p, q, length=NODES),
    "SpecInfer (2, 2, 2)": lambda p, q: specinfer.system(p, q, expansion=(2, 2, 2)),
    "Sequoia": lambda p, q: sequoia.system(p, q, nodes=NODES, profile=PROFILE),
    "DySpec, heap": lambda p, q: dyspec.heap(p, q, nodes=NODES),
    "index of gain": lambda p, q: corrected(p, q),
    "DySpec, threshold 1/14": lambda p, q: dyspec.threshold(p, q, nodes=NODES),
}


def corrected(target, draft):
    """DySpec's heap with the expected acceptance of the token to come in place of the chance to be tried."""
    return System(target, Drawn(draft, WithBudget(SquaredMass(), NODES)), TopDown(Recursive()))


SYSTEMS = {
    "chain of 4": chain_of_4,
    "Sequoia, 8 nodes": lambda bench: sequoia.system(bench.target, bench.draft, nodes=8),
    "DySpec, threshold, 8 nodes": lambda bench: dyspec.threshold(bench.target, bench.draft, nodes=8),
}


def main():
    options = asked(__doc__)
    figures = [one for draft in DRAFTS for one in on_worlds(draft)]
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def on_worlds(kind):
    """Every tree on the same worlds; differences to Sequoia's are paired."""
    found = {name: [] for name in TREES}
    for world in range(WORLDS):
        target, draft = wavering(world, **DRAFTS[kind])
        for name, make in TREES.items():
            found[name] += runs(make(target, draft), [(0, 1)], seeds=1, tokens=TOKENS)
    figures = [
        figure for name, traces in found.items() for figure in measured(f"{kind} draft: {name}", traces)
    ]
    speed = {name: [len(one.tokens) / len(one.rounds) for one in traces] for name, traces in found.items()}
    for better, worse in (
        ("DySpec, heap", "Sequoia"),
        ("Sequoia", "SpecInfer (2, 2, 2)"),
        ("DySpec, heap", "chain"),
        ("index of gain", "DySpec, heap"),
    ):
        gain = np.subtract(speed[better], speed[worse])
        figures.append(
            mean_of(
                f"{kind} draft: paired",
                f"block efficiency, {better} less {worse}",
                gain,
            )
        )
    return figures


def draw(figures):
    figure, panels = axes(width=9.6, height=2.8, count=3)
    for panel, kind in zip(panels, DRAFTS, strict=True):
        start = f"{kind} draft: "
        bars = [one for one in figures if one.case.startswith(start) and one.quantity == "block efficiency"]
        errors = [2 * one.standard_error for one in bars]
        panel.barh(list(TREES), [one.value for one in bars], xerr=errors, color="#56b4e9", capsize=3)
        panel.grid(visible=False)
        panel.set(xlabel="tokens a target call, 14 nodes", title=kind)
        panel.invert_yaxis()
    for panel in panels[1:]:
        panel.set_yticklabels([])
    save(figure, HERE / "trees.png")


if __name__ == "__main__":
    sys.exit(main())
