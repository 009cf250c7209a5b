"""Towards Optimal Multi-draft Speculative Decoding (Hu et al., ICLR 2025), on the shipped trace.

Computes the optimal acceptance of drafts with replacement, without replacement and greedy, and what the known
rules reach; writes table.csv, claims.csv and the figure beside this file; and holds the table against
expected.csv. The same for two and four drafts, and trees of such drafts on the model itself, go to model.csv.
Run it with

    python papers/optimal-multi-draft/reproduce.py                    # all positions, and the model
    python papers/optimal-multi-draft/reproduce.py --without-model    # all positions, without model.csv
    python papers/optimal-multi-draft/reproduce.py --quick            # 32 positions; compares nothing
"""

import argparse
import csv
import sys
from pathlib import Path

import matplotlib
import numpy as np

from papers.shared import estimate, mean_of, write_table
from papers.texts import asked_of_the_model, bench, gain, real_runs
from specsim import metrics
from specsim.report import Demand, Plan, evaluate, results
from specsim.report.methods import BOUND, Method
from specsim.sources.traces import Trace
from specsim.systems import optimal_multi_draft, rsd, specinfer

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
TRACE = HERE.parents[1] / "traces" / "smollm2-135m"
TEMPERATURES = (0.3, 0.7, 1.0)  # the paper's is 0.7
DRAFTS = 3  # the paper's number of drafts
SAMPLES = 64  # drawn drafts a position, for the estimates
SEED = 0
QUICK = 32  # positions
# for model.csv: other numbers of drafts, at evenly spaced positions; trees on the model itself
OTHERS, POSITIONS, FEWER_SAMPLES = (2, 4), 320, 32
BRANCHING, LIVE_TEMPERATURES, PROMPTS, TOKENS = (3, 2, 1), (0.3, 1.0), 2, 12


def rules(k):
    """Bounds and rules for k drafts, by name."""
    return {
        "bound, with replacement": Method("iid", BOUND, k),
        "recursive rejection (RRS)": Method("iid", "recursive", k),
        "K-SEQ": Method("iid", "k-seq", k),
        "bound, without replacement": Method("without-replacement", BOUND, k),
        "recursive rejection (RRSw)": Method("without-replacement", "recursive", k),
        "bound, greedy drafts": Method("top-k-plus-sample", BOUND, k),
        "greedy-draft rule": Method("top-k-plus-sample", "greedy-draft", k),
    }


RULES = rules(DRAFTS)
#: Differences for model.csv, each paired by prompt.
CLAIMS = {
    "bound, without replacement less with": ("bound, without replacement", "bound, with replacement"),
    "bound, greedy less without replacement": ("bound, greedy drafts", "bound, without replacement"),
    "bound, greedy less with replacement": ("bound, greedy drafts", "bound, with replacement"),
    "RRS below its bound": ("bound, with replacement", "recursive rejection (RRS)"),
    "K-SEQ below its bound": ("bound, with replacement", "K-SEQ"),
    "K-SEQ less RRS": ("K-SEQ", "recursive rejection (RRS)"),
    "RRSw below its bound": ("bound, without replacement", "recursive rejection (RRSw)"),
    "greedy-draft rule below its bound": ("bound, greedy drafts", "greedy-draft rule"),
    "greedy-draft rule less RRSw": ("greedy-draft rule", "recursive rejection (RRSw)"),
}
GREEDY = "greedy drafts, best rule"
TREES = {
    GREEDY: optimal_multi_draft.system,
    "with replacement, best rule": optimal_multi_draft.with_replacement,
    "without replacement, RRSw": rsd.constant,
    "with replacement, RRS": lambda target, draft, branching: specinfer.system(
        target, draft, expansion=branching
    ),
}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--quick", action="store_true", help=f"use {QUICK} positions, compare nothing")
    options.add_argument("--without-model", action="store_true", help="without model.csv")
    options.add_argument("--jobs", type=int, default=2)
    options = options.parse_args()

    plan = Plan(
        demand=Demand(ks=(DRAFTS,), samples=SAMPLES, seed=SEED),
        temperatures=TEMPERATURES,
        limit=QUICK if options.quick else None,
    )
    evaluation = evaluate(Trace.open(TRACE), plan, jobs=options.jobs)
    table = tabulate(evaluation)
    claims = examine(evaluation)
    for row in table:
        print(f"{row['temperature']:>4} {row['draft']:<6} {row['rule']:<28}", shown(row))
    for row in claims:
        print(f"{row['temperature']:>4} {row['draft']:<6} {row['claim']:<58} {row['value']:.4f}")
    if options.quick:
        return 0
    write(HERE / "table.csv", table)
    write(HERE / "claims.csv", claims)
    draw(table)
    if not options.without_model:
        write_table(HERE / "model.csv", [*of_other_numbers(options.jobs), *on_the_model()])
    return compare(table)


