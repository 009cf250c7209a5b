"""SWIFT (Xia et al., ICLR 2025): which sublayers to skip, searched while decoding; trees by confidence.

Run it with

    python papers/swift/reproduce.py            # writes table.csv, model.csv and masks.png
    python papers/swift/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from papers.heads import CHAIN, held_out_prompts, on_held_out
from papers.shared import COLOURS, asked, axes, finish, mean_of, save, wavering
from papers.texts import bench
from specsim.decoding import Drawn, System
from specsim.drafters.searched import MaskSearch
from specsim.models import toy_model
from specsim.models.sublayers import SublayerMask, matchness, sublayers
from specsim.models.toy import toy_config
from specsim.systems import swift
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, WithBudget, by_target
from theory.shapes.dynamic.confidence_width import ConfidenceWidth
from theory.walks import TopDown

HERE = Path(__file__).parent
LAYERS, SEEDS, TRIES, WINDOW = (
    10,
    6,
    40,
    50,
)  # random models: layers, models, masks tried, tokens that score them
SHARES = (0.1, 0.2, 0.45)  # of sublayers; 0.45 is the paper's
WORLDS, NODES, CONTEXTS, DRAWS = 8, 12, 10, 4
REAL_SHARES, REAL_TRIES, RANDOM = (0.1, 0.2), 20, 6  # the real model; masks of the random baseline


def main():
    options = asked(__doc__)
    figures = [*on_random_models(), *trees()]
    return finish(HERE, figures, options=options, draw=draw, model=lambda: list(on_model()))


def searched(model, text, share, *, tries, seed):
    """The best mask of a search on the text's last window, and all masks that its random trials proposed."""
    parts = sublayers(model.config.layers)
    search, tried = MaskSearch(parts=parts, skipped=max(1, round(share * len(parts))), seed=seed), ()
    for _ in range(tries):
        mask = search(tried)
        tried = (*tried, (mask, matchness(model, text, SublayerMask.of(mask), window=WINDOW)))
    best = max(tried, key=lambda one: one[1])
    return best[0], [mask for number, (mask, _) in enumerate(tried) if (number + 1) % search.guided]


def on_random_models():
    """Matchness on text that the search did not see: the found mask, and random ones; errors over models."""
    for share in SHARES:
        values = np.array([held_out(seed, share) for seed in range(SEEDS)])
        case = f"random models, {share:.0%} skipped"
        yield mean_of(f"{case}, searched", "matchness", values[:, 0])
        yield mean_of(f"{case}, random", "matchness", values[:, 1])
        yield mean_of(case, "searched less random", values[:, 0] - values[:, 1])
        yield mean_of(case, "found on the window less held out", values[:, 2] - values[:, 0])


def held_out(seed, share):
    model = toy_model(seed=seed, config=replace(toy_config(), layers=LAYERS))
    text = [5, 9, 13]
    text += model.generate(text, max_new_tokens=100, temperature=1.0, seed=seed)
    seen, unseen = text[:52], text
    best, others = searched(model, seen, share, tries=TRIES, seed=seed)
    after = [matchness(model, unseen, SublayerMask.of(mask), window=WINDOW) for mask in (best, *others)]
    return after[0], np.mean(after[1:]), matchness(model, seen, SublayerMask.of(best), window=WINDOW)


def trees():
    """Expected tokens of trees by confidence, and of a beam with the same number of nodes in each context."""
    for calibrated in (True, False):
        values = np.array([grown(seed, calibrated) for seed in range(WORLDS)])
        case = f"{'calibrated' if calibrated else 'overconfident'} draft"
        yield mean_of(case, "tokens, width by confidence", values[:, 0])
        yield mean_of(case, "tokens, beam of as many nodes", values[:, 1])
        yield mean_of(case, "beam less width by confidence", values[:, 1] - values[:, 0])
        yield mean_of(case, "nodes", values[:, 2])


