"""Kangaroo (Liu et al., NeurIPS 2024): an early exit that drafts, and a second one that stops drafting.

Run it with

    python papers/kangaroo/reproduce.py            # writes table.csv, model.csv and stopping.png
    python papers/kangaroo/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from itertools import product
from pathlib import Path

import jax
import numpy as np

from papers.heads import CHAIN, on_held_out, traces_of
from papers.shared import COLOURS, Figure, asked, axes, chain_of_4, estimate, finish, mean_of, save, wavering
from specsim import metrics
from specsim.decoding import PolicyChain, System
from specsim.decoding.loaded import Loaded
from specsim.policies import Fixed, Submitted, TopOne
from specsim.systems import kangaroo
from theory.chance import Enumerated
from theory.couplings import Maximal
from theory.simplex import residual
from theory.walks import TopDown

HERE = Path(__file__).parent
VOCABULARY, WORLDS, MOST = 8, 8, 6
THRESHOLDS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # 0.6 is the paper's
#: Whether the draft is calibrated, and whether it drafts its top token, as published, or draws one.
DRAFTS = {
    "calibrated, top tokens": (True, True),
    "overconfident, top tokens": (False, True),
    "calibrated, drawn tokens": (True, False),
    "overconfident, drawn tokens": (False, False),
}
#: Layers of a target, of its exit, and what adapter and output head come to, in layers.
SHAPES = {"2 of 32 layers": (32, 2, 1.0), "12 of 30 layers": (30, 12, 1.0)}


def main():
    options = asked(__doc__)
    figures = [one for kind in DRAFTS for shape in SHAPES for one in on_worlds(kind, shape)]
    gaps = [enumerated(seed, behind) for seed in range(3) for behind in (True, False)]
    figures.append(
        Figure("engine's rule", "tokens of a round, enumerated less closed form", max(gaps, key=abs))
    )
    return finish(HERE, figures, options=options, draw=draw, model=lambda: list(on_model()))


@cache
def tables(seed, kind):
    """p, q of every context of two tokens, ``(contexts, V)``."""
    models = wavering(seed, calibrated=DRAFTS[kind][0], vocabulary=VOCABULARY)
    contexts = list(product(range(VOCABULARY), repeat=2))
    return [np.array([model.rows(context) for context in contexts]) for model in models]


@cache
def decoded(seed, kind, threshold, most, behind=True):
    """Tokens and draft steps of a round, averaged over the stationary law of rounds: exact."""
    tokens, steps, ends = rounds(seed, kind, threshold, most, behind)
    start = stationary(ends)
    return start @ tokens, start @ steps


def rounds(seed, kind, threshold, most, behind):
    """For each context that a round starts in: its tokens, its draft steps, and the law of where it ends.

    ``behind``: the first unsure token is submitted still, as published; otherwise it is dropped before it is
    drawn, and its draft step is paid for nothing.
    """
    p, q = tables(seed, kind)
    sure = q.max(axis=1) >= threshold
    q = np.eye(VOCABULARY)[q.argmax(axis=1)] if DRAFTS[kind][1] else q
    kept, count = np.minimum(p, q), len(p)
    refused = (1 - kept.sum(axis=1, keepdims=True)) * normal(residual(p, q), p)
    # mass from the context a round starts in to the one it is in: drafts accepted so far; drafts so far
    accepted = drafted = np.eye(count)
    ends, steps, tokens = np.zeros((count, count)), np.zeros(count), np.zeros(count)
    for depth in range(most):
        if depth and not behind:
            steps += (drafted * ~sure).sum(axis=1)
            ends += (accepted * ~sure) @ moved(p)
            accepted, drafted = accepted * sure, drafted * sure
        steps += drafted.sum(axis=1)
        ends += accepted @ moved(refused)
        stopped = (accepted * ~sure) @ moved(kept) if behind else np.zeros_like(accepted)
        tokens += (accepted @ kept).sum(axis=1)
        ends += stopped @ moved(p)
        going = sure if behind else np.ones(count, dtype=bool)
        accepted, drafted = (accepted * going) @ moved(kept), (drafted * going) @ moved(q)
    return tokens + 1, steps, ends + accepted @ moved(p)


def normal(rows, otherwise):
    total = rows.sum(axis=1, keepdims=True)
    return np.where(total > 0, rows / np.where(total > 0, total, 1), otherwise)


def moved(table):
    """From rows of tokens to rows of contexts."""
    found = np.zeros((len(table), len(table)))
    for context, row in enumerate(table):
        start = context % VOCABULARY * VOCABULARY
        found[context, start : start + VOCABULARY] = row
    return found


def stationary(step):
    system = np.vstack([step.T - np.eye(len(step)), np.ones(len(step))])
    return np.linalg.lstsq(system, np.append(np.zeros(len(step)), 1.0), rcond=None)[0]


def speed(seed, kind, shape, threshold, most=MOST, *, behind=True):
    """Over plain decoding, in layers run one after the other, each for however many tokens at a time.

    That drafting has read all tokens but the last one up to the exit saves verification no layer: the last
    one still has to come through all of them. (It saves arithmetic, and a second cache.)
    """
    layers, depth, extra = SHAPES[shape]
    tokens, steps = decoded(seed, kind, threshold, most, behind)
    return tokens * layers / (steps * (depth + extra) + layers)


def on_worlds(kind, shape):
    """Figures of one kind of draft and one pair of depths."""
    case, seeds = f"{kind}, exit after {shape}", range(WORLDS)

    def over_worlds(*setting, **more):
        return np.array([speed(seed, kind, shape, *setting, **more) for seed in seeds])

    curve = {threshold: over_worlds(threshold) for threshold in THRESHOLDS}
    for threshold, values in curve.items():
        yield mean_of(f"{case}, stop below {threshold:g}", "speed in layers", values)
        for place, quantity in enumerate(("tokens a target call", "draft steps a target call")):
            found = [decoded(seed, kind, threshold, MOST)[place] for seed in seeds]
            yield mean_of(f"{case}, stop below {threshold:g}", quantity, found)
    lengths = np.array([over_worlds(0.0, most) for most in range(1, MOST + 1)])
    inside = np.max([curve[one] for one in THRESHOLDS[1:-1]], axis=0)
    yield mean_of(case, "best fixed length", 1 + lengths.argmax(axis=0))
    yield mean_of(case, "speed, stop at 0.6 over no stop", curve[0.6] / curve[0.0])
    yield mean_of(case, "speed, stop at 0.6 over the best fixed length", curve[0.6] / lengths.max(axis=0))
    yield mean_of(case, "speed, best threshold over both ends", inside / np.maximum(curve[0.0], curve[1.0]))
    dropped = over_worlds(0.6, behind=False)
    yield mean_of(case, "speed, unsure token submitted over dropped", curve[0.6] / dropped)


def enumerated(seed, behind):
    """Tokens of a round from context (0, 0), all outcomes of the engine's parts, less the above's."""
    kind, most = "calibrated, drawn tokens", 2
    target, draft = wavering(seed, calibrated=True, vocabulary=VOCABULARY)
    drafting = Submitted(TopOne(0.6, most=most, looks="behind" if behind else "here"))

    def program(chance):
        rows = {"draft": lambda prefix: draft.rows((0, 0, *prefix))}
        tree, _ = drafting.draft(**rows, memory=None, limit=most, chance=chance)
        verified = TopDown(Maximal()).verify(
            tree=tree, target=lambda prefix: target.rows((0, 0, *prefix)), chance=chance
        )
        return len(verified.tokens)

    found = sum(count * mass for count, mass in Enumerated().law(program).items())
    return float(found - rounds(seed, kind, 0.6, most, behind)[0][0])


def chain(here, *, trained=True, policy=None, most=MOST):
    """A chain of the exit after 12 layers; untrained the adapter is the logit lens."""
    network, params = here.head("kangaroo")
    params = params if trained else network.init(jax.random.key(0))
    draft = Loaded(network.as_model(params, here.model), here.warp)
    return System(here.target, PolicyChain(draft, policy or Fixed(most), limit=most), TopDown(Maximal()))


SYSTEMS = {
    "Kangaroo, unsure token dropped": lambda here: chain(here, policy=TopOne(0.6, looks="here")),
    "Kangaroo, unsure token submitted": kangaroo.real,
    "adapter, chain of 6": chain,
    "logit lens, chain of 6": lambda here: chain(here, trained=False),
}


def on_model():
    pairs = [
        ("Kangaroo, unsure token submitted", CHAIN),
        ("adapter, chain of 6", "logit lens, chain of 6"),
    ]
    yield from on_held_out(SYSTEMS, gains=pairs)
    for name, make in {CHAIN: chain_of_4, **SYSTEMS}.items():
        found = layers_a_token(traces_of(make), 27 if name == CHAIN else 13)
        yield estimate(f"model: {name}", "layers a token", found)


def layers_a_token(traces, draft):
    """Layers run, of draft and target, for a token; plain decoding has 30."""

    def layers(trace):
        return sum(draft * len(one.draft) + 30 for one in trace.rounds)

    units = {}
    for trace in traces:
        work, tokens = units.get(trace.prompt, (0, 0))
        units[trace.prompt] = (work + layers(trace), tokens + len(trace.tokens))
    return metrics.ratio(units.values())


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    for panel, shape in zip(panels, SHAPES, strict=True):
        for colour, kind in zip(COLOURS, DRAFTS, strict=False):
            start, quantity = f"{kind}, exit after {shape}, stop", "speed in layers"
            found = [one for one in figures if one.case.startswith(start) and one.quantity == quantity]
            panel.errorbar(THRESHOLDS, [one.value for one in found], [one.standard_error for one in found],
                           fmt="o-", ms=3, capsize=2, color=colour, label=kind)  # fmt: skip
        panel.axhline(1, color="#999999", lw=0.8)
        panel.set(xlabel="stop below this top probability", ylabel="speed over plain, in layers",
                  title=f"exit after {shape}")  # fmt: skip
        panel.title.set_size(9)
    panels[1].legend(frameon=False, fontsize=8, loc="lower right")
    save(figure, HERE / "stopping.png")


if __name__ == "__main__":
    sys.exit(main())
