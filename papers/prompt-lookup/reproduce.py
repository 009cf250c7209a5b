"""Prompt lookup (Saxena 2023): what it buys as a function of how much is copied.

Run it with

    python papers/prompt-lookup/reproduce.py            # writes table.csv and copying.png
    python papers/prompt-lookup/reproduce.py --quick    # without the real model, no files
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from papers.texts import KINDS, asked_of_the_model, bench, less, ratios, real_runs
from specsim import metrics
from specsim.decoding import System, World, decode
from specsim.drafters.prompt_lookup import PromptLookup
from specsim.stores.worlds import TextWorld
from specsim.systems import prompt_lookup
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.walks import TopDown

HERE = Path(__file__).parent
VOCABULARY, SEEDS, DOCUMENT, TOKENS = 200, 8, 150, 60
COPYING = (0.0, 0.3, 0.6, 0.9)
PLAIN = TextWorld(vocabulary=VOCABULARY)
SPANS = {"1 to 3 tokens": (3, 1), "2 to 3 tokens": (3, 2)}
PROMPTS, REAL_SEEDS, REAL_TOKENS = 6, 2, 24  # of each kind of text, for the real model


def main():
    options = asked(__doc__)
    figures, curves = [], {name: [] for name in SPANS}
    for copying in COPYING:
        for name, spans in SPANS.items():
            tokens, used = lengths(copying, spans)
            curves[name].append(tokens)
            figures.append(mean_of(f"copying {copying}: {name}", "tokens a call", tokens))
            figures.append(mean_of(f"copying {copying}: {name}", "share of drafts accepted", used))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(curves),
        model=lambda: list(on_the_model()),
    )


def lengths(copying, spans):
    """Tokens a call and utilisation for each document."""
    world = replace(PLAIN, copying=copying)
    drafter = PromptLookup(vocabulary=VOCABULARY, spans=spans)
    system, tokens, used = System(World(world), drafter, TopDown(Recursive())), [], []
    for seed in range(SEEDS):
        document = PLAIN.text(DOCUMENT, seed=seed)
        chance = Sampled(np.random.default_rng(seed))
        trace = decode(system, (*document, *document[20:23]), max_new_tokens=TOKENS, chance=chance)
        tokens.append(len(trace.tokens) / len(trace.rounds))
        drafted = sum(done.drafted for done in trace.rounds)
        used.append(sum(done.accepted for done in trace.rounds) / max(1, drafted))
    return np.array(tokens), np.array(used)


def on_the_model():
    """Tokens a call and use of the drafts by kind of text, and what copying texts gain over free chat."""
    system, found = prompt_lookup.real(bench()), {}
    for kind, domain in KINDS.items():
        prompts = asked_of_the_model(domain, PROMPTS)
        traces = real_runs(system, prompts, seeds=REAL_SEEDS, tokens=REAL_TOKENS)
        found[kind] = ratios(
            f"model: {kind}",
            traces,
            tokens_a_call=metrics.block_efficiency,
            drafted_tokens_a_round=metrics.drafted_length,
            share_of_drafts_accepted=metrics.utilisation,
        )
        yield from found[kind]
    for kind in ("code", "a given text"):
        yield less(f"model: {kind}", "tokens a call, less chat", found[kind][0], found["chat"][0])


def draw(curves):
    figure, (panel,) = axes()
    for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
        means = [value.mean() for value in values]
        errors = [value.std(ddof=1) / np.sqrt(SEEDS) for value in values]
        panel.errorbar(COPYING, means, errors, color=colour, label=f"suffixes of {name}", capsize=2)
    panel.set(xlabel="share of tokens that are copied", ylabel="tokens a target call")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "copying.png")


if __name__ == "__main__":
    sys.exit(main())