def grown(seed, calibrated):
    target, draft = wavering(seed, calibrated=calibrated)
    found = []
    for place in range(CONTEXTS):
        context = (place, (3 * place + seed) % 24)
        near, far = (lambda prefix, of=of, c=context: of.rows((*c, *prefix)) for of in (draft, target))
        for draw_ in range(DRAWS):
            chance = Sampled(np.random.default_rng([seed, place, draw_]))
            tree = WithBudget(ConfidenceWidth(), NODES)(draft=near, chance=chance)
            beam = WithBudget(Eagle2(top_k=4, steps=4), tree.size)(draft=near, chance=chance)
            found.append((by_target(tree, target=far), by_target(beam, target=far), tree.size))
    return np.mean(np.array(found, dtype=float), axis=0)


def fixed(mask):
    """SWIFT's trees on a draft whose mask stays."""

    def make(here):
        draft = here.view(SublayerMask.of(mask))
        return System(
            here.target, Drawn(draft, WithBudget(ConfidenceWidth(), swift.NODES)), TopDown(Recursive())
        )

    return cache(make)


def random_mask(seed):
    parts = sublayers(30)
    chosen = np.random.default_rng(seed).choice(len(parts), round(swift.SKIPPED * len(parts)), replace=False)
    return tuple(parts[place] for place in sorted(chosen))


SYSTEMS = {
    "SWIFT": swift.real,
    "a random mask of the same size, kept": fixed(random_mask(1)),
    "three middle layers, kept": fixed(
        tuple((k, layer) for k in ("attention", "feed") for layer in (14, 15, 16))
    ),
}


def on_model():
    first, second, third = SYSTEMS
    yield from on_held_out(SYSTEMS, gains=[(first, second), (first, third), (third, CHAIN)])
    model = bench().model
    for share in REAL_SHARES:
        values = np.array([on_text(model, ids, share, seed) for seed, ids in enumerate(held_out_prompts())])
        case = f"model, {share:.0%} skipped"
        yield mean_of(f"{case}, searched on the prompt's answer", "matchness on what follows", values[:, 0])
        yield mean_of(f"{case}, random", "matchness on what follows", values[:, 1])
        yield mean_of(case, "searched less random", values[:, 0] - values[:, 1])


def on_text(model, ids, share, seed):
    text = [*ids, *model.generate(ids, max_new_tokens=100, temperature=0.6, seed=seed)]
    best, others = searched(model, text[: len(ids) + 50], share, tries=REAL_TRIES, seed=seed)
    masks = (best, *others[:RANDOM])
    rates = [
        matchness(model, text, SublayerMask.of(mask), window=len(text) - len(ids) - 50) for mask in masks
    ]
    return rates[0], np.mean(rates[1:])


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    for colour, name in zip(COLOURS, ("searched", "random"), strict=False):
        cases = [f"random models, {share:.0%} skipped, {name}" for share in SHARES]
        found = [one for one in figures if one.case in cases]
        panels[0].errorbar(
            SHARES, [one.value for one in found], [one.standard_error for one in found],
            fmt="o-", ms=4, color=colour, label=name,
        )  # fmt: skip
    panels[0].set(xlabel="share of sublayers skipped", ylabel="matchness on unseen text", ylim=(0, 0.2))
    panels[0].legend(frameon=False, fontsize=8)
    for place, name in enumerate(("calibrated draft", "overconfident draft")):
        for side, quantity in enumerate(("tokens, width by confidence", "tokens, beam of as many nodes")):
            (one,) = (f for f in figures if (f.case, f.quantity) == (name, quantity))
            label = quantity.removeprefix("tokens, ") if place == 0 else None
            panels[1].bar(
                place + 0.36 * side,
                one.value,
                0.34,
                yerr=one.standard_error,
                color=COLOURS[2 + side],
                label=label,
            )
    panels[1].set(
        xticks=[0.18, 1.18],
        xticklabels=["calibrated draft", "overconfident draft"],
        ylabel="expected tokens a round",
        ylim=(0, 3.4),
    )
    panels[1].legend(frameon=False, fontsize=8, loc="upper right")
    save(figure, HERE / "masks.png")


if __name__ == "__main__":
    sys.exit(main())
