"""Hydra (Ankner et al. 2024): perfect sequential heads against perfect parallel ones, on exact worlds.

Run it with

    python papers/hydra/reproduce.py            # writes table.csv, model.csv and heads.png
    python papers/hydra/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.heads import CHAIN, headed, on_held_out
from papers.shared import COLOURS, asked, axes, finish, mean_of, save, softmax
from specsim.decoding import World
from specsim.decoding.marginal import Marginal
from specsim.systems import hydra
from theory.shapes import Profile
from theory.shapes.dynamic import Eagle2, Medusa, by_target

HERE = Path(__file__).parent
VOCABULARY, WORLDS, CONTEXTS, HEADS, NODES = 6, 8, 12, 4, 12
SHARPNESS = 2.5
SYSTEMS = {
    "Hydra, 16 nodes": hydra.real,
    "Medusa, the same tree": headed("medusa", Medusa(Profile.by_depth(hydra.ACCURACY)), hydra.NODES),
}


@cache
def rows(seed, context):
    rng = np.random.default_rng([seed, len(context), *context])
    return softmax(SHARPNESS * rng.standard_normal(VOCABULARY))


def world(seed):
    """Order 2."""
    return World(lambda context: rows(seed, tuple(context[-2:])))


def main():
    options = asked(__doc__)
    values = np.array([[compared(seed, context) for context in contexts(seed)] for seed in range(WORLDS)])
    means = values.mean(axis=1)  # (worlds, parallel or sequential, heads + 1)
    figures = []
    for number, name in enumerate(("parallel", "sequential")):
        for head in range(HEADS):
            figures.append(mean_of(f"{name} heads", f"accuracy of head {head + 1}", means[:, number, head]))
        figures.append(mean_of(f"{name} heads", f"expected tokens, {NODES} nodes", means[:, number, HEADS]))
    gain = means[:, 1] - means[:, 0]
    figures += [mean_of("gain of seeing drafts", f"head {head + 1}", gain[:, head]) for head in range(HEADS)]
    figures.append(mean_of("gain of seeing drafts", "expected tokens", gain[:, HEADS]))
    figures.append(mean_of("gain of seeing drafts", "growth from head 2 to head 4", gain[:, 3] - gain[:, 1]))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(means),
        model=on_model,
    )


def contexts(seed):
    return [(n % VOCABULARY, (seed + n // VOCABULARY) % VOCABULARY) for n in range(CONTEXTS)]


def compared(seed, context):
    """For parallel and sequential heads: accuracy of each along its own greedy chain, and a tree's tokens."""
    truth, found = world(seed), []
    for draft in (Marginal(truth.rows), truth):
        reading, prefix, accuracy = draft.open(context), (), []
        for _ in range(HEADS):
            reading = reading.read([prefix])
            token = int(np.argmax(reading(prefix)))
            accuracy.append(truth.open(context).read([prefix])(prefix)[token])
            prefix = (*prefix, token)
        found.append([*accuracy, tokens(draft, truth, context)])
    return found


def tokens(draft, truth, context):
    from specsim.decoding import Rows

    grow = Eagle2(top_k=3, steps=HEADS - 1).grow
    tree = grow(draft=Rows(draft.open(context)), budget=NODES, chance=None)
    read = truth.open(context).read([tree.prefix(n) for n in range(tree.size + 1)])
    return by_target(tree, target=read)


def on_model():
    """The shipped heads, beside each other on one tree and beside a chain of the plain draft."""
    first, other = SYSTEMS
    return list(on_held_out(SYSTEMS, gains=[(first, other), (first, CHAIN)]))


def draw(means):
    figure, (panel,) = axes()
    for number, (colour, name) in enumerate(zip(COLOURS, ("parallel", "sequential"), strict=False)):
        values = means[:, number, :HEADS]
        error = values.std(axis=0, ddof=1) / np.sqrt(WORLDS)
        panel.errorbar(range(1, HEADS + 1), values.mean(axis=0), error, color=colour, label=name, capsize=2)
    panel.set(xlabel="head", ylabel="chance that its token is right", xticks=range(1, HEADS + 1), ylim=(0, 1))
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "heads.png")


if __name__ == "__main__":
    sys.exit(main())
