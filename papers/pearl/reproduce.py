"""PEARL (Liu et al., ICLR 2025): drafting while verifying; block length, ablations, and where it loses.

Run it with

    python papers/pearl/reproduce.py            # writes table.csv and gain.png
    python papers/pearl/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, Figure, asked, axes, chain_of_4, finish, measured, on_the_model, runs, save
from specsim.decoding import World
from specsim.systems import pearl
from theory.speedup import best_pearl_length, pearl_speedup, pearl_tokens_per_step, speedup
from theory.stopping import Times, best_length

HERE = Path(__file__).parent
RATIOS = (2, 4, 8, 16)  # time of a target call over that of a draft step
ACCEPTANCES = (0.4, 0.6, 0.8, 0.9)
SYSTEMS = {
    "chain of 4": chain_of_4,
    "PEARL, blocks of 4": lambda bench: pearl.system(bench.target, bench.draft, block=4),
}


def main():
    options = asked(__doc__)
    figures = [one for ratio in RATIOS for a in ACCEPTANCES for one in closed_forms(ratio, a)]
    figures += [*ablations(ratio=4, acceptance=0.8), *engine(acceptance=0.8, block=4)]
    return finish(
        HERE,
        figures,
        options=options,
        draw=draw,
        model=lambda: on_the_model(SYSTEMS, each=2, tokens=16, extra={"mean accepted run": accepted_run}),
    )


def closed_forms(ratio, acceptance):
    """The best block, and the gain over the best serial length: i.i.d. acceptance, two devices."""
    times = {"draft_time": 1 / ratio, "target_time": 1.0}
    block = best_pearl_length(acceptance=acceptance, **times)
    length = best_length(acceptance=acceptance, times=Times(**times)).length
    ours = pearl_speedup(acceptance=acceptance, length=block, **times)
    serial = speedup(acceptance=acceptance, length=length, **times)
    case = f"ratio {ratio}, acceptance {acceptance}"
    yield Figure(case, "best block", block)
    yield Figure(case, "best serial length", length)
    yield Figure(case, "speed-up over plain, PEARL", ours)
    yield Figure(case, "speed-up over plain, serial", serial)
    yield Figure(case, "PEARL over serial", ours / serial)


def ablations(*, ratio, acceptance):
    """Tokens a target time without one of the two modes: renewal cycles from rejection to rejection."""
    a, block, draft = acceptance, ratio, 1 / ratio
    step = max(1.0, block * draft)
    whole = 1 / (1 - a)  # tokens of a cycle: the accepted run and the corrected token
    ways = {
        "PEARL": whole / (step * (1 + a / (1 - a**block))),
        # drafts a block first, with an idle target; then it is verified with the next block's first token
        "without pre-verification": whole / (block * draft + step * (1 + a ** (block + 1) / (1 - a**block))),
        # the block's first token is judged while it is drafted; the rest with an idle draft, and a bonus
        "without post-verification": (1 + a * (1 - a**block) / (1 - a)) / (step + a),
        "serial, the same block": (1 - a ** (block + 1)) / (1 - a) / (block * draft + 1),
    }
    for name, rate in ways.items():
        yield Figure(f"ablation: ratio {ratio}, acceptance {acceptance}", f"speed-up, {name}", rate)


def engine(*, acceptance, block):
    """The engine's rounds on a world of constant acceptance, beside the closed form."""
    p = np.array([0.5, 0.3, 0.2])
    q = p + (1 - acceptance) * np.array([-1, 0, 1])
    system = pearl.system(World(lambda context: p), World(lambda context: q), block=block)
    (tokens, *_) = measured(f"engine: acceptance {acceptance}, blocks of {block}",
                            runs(system, [(0,)], seeds=6, tokens=400))  # fmt: skip
    expected = pearl_tokens_per_step(acceptance=acceptance, length=block)
    return [tokens, Figure(tokens.case, "block efficiency, closed form", expected)]


def accepted_run(trace):
    """Drafted tokens emitted between two corrected ones: PEARL's 'mean accepted tokens'."""
    accepted = sum(one.accepted for one in trace.rounds)
    return accepted / max(1, len(trace.tokens) - accepted)


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    for colour, a in zip(COLOURS, ACCEPTANCES, strict=False):
        gains = [
            one.value for one in figures
            if one.quantity == "PEARL over serial" and one.case.endswith(f"acceptance {a}")
        ]  # fmt: skip
        panels[0].plot(RATIOS, gains, "o-", ms=4, color=colour, label=f"acceptance {a}")
    panels[0].axhline(1, color="#999999", lw=0.8)
    panels[0].set_xscale("log", base=2)
    panels[0].set(xlabel="target time over draft time", ylabel="speed, PEARL over serial")
    panels[0].legend(frameon=False, fontsize=8)
    bars = [one for one in figures if one.case.startswith("ablation")]
    names = [one.quantity.removeprefix("speed-up, ") for one in bars]
    panels[1].barh(names, [one.value for one in bars], color="#56b4e9")
    panels[1].grid(visible=False)
    panels[1].set(xlabel="speed-up (ratio 4, acceptance 0.8)")
    panels[1].invert_yaxis()
    save(figure, HERE / "gain.png")


if __name__ == "__main__":
    sys.exit(main())