def tabulate(evaluation):
    """Mean acceptance of every rule and bound, over all positions."""
    names = {method: name for name, method in RULES.items()}
    return [
        {
            "temperature": result.temperature,
            "draft": result.draft,
            "rule": names[result.method],
            "kind": result.acceptance.kind,
            "acceptance": result.acceptance.value,
            "standard_error": result.acceptance.standard_error,
            "sampling_standard_error": result.acceptance.sampling_standard_error,
        }
        for result in results(evaluation)
        if result.domain == "all" and result.method in names
    ]


def examine(evaluation):
    """The paper's claims as numbers, position by position."""
    found = []
    for temperature in evaluation.plan.temperatures:
        for draft in evaluation.drafts:
            value = {
                name: evaluation.of(temperature=temperature, draft=draft, method=method)["value"]
                for name, method in RULES.items()
            }
            iid, race = value["bound, with replacement"], value["bound, without replacement"]
            greedy = value["bound, greedy drafts"]
            claims = {
                "mean gain of the bound without replacement": np.mean(race - iid),
                "share of positions where it is no worse (1e-9)": np.mean(race >= iid - 1e-9),
                "gap of RRS to its bound": np.mean(iid - value["recursive rejection (RRS)"]),
                "gap of K-SEQ to its bound": np.mean(iid - value["K-SEQ"]),
                "gap of RRSw to its bound": np.mean(race - value["recursive rejection (RRSw)"]),
                "greedy rule minus its bound, largest in size": np.max(
                    np.abs(value["greedy-draft rule"] - greedy)
                ),
                "greedy bound minus bound without replacement": np.mean(greedy - race),
                "greedy bound minus bound with replacement": np.mean(greedy - iid),
            }
            found += [
                {"temperature": temperature, "draft": draft, "claim": claim, "value": float(number)}
                for claim, number in claims.items()
            ]
    return found


def of_other_numbers(jobs):
    """The trace with two and four drafts: means and paired differences, errors over its 20 prompts."""
    plan = Plan(
        demand=Demand(ks=OTHERS, samples=FEWER_SAMPLES, seed=SEED), temperatures=TEMPERATURES, limit=POSITIONS
    )
    evaluation = evaluate(Trace.open(TRACE), plan, jobs=jobs)
    for temperature in TEMPERATURES:
        for draft in evaluation.drafts:
            for k in OTHERS:
                case = f"trace: {draft}, temperature {temperature}, {k} drafts"
                value = {
                    name: by_passage(evaluation, temperature, draft, one) for name, one in rules(k).items()
                }
                yield from (mean_of(case, name, values) for name, values in value.items())
                for claim, (more, less) in CLAIMS.items():
                    yield mean_of(case, claim, value[more] - value[less])


def by_passage(evaluation, temperature, draft, method):
    """Means of a method's acceptance, one a prompt."""
    values = evaluation.of(temperature=temperature, draft=draft, method=method)["value"]
    passage = evaluation.places.passage
    return np.array([values[passage == one].mean() for one in np.unique(passage)])


