"""ADED (Liu et al. 2025): a trigram table that adapts, and the search that drafts from it.

Run it with

    python papers/aded/reproduce.py            # writes table.csv and domains.png
    python papers/aded/reproduce.py --quick    # without the real model, no files
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from papers.texts import asked_of_the_model, bench, corpus, gain, ratios, stream
from specsim import metrics
from specsim.decoding import System, World, decode
from specsim.drafters.trigram import Trigram
from specsim.stores.trigrams import Trigrams, TrigramTable
from specsim.stores.worlds import TextWorld
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Mcts, OptTree, by_target
from theory.walks import TopDown

HERE = Path(__file__).parent
VOCABULARY, CORPUS, SEEDS, TOKENS, NODES = 30, 20_000, 6, 80, 24
HOME = TextWorld(vocabulary=VOCABULARY, orders=(0.2, 0.8), seed=1)
AWAY = replace(HOME, seed=2, copying=0.7)  # another domain, which repeats itself
SEARCH = Mcts(iterations=60, length=3)
CONSTANTS = (0.0, 2.0, 8.0, 32.0, 128.0)  # of exploration; 32 is the paper's
TABLE = TrigramTable.of([HOME.text(CORPUS, seed=7)], vocabulary=VOCABULARY)
WINDOWS = {"adaptive": 16, "static": 0}
# on the real model: the table is of the first domain's texts, and of so many tokens
REAL_DOMAINS = {"home": "summarisation", "another domain": "code"}
REAL_CORPUS, PROMPTS, REAL_TOKENS = 60_000, 6, 32


def main():
    options = asked(__doc__)
    figures, bars = [], {}
    for domain, world in (("home", HOME), ("another domain", AWAY)):
        values = {name: lengths(world, window) for name, window in WINDOWS.items()}
        bars[domain] = values
        for name, found in values.items():
            figures.append(mean_of(f"{domain}: {name} table", "tokens a call", found))
        figures.append(mean_of(domain, "gain of adapting", values["adaptive"] - values["static"]))
    figures += [mean_of("search", f"expected tokens, c = {c:g}", worths(c)) for c in CONSTANTS]
    best, searched = worths(None), worths(32.0)
    figures.append(mean_of("search", "loss against the heaviest nodes", best - searched))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(bars),
        model=lambda: list(on_the_model()),
    )


def lengths(world, window):
    """Tokens a call for each seed."""
    drafter = Trigram(Trigrams(TABLE, window=window), SEARCH, NODES)
    system = System(World(world), drafter, TopDown(Recursive()))
    found = []
    for seed in range(SEEDS):
        chance = Sampled(np.random.default_rng(seed))
        trace = decode(system, world.text(20, seed=seed), max_new_tokens=TOKENS, chance=chance)
        found.append(len(trace.tokens) / len(trace.rounds))
    return np.array(found)


def worths(constant):
    """Expected tokens of searched trees with an exploration constant; of the heaviest nodes for None."""
    table, found = Trigrams(TABLE), []
    for seed in range(SEEDS):
        context = HOME.text(10, seed=seed)
        search = replace(SEARCH, constant=32.0 if constant is None else constant)
        tree = table.tree(context, budget=NODES, search=search)
        if constant is None:
            tree = OptTree().grow(draft=row_of(table, context), budget=tree.size, chance=None)
        found.append(by_target(tree, target=lambda path, context=context: HOME((*context, *path))))
    return np.array(found)


def row_of(table, context):
    def row(path):
        q = np.zeros(VOCABULARY)
        for token, score in table.after((*context, *path)):
            q[token] = score
        return q

    return row


def on_the_model():
    """The published search over a real table, at home and in another domain; one request after the other."""
    here = bench()
    table = TrigramTable.of([corpus("summarisation", REAL_CORPUS)], vocabulary=here.target.vocabulary)
    for label, domain in REAL_DOMAINS.items():
        prompts, found = asked_of_the_model(domain, PROMPTS), {}
        for name, window in WINDOWS.items():
            drafter = Trigram(Trigrams(table, window=window), budget=NODES)
            system = System(here.target, drafter, TopDown(Recursive()))
            found[name], _ = stream(system, prompts, tokens=REAL_TOKENS)
            yield from ratios(
                f"model, {label}: {name} table",
                found[name],
                tokens_a_call=metrics.block_efficiency,
                drafted_tokens_a_round=metrics.drafted_length,
            )
        yield gain(f"model, {label}", "gain of adapting", found["adaptive"], found["static"])


def draw(bars):
    figure, (panel,) = axes()
    places = np.arange(len(bars))
    for shift, (colour, name) in enumerate(zip(COLOURS, WINDOWS, strict=False)):
        values = [bars[domain][name] for domain in bars]
        heights = [value.mean() for value in values]
        errors = [value.std(ddof=1) / np.sqrt(SEEDS) for value in values]
        panel.bar(places + 0.36 * shift, heights, 0.34, yerr=errors, color=colour, label=name, capsize=3)
    panel.set(xticks=places + 0.18, xticklabels=list(bars), ylabel="tokens a target call")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "domains.png")


if __name__ == "__main__":
    sys.exit(main())
