"""RAPID (Chen et al. 2025): how lossy it is, by enumeration; and what a retrieved context is worth.

Run it with

    python papers/rapid/reproduce.py            # writes table.csv and margin.png
    python papers/rapid/reproduce.py --quick    # the same numbers, no files
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from specsim.stores.worlds import TextWorld
from theory.laws import Iid
from theory.lossy import Rapid, distortion
from theory.simplex import overlap, total_variation

HERE = Path(__file__).parent
VOCABULARY, PAIRS, CONCENTRATION = 8, 60, 0.5
ETAS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # the release's default is 1, its README has 10
TEXTS, LENGTH, RECENT, CHUNK, CHUNKS = 40, 240, 16, 16, 2
WORLD = TextWorld(vocabulary=200, copying=0.8)


def main():
    options = asked(__doc__)
    values = {eta: np.array([at(seed, eta) for seed in range(PAIRS)]) for eta in ETAS}
    figures = []
    for eta, found in values.items():
        for column, quantity in enumerate(
            ("acceptance", "distance to the target", "distance to the enriched target")
        ):
            figures.append(mean_of(f"eta {eta:g}", quantity, found[:, column]))
    figures.append(mean_of("eta 20 less eta 0", "acceptance", values[20.0][:, 0] - values[0.0][:, 0]))
    contexts = np.array([by_context(seed) for seed in range(TEXTS)])
    for column, name in enumerate(("retrieved chunks", "as many recent tokens", "other chunks")):
        figures.append(mean_of(f"draft on {name}", "acceptance", contexts[:, column]))
    figures.append(mean_of("retrieved less recent", "acceptance", contexts[:, 0] - contexts[:, 1]))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(values),
        model=list,
    )


def at(seed, eta):
    """Acceptance and distances of one random pair."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(VOCABULARY, CONCENTRATION), size=2)
    rule = Rapid(eta=eta)
    found = distortion(rule, p=p, law=Iid(q, 1))
    return found.acceptance, found.tv, total_variation(found.output_law, rule.enriched(p, q))


def by_context(seed):
    """Mass shared by target and draft; it reads chunks with the last tokens, recent ones, or others."""
    text = WORLD.text(LENGTH, seed=seed)
    p, recent, last = WORLD(text), text[-RECENT:], text[-WORLD.span :]
    chunks = [text[start : start + CHUNK + WORLD.span] for start in range(0, LENGTH - RECENT, CHUNK)]
    holds = [any(chunk[i : i + len(last)] == last for i in range(len(chunk))) for chunk in chunks]
    good = [chunk for chunk, held in zip(chunks, holds, strict=True) if held][-CHUNKS:]
    poor = [chunk for chunk, held in zip(chunks, holds, strict=True) if not held][:CHUNKS]
    drafts = ((*sum(good, ()), *recent), text[-(RECENT + CHUNK * CHUNKS) :], (*sum(poor, ()), *recent))
    return [overlap(p, WORLD(draft)) for draft in drafts]


def draw(values):
    figure, (panel,) = axes()
    names = ("acceptance", "distance to p", "distance to the enriched target")
    for column, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
        means = [values[eta][:, column].mean() for eta in ETAS]
        errors = [values[eta][:, column].std(ddof=1) / np.sqrt(PAIRS) for eta in ETAS]
        panel.errorbar(ETAS, means, errors, color=colour, label=name, capsize=2)
    panel.set(xlabel="strength of the enrichment, eta", ylabel="mean over random pairs", ylim=(0, 1))
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "margin.png")


if __name__ == "__main__":
    sys.exit(main())
