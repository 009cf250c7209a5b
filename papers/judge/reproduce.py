"""Judge Decoding (Bachmann et al., ICLR 2025): what a judge gains, and distorts in tokens and in meanings.

Run it with

    python papers/judge/reproduce.py            # writes table.csv, model.csv and meanings.png
    python papers/judge/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.heads import on_held_out
from papers.judge.real import on_real_rows, on_the_probe
from papers.shared import COLOURS, Figure, asked, axes, finish, mean_of, save, softmax
from specsim.systems import judge, speculative
from theory.chance import Enumerated
from theory.lossy import JudgedChain, Lenient
from theory.simplex import overlap, residual, total_variation
from theory.walks import named

HERE = Path(__file__).parent
MEANINGS, WORLDS, LENGTH = 4, 16, 10
VOCABULARY = 2 * MEANINGS  # token 2 m + s is spelling s of meaning m
SHARPNESS, NOISE = 2.0, 0.7  # of meanings; of the draft's
SPELLING = 3.0  # how much both insist on a spelling
THRESHOLDS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.0)
EPSILONS = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01)
BLUR = 2.0  # of the noisy judge, in logits
SYSTEMS = {
    "lossless, chain of 10": lambda bench: speculative.system(bench.target, bench.draft, length=judge.LENGTH),
    "judge above 0.5, chain of 10": judge.real,
}


@cache
def rows(seed):
    """p, q of every context (two meanings), ``(contexts, V)``: spellings leave no trace in what follows."""
    rng = np.random.default_rng(seed)
    logits = SHARPNESS * rng.standard_normal((MEANINGS**2, MEANINGS))
    guess = logits + NOISE * SHARPNESS * rng.standard_normal(logits.shape)
    return [
        np.array([spelled(row, SPELLING * rng.standard_normal(MEANINGS)) for row in table])
        for table in (logits, guess)
    ]


def spelled(logits, leaning):
    share = 1 / (1 + np.exp(-leaning))
    return (softmax(logits)[:, None] * np.stack([share, 1 - share], axis=1)).reshape(-1)


def by_meaning(table):
    return table.reshape(*table.shape[:-1], MEANINGS, 2).sum(axis=-1)


def scores(seed):
    """How sure each judge is that a token is right, by context and token."""
    p, _ = rows(seed)
    right = np.repeat(by_meaning(p), 2, axis=1)
    blurred = np.log(right / (1 - right)) + BLUR * np.random.default_rng([seed, 1]).standard_normal(p.shape)
    return {"oracle": right, "noisy judge": 1 / (1 + np.exp(-blurred)), "p of the token": p}


def main():
    options = asked(__doc__)
    curves = {name: np.array([judges(seed, name) for seed in range(WORLDS)]) for name in scores(0)}
    curves["leniency"] = np.array([lenient(seed) for seed in range(WORLDS)])
    figures = [one for name, values in curves.items() for one in tabled(name, values)]
    figures += compared(curves)
    figures.append(Figure("engine's rule", "accepted tokens, enumerated less closed form", enumerated(0)))
    return finish(HERE, figures, options=options, draw=lambda _: draw(curves), model=on_model)


def judges(seed, name):
    """For every threshold: accepted tokens a call, acceptance gained, distances in tokens and meanings."""
    p, q = rows(seed)
    usual, found = np.minimum(1, p / q), []
    for threshold in THRESHOLDS:
        accept = np.where(scores(seed)[name] > threshold, 1.0, usual)
        found.append(decoded(p, q, accept, residual(p, q)))
    return found


def lenient(seed):
    """The same for leniency: the test is run with p / epsilon in the place of p."""
    p, q = rows(seed)
    found = []
    for epsilon in EPSILONS:
        raised = Lenient(epsilon).raised(p)
        rest = residual(raised, q)
        rest = np.where(rest.sum(axis=1, keepdims=True) > 0, rest, p)
        found.append(decoded(p, q, np.minimum(1, raised / q), rest))
    return found


def decoded(p, q, accept, rest):
    """Chains of LENGTH, for ever: exact averages over the Markov chain of (context, place in the chain).

    Accepted tokens a target call, the acceptance that is gained over the lossless test, and the mean
    distances of the law of the next token to the target's, over all places of the text that is written.
    """
    kept = q * accept
    refused = (1 - kept.sum(axis=1, keepdims=True)) * rest / rest.sum(axis=1, keepdims=True)
    law, count = kept + refused, len(p)
    step = np.zeros((LENGTH + 1, count, LENGTH + 1, count))
    for depth in range(LENGTH):
        step[depth, :, depth + 1] = moved(kept)
        step[depth, :, 0] += moved(refused)
    step[LENGTH, :, 0] = moved(p)  # the bonus token
    share = stationary(step.reshape(step[..., 0, 0].size, -1)).reshape(LENGTH + 1, count)
    drafted = share[:LENGTH].sum(axis=0)
    accepted = drafted @ kept.sum(axis=1)
    calls = share[0].sum()
    gained = drafted @ (kept.sum(axis=1) - overlap(p, q))
    tokens = drafted @ total_variation(law, p)
    meanings = drafted @ total_variation(by_meaning(law), by_meaning(p))
    return accepted / calls, gained, tokens, meanings


def moved(table):
    """From rows of tokens to rows of contexts: the older of two meanings is forgotten."""
    found = np.zeros((len(table), len(table)))
    for context, row in enumerate(by_meaning(table)):
        start = context % MEANINGS * MEANINGS
        found[context, start : start + MEANINGS] = row
    return found


def stationary(step):
    system = np.vstack([step.T - np.eye(len(step)), np.ones(len(step))])
    return np.linalg.lstsq(system, np.append(np.zeros(len(step)), 1.0), rcond=None)[0]


def tabled(name, values):
    """Figures of a curve, ``(worlds, settings, 4)``."""
    quantities = (
        "accepted tokens a call",
        "acceptance gained",
        "distance in tokens",
        "distance in meanings",
    )
    label, settings = ("epsilon", EPSILONS) if name == "leniency" else ("threshold", THRESHOLDS)
    for place, setting in enumerate(settings):
        for column, quantity in enumerate(quantities):
            yield mean_of(f"{name}, {label} {setting:g}", quantity, values[:, place, column])


def compared(curves):
    """The claims: differences within each world; curves are compared at the oracle's acceptance at 0.5."""
    oracle, at = curves["oracle"], THRESHOLDS.index(0.5)
    yield mean_of("oracle, 0.5 less lossless", "accepted tokens a call", oracle[:, at, 0] - oracle[:, 0, 0])
    steps = np.diff(oracle[:, :, 0], axis=1).min(axis=1)
    yield Figure(
        "oracle", "worlds where a lower threshold accepts less along the text", (steps < -1e-9).sum()
    )
    yield Figure("oracle", "worlds where it accepts less in some context", sum(map(falls, range(WORLDS))))
    every = [curves[name] for name in curves if name != "leniency"]
    yield Figure("judges", "distance in tokens less acceptance gained, largest",
                 max(np.abs(one[..., 2] - one[..., 1]).max() for one in every))  # fmt: skip
    for name in ("noisy judge", "p of the token", "leniency"):
        for column, quantity in ((2, "distance in tokens"), (3, "distance in meanings")):
            there = [
                np.interp(one[at, 0], other[:, 0], other[:, column])
                for one, other in zip(oracle, curves[name], strict=True)
            ]
            yield mean_of(f"{name} less oracle, equal acceptance", quantity, there - oracle[:, at, column])


