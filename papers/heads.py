"""Systems on the real model, on prompts that no shipped head was trained on, with gains prompt by prompt."""

from functools import cache

from papers.shared import DOMAINS, chain_of_4, estimate, measured
from papers.texts import asked_of_the_model, bench, gain, real_runs
from specsim import metrics
from specsim.systems import headed as heads
from theory.shapes.dynamic import WithBudget

EACH, SEEDS, TOKENS, DEPTHS = 2, 2, 16, 3  # prompts a domain, runs of each, tokens of a run, depths reported
CHAIN = "chain of 4, three layers left out"


def headed(name, algorithm, nodes):
    """From a bench to the system in which a shipped head fills such trees; lossless."""
    return lambda here: heads.headed(here, name, WithBudget(algorithm, nodes))


def held_out_prompts():
    return [one for domain in DOMAINS for one in asked_of_the_model(domain, EACH)]


@cache
def traces_of(make):
    """Runs of a system on the held-out prompts."""
    return real_runs(make(bench()), held_out_prompts(), seeds=SEEDS, tokens=TOKENS)


def on_held_out(systems, *, gains=(), plain=True):
    """Figures of systems by name, beside the plain draft's chain; ``gains`` are pairs of their names."""
    systems = {CHAIN: chain_of_4, **systems} if plain else systems
    for name, make in systems.items():
        yield from of_traces(f"model: {name}", traces_of(make))
    for first, second in gains:
        case = f"model: {first}, over {second}"
        yield gain(case, "tokens a call, less", traces_of(systems[first]), traces_of(systems[second]))


def of_traces(case, traces):
    """Block efficiency, drafts, draft calls, and the acceptance at each depth; errors over prompts."""
    yield from measured(case, traces, by=metrics.prompt)
    depths = metrics.positional_acceptance(traces, by=metrics.prompt)
    for depth, found in enumerate(depths[:DEPTHS], start=1):
        if found.error > 0:  # where all prompts agree, as after a few rounds, nothing is known of the error
            yield estimate(case, f"acceptance at depth {depth}", found)
