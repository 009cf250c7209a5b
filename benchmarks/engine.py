"""The engine's own time a round, all but the model's calls, beside a SmolLM2-135M target call of 64 drafts.

    python benchmarks/engine.py            # CPU seconds; needs the model (see docs/models.md)
    python benchmarks/engine.py --wall     # wall clock: calls use all cores, the engine's own part one
    python benchmarks/engine.py --toy      # the small random model, to try the script out

Both the target's and the draft's calls are timed at their boundary (``Loaded`` readings: ``read`` and
``commit``), and what is left of a round is the engine's: warping rows, growing and checking the tree, laws,
verification. CPU time of the process, so that other work on the machine doesn't count, or wall clock; medians
over rounds, with the smallest and the largest for the engine's own.
"""

import argparse
import cProfile
import pstats
import time
from collections import defaultdict

import numpy as np

from specsim.decoding import Drawn, System, open_session
from specsim.decoding import loaded as loaded_module
from specsim.models import LayerMask, load, toy_model
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, WithBudget
from theory.simplex import Warp
from theory.walks import TopDown, named

NODES = 64
ROUNDS = 12
SPENT = defaultdict(float)


def timed(kind, name, clock):
    """Count the seconds of a method of readings."""
    method = getattr(kind, name)

    def wrapped(self, *arguments):
        begun = clock()
        try:
            return method(self, *arguments)
        finally:
            seconds = clock() - begun
            SPENT["target" if self.of.view is None else "draft"] += seconds
            if self.of.view is None:
                SPENT[name] += seconds

    setattr(kind, name, wrapped)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--toy", action="store_true")
    options.add_argument("--wall", action="store_true")
    options = options.parse_args()
    clock = time.perf_counter if options.wall else time.process_time
    model = toy_model(seed=0) if options.toy else load("smollm2-135m")
    warp = Warp(temperature=1.0)
    target = loaded_module.Loaded(model, warp)
    draft = loaded_module.Loaded(model, warp, LayerMask.middle(1, of=model.config.layers))
    drawn = named.rsd_constant((4, 3, 2, 1))  # 4 + 12 + 24 + 24 = 64 nodes
    systems = {
        "64 sampled nodes, siblings without replacement": System(
            target, Drawn(draft, drawn.grow), drawn.walk
        ),
        "64 top nodes (EAGLE-2's beam), point masses": System(
            target, Drawn(draft, WithBudget(Eagle2(top_k=8, steps=5), NODES)), TopDown(Recursive())
        ),
    }
    for name in ("read", "commit"):
        timed(loaded_module.LoadedReading, name, clock)
    for name, system in systems.items():
        report(name, system, clock)


def report(name, system, clock):
    session = open_session(system, tuple(range(3, 40)))
    rounds(system, session, 2)  # compiles
    calls, drafts, own = [], [], []
    for seed in range(ROUNDS):
        SPENT.clear()
        begun = clock()
        rounds(system, session, 1, first=seed)
        own.append(clock() - begun - SPENT["target"] - SPENT["draft"])
        calls.append(SPENT["read"])
        drafts.append(SPENT["draft"])
    call, part = np.median(calls), np.median(own)
    print(f"\n{name}")
    print(f"  target call {1000 * call:.1f} ms, draft calls {1000 * np.median(drafts):.1f} ms a round")
    print(
        f"  the engine's own {1000 * part:.2f} ms a round ({1000 * min(own):.2f} to {1000 * max(own):.2f}): "
        f"{part / call:.1%} of a target call"
    )
    dominating(system, session)


def rounds(system, session, count, *, first=0):
    """Rounds from one session: the same context, other randomness."""
    for seed in range(first, first + count):
        chance = Sampled(np.random.default_rng(seed))
        drafted = system.plan.step(system, session, chance=chance, room=10**9).round.drafted
        assert drafted == NODES, drafted


def dominating(system, session):
    """What the time outside of the models goes to: the largest functions by their own time."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(rounds, system, session, ROUNDS)
    stats = pstats.Stats(profile).stats
    own = {
        f"{file.rsplit('/', 1)[-1]}:{name}": (seconds, inside)
        for (file, _, name), (_, _, seconds, inside, _) in stats.items()
        if "jax" not in file
    }
    for name, (seconds, inside) in sorted(own.items(), key=lambda item: -item[1][0])[:12]:
        print(f"    {1000 * seconds / ROUNDS:8.2f} ms own, {1000 * inside / ROUNDS:8.2f} ms in all  {name}")


if __name__ == "__main__":
    main()
