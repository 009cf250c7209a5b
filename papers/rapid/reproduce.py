"""RAPID (Chen et al. 2025): how lossy it is, by enumeration; and what a retrieved context is worth.

Run it with

    python papers/rapid/reproduce.py            # writes table.csv and margin.png
    python papers/rapid/reproduce.py --quick    # without the real model, no files
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from papers.texts import beginnings, bench, documents, ratios, real_runs
from specsim import metrics
from specsim.decoding import Drawn, System
from specsim.decoding.mapped import Mapped
from specsim.models.context_map import RetrievedChunks
from specsim.stores.worlds import TextWorld
from specsim.systems import plain
from theory.laws import Iid
from theory.lossy import Rapid, distortion
from theory.simplex import overlap, total_variation
from theory.walks import TopDown, named

HERE = Path(__file__).parent
VOCABULARY, PAIRS, CONCENTRATION = 8, 60, 0.5
ETAS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # the release's default is 1, its README has 10
TEXTS, LENGTH, RECENT, CHUNK, CHUNKS = 40, 240, 16, 16, 2
# on the real model: documents of so many tokens, chunks as in specsim/systems/rapid.py but fewer of them
DOCUMENTS, SIZE, REAL_TOKENS, REAL_LENGTH, REAL_ETAS = 3, 800, 24, 6, (0.0, 1.0, 10.0)
FIND = RetrievedChunks(
    chunk=32, budget=128, recent=64, refresh=8
)  # the last 64 to 71 tokens ask: the question
RARELY = replace(FIND, refresh=64)  # as in that file: up to 63 last tokens, here of the question, do not ask
WORLD = TextWorld(vocabulary=200, copying=0.8)


def main():
    options = asked(__doc__)
    values = {eta: np.array([at(seed, eta) for seed in range(PAIRS)]) for eta in ETAS}
    figures = []
    for eta, found in values.items():
        for column, quantity in enumerate(
            ("acceptance", "distance to the target", "distance to the enriched target")
        ):
            figures.append(mean_of(f"eta {eta:g}", quantity, found[:, column]))
    figures.append(mean_of("eta 20 less eta 0", "acceptance", values[20.0][:, 0] - values[0.0][:, 0]))
    contexts = np.array([by_context(seed) for seed in range(TEXTS)])
    for column, name in enumerate(("retrieved chunks", "as many recent tokens", "other chunks")):
        figures.append(mean_of(f"draft on {name}", "acceptance", contexts[:, column]))
    figures.append(mean_of("retrieved less recent", "acceptance", contexts[:, 0] - contexts[:, 1]))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(values),
        model=lambda: list(on_the_model()),
    )


def at(seed, eta):
    """Acceptance and distances of one random pair."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(VOCABULARY, CONCENTRATION), size=2)
    rule = Rapid(eta=eta)
    found = distortion(rule, p=p, law=Iid(q, 1))
    return found.acceptance, found.tv, total_variation(found.output_law, rule.enriched(p, q))


def by_context(seed):
    """Mass shared by target and draft; it reads chunks with the last tokens, recent ones, or others."""
    text = WORLD.text(LENGTH, seed=seed)
    p, recent, last = WORLD(text), text[-RECENT:], text[-WORLD.span :]
    chunks = [text[start : start + CHUNK + WORLD.span] for start in range(0, LENGTH - RECENT, CHUNK)]
    holds = [any(chunk[i : i + len(last)] == last for i in range(len(chunk))) for chunk in chunks]
    good = [chunk for chunk, held in zip(chunks, holds, strict=True) if held][-CHUNKS:]
    poor = [chunk for chunk, held in zip(chunks, holds, strict=True) if not held][:CHUNKS]
    drafts = ((*sum(good, ()), *recent), text[-(RECENT + CHUNK * CHUNKS) :], (*sum(poor, ()), *recent))
    return [overlap(p, WORLD(draft)) for draft in drafts]


def on_the_model():
    """Rows along the target's own answers, and rounds of the engine, with the draft on short contexts."""
    here, found = bench(), {}
    contexts = {
        "retrieved chunks": FIND,
        "as many recent tokens": lambda text: text[-len(FIND(text)) :],
        "chunks chosen every 64 tokens": RARELY,
    }
    for kind, prompt in documents(DOCUMENTS, SIZE):
        answer = real_runs(plain.real(here), [prompt], tokens=REAL_TOKENS)[0].tokens
        target = here.target.open(prompt).read(beginnings(answer))
        for name, mapping in contexts.items():
            draft = Mapped(here.target, mapping).open(prompt).read(beginnings(answer))
            rows = [fused(target(prefix), draft(prefix)) for prefix in beginnings(answer)]
            found.setdefault((kind, name), []).append(np.mean(rows, axis=0))
    for (kind, name), values in found.items():
        for (eta, quantity), column in zip(COLUMNS, np.array(values).T, strict=True):
            yield mean_of(f"model, {kind}: draft on {name}, eta {eta:g}", quantity, column)
    for kind in dict.fromkeys(kind for kind, _ in found):
        first, second, _ = (np.array(found[kind, name])[:, 0] for name in contexts)
        gained = first - second
        yield mean_of(f"model, {kind}", "acceptance, retrieved less recent", gained)
    yield from rounds(here, contexts)


def fused(p, q):
    """Acceptance and distance of the emitted law, for each strength."""
    found = [distortion(Rapid(eta=eta), p=p, law=Iid(q, 1)) for eta in REAL_ETAS]
    return [value for one in found for value in (one.acceptance, one.tv)]


COLUMNS = [(eta, name) for eta in REAL_ETAS for name in ("acceptance", "distance to the target")]


def rounds(here, contexts):
    """Tokens a call of the system as published, eta 1, on the quotations."""
    prompts = [prompt for kind, prompt in documents(DOCUMENTS, SIZE) if kind == "quotation"]
    for name, mapping in contexts.items():
        drafter = Drawn(Mapped(here.target, mapping), named.token_level(REAL_LENGTH).grow)
        traces = real_runs(System(here.target, drafter, TopDown(Rapid(eta=1))), prompts, tokens=16)
        case = f"model, quotation: engine, draft on {name}"
        yield from ratios(case, traces, tokens_a_call=metrics.block_efficiency)


def draw(values):
    figure, (panel,) = axes()
    names = ("acceptance", "distance to p", "distance to the enriched target")
    for column, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
        means = [values[eta][:, column].mean() for eta in ETAS]
        errors = [values[eta][:, column].std(ddof=1) / np.sqrt(PAIRS) for eta in ETAS]
        panel.errorbar(ETAS, means, errors, color=colour, label=name, capsize=2)
    panel.set(xlabel="strength of the enrichment, eta", ylabel="mean over random pairs", ylim=(0, 1))
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "margin.png")


if __name__ == "__main__":
    sys.exit(main())
