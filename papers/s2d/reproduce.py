"""Sorted Speculative Decoding (Kavehzadeh et al. 2024): adaptive exits against each exit alone.

Run it with

    python papers/s2d/reproduce.py            # writes table.csv and exits.png
    python papers/s2d/reproduce.py --quick    # without the real model, no files
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save, softmax
from papers.texts import asked_of_the_model, bench
from specsim.decoding import Session, World, open_session
from specsim.decoding.cascade import Cascade
from specsim.decoding.loaded import Loaded
from specsim.decoding.reading import read_tree
from specsim.systems import s2d
from theory.chance import Sampled

HERE = Path(__file__).parent
VOCABULARY, SEEDS, ROUNDS, LENGTH = 16, 8, 60, 4
EXITS = (6, 9, 12)  # layers, as in the paper; the target has TARGET of them
TARGETS = {"7B": 32, "13B": 40, "70B": 80}  # layers; the same draft serves all
NOISE = (1.0, 0.6, 0.35)  # of the exits' logits, in contexts that are hard; a quarter of it in easy ones
THRESHOLDS = (0.5, 0.5)
REAL_EXITS, REAL_LAYERS = (4, 8, 12), 30  # of the shipped draft, and of its target
DOMAINS, PROMPTS, REAL_ROUNDS = ("code", "math", "chat"), 2, 12  # of the real model's texts


@cache
def rows(seed, context):
    rng = np.random.default_rng([seed, len(context), *context])
    easy = rng.random() < 0.5
    logits = (6 if easy else 2) * rng.standard_normal(VOCABULARY)
    scale = 0.25 if easy else 1.0
    return [softmax(logits)] + [
        softmax(logits + scale * noise * rng.standard_normal(VOCABULARY)) for noise in NOISE
    ]


def world(seed, number):
    return World(lambda context: rows(seed, tuple(context[-2:]))[number])


def main():
    options = asked(__doc__)
    found = {
        f"exit {layers}": np.array([decoded(seed, (number,)) for seed in range(SEEDS)])
        for number, layers in enumerate(EXITS)
    }
    found["adaptive"] = np.array([decoded(seed, (0, 1, 2)) for seed in range(SEEDS)])
    figures, speeds = [], {}
    for name, values in found.items():
        figures.append(mean_of(name, "tokens a target call", values[:, 0]))
        figures.append(mean_of(name, "layers run a drafted token", values[:, 1]))
        for size, layers in TARGETS.items():
            # one layer of the draft costs what one of the target costs; a call of LENGTH + 1 tokens as one
            speeds[name, size] = values[:, 0] * layers / (layers + LENGTH * values[:, 1])
            figures.append(mean_of(f"{name}, target {size}", "speed-up (layers as time)", speeds[name, size]))
    for size in TARGETS:
        best = np.max([speeds[f"exit {layers}", size] for layers in EXITS], axis=0)
        figures.append(
            mean_of(f"target {size}", "adaptive over the best exit", speeds["adaptive", size] / best)
        )
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(found),
        model=lambda: list(on_the_model()),
    )


def decoded(seed, exits):
    """Tokens a call, and layers run a drafted token; deeper exits go on from shallower states."""
    draft = Cascade(tuple(world(seed, number + 1) for number in exits), THRESHOLDS[: len(exits) - 1])
    system = s2d.system(world(seed, 0), draft, length=LENGTH)
    tokens, used = followed(system, (0, 1), seed=seed, rounds=ROUNDS)
    return tokens, np.mean([EXITS[exits[number]] for number in used])


def followed(system, prompt, *, seed, rounds):
    """Tokens a call, and the number of the exit that each drafted token is of."""
    session, chance = open_session(system, prompt), Sampled(np.random.default_rng(seed))
    tokens, used = 0, []
    for _ in range(rounds):
        proposal = system.drafter.propose(session.memory, chance=chance)
        used += [number for _, number in proposal.memory.exits]
        reading = read_tree(session.target, proposal.tree)
        verified = system.walk.verify(tree=proposal.tree, target=reading, chance=chance)
        memory = proposal.memory.commit(verified.tokens)
        session, tokens = Session(reading.commit(verified.tokens), memory), tokens + len(verified.tokens)
    return tokens / rounds, used


def on_the_model():
    """The shipped draft's exits alone and as a cascade on several prompts, and what layers would cost."""
    here = bench()
    network, params = here.head("sorted")
    models = tuple(Loaded(model, here.warp) for model in network.as_models(params, here.model))
    prompts = [one for domain in DOMAINS for one in asked_of_the_model(domain, PROMPTS)]
    alone = {f"exit {layers}": (number,) for number, layers in enumerate(REAL_EXITS)}
    speeds = {}
    for name, exits in {**alone, "adaptive": (0, 1, 2)}.items():
        draft = Cascade(tuple(models[number] for number in exits), THRESHOLDS[: len(exits) - 1])
        system = s2d.system(here.target, draft, length=LENGTH)
        rows = [followed(system, prompt, seed=n, rounds=REAL_ROUNDS) for n, prompt in enumerate(prompts)]
        tokens = np.array([row[0] for row in rows])
        layers = np.array([np.mean([REAL_EXITS[exits[number]] for number in row[1]]) for row in rows])
        speeds[name] = tokens * REAL_LAYERS / (REAL_LAYERS + LENGTH * layers)
        yield mean_of(f"model: {name}", "tokens a target call", tokens)
        yield mean_of(f"model: {name}", "layers run a drafted token", layers)
        yield mean_of(f"model: {name}", "speed-up (layers as time)", speeds[name])
    for number, exit_layers in enumerate(REAL_EXITS):
        shares = [np.mean(np.array(row[1]) == number) for row in rows]
        yield mean_of("model: adaptive", f"share of drafts from exit {exit_layers}", shares)
        gained = speeds["adaptive"] - speeds[f"exit {exit_layers}"]
        yield mean_of("model", f"speed-up, adaptive less exit {exit_layers}", gained)


def draw(found):
    figure, (panel,) = axes()
    for colour, (name, values) in zip(COLOURS, found.items(), strict=False):
        panel.errorbar(
            values[:, 1].mean(), values[:, 0].mean(),
            yerr=values[:, 0].std(ddof=1) / np.sqrt(SEEDS), fmt="o", color=colour, label=name, capsize=3,
        )  # fmt: skip
    panel.set(xlabel="layers run for each drafted token", ylabel="tokens a target call")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "exits.png")


if __name__ == "__main__":
    sys.exit(main())
