"""What the reproductions share: figures that say what kind they are, claims held against them, worlds whose
drafts are sometimes sure and sometimes not, and runs of systems on the real model."""

import argparse
import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np

from specsim import metrics
from specsim.comparing import conclude, held
from specsim.decoding import Trace, World, open_session
from specsim.metrics import Estimate
from specsim.sources import traces as recordings
from specsim.systems import speculative
from theory.chance import Sampled
from theory.simplex import Warp

matplotlib.use("Agg")

TRACE = Path(__file__).parents[1] / "traces" / "smollm2-135m"
DOMAINS = ("code", "math", "chat")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")


@dataclass(frozen=True)
class Figure:
    """A number of a table: exact (standard error 0), or an estimate."""

    case: str
    quantity: str
    value: float
    standard_error: float = 0.0

    @property
    def kind(self):
        return "estimate" if self.standard_error else "exact"

    @property
    def name(self):
        return f"{self.case}: {self.quantity}"


def asked(description):
    """The options: ``--quick`` and ``--without-model``."""
    options = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    options.add_argument("--quick", action="store_true", help="without the real model; no files are written")
    options.add_argument("--without-model", action="store_true", help="without the real model")
    return options.parse_args()


def finish(folder, figures, *, options, draw, model):
    """Hold the figures against expected.csv; the exit status.

    But for a quick run, ``draw`` draws, table.csv and results.csv are written; with the real model, what
    ``model`` measures is written to model.csv. A quick run has the same figures and verdicts. Claims may name
    quantities of model.csv; without the real model they are held against the file as it is.
    """
    known = {one.name: Estimate(float(one.value), one.standard_error, 1) for one in figures}
    if options.quick:
        outcomes = held(folder / "expected.csv", {**written(folder / "model.csv"), **known})
        for one in outcomes:
            print(f"{one.claim.quantity} {one.value:.6g}; claimed {one.claim.expected}: {one.verdict}")
        return int(not all(one.as_recorded for one in outcomes))
    draw(figures)
    write_table(folder / "table.csv", figures)
    if not options.without_model:
        write_table(folder / "model.csv", model())
    return conclude(folder, {**written(folder / "model.csv"), **known})


