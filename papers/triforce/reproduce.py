"""TriForce (Sun et al. 2024): when a level in between pays, on the cost of long contexts.

Run it with

    python papers/triforce/reproduce.py            # writes table.csv and levels.png
    python papers/triforce/reproduce.py --quick    # without the real model, no files
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save, softmax
from papers.texts import beginnings, bench, documents, ratios, real_runs
from specsim import metrics
from specsim.clocks import A100, Call, Roofline, Transformer
from specsim.decoding import Drawn, System, World, as_drafter, decode
from specsim.decoding.sparse import Sparse
from specsim.models.sparse import Retrieval, Streaming
from specsim.systems import plain, speculative, triforce
from theory.chance import Sampled
from theory.couplings import Maximal
from theory.simplex import overlap
from theory.walks import TopDown, named

HERE = Path(__file__).parent
VOCABULARY, SEEDS, TOKENS = 16, 6, 120
MIDDLE_NOISE, SMALL_NOISE = 0.25, 1.2  # of the middle level's and the small model's logits
INNER, LENGTH = 2, 6
CONTEXTS = (1_000, 4_000, 16_000, 64_000, 128_000)
BUDGET = 4_096  # tokens of the retrieved cache
# on the real model: documents of so many tokens, caches of so many slots, four of them sinks when streaming
DOCUMENTS, SIZE, REAL_TOKENS, CACHES, CHUNK, SINKS = 3, 900, 24, (64, 128, 256), 8, 4
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
        model=lambda: list(on_the_model()),
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


def on_the_model():
    """Rows of the target on parts of its own cache, along its own answers; then rounds of the engine."""
    here, found = bench(), {}
    for kind, prompt in documents(DOCUMENTS, SIZE):
        answer = real_runs(plain.real(here), [prompt], tokens=REAL_TOKENS)[0].tokens
        target = here.target.open(prompt)
        rows = target.read(beginnings(answer))
        for slots in CACHES:
            for name, selection in selections(slots).items():
                part = Sparse(here.target, selection).beside(target).read(beginnings(answer))
                kept = np.mean([overlap(rows(prefix), part(prefix)) for prefix in beginnings(answer)])
                found.setdefault((kind, slots, name), []).append(kept)
    for (kind, slots, name), values in found.items():
        yield mean_of(f"model, {kind}: {name} cache of {slots} slots", "acceptance", values)
    for kind, slots in dict.fromkeys((kind, slots) for kind, slots, _ in found):
        gained = np.subtract(found[kind, slots, "retrieved"], found[kind, slots, "streaming"])
        yield mean_of(f"model, {kind}: {slots} slots", "acceptance, retrieved less streaming", gained)
    yield from rounds(here)


def selections(slots):
    return {
        "retrieved": Retrieval(chunk=CHUNK, budget=slots),
        "streaming": Streaming(sinks=SINKS, recent=slots - SINKS),
    }


def rounds(here):
    """Tokens a target call of the three levels, and of the smallest model alone."""
    prompts = [prompt for _, prompt in documents(2, SIZE)]
    flat = speculative.system(here.target, here.draft, length=LENGTH)
    for name, system in {"three levels": triforce.real(here), "two levels": flat}.items():
        traces = real_runs(system, prompts, tokens=16)
        yield from ratios(f"model: {name}", traces, tokens_a_target_call=metrics.block_efficiency)


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
