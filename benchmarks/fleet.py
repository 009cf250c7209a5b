"""Three targets at once: one sorted draft with three exits, or a draft for each. ``python benchmarks/fleet.py``.

Costs are assumptions, the same for all rows: targets of 8, 16 and 60 ms a call, a draft of 4 ms a step that can be left
after a quarter or a half of it. One simulated run each, 3,000 requests, seed 0.
"""

import numpy as np

from specsim.clocks import Affine
from specsim.serving import (
    AsAsked,
    Exit,
    Goodput,
    LeastWork,
    Server,
    ShortestQueue,
    Target,
    Workload,
    pick_exit,
    serve_fleet,
)

COSTS = {
    "small": Affine(0.008, 2e-5, 4e-8),
    "middle": Affine(0.016, 4e-5, 6e-8),
    "large": Affine(0.060, 1e-4, 1e-7),
}
SORTED = (Exit(Affine(0.001), 2.0, "1/4"), Exit(Affine(0.002), 1.4, "1/2"), Exit(Affine(0.004), 1.0, "all"))
#: A draft of its own for each target: as good as the whole sorted one, at a cost that suits the target.
OWN = {
    "small": Exit(Affine(0.001), 1.6, "own"),
    "middle": Exit(Affine(0.002), 1.2, "own"),
    "large": SORTED[2],
}
OBJECTIVES = {"ttft": 1.0, "tpot": 0.03}


def exits(name):
    return {
        "no drafts": (),
        "one draft, whole": SORTED[2:],
        "one draft, first quarter": SORTED[:1],
        "sorted draft, exit by target": SORTED,
        "a draft for each target": (OWN[name],),
    }


def fleet(kind, acceptance):
    targets = []
    for name, cost in COSTS.items():
        choices = exits(name)[kind] or SORTED[:1]
        pick = pick_exit(choices, cost, acceptance=acceptance, size=16)
        leave = choices[pick.exit]
        scheduler = Goodput(8 if exits(name)[kind] else 0)
        targets.append(Target(name, Server(cost, scheduler=scheduler, slots=32), leave))
    return targets


def main():
    work = Workload.poisson(rate=40.0, requests=3000, rng=np.random.default_rng(0), acceptance=(4.0, 1.0))
    asked = AsAsked(tuple(np.random.default_rng(1).choice(3, work.size, p=[0.6, 0.3, 0.1]).tolist()))
    routers = {"as asked": asked, "shortest queue": ShortestQueue(), "least work": LeastWork()}
    print("| drafts | exits | router | tokens/s | SLO met | latency p99 |")
    print("|---|---|---|---|---|---|")
    for kind in exits("small"):
        targets = fleet(kind, 0.8)
        picked = ", ".join(target.exit.name for target in targets) if kind != "no drafts" else "-"
        for name, router in routers.items():
            log = serve_fleet(work, targets, router, rng=np.random.default_rng(2))
            latency = np.percentile(np.concatenate([part.latency for part in log.logs.values()]), 99)
            met = log.attainment(**OBJECTIVES)
            print(
                f"| {kind} | {picked} | {name} | {log.throughput:,.0f} | {met:.1%} | {latency:.2f} s |",
                flush=True,
            )


if __name__ == "__main__":
    main()