def written(path):
    """The quantities of a table on file, by name; none if there is no such file."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        f"{row['case']}: {row['quantity']}": Estimate(float(row["value"]), float(row["standard_error"]), 1)
        for row in rows
    }


def write_table(path, figures):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "quantity", "kind", "value", "standard_error"])
        for one in figures:
            row = [one.case, one.quantity, one.kind, f"{one.value:.6f}", f"{one.standard_error:.6f}"]
            writer.writerow(row)


def recorded(draft, *, temperature):
    """Rows p, q of the shipped trace, 16 positions at a time, V = 49,152."""
    warp = Warp(temperature=temperature)
    for block in recordings.Trace.open(TRACE).blocks(drafts=(draft,)):
        yield warp.probabilities(block.target_logits), warp.probabilities(block.draft_logits[draft])


def wavering(seed, *, calibrated, vocabulary=24, noise=0.8, weight=4.0):
    """Target and draft of order 2 whose rows are sharp in some contexts and flat in others.

    Logits are normal numbers times a factor of 1, 3 or 8 that the context chooses. A calibrated draft has
    such rows, and the target's are Dirichlet with the draft's row times ``weight`` for parameters: over all
    contexts, a token has the probability that the draft says. An overconfident draft has the target's logits
    with noise of a size from 0 to ``noise`` before the factor: as sure as the target, and often wrong.
    """

    @cache
    def pair(context):
        rng = np.random.default_rng([seed, len(context), *context])
        sharpness, error = rng.choice([1.0, 3.0, 8.0]), rng.uniform(0, noise)
        logits = rng.standard_normal(vocabulary)
        if calibrated:
            q = softmax(sharpness * logits)
            return rng.dirichlet(np.maximum(weight * q, 1e-6)), q
        guess = logits + error * rng.standard_normal(vocabulary)
        return softmax(sharpness * logits), softmax(sharpness * guess)

    return World(lambda c: pair(tuple(c[-2:]))[0]), World(lambda c: pair(tuple(c[-2:]))[1])


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def runs(system, prompts, *, seeds, tokens, end_tokens=()):
    """A trace for every prompt and seed; last rounds are kept whole, so that no cut bends the ratios."""
    return [
        run(system, prompt, np.random.default_rng([seed, number]), tokens, end_tokens)
        for number, prompt in enumerate(prompts)
        for seed in range(seeds)
    ]


def run(system, prompt, rng, tokens, end_tokens):
    return run_on(system, open_session(system, prompt), rng, tokens, end_tokens)[0]


def run_on(system, session, rng, tokens, end_tokens):
    """A trace, and the session that it ends in."""
    prompt, rounds, count, chance = session.context, [], 0, Sampled(rng)
    while count < tokens and not (rounds and set(rounds[-1].tokens) & set(end_tokens)):
        step = system.plan.step(system, session, chance=chance, room=10**6)
        session, count = step.session, count + len(step.round.tokens)
        rounds.append(step.round)
    return Trace(tuple(prompt), tuple(rounds)), session


def measured(case, traces, *, by=None):
    """Block efficiency, size of the drafts and draft calls: ratios of sums, errors over units."""
    return [
        estimate(case, "block efficiency", metrics.block_efficiency(traces, by=by)),
        estimate(case, "drafted tokens a round", metrics.drafted_length(traces, by=by)),
        Figure(case, "draft calls a round", *draft_calls(traces)),
    ]


def draft_calls(traces):
    found = metrics.ratio(
        [(sum(len(one.draft) for one in trace.rounds), len(trace.rounds)) for trace in traces]
    )
    return found.value, found.error


def estimate(case, quantity, found):
    """An estimate as a figure."""
    return Figure(case, quantity, found.value, found.error)


def mean_of(case, quantity, values):
    """A mean and its standard error."""
    return estimate(case, quantity, metrics.mean(map(float, values)))


@cache
def real_bench(*, temperature, each=1):
    """SmolLM2-135M-Instruct (4-bit weights); ``each`` prompts a domain, none of the shipped trace."""
    from specsim.sources.prompts import prompts
    from specsim.systems import Bench

    model = smollm()
    texts = [one.text for domain in DOMAINS for one in prompts(domain, count=each, seed=7)]
    ids = [tuple(model.tokenizer.chat([("user", text)]))[-160:] for text in texts]
    return Bench(model, Warp(temperature=temperature)), ids


@cache
def smollm():
    from specsim.models import load

    return load("smollm2-135m")


@cache
def real_traces(make, temperature, seeds, tokens, each=1):
    """Runs of the system that ``make`` makes of the real bench."""
    bench, prompts = real_bench(temperature=temperature, each=each)
    return runs(make(bench), prompts, seeds=seeds, tokens=tokens, end_tokens=bench.model.tokenizer.end_tokens)


def chain_of_4(bench):
    """What every tree is measured against."""
    return speculative.system(bench.target, bench.draft, length=4)


def on_the_model(systems, *, temperature=0.6, seeds=2, tokens=10, each=1, extra=()):
    """Figures of systems, by name, on the real model, with errors over prompts."""
    found = []
    for name, make in systems.items():
        traces = real_traces(make, temperature, seeds, tokens, each)
        found += measured(f"model: {name}", traces, by=metrics.prompt)
        found += [
            mean_of(f"model: {name}", quantity, map(of, traces)) for quantity, of in dict(extra).items()
        ]
    return found


def axes(width=5.2, height=3.4, count=1):
    """A figure and its panels."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, count, figsize=(width, height), layout="constrained", squeeze=False)
    for panel in panels[0]:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#dddddd", lw=0.6)
        panel.set_axisbelow(True)
    return figure, panels[0]


def save(figure, path):
    figure.savefig(path, dpi=160, metadata={"Software": None})
