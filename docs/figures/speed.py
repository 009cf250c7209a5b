"""The figures of draft length, clocks and serving.

    python docs/figures/speed.py [NAME ...]        # writes NAME.png beside this file; all without a name

Names: length-phases, parallel-or-serial, timelines, ladder, load. All but the last are exact (timelines: one
sampled run each); the last is one simulated run of 100 to 1,500 requests a point, and takes minutes.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from specsim.clocks import Affine, Constant, Hierarchy, LayerGroups, Parallel, Serial, early_exit
from specsim.plots import gantt_figure, ladder_figure, parallel_figure, phase_figure, serving_figure
from specsim.plots.lengths import write
from specsim.serving import (
    Allocation,
    ByBatch,
    Fixed,
    ForSlo,
    Goodput,
    Menu,
    NoDrafts,
    Server,
    SpreadByBatch,
    Tetris,
    Workload,
    serve,
)
from theory.chance import Sampled
from theory.shapes import Profile
from theory.stopping import Confidence, Times, ladder

HERE = Path(__file__).parent
#: Costs that a public simulator fitted to Llama-3.1-8B on an H100; the draft's step is an assumption.
TARGET, DRAFT = Affine(5.886e-3, 2.101e-5, 3.926e-8), Affine(5e-4, 8.41e-7, 2.378e-9)
OBJECTIVES = {"ttft": 1.0, "tpot": 0.02}
TABLE = ByBatch({1: 5, 17: 4, 33: 3, 65: 1, 129: 0})
SCHEDULERS = {
    "none": NoDrafts(),
    "fixed 3": Fixed(3),
    "fixed 8": Fixed(8),
    "table (DSD)": TABLE,
    "table, spread": SpreadByBatch(TABLE),
    "goodput (SmartSpec)": Goodput(8),
    "TETRIS, 256": Tetris(256),
    "for SLO, 256 (AdaServe)": ForSlo(256, OBJECTIVES["tpot"]),
    "optimal allocation": Allocation(8),
    "optimal trees": Allocation(32),
}


def timelines():
    """A few rounds of five schemes, acceptance 0.8; a draft step takes a quarter of a target call."""
    draft, target = Constant(0.25), Constant(1.0)
    groups = LayerGroups(Constant(0.02), Constant(0.02), layers=10, group=4, devices=4, speedup=1.5)
    schemes = {
        "serial, 4 drafts": Serial(draft, target, levels=(1,) * 4),
        "PEARL, 4 drafts a step": Parallel(draft, target, length=4),
        "TriForce: a small model drafts for a middle one": Hierarchy(
            Constant(0.05), draft, target, inner=2, outer=6, inner_acceptance=0.7
        ),
        "Kangaroo: an early exit drafts": early_exit(
            target, layers=32, exit_layer=4, length=4, adapter_time=0.02
        ),
        "EasySpec: layers of the draft in parallel": Serial(groups, target, levels=(1,) * 4, device="gpu 0"),
    }
    lines = {}
    for title, scheme in schemes.items():
        run = scheme.run(acceptance=0.8, rounds=12, chance=Sampled(np.random.default_rng(3)))
        lines[title] = run.timeline
    return gantt_figure(lines, until=6.0)


def ladders():
    """The three draft times of docs/draft-length.md, persistence 0.5."""
    found = {}
    for draft_time in (0.02, 0.1, 0.2):
        problem = Confidence.mixed(
            acceptance=[0.97, 0.8, 0.35],
            shares=[0.5, 0.3, 0.2],
            persistence=0.5,
            times=Times(draft_time, 1.0),
            limit=40,
        )
        found[f"draft step {draft_time:g} of a target call"] = ladder(problem)
    return ladder_figure(found)


def load():
    """Every scheduler at six loads; a batch of at most 128, requests' acceptances from a beta law."""
    rows = []
    for rate in (4.0, 16.0, 32.0, 48.0, 64.0, 96.0):
        requests = int(np.clip(20 * rate, 100, 1500))
        rng = np.random.default_rng(0)
        work = Workload.poisson(rate=rate, requests=requests, rng=rng, acceptance=(3.0, 1.5))
        menus, kinds = trees(work.acceptance)
        kinded = Workload(work.arrival, work.prompt, work.output, work.acceptance, kinds)
        for name, scheduler in SCHEDULERS.items():
            drafts = menus if name == "optimal trees" else ()
            server = Server(TARGET, DRAFT, scheduler, slots=128, pace=OBJECTIVES["tpot"], menus=drafts)
            log = serve(kinded, server, rng=np.random.default_rng(1))
            latency = log.summary()["latency_p99"]
            rows.append(
                {
                    "scheduler": name,
                    "rate": rate,
                    "goodput": log.goodput(**OBJECTIVES),
                    "latency_p99": latency,
                }
            )
    return serving_figure(rows)


def trees(acceptance):
    """Ten kinds of requests, by acceptance a; the k-th child (from 0) is accepted with a ((1 - a) / 2)^k."""
    edges = np.linspace(0, 1, 11)
    middles = (edges[1:] + edges[:-1]) / 2
    ranks = np.arange(3)
    menus = tuple(
        Menu.best_first(Profile.positional(a * ((1 - a) / 2) ** ranks), nodes=32, depth=8) for a in middles
    )
    return menus, np.clip(np.digitize(acceptance, edges) - 1, 0, 9)


FIGURES = {
    "length-phases": phase_figure,
    "parallel-or-serial": parallel_figure,
    "timelines": timelines,
    "ladder": ladders,
    "load": load,
}


if __name__ == "__main__":
    for name in sys.argv[1:] or FIGURES:
        write(FIGURES[name](), HERE / f"{name}.png")
