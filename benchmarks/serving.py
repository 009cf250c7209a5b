"""Speed and memory of the serving simulator. Run with ``python benchmarks/serving.py [--requests 100000]``.

The server is saturated, so the batch stays at 64; requests emit 128 tokens on average. Each run is a process of its own,
so that its peak memory is its own; CPU time of that process is counted, from the workload to the percentiles. The
reference of the ratio is plain decoding in the same run; what to quote besides is requests a CPU minute, which depends
on the machine.
"""

import argparse
import multiprocessing
import resource
import time

import numpy as np

from specsim.clocks import Affine
from specsim.serving import Allocation, Fixed, Goodput, Menu, NoDrafts, Server, Tetris, Workload, serve

TARGET, DRAFT = Affine(5.886e-3, 2.101e-5, 3.926e-8), Affine(5e-4, 8.41e-7, 2.378e-9)
SCHEDULERS = {
    "none": NoDrafts(),
    "fixed:3": Fixed(3),
    "goodput:8": Goodput(8),
    "tetris:128": Tetris(128),
    "allocation:8": Allocation(8),
    "trees, allocation:16": Allocation(16),
}


def trees():
    # imported here, so that the memory of the other runs is their own
    from theory.shapes import Profile

    return (Menu.best_first(Profile.positional([0.65, 0.15, 0.05]), nodes=16, depth=6),)


def measure(name, requests, answer):
    start = time.process_time()
    load = Workload.poisson(rate=1000, requests=requests, rng=np.random.default_rng(0), acceptance=(3.0, 1.5))
    menus = trees() if "trees" in name else ()
    server = Server(TARGET, DRAFT, SCHEDULERS[name], pace=0.05, menus=menus)
    log = serve(load, server, rng=np.random.default_rng(1))
    log.summary()
    seconds = time.process_time() - start
    answer.put((seconds, log.steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100_000)
    requests = parser.parse_args().requests
    print("| scheduler | requests | steps | CPU s | x plain | requests a CPU minute | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    reference = None
    for name in SCHEDULERS:
        for count in (requests // 10, requests):
            answer = multiprocessing.Queue()
            process = multiprocessing.Process(target=measure, args=(name, count, answer))
            process.start()
            seconds, steps, peak = answer.get()
            process.join()
            if name == "none":
                reference = seconds
            ratio = f"{seconds / reference:.2f}" if count == requests else ""
            rate = 60 * count / seconds
            print(
                f"| {name} | {count} | {steps} | {seconds:.1f} | {ratio} | {rate:,.0f} | {peak:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
