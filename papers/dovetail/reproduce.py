"""Dovetail (Zhang et al. 2024): the best tree is small where verification grows with it, as on a CPU.

Run it with

    python papers/dovetail/reproduce.py            # writes table.csv and nodes.png
    python papers/dovetail/reproduce.py --quick    # without the real model, no files
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save, wavering
from papers.texts import asked_of_the_model, bench, by_prompt, ratios, real_runs
from specsim import metrics
from specsim.decoding import Rows, System
from specsim.heads import HeadDrafter
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, WithBudget, by_target
from theory.walks import TopDown

HERE = Path(__file__).parent
SEEDS, CONTEXTS, DEPTH, TOP = 6, 12, 6, 8
NODES = (1, 2, 4, 8, 16, 32, 63)
#: Time of a call of 1, 2, 4, ... tokens over that of one: SmolLM2-135M with its head in float32 on two idle
#: CPU cores behind 256 tokens (`benchmarks/forward.py` measures it), and a GPU whose calls are bound by its
#: memory.
TOKENS = (1, 2, 4, 8, 16, 32, 64)
CLOCKS = {"CPU": (1.0, 1.99, 2.03, 2.16, 2.63, 3.67, 6.04), "GPU": (1.0, 1.0, 1.0, 1.0, 1.01, 1.02, 1.05)}
DRAFT = {"CPU": 0.02, "GPU": 0.02}  # time of a draft step (a level of the tree), on a GPU in both
REAL_NODES, REAL_LEVELS = (1, 4, 12, 32), 4  # trees of the real model, and their depth at most
DOMAINS, PROMPTS, REAL_TOKENS = ("code", "math", "chat"), 2, 20


def main():
    options = asked(__doc__)
    lengths = np.array([[tokens(seed, nodes) for nodes in NODES] for seed in range(SEEDS)])
    figures = [mean_of(f"{n} nodes", "expected tokens a call", lengths[:, i]) for i, n in enumerate(NODES)]
    speeds = {}
    for name in CLOCKS:
        speeds[name] = lengths / [cost(name, nodes) for nodes in NODES]
        for i, nodes in enumerate(NODES):
            figures.append(mean_of(f"{name}, {nodes} nodes", "modelled speed-up", speeds[name][:, i]))
        best = [NODES[int(row.argmax())] for row in speeds[name]]
        figures.append(mean_of(name, "best number of nodes", best))
    return finish(
        HERE, figures, options=options, draw=lambda _: draw(speeds), model=lambda: list(on_the_model())
    )


def cost(name, nodes, depth=DEPTH):
    """A round: the levels of the draft and one verification of the nodes and the last token."""
    levels = min(depth, nodes)
    return levels * DRAFT[name] + float(np.interp(nodes + 1, TOKENS, CLOCKS[name]))


def tokens(seed, nodes):
    """Expected tokens of a round over some contexts; exact for each."""
    target, draft = wavering(seed, calibrated=True)
    values = []
    for number in range(CONTEXTS):
        context = (number % 24, (7 * number + seed) % 24)
        tree = Eagle2(top_k=TOP, steps=DEPTH - 1).grow(
            draft=Rows(draft.open(context)), budget=nodes, chance=None
        )
        read = target.open(context).read([tree.prefix(node) for node in range(tree.size + 1)])
        values.append(by_target(tree, target=read))
    return np.mean(values)


def on_the_model():
    """The shipped drafter with trees of several sizes; time modelled on both clocks."""
    here = bench()
    prompts = [one for domain in DOMAINS for one in asked_of_the_model(domain, PROMPTS)]
    network, params = here.head("dovetail")
    for nodes in REAL_NODES:
        grow = WithBudget(Eagle2(top_k=4, steps=REAL_LEVELS - 1), nodes)
        drafter = HeadDrafter(network, params, grow, here.warp)
        system = System(here.target, drafter, TopDown(Recursive()))
        traces = real_runs(system, prompts, tokens=REAL_TOKENS)
        case = f"model: {nodes} nodes"
        yield from ratios(case, traces, tokens_a_call=metrics.block_efficiency)
        for name in CLOCKS:
            speeds = by_prompt(traces) / cost(name, nodes, REAL_LEVELS)
            yield mean_of(case, f"modelled speed-up, target on a {name}", speeds)


def draw(speeds):
    figure, (panel,) = axes()
    for colour, (name, values) in zip(COLOURS, speeds.items(), strict=False):
        error = values.std(axis=0, ddof=1) / np.sqrt(SEEDS)
        panel.errorbar(
            NODES, values.mean(axis=0), error, color=colour, label=f"target on a {name}", capsize=2
        )
    panel.set(xscale="log", xlabel="nodes of the tree", ylabel="modelled speed-up over plain decoding")
    panel.set_xticks(NODES, [str(nodes) for nodes in NODES])
    panel.minorticks_off()
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "nodes.png")


if __name__ == "__main__":
    sys.exit(main())