def falls(seed):
    """Whether the acceptance in any one context falls with the threshold."""
    p, q = rows(seed)
    usual, score = np.minimum(1, p / q), scores(seed)["oracle"]
    found = [(q * np.where(score > threshold, 1.0, usual)).sum(axis=1) for threshold in THRESHOLDS]
    return bool((np.diff(found, axis=0) < -1e-12).any())


def enumerated(seed):
    """JudgedChain, all its outcomes, against a sum over paths; a chain of 2."""
    p, q = rows(seed)
    score = scores(seed)["oracle"]

    def context(prefix):
        code = 1
        for token in prefix:
            code = code % MEANINGS * MEANINGS + token // 2
        return code

    walk = JudgedChain(lambda target, prefix: score[context(prefix[:-1]), prefix[-1]], 0.5)

    def program(chance):
        tree = named.token_level(2).grow(draft=lambda prefix: q[context(prefix)], chance=chance)
        target = lambda prefix: p[context(prefix)]  # noqa: E731
        return walk.verify(tree=tree, target=target, chance=chance).accepted_length

    found = sum(count * mass for count, mass in Enumerated().law(program).items())
    kept = q * np.where(score > 0.5, 1.0, np.minimum(1, p / q))
    second = sum(kept[1, x] * kept[context((x,))].sum() for x in range(VOCABULARY))
    return float(found - kept[1].sum() - second)


def on_model():
    lossless, judging = SYSTEMS
    figures = on_held_out(SYSTEMS, gains=[(judging, lossless)], plain=False)
    return [*figures, *on_real_rows(), *on_the_probe()]


def draw(curves):
    figure, panels = axes(width=8.4, count=2)
    for panel, column, name in zip(panels, (2, 3), ("tokens", "meanings"), strict=True):
        for colour, (label, values) in zip(COLOURS, curves.items(), strict=False):
            mean = values.mean(axis=0)
            error = values.std(axis=0, ddof=1) / np.sqrt(WORLDS)
            panel.errorbar(
                mean[:, 0], mean[:, column], error[:, column], fmt="o-", ms=3, color=colour, label=label
            )
        panel.set(xlabel="accepted tokens a call (chains of 10)", ylabel=f"distance to the target in {name}")
    panels[0].legend(frameon=False, fontsize=8)
    save(figure, HERE / "meanings.png")


if __name__ == "__main__":
    sys.exit(main())
