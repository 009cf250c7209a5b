"""The Pareto front of lossy rules at one position of the shipped trace, and known lossy rules under it.

    python docs/figures/pareto.py        # writes pareto.png beside this file

Everything is exact: output laws in closed form at all 49,152 tokens. The position is the one of 60 evenly
spaced ones whose overlap with the draft is nearest to 0.6.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from specsim.plots.style import GREY, INK, PAGE, save, style
from specsim.sources.traces import Trace
from theory.laws import Iid
from theory.lossy import Lenient, Rapid, Typical, best_acceptance, distortion, front_law
from theory.lossy.base import accept_reject_law
from theory.simplex import Warp, kl_divergence, overlap, total_variation

HERE = Path(__file__).parent
TRACE = HERE.parents[1] / "traces" / "smollm2-135m"
DRAFTS = {1: INK, 2: "#56B4E9", 4: "#0072B2"}
KNOWN = {
    "lenient, p / ε": ("#D55E00", "o", [Lenient(e) for e in (0.95, 0.8, 0.6, 0.4, 0.2, 0.1)]),
    "lenient, p^ε": ("#E69F00", "s", [Lenient(e, "exponential") for e in (0.95, 0.9, 0.8, 0.7, 0.5)]),
    "RAPID": ("#009E73", "^", [Rapid(eta) for eta in (0.1, 0.3, 1.0, 3.0, 10.0)]),
    "typical": ("#CC79A7", "D", [Typical(e, e**0.5) for e in (0.3, 0.09, 0.02, 0.005)]),
}


def main():
    """Draw both panels and save them."""
    p, q = position()
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE, 2.7), layout="constrained")
        distances(left, p, q)
        divergences(right, p, q)
        save(figure, HERE / "pareto")
    (HERE / "pareto.pdf").unlink()


def position():
    """The pair of the chosen position, for the draft that skips layers, at temperature 1."""
    pairs = []
    for block in Trace.open(TRACE).select(limit=60).blocks(size=8, drafts=["skip"]):
        pairs += zip(
            Warp().probabilities(block.target_logits),
            Warp().probabilities(block.draft_logits["skip"]),
            strict=True,
        )
    return min(pairs, key=lambda pair: abs(overlap(*pair) - 0.6))


def distances(axes, p, q):
    """Acceptance against total variation: the fronts, and rules for one draft."""
    budgets = np.linspace(0, 0.5, 201)
    for k, colour in DRAFTS.items():
        front = [best_acceptance(p=p, law=Iid(q, k), budget=budget) for budget in budgets]
        axes.plot(budgets, front, color=colour, lw=1.2)
        word = "1 draft" if k == 1 else f"{k} drafts"
        axes.annotate(
            word, (0.012, front[0]), (4, -9), textcoords="offset points", color=colour, fontsize=6.5
        )
    for name, (colour, marker, rules) in KNOWN.items():
        found = [outcome(rule, p, q) for rule in rules]
        points = [(total_variation(p, law), accepted) for law, accepted in found]
        axes.plot(*zip(*points, strict=True), marker=marker, ms=3.2, lw=0, color=colour, label=name)
    axes.set(xlabel="total variation distance of the output from p", ylabel="acceptance probability")
    axes.set(xlim=(-0.01, 0.5), ylim=(0.5, 1.02), title="Budget of total variation")
    axes.legend(loc="lower right", title="one draft", title_fontsize=6.5, fontsize=6.5)


def divergences(axes, p, q):
    """Acceptance against KL(output || p): the clipped front, and rules for one draft."""
    accepted = np.linspace(float(overlap(p, q)), 1, 100)
    for k, colour in DRAFTS.items():
        laws = [front_law(p=p, law=Iid(q, k), acceptance=a) for a in accepted]
        axes.plot([kl_divergence(law, p) for law in laws], accepted, color=colour, lw=1.2)
    for _, (colour, marker, rules) in KNOWN.items():
        found = [outcome(rule, p, q) for rule in rules]
        points = [(kl_divergence(law, p), accepted) for law, accepted in found]
        axes.plot(*zip(*points, strict=True), marker=marker, ms=3.2, lw=0, color=colour)
    axes.set(xlabel="KL(output || p), nats", xscale="log", xlim=(1e-4, 4), ylim=(0.5, 1.02))
    axes.set(title="The same laws, by divergence")
    axes.axhline(float(overlap(p, q)), color=GREY, lw=0.5, ls=":")
    axes.annotate("lossless, one draft", (1.2e-4, float(overlap(p, q))), (0, -8), textcoords="offset points",
                  fontsize=6.5, color=GREY)  # fmt: skip


def outcome(rule, p, q):
    """Output law and acceptance of a rule with one draft of law q."""
    if isinstance(rule, Typical):
        passes = rule.passes(p).astype(float)
        law = accept_reject_law(q=q, accept=passes, residual=rule.corrections(p))
        # a draft that failed is below the threshold, the correction the likeliest token: they differ here
        return law, float((q * passes).sum())
    found = distortion(rule, p=p, law=Iid(q, 1))
    return found.output_law, float(found.acceptance)


if __name__ == "__main__":
    main()
