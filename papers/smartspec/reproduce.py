"""SmartSpec (Liu et al. 2024): the length of most goodput by batch, and latency under load.

Run it with

    python papers/smartspec/reproduce.py            # writes table.csv and load.png
    python papers/smartspec/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from pathlib import Path

import numpy as np

from papers.shared import COLOURS, Figure, asked, axes, chain_of_4, finish, mean_of, on_the_model, save
from specsim.clocks import Affine
from specsim.serving import Fixed, Goodput, NoDrafts, Server, Workload, serve
from specsim.serving.batch import Batch
from specsim.systems import smartspec
from theory.stopping import Times

HERE = Path(__file__).parent
# seconds, an 8-billion-parameter target on one accelerator: constants of the first author's simulator; an
# n-gram draft costs 0.5875 % of a target call and a small model about a third of one
TARGET = Affine(5.886e-3, per_token=2.10e-5, per_cached=3.93e-8)
DRAFT = Affine(0.005875 * 5.886e-3, per_token=0.005875 * 2.10e-5)
MODEL = Affine(2.135e-3, per_token=8.41e-7, per_cached=2.38e-9)
BATCHES = (1, 8, 32, 64, 128, 256, 512, 1024)
ACCEPTANCES = (0.4, 0.6, 0.8)
CONTEXTS = (128, 512, 2048, 8192, 32768)
RATES = (4, 32, 96)  # requests a second
SCHEDULERS = {"no drafts": NoDrafts(), "fixed 3": Fixed(3), "fixed 6": Fixed(6), "goodput": Goodput(8)}
LOAD = {"requests": 150, "prompt": 256, "output": 64, "acceptance": 0.7}
SEEDS = 3
SYSTEMS = {
    "chain of 4": chain_of_4,
    "goodput, draft at 0.1": lambda bench: smartspec.system(
        bench.target, bench.draft, times=Times(draft_time=0.1, target_time=1.0), most=8
    ),
    "goodput, draft at 0.5": lambda bench: smartspec.system(
        bench.target, bench.draft, times=Times(draft_time=0.5, target_time=1.0), most=8
    ),
}


def main():
    options = asked(__doc__)
    figures = [*by_batch(), *by_context(), *under_load()]
    return finish(
        HERE, figures, options=options, draw=draw, model=lambda: on_the_model(SYSTEMS, each=2, tokens=16)
    )


def best(size, acceptance, context):
    """The scheduler's length for a batch of equal requests."""
    batch = Batch(
        np.full(size, acceptance), np.full(size, 1000), size * context, 0, TARGET, DRAFT, np.zeros(size)
    )
    return int(Goodput(8).lengths(batch)[0])


def by_batch():
    for acceptance in ACCEPTANCES:
        for size in BATCHES:
            yield Figure(f"acceptance {acceptance}, batch {size}", "best length", best(size, acceptance, 512))


def by_context():
    for context in CONTEXTS:
        yield Figure(f"acceptance 0.6, batch 256, context {context}", "best length", best(256, 0.6, context))


def under_load():
    """Mean latency at several rates: requests, slots and costs the same for all schedulers."""
    for rate in RATES:
        for name, scheduler in SCHEDULERS.items():
            values = [latency(rate, scheduler, seed) for seed in range(SEEDS)]
            yield mean_of(f"load: {rate} requests a second", f"mean latency in seconds, {name}", values)


def latency(rate, scheduler, seed):
    load = Workload.poisson(rate=rate, rng=np.random.default_rng(seed), **LOAD)
    server = Server(TARGET, DRAFT, scheduler, slots=512, memory=500_000)
    return serve(load, server, rng=np.random.default_rng(seed + 100)).latency.mean()


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    for colour, acceptance in zip(COLOURS, ACCEPTANCES, strict=False):
        lengths = [one.value for one in figures if one.case.startswith(f"acceptance {acceptance}, batch") and
                   "context" not in one.case]  # fmt: skip
        panels[0].plot(BATCHES, lengths, "o-", ms=4, color=colour, label=f"acceptance {acceptance}")
    panels[0].set_xscale("log", base=2)
    panels[0].set(xlabel="requests in the batch", ylabel="length of most goodput")
    panels[0].legend(frameon=False, fontsize=8)
    for colour, name in zip(COLOURS, SCHEDULERS, strict=False):
        values = [one for one in figures if one.quantity.endswith(f", {name}")]
        heights = [one.value for one in values]
        panels[1].errorbar(RATES, heights, [2 * one.standard_error for one in values], color=colour,
                           marker="o", ms=4, label=name)  # fmt: skip
    panels[1].set(xlabel="requests a second", ylabel="mean latency in seconds")
    panels[1].legend(frameon=False, fontsize=8)
    save(figure, HERE / "load.png")


if __name__ == "__main__":
    sys.exit(main())
