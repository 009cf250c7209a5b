"""Medusa (Cai et al. 2024): perfect parallel heads on exact worlds, sparse trees, typical acceptance.

Run it with

    python papers/medusa/reproduce.py            # writes table.csv, model.csv and heads.png
    python papers/medusa/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.heads import CHAIN, headed, on_held_out
from papers.shared import COLOURS, asked, axes, finish, mean_of, save, softmax
from specsim.decoding import World
from specsim.decoding.marginal import Marginal
from specsim.systems import medusa, medusa_typical
from theory.lossy import Typical
from theory.shapes import Profile
from theory.shapes.dynamic import Medusa, by_target
from theory.simplex import total_variation

HERE = Path(__file__).parent
VOCABULARY, WORLDS, CONTEXTS, HEADS, NODES = 6, 8, 12, 4, 12
SHARPNESS = 2.5
EPSILON, DELTA = 0.09, 0.3  # typical acceptance as published
FULL = Profile.by_depth([[0.3, 0.29, 0.28], [0.3, 0.29, 0.28]])  # grows to 3 children, then 3 each
SYSTEMS = {
    "Medusa, 16 nodes": medusa.real,
    "sparse tree of 12": headed("medusa", Medusa(Profile.by_depth(medusa.ACCURACY)), NODES),
    "full tree of 12": headed("medusa", Medusa(FULL), NODES),
    "typical acceptance, 16 nodes": medusa_typical.real,
}


@cache
def rows(seed, context):
    rng = np.random.default_rng([seed, len(context), *context])
    return softmax(SHARPNESS * rng.standard_normal(VOCABULARY))


def world(seed):
    """Order 2: what a head can know fades with its distance."""
    return World(lambda context: rows(seed, tuple(context[-2:])))


def main():
    options = asked(__doc__)
    top = np.array([accuracies(seed) for seed in range(WORLDS)])  # (worlds, heads, ranks)
    figures = [mean_of(f"head {k + 1}", "top-1 accuracy", top[:, k, 0]) for k in range(HEADS)]
    trees = np.array([compared(seed, top[seed]) for seed in range(WORLDS)])
    figures.append(mean_of("sparse tree", f"expected tokens, {NODES} nodes", trees[:, 0]))
    figures.append(mean_of("full tree", f"expected tokens, {NODES} nodes", trees[:, 1]))
    figures.append(mean_of("trees", "gain of the sparse one", trees[:, 0] - trees[:, 1]))
    kept, distance = np.array([typical(seed) for seed in range(WORLDS)]).T
    figures.append(mean_of("typical acceptance", "mass of the target it can emit", kept))
    figures.append(mean_of("typical acceptance", "distance to the target", distance))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(top),
        model=on_model,
    )


def contexts(seed):
    return [(n % VOCABULARY, (seed + n // VOCABULARY) % VOCABULARY) for n in range(CONTEXTS)]


def accuracies(seed):
    """Mean mass of the token at each rank of each head, under that head's own (perfect) law."""
    found = []
    for context in contexts(seed):
        reading = Marginal(world(seed).rows).open(context).read([(0,) * HEADS])
        found.append([np.sort(reading((0,) * k))[::-1] for k in range(HEADS)])
    return np.mean(found, axis=0)


def compared(seed, top):
    """Expected tokens of the calibrated sparse tree and of the full tree (3 children, then 3 each)."""
    sparse = Medusa(Profile.by_depth(top[:, :4].tolist()))
    full = Medusa(FULL)
    values = []
    for context in contexts(seed):
        heads = Marginal(world(seed).rows).open(context).read([(0,) * HEADS])
        truth = World(world(seed).rows)
        pair = []
        for algorithm in (sparse, full):
            tree = algorithm.grow(
                draft=lambda prefix, heads=heads: heads((0,) * len(prefix)), budget=NODES, chance=None
            )
            read = truth.open(context).read([tree.prefix(n) for n in range(tree.size + 1)])
            pair.append(by_target(tree, target=read))
        values.append(pair)
    return np.mean(values, axis=0)


def typical(seed):
    """What typical acceptance keeps of the target, and how far its corrections are from it."""
    rule, found = Typical(epsilon=EPSILON, delta=DELTA), []
    for context in contexts(seed):
        p = rows(seed, context)
        kept = p * rule.passes(p)
        found.append((kept.sum(), total_variation(p, kept / kept.sum())))
    return np.mean(found, axis=0)


def on_model():
    """The shipped heads, beside a chain of the plain draft; trees beside each other."""
    whole, sparse, full, typical = SYSTEMS
    pairs = [(whole, CHAIN), (sparse, full), (typical, whole)]
    return list(on_held_out(SYSTEMS, gains=pairs))


def draw(top):
    figure, (panel,) = axes()
    for colour, rank in zip(COLOURS, range(3), strict=False):
        values = top[:, :, rank]
        error = values.std(axis=0, ddof=1) / np.sqrt(WORLDS)
        panel.errorbar(
            range(1, HEADS + 1), values.mean(axis=0), error, color=colour, label=f"guess {rank + 1}"
        )
    panel.set(xlabel="head", ylabel="accuracy", xticks=range(1, HEADS + 1), ylim=(0, None))
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "heads.png")


if __name__ == "__main__":
    sys.exit(main())
