"""SpecTr (Sun et al., NeurIPS 2023): K-SEQ against the optimum and recursive rejection; how chains pay.

Run it with

    python papers/spectr/reproduce.py            # writes table.csv and k-seq.png
    python papers/spectr/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import (
    COLOURS,
    Figure,
    asked,
    axes,
    chain_of_4,
    finish,
    measured,
    on_the_model,
    recorded,
    runs,
    save,
    wavering,
)  # fmt: skip
from specsim.systems import spectr
from theory.bounds import optimal_acceptance
from theory.couplings import KSeq, Recursive
from theory.laws import Iid

HERE = Path(__file__).parent
DRAFTS = ("skip", "ngram")
CHAINS = (1, 2, 4, 8)
TEMPERATURE = 1.0
SHAPES = ((1, 4), (8, 4), (1, 8), (8, 8))  # chains and length, as in the paper's table
WORLD = {"seeds": 8, "tokens": 30}
SYSTEMS = {
    "chain of 4": chain_of_4,
    "4 chains of 4": lambda bench: spectr.system(bench.target, bench.draft, chains=4, length=4),
}


def main():
    options = asked(__doc__)
    figures = [figure for draft in DRAFTS for figure in on_the_trace(draft)]
    figures += [figure for shape in SHAPES for figure in on_a_world(*shape)]
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def on_the_trace(draft):
    """Mean acceptance, and the least share of the optimum over all positions."""
    found = {k: [] for k in CHAINS}
    for p, q in recorded(draft, temperature=TEMPERATURE):
        for k in CHAINS:
            law = Iid(q, k)
            values = [rule.acceptance(p=p, law=law) for rule in (KSeq(), Recursive())]
            found[k].append([*values, optimal_acceptance(p=p, law=law).value])
    for k, parts in found.items():
        k_seq, recursive, best = np.concatenate(parts, axis=1)
        case = f"trace: {draft}, {k} drafts"
        yield Figure(case, "acceptance, K-SEQ", k_seq.mean())
        yield Figure(case, "acceptance, recursive rejection", recursive.mean())
        yield Figure(case, "acceptance, optimum", best.mean())
        yield Figure(case, "least share of the optimum, K-SEQ", (k_seq / best).min())
        yield Figure(case, "guaranteed share, 1 - (1 - 1/k)^k", 1 - (1 - 1 / k) ** k)
        yield Figure(case, "share of positions with K-SEQ >= recursive", (k_seq >= recursive - 1e-12).mean())


def on_a_world(chains, length):
    """Tokens a target call on a world of 24 tokens."""
    target, draft = wavering(0, calibrated=True)
    system = spectr.system(target, draft, chains=chains, length=length)
    return measured(f"world: {chains} chains of {length}", runs(system, [(0, 1)], **WORLD))[:1]


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    value = {(one.case, one.quantity): one for one in figures}
    for colour, draft in zip(COLOURS, DRAFTS, strict=False):
        for name, style in (("optimum", "-"), ("K-SEQ", "--"), ("recursive rejection", ":")):
            heights = [value[f"trace: {draft}, {k} drafts", f"acceptance, {name}"].value for k in CHAINS]
            label = f"{draft}: {name}" if colour == COLOURS[0] else (draft if style == "-" else None)
            panels[0].plot(CHAINS, heights, style, color=colour, label=label)
    panels[0].set(
        xlabel="drafts k", ylabel="acceptance probability", ylim=(0, 1.02), title="trace, V = 49,152"
    )
    panels[0].legend(frameon=False, fontsize=7)
    bars = [value[f"world: {chains} chains of {length}", "block efficiency"] for chains, length in SHAPES]
    names = [f"K={chains}\nL={length}" for chains, length in SHAPES]
    errors = [2 * bar.standard_error for bar in bars]
    panels[1].bar(names, [bar.value for bar in bars], yerr=errors, color="#56b4e9", capsize=3)
    panels[1].set(ylabel="tokens a target call", title="a world of 24 tokens")
    save(figure, HERE / "k-seq.png")


if __name__ == "__main__":
    sys.exit(main())
