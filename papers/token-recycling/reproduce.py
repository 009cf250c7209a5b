"""Token Recycling (Luo et al. 2025): the matrix of successors warms up, and every verified node teaches it.

Run it with

    python papers/token-recycling/reproduce.py            # writes table.csv and warming.png
    python papers/token-recycling/reproduce.py --quick    # without the real model
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from papers.texts import asked_of_the_model, bench, gain, ratios, real_runs, stream
from specsim import metrics
from specsim.decoding import System, World, decode_all
from specsim.drafters.prompt_lookup import PromptLookup
from specsim.drafters.recycling import Recycling
from specsim.stores.successors import Successors
from specsim.stores.worlds import TextWorld
from specsim.systems import prompt_lookup, token_recycling
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.walks import TopDown

HERE = Path(__file__).parent
VOCABULARY, SEEDS, REQUESTS, TOKENS = 60, 6, 6, 30
REAL_DOMAINS, PROMPTS, REAL_TOKENS = ("code", "chat"), 3, 20  # of the real model's requests
COMPARED = (
    ("all nodes, stream", "cold for each request"),
    ("all nodes, second pass", "all nodes, stream"),
    ("all nodes, stream", "accepted path only, stream"),
    ("all nodes, stream", "prompt lookup"),
)
WORLD = TextWorld(vocabulary=VOCABULARY)
ALL = Recycling(Successors(vocabulary=VOCABULARY))
DRAFTERS = {
    "all nodes": ALL,
    "accepted path only": replace(ALL, all_nodes=False),
    "prompt lookup": PromptLookup(vocabulary=VOCABULARY),
}


def main():
    options = asked(__doc__)
    curves = {name: by_request(drafter) for name, drafter in DRAFTERS.items()}
    figures = []
    for name, curve in curves.items():
        for number, label in ((0, "first request"), (REQUESTS - 1, f"request {REQUESTS}")):
            figures.append(mean_of(f"worlds: {name}", f"tokens a call, {label}", curve[:, number]))
    gains = curves["all nodes"][:, -1] - curves["all nodes"][:, 0]
    figures.append(mean_of("worlds", "gain of the last request over the first", gains))
    figures.append(
        mean_of(
            "worlds",
            "gain of all nodes over the path",
            (curves["all nodes"] - curves["accepted path only"]).mean(axis=1),
        )
    )
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(curves),
        model=lambda: list(on_the_model()),
    )


def by_request(drafter):
    """Tokens a target call, shape ``(seeds, requests)``: one stream of requests for each seed."""
    curves = []
    for seed in range(SEEDS):
        prompts = [WORLD.text(10, seed=100 * seed + number) for number in range(REQUESTS)]
        system = System(World(WORLD), drafter, TopDown(Recursive()))
        chance = Sampled(np.random.default_rng(seed))
        traces, _ = decode_all(system, prompts, max_new_tokens=TOKENS, chance=chance)
        curves.append([len(trace.tokens) / len(trace.rounds) for trace in traces])
    return np.array(curves)


def on_the_model():
    """A cold matrix for each request, and one matrix along the stream, which then meets the prompts again."""
    here = bench()
    columns = [asked_of_the_model(domain, PROMPTS) for domain in REAL_DOMAINS]
    prompts = [prompt for both in zip(*columns, strict=True) for prompt in both]
    system = token_recycling.real(here)
    path_only = replace(system, drafter=replace(system.drafter, all_nodes=False))
    found = {
        "prompt lookup": real_runs(prompt_lookup.real(here), prompts, tokens=REAL_TOKENS),
        "cold for each request": real_runs(system, prompts, tokens=REAL_TOKENS),
    }
    for name, one in (("all nodes", system), ("accepted path only", path_only)):
        found[f"{name}, stream"], after = stream(one, prompts, tokens=REAL_TOKENS)
        found[f"{name}, second pass"], _ = stream(after, prompts, seed=1, tokens=REAL_TOKENS)
    for name, traces in found.items():
        yield from ratios(f"model: {name}", traces, tokens_a_call=metrics.block_efficiency)
    for first, second in COMPARED:
        yield gain("model", f"{first}, less {second}", found[first], found[second])


def draw(curves):
    figure, (panel,) = axes()
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        error = curve.std(axis=0, ddof=1) / np.sqrt(SEEDS)
        panel.errorbar(range(1, REQUESTS + 1), curve.mean(axis=0), error, color=colour, label=name, capsize=2)
    panel.set(xlabel="request", ylabel="tokens a target call")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "warming.png")


if __name__ == "__main__":
    sys.exit(main())
