"""SpecInfer (Miao et al., ASPLOS 2024): multi-step against naive sampling, and what siblings buy.

Run it with

    python papers/specinfer/reproduce.py            # writes table.csv and siblings.png
    python papers/specinfer/reproduce.py --quick    # the exact part only
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, Figure, asked, axes, chain_of_4, finish, on_the_model, recorded, save
from specsim.systems import specinfer
from theory.couplings import Recursive, SampleAndMatch
from theory.laws import Iid
from theory.simplex import top_tokens

HERE = Path(__file__).parent
DRAFTS = ("skip", "ngram")  # of the shipped trace
SIBLINGS = (1, 2, 3, 4, 5)
TEMPERATURE = 1.0
SYSTEMS = {
    "chain of 4": chain_of_4,
    "expansion (3, 1, 1, 1)": lambda bench: specinfer.system(
        bench.target, bench.draft, expansion=(3, 1, 1, 1)
    ),
}


def main():
    options = asked(__doc__)
    figures = [figure for draft in DRAFTS for figure in on_the_trace(draft)]
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def on_the_trace(draft):
    """Mean acceptance of k i.i.d. siblings by both rules; how often the target's first is among the top k."""
    multi, naive, greedy = ({k: [] for k in SIBLINGS} for _ in range(3))
    for p, q in recorded(draft, temperature=TEMPERATURE):
        best, top = p.argmax(axis=-1), top_tokens(q, max(SIBLINGS))
        for k in SIBLINGS:
            multi[k].extend(Recursive().acceptance(p=p, law=Iid(q, k)))
            naive[k].extend(SampleAndMatch().acceptance(p=p, law=Iid(q, k)))
            greedy[k].extend((top[:, :k] == best[:, None]).any(axis=-1))
    gaps = np.array([np.subtract(multi[k], naive[k]) for k in SIBLINGS])
    yield Figure(f"trace: {draft}", "least advantage of multi-step, all positions and k", gaps.min())
    for k in SIBLINGS:
        yield Figure(f"trace: {draft}, {k} siblings", "acceptance, multi-step", np.mean(multi[k]))
        yield Figure(f"trace: {draft}, {k} siblings", "acceptance, naive", np.mean(naive[k]))
        yield Figure(f"trace: {draft}, {k} siblings", "acceptance, greedy, top k", np.mean(greedy[k]))


def draw(figures):
    figure, panels = axes(width=8.4, count=len(DRAFTS))
    rules = {"multi-step": "o-", "naive": "s--", "greedy, top k": "^:"}
    for panel, draft in zip(panels, DRAFTS, strict=True):
        for colour, (rule, style) in zip(COLOURS, rules.items(), strict=False):
            cases = [f"trace: {draft}, {k} siblings" for k in SIBLINGS]
            value = {one.case: one.value for one in figures if one.quantity == f"acceptance, {rule}"}
            panel.plot(SIBLINGS, [value[case] for case in cases], style, color=colour, ms=4, label=rule)
        panel.set(title=f"draft: {draft}", xlabel="siblings", ylim=(0, 1.02))
    panels[0].set_ylabel("acceptance probability")
    panels[0].legend(frameon=False, fontsize=8, loc="lower right")
    save(figure, HERE / "siblings.png")


if __name__ == "__main__":
    sys.exit(main())
