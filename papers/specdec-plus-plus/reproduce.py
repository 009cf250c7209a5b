"""SpecDec++ (Huang et al., COLM 2025): the optimal stopping rule, and stopping by confidence on a real text.

Run it with

    python papers/specdec-plus-plus/reproduce.py            # writes table.csv and stopping.png
    python papers/specdec-plus-plus/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, TRACE, Figure, asked, axes, chain_of_4, finish, mean_of, on_the_model, save
from specsim.policies import Features, Fixed, SpecDecPlusPlus, Text, replay, texts_of_trace, together
from specsim.sources.traces import Trace
from specsim.systems import spec_dec_plus_plus
from theory.stopping import (
    Confidence,
    Times,
    belief_stops,
    brackets,
    evaluate,
    fixed_stops,
    optimal_policy,
)  # fmt: skip

HERE = Path(__file__).parent
TIMES = Times(draft_time=0.1, target_time=1.0)
LIMIT = 16
SPREADS = (0.0, 0.1, 0.2, 0.3)  # acceptance of the two kinds of positions: 0.65 plus and minus
THRESHOLDS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
LENGTHS = (1, 2, 3, 4, 5, 6, 8)
SAMPLES = 10  # draws of outcomes for the trace's text
SYSTEMS = {
    "chain of 4": chain_of_4,
    "stop above 0.7, top probability": lambda bench: spec_dec_plus_plus.system(
        bench.target, bench.draft, policy=SpecDecPlusPlus(threshold=0.7, least=1, most=8, lag=1)
    ),
}


def main():
    options = asked(__doc__)
    figures = [one for spread in SPREADS for one in decision_process(spread)] + on_the_trace()
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def decision_process(spread):
    """Exact: positions of two kinds that alternate by chance; the optimum, thresholds, fixed lengths."""
    problem = Confidence.mixed(
        acceptance=[0.65 - spread, 0.65 + spread],
        shares=[0.5, 0.5],
        persistence=0.5,
        times=TIMES,
        limit=LIMIT,
    )
    optimum = optimal_policy(problem)
    fixed = max(evaluate(problem, fixed_stops(problem, n)).speedup for n in range(LIMIT + 1))
    grid = [evaluate(problem, belief_stops(problem, t)).speedup for t in np.linspace(0.02, 0.98, 49)]
    case = f"process: acceptance 0.65 plus and minus {spread}"
    yield Figure(
        case, "states that break a threshold", sum(not b.is_threshold for b in brackets(problem, optimum))
    )
    yield Figure(case, "speed-up, optimum", optimum.speedup)
    yield Figure(case, "speed-up, best single threshold", max(grid))
    yield Figure(case, "speed-up, best fixed length", fixed)
    yield Figure(case, "optimum over best fixed length", optimum.speedup / fixed)


def on_the_trace():
    """Replay on outcomes that belong to the text's positions: discarded drafts against target calls."""
    rng = np.random.default_rng(0)
    texts = texts_of_trace(Trace.open(TRACE), draft="skip", samples=SAMPLES, rng=rng)
    views = {"true acceptance": texts, "top probability": [by_top(text) for text in texts]}
    figures = []
    for name, seen in views.items():
        for threshold in THRESHOLDS:
            policy = SpecDecPlusPlus(threshold=threshold, least=1, most=LIMIT)
            figures += replayed(f"trace: {name}, threshold {threshold}", policy, seen)
    for length in LENGTHS:
        figures += replayed(f"trace: fixed length {length}", Fixed(length), texts)
    return figures


def by_top(text):
    """The same text with the draft's top probability for confidence."""
    return Text(text.name, text.accepted, tuple(Features(f.top, f.top, f.entropy) for f in text.features))


def replayed(case, policy, texts):
    """Means over the passages of the trace: the draws of one passage's outcomes count as one value."""
    groups = {}
    for text in texts:
        groups.setdefault(text.name.split("/")[0], []).append(text)
    found = [
        together(replay(policy, one, times=TIMES, limit=LIMIT) for one in group) for group in groups.values()
    ]
    quantities = {
        "discarded drafts a token": lambda one: (sum(one.lengths) - one.accepted) / one.tokens,
        "target calls a token": lambda one: len(one.lengths) / one.tokens,
        "speed-up": lambda one: one.speedup,
    }
    return [mean_of(case, name, [of(one) for one in found]) for name, of in quantities.items()]


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    gains = [one.value for one in figures if one.quantity == "optimum over best fixed length"]
    panels[0].plot(SPREADS, gains, "o-", color=COLOURS[0], ms=4)
    panels[0].set(
        xlabel="half the distance of the two acceptances", ylabel="speed, optimum over best fixed length"
    )
    curves = {
        "true acceptance": "trace: true",
        "top probability": "trace: top",
        "fixed": "trace: fixed",
    }
    for colour, (label, start) in zip(COLOURS, curves.items(), strict=False):
        x, y = (
            [one.value for one in figures if one.case.startswith(start) and one.quantity == quantity]
            for quantity in ("target calls a token", "discarded drafts a token")
        )
        panels[1].plot(x, y, "o-", color=colour, ms=4, label=label)
    panels[1].set(xlabel="target calls a token", ylabel="discarded drafts a token")
    panels[1].legend(frameon=False, fontsize=8, title="stops by", title_fontsize=8)
    save(figure, HERE / "stopping.png")


if __name__ == "__main__":
    sys.exit(main())
