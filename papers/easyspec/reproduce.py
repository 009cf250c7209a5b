"""EasySpec (Wu et al., NeurIPS 2025): a draft whose layers read one input in groups, side by side.

Run it with

    python papers/easyspec/reproduce.py            # writes table.csv, model.csv and groups.png
    python papers/easyspec/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from papers.heads import CHAIN, held_out_prompts, on_held_out
from papers.shared import COLOURS, Figure, asked, axes, finish, mean_of, save, softmax
from papers.texts import TEMPERATURE, bench
from specsim.decoding import Drawn, System
from specsim.decoding.loaded import Loaded
from specsim.models import Full, hidden_states, toy_model
from specsim.models.layer_groups import LayerGroups
from specsim.models.toy import toy_config
from specsim.systems import easyspec
from theory.simplex import overlap
from theory.walks import named

HERE = Path(__file__).parent
SIZES = (1, 2, 3, 4, 5)  # layers a group; the paper's is 4
LAYERS, SEEDS, TEXT = 10, 6, 40  # of random models: layers, models, tokens
FIRST = 4  # the first layer of a group, on the real model
LENGTH = easyspec.LENGTH


def main():
    options = asked(__doc__)
    figures = [*depths(), *on_random_models()]
    return finish(HERE, figures, options=options, draw=draw, model=lambda: list(on_model()))


def depths():
    """Sublayers in sequence, of one device over those of as many devices as a group has layers: exact.

    The attentions of a group run at once and its feed-forward networks in turn.
    """
    for size in SIZES:
        yield Figure(f"groups of {size}", "speed of a draft step, at most", 2 * size / (size + 1))


def on_random_models():
    """Overlap of a grouped model's rows with its own, along random text; errors over models."""
    found = {(size, whole): [] for size in SIZES for whole in (False, True)}
    for seed in range(SEEDS):
        model = toy_model(seed=seed, config=replace(toy_config(), layers=LAYERS))
        text = np.random.default_rng(seed).integers(3, 200, TEXT).tolist()
        for key, value in overlaps(model, text, first=1).items():
            found[key].append(value.mean())
    for (size, whole), values in found.items():
        yield mean_of(f"random models: groups of {size}, {kind(whole)}", "sum min(p, q)", values)
    for size in SIZES[1:]:
        gained = np.subtract(found[size, False], found[size, True])
        yield mean_of(f"random models: groups of {size}", "attention alone over whole layers", gained)
    yield mean_of(
        "random models", "groups of 2 over groups of 5", np.subtract(found[2, False], found[5, False])
    )


def kind(whole):
    return "whole layers" if whole else "attention alone"


def overlaps(model, text, *, first, temperature=1.0):
    """sum min(p, q) at each position, by size of groups and what is grouped."""
    layers = model.config.layers
    views = {
        (size, whole): LayerGroups.every(size, of=layers, first=first, whole=whole)
        for size in SIZES
        for whole in (False, True)
    }
    states = hidden_states(model, text, {"target": Full(), **{str(key): view for key, view in views.items()}})
    head = np.asarray(model.head(), dtype=float)

    def law(name):
        logits = np.asarray(states[name], dtype=float) @ head.T / temperature
        return np.array([softmax(row) for row in logits])

    target = law("target")
    return {key: overlap(target, law(str(key))) for key in views}


def grouped(size, *, calibrated=True, whole=False):
    def make(here):
        groups = LayerGroups.every(size, of=here.model.config.layers, first=FIRST, whole=whole)
        scheme = named.token_level(LENGTH)
        draft = Loaded(here.model, here.warp, groups, calibrated=calibrated)
        return System(here.target, Drawn(draft, scheme.grow), scheme.walk)

    return cache(make)


SYSTEMS = {
    "EasySpec, groups of 2": easyspec.real,
    "groups of 2, never calibrated": grouped(2, calibrated=False),
    "groups of 4": grouped(4),
    "groups of 2, whole layers": grouped(2, whole=True),
}


def on_model():
    first = next(iter(SYSTEMS))
    pairs = [(first, name) for name in [*list(SYSTEMS)[1:], CHAIN]]
    yield from on_held_out(SYSTEMS, gains=pairs)
    here = bench()
    values = [overlaps(here.model, ids, first=FIRST, temperature=TEMPERATURE) for ids in held_out_prompts()]
    for key in values[0]:
        rows = [one[key].mean() for one in values]
        yield mean_of(f"model: along prompts, groups of {key[0]}, {kind(key[1])}", "sum min(p, q)", rows)


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    panels[0].bar([str(size) for size in SIZES], [2 * size / (size + 1) for size in SIZES], color=COLOURS[0])
    panels[0].set_axisbelow(True)
    panels[0].set(xlabel="layers a group, one device each", ylabel="speed of a draft step, at most")
    for colour, whole in zip(COLOURS[1:], (False, True), strict=False):
        cases = [f"random models: groups of {size}, {kind(whole)}" for size in SIZES]
        found = [one for one in figures if one.case in cases]
        panels[1].errorbar(
            SIZES, [one.value for one in found], [one.standard_error for one in found],
            fmt="o-", ms=4, color=colour, label=kind(whole),
        )  # fmt: skip
    panels[1].set(
        xlabel="layers a group", ylabel="sum min(p, q), random models", ylim=(0, 1.05), xticks=SIZES
    )
    panels[1].legend(frameon=False, fontsize=8)
    save(figure, HERE / "groups.png")


if __name__ == "__main__":
    sys.exit(main())
