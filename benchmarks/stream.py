"""Time and memory of a long trace through every closed-form bound and rule: memory must not grow with it.

Run with ``python benchmarks/stream.py --positions 1000 3000 10000``. Makes a trace of the largest number of
positions in a temporary directory (hidden states of the shipped trace, repeated with noise of one per cent, so
that no two rows are alike) and streams it once through :func:`specsim.report.evaluate_stream`: one draft,
temperature 1, k = 1, 2, 4, 8, averaged as it goes. At each number of positions on the way it prints wall time, CPU
time (both of all processes together, start-up included), and the peak of the resident memory of all processes
together so far. On a busy machine look at the CPU time.
"""

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

SHIPPED = Path(__file__).parents[1] / "traces" / "smollm2-135m"
DRAFT, KS, PASSAGE = "skip", (1, 2, 4, 8), 64
LIMIT_SECONDS, LIMIT_BYTES = 600, 2 * 2**30


def states():
    """The hidden states of target and draft over all shipped rows."""
    shards = [load_file(path) for path in sorted(SHIPPED.glob("shard-*.safetensors"))]
    names = ("target.states", f"draft.{DRAFT}.states")
    return [np.concatenate([shard[name] for shard in shards]) for name in names]


def write_trace(directory, positions):
    from specsim.sources.traces import Head, Header, Hidden, Passage, Trace, TraceWriter

    header = Trace.open(SHIPPED).header
    stored = load_file(SHIPPED / "shared-head.safetensors")
    shared = {"head": Head(stored["values"], stored["scales"])}
    header = Header(
        vocabulary=header.vocabulary,
        target=header.target,
        drafts={DRAFT: header.drafts[DRAFT]},
        domains=("tiled",),
        temperature=header.temperature,
        seed=0,
        shard_rows=256,
    )
    rng, rows = np.random.default_rng(0), states()
    with TraceWriter.create(directory, header=header, shared=shared) as writer:
        for start in range(0, positions, PASSAGE):
            which = np.arange(start, min(start + PASSAGE, positions)) % len(rows[0])
            noisy = [
                (part[which] * (1 + 0.01 * rng.normal(size=part[which].shape))).astype(part.dtype)
                for part in rows
            ]
            writer.append(
                Passage(
                    "tiled",
                    f"tiled/{start}",
                    np.zeros(len(which) + 1, dtype=np.int32),
                    np.arange(1, len(which) + 1),
                    Hidden(noisy[0]),
                    {DRAFT: Hidden(noisy[1])},
                )
            )


def processes():
    """This process and its workers."""
    return [os.getpid(), *(child.pid for child in multiprocessing.active_children())]


def of_each(pids, read):
    """A number of each process, added up; those that have ended count as nothing."""
    total = 0
    for pid in pids:
        try:
            total += read(Path(f"/proc/{pid}"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def resident(process):
    """Bytes of memory that a process holds, shared pages included."""
    return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_time(process):
    """Seconds of CPU time, user and system."""
    after_name = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def watch(peak, done):
    """Keep the largest resident memory of this process and its workers together."""
    while not done.wait(0.25):
        peak[0] = max(peak[0], of_each(processes(), resident))


def measure(directory, jobs, marks, queue):
    from specsim.report import Audit, Demand, Plan, RunningMeans, evaluate_stream, methods
    from specsim.sources.traces import Trace

    plan = Plan(demand=Demand(KS), temperatures=(1.0,))
    means, audit = RunningMeans((1, 1, len(methods(KS)))), Audit()
    peak, done, left = [0], threading.Event(), sorted(marks)
    watcher = threading.Thread(target=watch, args=(peak, done), daemon=True)
    watcher.start()
    start = time.perf_counter()
    for part in evaluate_stream(Trace.open(directory), plan, jobs=jobs):
        means.add(part.cells, part.places.passage)
        audit += part.audit
        while left and means.positions >= left[0]:
            left.pop(0)
            wall, cpu = time.perf_counter() - start, of_each(processes(), processor_time)
            checks = sum(tally.checked for tally in audit.certificates.values()) + audit.comparisons.checked
            queue.put((means.positions, wall, cpu, peak[0], checks, means.mean(0, 0, 0).value))
    done.set()


def run(marks, jobs):
    """Lines at each number of positions, as one stream over a trace of the largest comes to it."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    with tempfile.TemporaryDirectory() as directory:
        write_trace(Path(directory) / "trace", max(marks))
        process = context.Process(target=measure, args=(Path(directory) / "trace", jobs, marks, queue))
        process.start()
        for _ in marks:
            yield queue.get()
        process.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--positions", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    print(
        f"V = 49,152, k = {', '.join(map(str, KS))}, one draft, one temperature; {arguments.jobs} processes"
    )
    print(
        f"{'positions':>10} {'wall s':>8} {'CPU s':>8} {'CPU ms/pos':>11} {'peak MiB':>9} {'checks':>9}  mean overlap"
    )
    for count, wall, cpu, peak, checks, mean in run(arguments.positions, arguments.jobs):
        print(
            f"{count:>10,} {wall:>8.1f} {cpu:>8.1f} {cpu / count * 1e3:>11.1f} {peak / 2**20:>9.0f} {checks:>9,}  {mean:.6f}",
            flush=True,
        )
        if count >= 10_000:
            verdict = "within" if wall <= LIMIT_SECONDS and peak <= LIMIT_BYTES else "OUTSIDE"
            print(f"{verdict} {LIMIT_SECONDS} s and {LIMIT_BYTES / 2**30:.0f} GiB")


if __name__ == "__main__":
    main()
