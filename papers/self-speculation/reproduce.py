"""Draft & Verify (Zhang et al. 2023): how many layers a model can leave out when it drafts for itself.

Run it with

    python papers/self-speculation/reproduce.py            # writes table.csv and layers.png
    python papers/self-speculation/reproduce.py --quick    # without the real model, writes nothing
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
    on_the_model,
    real_bench,
    recorded,
    runs,
    save,
)  # fmt: skip
from specsim.systems import self_speculation
from theory.speedup import speedup
from theory.stopping import Times, best_length

HERE = Path(__file__).parent
TEMPERATURES = (0.7, 1.0)
LAYERS, RECORDED = 30, 3  # of the model; left out in the trace's draft "skip"


def main():
    options = asked(__doc__)
    figures = [one for temperature in TEMPERATURES for one in on_the_trace(temperature)]
    figures += [one for kept in (0.9, 0.7, 0.5) for one in needed(kept)]
    return finish(HERE, figures, options=options, draw=draw, model=on_prompts)


def on_the_trace(temperature):
    """Acceptance with three layers left out, and what it can buy if a layer costs what it costs."""
    overlaps = np.concatenate(
        [np.minimum(p, q).sum(axis=-1) for p, q in recorded("skip", temperature=temperature)]
    )
    case = f"trace: {RECORDED} of {LAYERS} layers left out, temperature {temperature}"
    yield Figure(case, "acceptance probability", overlaps.mean())
    yield Figure(case, "modelled speed-up, best length", modelled(overlaps.mean(), RECORDED))


def modelled(acceptance, skipped):
    """Speed over plain decoding at the best length above 0; a draft step costs its share of the layers."""
    times = Times(draft_time=1 - skipped / LAYERS, target_time=1.0)
    length = max(1, best_length(acceptance=acceptance, times=times, limit=40).length)
    return speedup(acceptance=acceptance, length=length, draft_time=times.draft_time, target_time=1.0)


def needed(kept):
    """The least acceptance that gains 1.5 over plain decoding, for a share of layers that is kept."""
    enough = [a for a in np.arange(0.5, 1, 0.001) if modelled(a, LAYERS * (1 - kept)) >= 1.5]
    least = min(enough, default=1.0)
    return [Figure(f"share of layers kept: {kept}", "acceptance that a speed-up of 1.5 needs", least)]


def on_prompts():
    """The engine with one layer in ten left out, and greedy: the same tokens as the model by itself."""
    figures = on_the_model({"three layers left out, chain of 4": chain_of_4}, each=2, tokens=16)
    cold, prompts = real_bench(temperature=0)
    traces = runs(self_speculation.real(cold), prompts, seeds=1, tokens=16)
    plain = [cold.model.generate(prompt, max_new_tokens=12, temperature=0) for prompt in prompts]
    same = [list(trace.tokens)[: len(text)] == text for trace, text in zip(traces, plain, strict=True)]
    return [
        *figures,
        Figure("model: engine, greedy", "share of texts that are the model's own", np.mean(same)),
    ]


def draw(figures):
    figure, (panel,) = axes()
    shares = np.arange(0.3, 1.0, 0.02)
    for colour, acceptance in zip(COLOURS, (0.7, 0.8, 0.9, 0.97), strict=False):
        speeds = [modelled(acceptance, LAYERS * (1 - kept)) for kept in shares]
        panel.plot(shares, speeds, color=colour, label=f"acceptance {acceptance}")
    for one in figures:
        if one.quantity == "modelled speed-up, best length":
            panel.plot(1 - RECORDED / LAYERS, one.value, "o", color="black", ms=5)
    panel.plot([], [], "o", color="black", ms=5, label="SmolLM2, 3 of 30 left out")
    panel.axhline(1, color="#999999", lw=0.8)
    panel.set(xlabel="share of the layers kept for drafting", ylabel="modelled speed over plain decoding")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "layers.png")


if __name__ == "__main__":
    sys.exit(main())
