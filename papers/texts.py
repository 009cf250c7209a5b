"""What the real model is asked where the common prompts are not enough: texts by the kind of their answer,
streams of requests, long documents. No shipped trace and no shipped trained part knows these texts."""

from functools import cache

import numpy as np

from papers.shared import Figure, estimate, mean_of, run_on, runs, smollm
from specsim import metrics
from specsim.decoding import open_session
from specsim.decoding.requests import warmed
from specsim.sources import prompts as source
from specsim.systems import Bench
from theory.simplex import Warp

#: Prompts a domain that the shipped trace holds: the first ones of seed 0. Training leaves out the first 16.
TRACED = 5
#: Kinds of answers: code repeats what it is given, a summary repeats a part of it, a chat nothing.
KINDS = {"code": "code", "a given text": "summarisation", "chat": "chat"}
TEMPERATURE = 0.6


def held_out(domain, count):
    """Prompts that nothing shipped was trained or recorded on; at most 11 a domain."""
    return source.prompts(domain, count=TRACED + count, seed=0)[TRACED:]


def asked_of_the_model(domain, count):
    """Token ids of held-out prompts, in the form of a conversation."""
    return [tuple(smollm().tokenizer.chat([("user", one.text)])) for one in held_out(domain, count)]


def others(domain):
    """A domain's prompts that are neither held out nor recorded."""
    held = source.prompts(domain, count=16, seed=0)
    return source.without_recorded(source.all_prompts(domain), recorded=held)


def others_asked_of_the_model(domain):
    """Token ids of these, in the form of a conversation: to learn from."""
    return [tuple(smollm().tokenizer.chat([("user", one.text)])) for one in others(domain)]


@cache
def training_texts(domain):
    """Token ids of a domain's other texts, each with its answer."""
    return [tuple(smollm().tokenizer.encode(f"{one.text}\n{one.answer}\n")) for one in others(domain)]


def corpus(domain, size):
    """About so many tokens of a domain's other texts, evenly from all of them."""
    texts = training_texts(domain)
    return tuple(token for text in texts for token in text[: max(1, size // len(texts))])


def bench(*, temperature=TEMPERATURE, **more):
    """SmolLM2-135M-Instruct (4-bit weights)."""
    return Bench(smollm(), Warp(temperature=temperature), **more)


def real_runs(system, prompts, *, seeds=1, tokens=24):
    """Traces prompt after prompt, last rounds kept whole."""
    return runs(system, prompts, seeds=seeds, tokens=tokens, end_tokens=smollm().tokenizer.end_tokens)


def stream(system, prompts, *, seed=0, tokens=24):
    """Traces of requests in order, each with what the drafter learnt before; and the system after them."""
    traces = []
    for number, prompt in enumerate(prompts):
        rng = np.random.default_rng([seed, number])
        session = open_session(system, prompt)
        trace, session = run_on(system, session, rng, tokens, smollm().tokenizer.end_tokens)
        traces.append(trace)
        system = warmed(system, session.memory)
    return traces, system


def ratios(case, traces, **of):
    """Metrics of traces by name (underscores for blanks), with errors over prompts."""
    return [
        estimate(case, name.replace("_", " "), metric(traces, by=metrics.prompt))
        for name, metric in of.items()
    ]


def less(case, quantity, first, second):
    """The difference of two estimates over different prompts."""
    error = np.hypot(first.standard_error, second.standard_error)
    return Figure(case, quantity, first.value - second.value, error)


def by_prompt(traces, of=metrics.block_efficiency):
    """A metric for each prompt, over its seeds; in order."""
    groups = {}
    for trace in traces:
        groups.setdefault(trace.prompt, []).append(trace)
    return np.array([of(group).value for group in groups.values()])


def gain(case, quantity, first, second, of=metrics.block_efficiency):
    """How much more the first traces have than the second ones, on the same prompts; error over prompts."""
    return mean_of(case, quantity, by_prompt(first, of) - by_prompt(second, of))


def documents(count, size):
    """Country profiles cut to so many tokens: to be summarised, and to be quoted from their beginning.

    Pairs of a kind and token ids. The answer to the second kind has begun with six words of the profile's
    second sentence, so what follows stands in the text, a long way back.
    """
    tokenizer, found = smollm().tokenizer, []
    for one in held_out("summarisation", count):
        text = tokenizer.decode(tokenizer.encode(f"{one.body}\n{one.answer}")[:size])
        words = one.body.split(". ")[1].split()[:6]
        asked = {
            "summary": "Summarise this text in two sentences.",
            "quotation": "Which sentence of this text begins with '" + " ".join(words) + "'?",
        }
        begun = {"summary": "", "quotation": " ".join(words)}
        for kind, question in asked.items():
            ids = tokenizer.chat([("user", f"{text}\n\n{question}")])
            found.append((kind, (*ids, *tokenizer.encode(begun[kind]))))
    return found


def beginnings(tokens):
    """All proper prefixes, the empty one first."""
    return [tuple(tokens[:end]) for end in range(len(tokens))]
