"""Run the campaign: ``python -m tests.mutation run``; its tables: ``python -m tests.mutation report``.

``keep`` puts a run's verdicts into results.json, ``list`` shows the mutants, ``check`` runs a sample of the
kept killers once more.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from tests.mutation.campaign import Reach, Runner, load_reach, order, run_session, save_reach, within
from tests.mutation.mutants import Mutant, modules, mutants, mutated
from tests.mutation.records import LOG, equivalents, keep, key, logged, results

#: The tests that judge: the mirrored ones, and those of the theory that runs the rules.
TESTS = [
    *(f"tests/theory/{part}" for part in ("couplings", "walks", "laws", "lossy")),
    *(f"tests/theory/test_{part}.py" for part in ("simplex", "tree", "rules")),
    *(f"theory/{part}" for part in ("couplings", "walks", "laws", "lossy", "simplex.py")),
]


def say(*words: object) -> None:
    """A line on standard output."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("command", choices=["run", "keep", "report", "list", "check"])
    parser.add_argument("--only", default="", help="mutants whose name contains this text")
    parser.add_argument("--field", action="store_true", help="the operators of the field alone")
    parser.add_argument("--status", default="new", help="run those of this verdict: new, survived, timeout")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of tests for one mutant")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="*", default=TESTS, help="what pytest collects")
    parser.add_argument("--reach", type=Path, help="keep the measurement of the tests in this file")
    parser.add_argument("--out", type=Path, default=LOG, help="the log, a line for each mutant")
    options = parser.parse_args()
    if options.command == "report":
        from tests.mutation.report import report

        say(report())
        return 0
    if options.command == "keep":
        say(keep((mutant for module in modules() for mutant in mutants(module)), options.out), "kept")
        return 0
    if options.command == "check":
        return run_session(*_sample_of_killed(options.sample or 100, options.seed))
    chosen = _chosen(options)
    if options.command == "list":
        for mutant in chosen:
            say(mutant.name, f"line {mutant.line}:", mutant.change)
        return 0
    return run_session(options.tests, lambda runner: run(runner, chosen, options))


def _chosen(options: argparse.Namespace) -> list[Mutant]:
    everything = [mutant for module in modules() for mutant in mutants(module)]
    chosen = [mutant for mutant in everything if options.only in mutant.name]
    if options.field:
        chosen = [mutant for mutant in chosen if mutant.of_the_field]
    known = {name: row["status"] for name, row in (results() | logged(options.out)).items()}
    skipped = equivalents()
    chosen = [
        mutant
        for mutant in chosen
        if mutant.name not in skipped and known.get(key(mutant), "new") in options.status.split(",")
    ]
    random.Random(options.seed).shuffle(chosen)  # so what fits into the time is a fair sample
    chosen.sort(key=lambda mutant: (not mutant.of_the_field, mutant.module if mutant.of_the_field else ""))
    if options.sample:
        chosen = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))
    return chosen


def run(runner: Runner, chosen: Iterable[Mutant], options: argparse.Namespace) -> None:
    """Decide on mutants, a line of JSON each, the last line of a mutant counts."""
    reach = load_reach(options.reach) if options.reach else None
    reach = runner.measure(reach)
    if options.reach:
        save_reach(reach, options.reach)
    sys.stderr.write(f"{len(reach.seconds)} tests, {sum(reach.seconds.values()):.0f} s\n")
    killers: dict[str, Counter[str]] = defaultdict(Counter)
    counts: Counter[str] = Counter()
    start = time.monotonic()
    with options.out.open("a") as out:
        for mutant in chosen:
            known = killers[f"{mutant.module}::{mutant.function}"]
            tests = order([t for t in reach.candidates(mutant) if t in runner.items], reach, known)
            verdict = runner.decide(
                mutant.module,
                lambda mutant=mutant: mutated(mutant),
                within(tests, reach, options.budget),
                reach,
            )
            known[verdict.test] += verdict.status != "survived"
            row = {"mutant": mutant.name, "change": mutant.change, **asdict(verdict), "reaching": len(tests)}
            out.write(json.dumps(row) + "\n")
            out.flush()
            counts[verdict.status] += 1
            if verdict.status == "survived":
                where = f"{mutant.name} line {mutant.line}: {mutant.change}"
                sys.stderr.write(f"survived {where} ({verdict.ran} of {len(tests)} tests)\n")
    sys.stderr.write(f"{dict(counts)} in {time.monotonic() - start:.0f} s\n")


def _sample_of_killed(count: int, seed: int) -> tuple[list[str], Callable[[Runner], None]]:
    """The test files and the loop that run kept killers once more, each on its mutant."""
    by_key = {key(mutant): mutant for module in modules() for mutant in mutants(module)}
    kept = {name: row["test"] for name, row in results().items() if row["status"] == "killed"}
    killed = sorted(name for name, test in kept.items() if name in by_key and "::" in test)
    chosen = [
        (by_key[name], kept[name]) for name in random.Random(seed).sample(killed, min(count, len(killed)))
    ]
    return sorted({test.split("::")[0] for _, test in chosen}), lambda runner: check(runner, chosen)


def check(runner: Runner, chosen: list[tuple[Mutant, str]]) -> None:
    """Whether recorded killers kill: each mutant against its killer alone."""
    killed = 0
    for mutant, test in chosen:
        reach = Reach(seconds={test: 5.0})
        verdict = runner.decide(mutant.module, lambda mutant=mutant: mutated(mutant), [test], reach)
        killed += verdict.status == "killed"
        if verdict.status != "killed":
            say(f"{verdict.status}: {mutant.name} by {test}")
    say(f"{killed} of {len(chosen)} killed")


if __name__ == "__main__":
    sys.exit(main())
