"""EAGLE-2 (Li et al., EMNLP 2024): the draft's confidence tells acceptance, and trees that follow it.

Run it with

    python papers/eagle2/reproduce.py            # writes table.csv and confidence.png
    python papers/eagle2/reproduce.py --quick    # without the real model, writes nothing
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
    wavering,
)  # fmt: skip
from specsim.decoding import Drawn, System
from specsim.systems import eagle2
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, OptTree, by_target
from theory.walks import TopDown, named

HERE = Path(__file__).parent
DRAFTS = ("skip", "ngram")
TEMPERATURE = 1.0
BINS = np.linspace(0, 1, 6)  # of the draft's probability of its first token
CONTEXTS, NODES = 150, 12  # on the world
TREES = {
    "EAGLE-2 (top 4, 4 levels)": lambda draft, chance: Eagle2(top_k=4, steps=3).grow(
        draft=draft, budget=NODES, chance=chance
    ),
    "heaviest tree": lambda draft, chance: OptTree().grow(draft=draft, budget=NODES, chance=chance),
    "static (4, 1, 1)": lambda draft, chance: named.eagle((4, 1, 1)).grow(draft=draft, chance=chance),
    "static (3, 1, 1, 1)": lambda draft, chance: named.eagle((3, 1, 1, 1)).grow(draft=draft, chance=chance),
    "static (2, 1, 1, 1, 1, 1)": lambda draft, chance: named.eagle((2, 1, 1, 1, 1, 1)).grow(
        draft=draft, chance=chance
    ),
}


def static(bench):
    """A static tree of 12 nodes."""
    scheme = named.eagle((3, 1, 1, 1))
    return System(bench.target, Drawn(bench.draft, scheme.grow), TopDown(Recursive()))


SYSTEMS = {
    "chain of 4": chain_of_4,
    "static tree (3, 1, 1, 1)": static,
    "EAGLE-2's tree, 12 nodes": lambda bench: eagle2.system(
        bench.target, bench.draft, top_k=4, steps=3, nodes=NODES
    ),
}


def main():
    options = asked(__doc__)
    figures = (
        [figure for draft in DRAFTS for figure in on_the_trace(draft)]
        + on_a_world("calibrated")
        + on_a_world("overconfident")
    )
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def on_the_trace(draft):
    """The draft's probability of its likeliest token, in bins, and the target's mean probability of it."""
    sure, accepted = [], []
    for p, q in recorded(draft, temperature=TEMPERATURE):
        top = q.argmax(axis=-1)[:, None]
        sure.extend(np.take_along_axis(q, top, axis=-1)[:, 0])
        accepted.extend(np.take_along_axis(p, top, axis=-1)[:, 0])
    sure, accepted = np.array(sure), np.array(accepted)
    yield Figure(
        f"trace: {draft}", "correlation of confidence and acceptance", np.corrcoef(sure, accepted)[0, 1]
    )
    place = np.clip(np.digitize(sure, BINS) - 1, 0, len(BINS) - 2)
    for number in range(len(BINS) - 1):
        if (place == number).sum() >= 5:
            case = f"trace: {draft}, confidence {BINS[number]:.1f} to {BINS[number + 1]:.1f}"
            yield Figure(case, "mean confidence", sure[place == number].mean())
            yield Figure(case, "mean acceptance", accepted[place == number].mean())


def on_a_world(kind):
    """Expected tokens a round for trees of 12 nodes, exact for each of the contexts, drawn at random."""
    target, draft = wavering(0, calibrated=kind == "calibrated")
    rng = np.random.default_rng(0)
    found = {name: [] for name in TREES}
    for context in rng.integers(0, 24, (CONTEXTS, 2)).tolist():
        p, q = (lambda prefix, m=m, c=context: m.rows((*c, *prefix)) for m in (target, draft))
        for name, grow in TREES.items():
            tree = grow(q, Sampled(rng))
            assert tree.size == NODES, (name, tree.size)
            found[name].append(by_target(tree, target=p))
    case = f"world, {kind} draft, 12 nodes"
    figures = [mean_of(case, f"tokens a round, {name}", values) for name, values in found.items()]
    ours = np.array(found["EAGLE-2 (top 4, 4 levels)"])
    best = max((np.array(values) for name, values in found.items() if "static" in name), key=np.mean)
    return [*figures, mean_of(case, "EAGLE-2 over the best static tree", ours - best)]


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    for colour, draft in zip(COLOURS, DRAFTS, strict=False):
        points = [one for one in figures if one.case.startswith(f"trace: {draft}, ")]
        x, y = (
            [one.value for one in points if one.quantity == name]
            for name in ("mean confidence", "mean acceptance")
        )
        panels[0].plot(x, y, "o-", ms=4, color=colour, label=draft)
    panels[0].plot([0, 1], [0, 1], color="#999999", lw=0.8)
    panels[0].set(
        xlabel="draft's probability of its first token", ylabel="target's probability of it", title="trace"
    )
    panels[0].legend(frameon=False, fontsize=8)
    bars = [
        one for one in figures if "calibrated draft" in one.case and one.quantity.startswith("tokens a round")
    ]
    names = [one.quantity.removeprefix("tokens a round, ") for one in bars]
    errors = [2 * one.standard_error for one in bars]
    panels[1].barh(names, [one.value for one in bars], xerr=errors, color="#56b4e9", capsize=3)
    panels[1].grid(visible=False)
    panels[1].set(xlabel="expected tokens a round, 12 nodes", xlim=(0, 3.2), title="worlds, calibrated draft")
    panels[1].invert_yaxis()
    save(figure, HERE / "confidence.png")


if __name__ == "__main__":
    sys.exit(main())