def on_the_model():
    """Trees of drafts by three skipped layers, on held-out prompts: tokens a call; gains paired by prompt."""
    prompts = [one for domain in ("code", "math", "chat") for one in asked_of_the_model(domain, PROMPTS)]
    for temperature in LIVE_TEMPERATURES:
        here, traces = bench(temperature=temperature), {}
        for name, make in TREES.items():
            system = make(here.target, here.draft, branching=BRANCHING)
            traces[name] = real_runs(system, prompts, tokens=TOKENS)
            case = f"model: {name}, temperature {temperature}"
            yield estimate(
                case, "block efficiency", metrics.block_efficiency(traces[name], by=metrics.prompt)
            )
            depths = metrics.positional_acceptance(traces[name], by=metrics.prompt)
            yield estimate(case, "acceptance at depth 1", depths[0])
        for name in TREES:
            if name != GREEDY:
                case = f"model: {GREEDY}, temperature {temperature}"
                yield gain(case, f"tokens a call, less {name}", traces[GREEDY], traces[name])


def shown(row):
    error = f" ± {row['standard_error']:.4f}" if row["kind"] == "estimate" else ""
    return f"{row['acceptance']:.4f}{error} ({row['kind']})"


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: rounded(key, value) for key, value in row.items()} for row in rows)


def rounded(key, value):
    return f"{value:.6f}" if isinstance(value, float) and key != "temperature" else value


def draw(table):
    """Bounds as bars' ends, rules as marks: one panel a temperature."""
    groups = {
        "with replacement": ("bound, with replacement", ["recursive rejection (RRS)", "K-SEQ"]),
        "without replacement": ("bound, without replacement", ["recursive rejection (RRSw)"]),
        "greedy": ("bound, greedy drafts", ["greedy-draft rule"]),
    }
    marks = {
        "recursive rejection (RRS)": ("o", "#0072b2", "recursive rejection"),
        "recursive rejection (RRSw)": ("o", "#0072b2", None),
        "K-SEQ": ("s", "#d55e00", "K-SEQ"),
        "greedy-draft rule": ("D", "#009e73", "greedy-draft rule"),
    }
    value = {(row["temperature"], row["draft"], row["rule"]): row["acceptance"] for row in table}
    drafts = list(dict.fromkeys(row["draft"] for row in table))
    figure, axes = plt.subplots(1, len(TEMPERATURES), figsize=(9.2, 3.4), sharey=True, layout="constrained")
    for axis, temperature in zip(axes, TEMPERATURES, strict=True):
        for d, draft in enumerate(drafts):
            for g, (bound, rules) in enumerate(groups.values()):
                x = d * 4 + g
                axis.bar(x, value[temperature, draft, bound], width=0.8, color="#dddddd")
                for r, rule in enumerate(rules):
                    marker, colour, label = marks[rule]
                    place = x + 0.4 * (r - (len(rules) - 1) / 2)
                    height = value[temperature, draft, rule]
                    axis.plot(place, height, marker, color=colour, ms=4, label=label if d == 0 else None)
        axis.set_title(f"temperature {temperature}", fontsize=10)
        axis.set_xticks([d * 4 + 1 for d in range(len(drafts))], drafts)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_ylim(0, 1.02)
    axes[0].set_ylabel(f"acceptance probability, {DRAFTS} drafts")
    handles, labels = axes[0].get_legend_handles_labels()
    handles.append(plt.Rectangle((0, 0), 1, 1, color="#dddddd"))
    labels.append("best possible; left to right: with, without replacement, greedy drafts")
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(HERE / "acceptance.png", dpi=160, metadata={"Software": None})
    figure.savefig(
        HERE / "acceptance.pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None}
    )


def compare(table):
    """Hold the table against expected.csv; returns the exit status."""
    with (HERE / "expected.csv").open() as file:
        expected = {(row["temperature"], row["draft"], row["rule"]): row for row in csv.DictReader(file)}
    wrong = 0
    for row in table:
        key = (str(row["temperature"]), row["draft"], row["rule"])
        want = expected[key]
        if abs(row["acceptance"] - float(want["acceptance"])) > float(want["tolerance"]):
            print(f"differs from expected.csv: {key}: {row['acceptance']:.6f}, expected {want['acceptance']}")
            wrong += 1
    print(f"{len(table) - wrong} of {len(table)} figures agree with expected.csv")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
