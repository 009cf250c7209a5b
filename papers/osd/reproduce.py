"""Online Speculative Decoding (Liu et al. 2024): acceptance along a stream that changes its topic.

Run it with

    python papers/osd/reproduce.py            # writes table.csv and stream.png
    python papers/osd/reproduce.py --quick    # without the real model, no files
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, asked, axes, finish, mean_of, save
from papers.texts import asked_of_the_model, bench
from papers.texts import stream as requests_of
from specsim import metrics
from specsim.decoding import Routed, System, World, decode_all
from specsim.drafters.learning import Learning
from specsim.stores.worlds import TextWorld
from specsim.systems import osd
from theory.chance import Sampled
from theory.walks import named

HERE = Path(__file__).parent
VOCABULARY, SEEDS, REQUESTS, TOKENS, LENGTH, EVERY = 40, 6, 24, 40, 5, 8
SHIFT = REQUESTS // 2  # the request at which the topic changes
TOPICS = [TextWorld(vocabulary=VOCABULARY, orders=(0.8, 0.2), exponent=1.2, seed=seed) for seed in (1, 2)]
GENERAL = TextWorld(vocabulary=VOCABULARY, orders=(0.8, 0.2), exponent=1.2, seed=3)
WEIGHTS = {"online": 0.7, "static": 0.0}
# on the real model: so many requests of each topic, one topic after the other
REAL_TOPICS, REAL_REQUESTS, REAL_TOKENS = ("code", "chat"), 6, 24
SCHEME = named.token_level(LENGTH)
#: The first token of a prompt names the topic, so that the target (and a router) can know it.


def target(context):
    return TOPICS[context[0] % 2 if context else 0](context[1:])


def main():
    options = asked(__doc__)
    curves = {name: stream(Learning(World(draft), SCHEME.grow, weight=weight, every=EVERY))
              for name, weight in WEIGHTS.items()}  # fmt: skip
    routed = {str(topic): Learning(World(draft), SCHEME.grow, weight=0.7, every=EVERY) for topic in (0, 1)}
    curves["online, routed"] = stream(Routed(routed, lambda prompt: str(prompt[0] % 2)), back_and_forth=True)
    curves["online, one draft"] = stream(
        Learning(World(draft), SCHEME.grow, weight=0.7, every=EVERY), back_and_forth=True
    )
    figures = list(compared(curves))
    return finish(
        HERE,
        figures,
        options=options,
        draw=lambda _: draw(curves),
        model=lambda: list(on_the_model()),
    )


def draft(context):
    return GENERAL(context[1:])


def compared(curves):
    spans = {"start": slice(0, 2), "before the shift": slice(SHIFT - 3, SHIFT),
             "at the shift": slice(SHIFT, SHIFT + 1), "end": slice(-3, None)}  # fmt: skip
    for name in WEIGHTS:
        for label, span in spans.items():
            yield mean_of(f"{name} draft", f"accepted a draft, {label}", curves[name][:, span].mean(axis=1))
    online = {label: curves["online"][:, span].mean(axis=1) for label, span in spans.items()}
    yield mean_of("online draft", "climb to the shift", online["before the shift"] - online["start"])
    yield mean_of("online draft", "drop at the shift", online["before the shift"] - online["at the shift"])
    yield mean_of("online draft", "recovery after the shift", online["end"] - online["at the shift"])
    gain = (curves["online, routed"] - curves["online, one draft"])[:, SHIFT:].mean(axis=1)
    yield mean_of("mixed topics", "gain of routing", gain)


def stream(drafter, *, back_and_forth=False):
    """Share of judged drafts that were accepted, shape ``(seeds, requests)``."""
    found = []
    for seed in range(SEEDS):
        topics = [number % 2 if back_and_forth else int(number >= SHIFT) for number in range(REQUESTS)]
        texts = [TOPICS[topic].text(6, seed=97 * seed + n) for n, topic in enumerate(topics)]
        prompts = [(topic, *text) for topic, text in zip(topics, texts, strict=True)]
        system = System(World(target), drafter, SCHEME.walk)
        chance = Sampled(np.random.default_rng(seed))
        traces, _ = decode_all(system, prompts, max_new_tokens=TOKENS, chance=chance)
        found.append([positional(trace) for trace in traces])
    return np.array(found)


def on_the_model():
    """Two drafts on one stream of requests, with lessons and without: acceptance by parts of the stream."""
    here = bench()
    prompts = [one for topic in REAL_TOPICS for one in asked_of_the_model(topic, REAL_REQUESTS)]
    drafts = {"three layers left out": here.draft, "small trained draft": here.student("fastdraft")}
    for label, model in drafts.items():
        curves = {}
        for name, weight in (("online", osd.WEIGHT), ("static", 0.0)):
            drafter = Learning(model, named.token_level(osd.LENGTH).grow, weight=weight, every=osd.EVERY)
            traces, _ = requests_of(System(here.target, drafter, SCHEME.walk), prompts, tokens=REAL_TOKENS)
            curves[name] = np.array([metrics.mean_positional_acceptance([one]).value for one in traces])
        yield from parts(f"model: {label}", curves)


def parts(case, curves):
    """Means over the requests of half a topic each; the gain of learning is paired by request."""
    half = REAL_REQUESTS // 2
    spans = {}
    for number, topic in enumerate(REAL_TOPICS):
        start = number * REAL_REQUESTS
        spans[f"{topic}, first half"] = slice(start, start + half)
        spans[f"{topic}, second half"] = slice(start + half, start + REAL_REQUESTS)
    for label, span in spans.items():
        for name, curve in curves.items():
            yield mean_of(f"{case}, {name}", f"accepted a draft, {label}", curve[span])
    yield mean_of(case, "gain of learning, all requests", curves["online"] - curves["static"])


def positional(trace):
    accepted = sum(done.accepted for done in trace.rounds)
    refused = sum(not done.bonus for done in trace.rounds)
    return accepted / max(1, accepted + refused)


def draw(curves):
    figure, (panel,) = axes()
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        if name in WEIGHTS:
            error = curve.std(axis=0, ddof=1) / np.sqrt(SEEDS)
            panel.errorbar(range(1, REQUESTS + 1), curve.mean(axis=0), error, color=colour, label=name)
    panel.axvline(SHIFT + 0.5, color="#999999", lw=0.8, ls="--")
    panel.set(xlabel="request (the topic changes at the line)", ylabel="share of judged drafts accepted")
    panel.legend(frameon=False, fontsize=8)
    save(figure, HERE / "stream.png")


if __name__ == "__main__":
    sys.exit(main())
