"""RASD (Quan et al. 2025): fusing a drafted tree with retrieved branches, where text is copied and where not.

Run it with

    python papers/rasd/reproduce.py            # writes table.csv and fusion.png
    python papers/rasd/reproduce.py --quick    # without the real model, no files
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from papers.texts import asked_of_the_model, bench, corpus, gain, ratios, real_runs
from specsim import metrics
from specsim.decoding import Drawn, System, World, decode
from specsim.drafters.fused import Fused
from specsim.drafters.retrieval import Retrieval
from specsim.stores.datastore import Datastore
from specsim.stores.suffix import Suffixes
from specsim.stores.worlds import TextWorld
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, WithBudget
from theory.walks import TopDown

HERE = Path(__file__).parent
VOCABULARY, SEEDS, DOCUMENT, TOKENS = 200, 6, 150, 40
NODES, RETRIEVED, KEEP = 24, 6, 10  # nodes in all, of which retrieved, and first tokens that pruning keeps
COPYING = (0.0, 0.3, 0.6, 0.9)
PLAIN = TextWorld(vocabulary=VOCABULARY)
REAL_DOMAINS = ("code", "chat")  # of the real model's texts: one repeats its prompt, one does not
REAL_CORPUS, PROMPTS, REAL_TOKENS = 60_000, 5, 16


def drafters(draft, retrieval):
    """The halves alone and fused, all of the same number of nodes."""

    def drawn(nodes):
        return Drawn(draft, WithBudget(Eagle2(top_k=4, steps=4), nodes))

    def found(nodes):
        return replace(retrieval, branches=nodes)

    return {
        "draft": drawn(NODES),
        "retrieval": found(NODES),
        "fused": Fused(drawn(NODES - RETRIEVED), found(RETRIEVED), budget=NODES),
        "fused, pruned": Fused(drawn(NODES - RETRIEVED), found(RETRIEVED), keep=KEEP, budget=NODES),
    }


DRAFTERS = drafters(World(PLAIN), Retrieval(vocabulary=VOCABULARY))


def main():
    options = asked(__doc__)
    figures, curves = [], {name: [] for name in DRAFTERS}
    for copying in COPYING:
        values = {name: lengths(drafter, copying) for name, drafter in DRAFTERS.items()}
        for name, value in values.items():
            curves[name].append(value)
            figures.append(mean_of(f"copying {copying}: {name}", "tokens a call", value))
        best = np.maximum(values["draft"], values["retrieval"])
        figures.append(mean_of(f"copying {copying}", "fused less the better half", values["fused"] - best))
        figures.append(
            mean_of(f"copying {copying}", "pruned less fused", values["fused, pruned"] - values["fused"])
        )
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(curves),
        model=lambda: list(on_the_model()),
    )


def lengths(drafter, copying):
    """Tokens a call for each document; the prompt ends with a phrase of the document."""
    world = replace(PLAIN, copying=copying)
    system, values = System(World(world), drafter, TopDown(Recursive())), []
    for seed in range(SEEDS):
        document = PLAIN.text(DOCUMENT, seed=seed)
        chance = Sampled(np.random.default_rng(seed))
        trace = decode(system, (*document, *document[20:23]), max_new_tokens=TOKENS, chance=chance)
        values.append(len(trace.tokens) / len(trace.rounds))
    return np.array(values)


def on_the_model():
    """The same four drafters on code and on chat; the datastore has other texts of the domain."""
    here = bench()
    for domain in REAL_DOMAINS:
        vocabulary, prompts, traces = here.target.vocabulary, asked_of_the_model(domain, PROMPTS), {}
        store = Suffixes(datastore=Datastore.of([corpus(domain, REAL_CORPUS)], vocabulary=vocabulary))
        for name, drafter in drafters(here.draft, Retrieval(vocabulary=vocabulary, store=store)).items():
            system = System(here.target, drafter, TopDown(Recursive()))
            traces[name] = real_runs(system, prompts, tokens=REAL_TOKENS)
            case = f"model, {domain}: {name}"
            yield from ratios(case, traces[name], tokens_a_call=metrics.block_efficiency)
        for first, second in (("fused", "draft"), ("fused", "retrieval"), ("fused, pruned", "fused")):
            yield gain(f"model, {domain}", f"{first} less {second}", traces[first], traces[second])


def draw(curves):
    figure, (panel,) = axes()
    for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
        means = [value.mean() for value in values]
        errors = [value.std(ddof=1) / np.sqrt(SEEDS) for value in values]
        panel.errorbar(COPYING, means, errors, color=colour, label=name, capsize=2)
    panel.set(xlabel="share of tokens that are copied", ylabel=f"tokens a call, {NODES} nodes")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "fusion.png")


if __name__ == "__main__":
    sys.exit(main())
