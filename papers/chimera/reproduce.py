"""Chimera (Zeng et al. 2024): drafts that know the tokens before them and the whole text, and either alone.

Run it with

    python papers/chimera/reproduce.py            # writes table.csv, model.csv and heads.png
    python papers/chimera/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.heads import CHAIN, headed, on_held_out
from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from specsim.systems import chimera
from theory.shapes import Profile
from theory.shapes.dynamic import Eagle2, Medusa, by_target

HERE = Path(__file__).parent
VOCABULARY, TOPICS, WORLDS, CONTEXTS, HEADS, NODES = 5, 4, 8, 12, 4, 12
SHARPNESS = 1.5  # of what the last three tokens say, and of what they say in the light of the topic
TREE = Eagle2(top_k=3, steps=HEADS - 1)
WAYS = ("Chimera", "without context", "without trigrams", "Medusa")


@cache
def world(seed):
    """Order 3, and a topic that only the start of the text tells: ``p[topic, c, a, b, x]``."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((1, *(VOCABULARY,) * 4))
    own = rng.standard_normal((TOPICS, *(VOCABULARY,) * 4))
    weights = np.exp(SHARPNESS * (common + own))
    return weights / weights.sum(axis=-1, keepdims=True)


@cache
def shares(seed):
    """The stationary law of (topic, last three tokens); all topics are as likely."""
    p = world(seed)
    share = np.full(p.shape[:4], 1 / TOPICS / VOCABULARY**3)
    for _ in range(400):
        share = np.einsum("tcab,tcabx->tabx", share, p)
    return share


@cache
def trigrams(seed):
    """The next token's law by the last three tokens, averaged over topics: ``q[c, a, b, x]``."""
    joint = np.einsum("tcab,tcabx->cabx", shares(seed), world(seed))
    return joint / joint.sum(axis=-1, keepdims=True)


def main():
    options = asked(__doc__)
    values = np.array(
        [np.mean([judged(seed, at) for at in contexts(seed)], axis=0) for seed in range(WORLDS)]
    )
    figures = []
    for number, way in enumerate(WAYS):
        for head in range(HEADS):
            figures.append(mean_of(way, f"accuracy of head {head + 1}", values[:, number, head]))
        figures.append(mean_of(way, f"expected tokens, {NODES} nodes", values[:, number, HEADS]))
    for number, way in enumerate(WAYS[1:], start=1):
        gap = values[:, 0] - values[:, number]
        figures += [mean_of(f"Chimera less {way}", f"head {k + 1}", gap[:, k]) for k in range(HEADS)]
        figures.append(mean_of(f"Chimera less {way}", "expected tokens", gap[:, HEADS]))
    return finish(HERE, figures, options=options, draw=lambda _: draw(values), model=on_model)


def contexts(seed):
    """Topics and last tokens, drawn from the stationary law."""
    share = shares(seed)
    chosen = np.random.default_rng([seed, 2]).choice(share.size, size=CONTEXTS, p=share.reshape(-1))
    return [np.unravel_index(number, share.shape) for number in chosen]


def drafts(seed, topic, text):
    """The exact laws that each way to see a text and its drafts has, as functions of the drafted tokens."""
    p = world(seed)[topic]
    blind = [{(): 1.0}]  # paths of drafted tokens and their probability, by length
    for _ in range(HEADS):
        longer = {}
        for path, mass in blind[-1].items():
            longer |= {(*path, x): mass * row for x, row in enumerate(p[(*text, *path)[-3:]])}
        blind.append(longer)

    @cache
    def marginal(length, last):
        """The law after so many drafts, of which the last one is known, or none."""
        paths = [path for path in blind[length] if last is None or path[-1:] == (last,)]
        law = sum(blind[length][path] * p[(*text, *path)[-3:]] for path in paths)
        return law / law.sum()

    return {
        "Chimera": lambda path: p[(*text, *path)[-3:]],
        "without context": lambda path: trigrams(seed)[(*text, *path)[-3:]],
        "without trigrams": lambda path: marginal(len(path), path[-1] if path else None),
        "Medusa": lambda path: marginal(len(path), None),
    }


def judged(seed, at):
    """For each way the accuracy of its heads along its own likeliest chain, and a tree's expected tokens."""
    topic, *text = (int(number) for number in at)
    ways = drafts(seed, topic, tuple(text))
    target = ways["Chimera"]
    found = []
    for way in WAYS:
        path, accuracy = (), []
        for _ in range(HEADS):
            token = int(np.argmax(ways[way](path)))
            accuracy.append(target(path)[token])
            path = (*path, token)
        tree = TREE.grow(draft=ways[way], budget=NODES, chance=None)
        found.append([*accuracy, by_target(tree, target=target)])
    return found


GROW = (Medusa(Profile.by_depth(chimera.ACCURACY)), chimera.NODES)
SYSTEMS = {
    "Chimera, 16 nodes": chimera.real,
    "Medusa, the same tree": headed("medusa", *GROW),
    "Hydra, the same tree": headed("hydra", *GROW),
}


def on_model():
    first, *others = SYSTEMS
    return list(on_held_out(SYSTEMS, gains=[(first, other) for other in (*others, CHAIN)]))


def draw(values):
    figure, panels = axes(width=8.4, count=2)
    for number, (colour, way) in enumerate(zip(COLOURS, WAYS, strict=False)):
        rows = values[:, number]
        error = rows.std(axis=0, ddof=1) / np.sqrt(WORLDS)
        panels[0].errorbar(range(1, HEADS + 1), rows.mean(axis=0)[:HEADS], error[:HEADS], fmt="o-", ms=3,
                           capsize=2, color=colour, label=way)  # fmt: skip
        panels[1].bar(number, rows[:, HEADS].mean(), yerr=error[HEADS], color=colour, capsize=3)
    panels[0].set(
        xlabel="head", ylabel="chance that its token is right", xticks=range(1, HEADS + 1), ylim=(0, 1)
    )
    panels[0].legend(frameon=False, fontsize=8)
    panels[1].grid(visible=False)
    panels[1].set(ylabel=f"expected tokens a call, tree of {NODES}")
    panels[1].set_xticks(range(len(WAYS)), [way.replace(" ", "\n") for way in WAYS], fontsize=8)
    save(figure, HERE / "heads.png")


if __name__ == "__main__":
    sys.exit(main())
