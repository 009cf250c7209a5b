"""TriForce (Sun et al. 2024): when a level in between pays, on the cost of long contexts.

Run it with

    python papers/triforce/reproduce.py            # writes table.csv and levels.png
    python papers/triforce/reproduce.py --quick    # the same numbers, no files
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save, softmax
from specsim.clocks import A100, Call, Roofline, Transformer
from specsim.decoding import Drawn, System, World, as_drafter, decode
from theory.chance import Sampled
from theory.couplings import Maximal
from theory.walks import TopDown, named

HERE = Path(__file__).parent
VOCABULARY, SEEDS, TOKENS = 16, 6, 120
MIDDLE_NOISE, SMALL_NOISE = 0.25, 1.2  # of the middle level's and the small model's logits
INNER, LENGTH = 2, 6
CONTEXTS = (1_000, 4_000, 16_000, 64_000, 128_000)
BUDGET = 4_096  # tokens of the retrieved cache
#: Llama-2-7B-128K and a draft of 68 million parameters, as the paper has them.
TARGET = Transformer(parameters=6.7e9, layers=32, width=4096, cached_bytes=32 * 2 * 4096 * 2)
SMALL = Transformer(parameters=6.8e7, layers=2, width=768, cached_bytes=2 * 2 * 768 * 2)
WALK = TopDown(Maximal())


@cache
def rows(seed, context):
    rng = np.random.default_rng([seed, len(context), *context])
    logits = 3 * rng.standard_normal(VOCABULARY)
    middle = logits + MIDDLE_NOISE * rng.standard_normal(VOCABULARY)
    small = logits + SMALL_NOISE * rng.standard_normal(VOCABULARY)
    return softmax(logits), softmax(middle), softmax(small)


def world(seed, number):
    return World(lambda context: rows(seed, tuple(context[-2:]))[number])


def main():
    options = asked(__doc__)
    three, two = np.array([[hierarchy(seed), pair(seed)] for seed in range(SEEDS)]).swapaxes(0, 1)
    figures = [
        mean_of("three levels", "tokens a target call", three[:, 0]),
        mean_of("two levels", "tokens a target call", two[:, 0]),
    ]
    curves = {name: [seconds(values, context) for context in CONTEXTS] for name, values in
              (("three levels", three), ("two levels", two))}  # fmt: skip
    for name, curve in curves.items():
        for context, found in zip(CONTEXTS, curve, strict=True):
            figures.append(mean_of(f"{name}, context {context}", "speed-up on an A100 (modelled)", found))
    gains = np.array(curves["three levels"]) / np.array(curves["two levels"])
    for context, gain in ((CONTEXTS[0], gains[0]), (CONTEXTS[-1], gains[-1])):
        figures.append(mean_of(f"context {context}", "three levels over two", gain))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(curves),
        model=list,
    )


def hierarchy(seed):
    """Tokens, middle and small calls for each target call."""
    middle = System(world(seed, 1), Drawn(world(seed, 2), named.token_level(INNER).grow), WALK)
    system = System(world(seed, 0), as_drafter(middle, length=LENGTH), WALK)
    trace = decode(system, (0, 1), max_new_tokens=TOKENS, chance=Sampled(np.random.default_rng(seed)))
    calls = [call for done in trace.rounds for call in done.draft]
    rounds = len(trace.rounds)
    middle_calls = sum(call.tokens > 1 for call in calls)  # the middle level scores several tokens at once
    return len(trace.tokens) / rounds, middle_calls / rounds, (len(calls) - middle_calls) / rounds


def pair(seed):
    """The same for the small model alone."""
    system = System(world(seed, 0), Drawn(world(seed, 2), named.token_level(LENGTH).grow), WALK)
    trace = decode(system, (0, 1), max_new_tokens=TOKENS, chance=Sampled(np.random.default_rng(seed)))
    return len(trace.tokens) / len(trace.rounds), 0.0, float(LENGTH)


def seconds(values, context):
    """Modelled speed-up over plain decoding at a context, for each seed."""
    big, small = Roofline(TARGET, A100), Roofline(SMALL, A100)
    plain = big.seconds(Call(tokens=1, context=context))
    verify = big.seconds(Call(tokens=LENGTH + 1, context=context))
    middle = big.seconds(Call(tokens=INNER + 1, context=min(context, BUDGET)))
    draft = small.seconds(Call(tokens=1, context=256))
    tokens, middle_calls, draft_calls = values.T
    return plain * tokens / (verify + middle_calls * middle + draft_calls * draft)


def draw(curves):
    figure, (panel,) = axes()
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        means = [np.mean(found) for found in curve]
        errors = [np.std(found, ddof=1) / np.sqrt(SEEDS) for found in curve]
        panel.errorbar(CONTEXTS, means, errors, color=colour, label=name, capsize=2)
    panel.set(xscale="log", xlabel="context in tokens", ylabel="modelled speed-up over plain decoding")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "levels.png")


if __name__ == "__main__":
    sys.exit(main())
