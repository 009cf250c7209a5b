"""What known verification rules leave on the table: expected accepted drafts against the certified optimum.

For families of target and draft, and for tokens of the shipped trace merged to a small vocabulary, solves the
linear program of one round, and sets every rule's exact expected length beside it. Run it with

    python papers/optimality-gap-atlas/reproduce.py           # writes table.csv and gap.png
    python papers/optimality-gap-atlas/reproduce.py --full    # more trees: table-full.csv and gap-full.png

Each run is compared with its recorded table, expected.csv or expected-full.csv.
"""

import argparse
import csv
import sys
from pathlib import Path

import matplotlib
import numpy as np

from specsim.sources import family
from specsim.sources.traces import Trace
from theory.multistep import (
    MultistepProblem,
    foresight_length,
    path_levels,
    pooled_ways,
    priority_ways,
    scheme_trees,
    selected_length,
    solve,
    surviving_length,
    top_down_length,
    traversal_length,
)
from theory.walks import Levels, Scheme, TopDown, named

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
TRACE = HERE.parents[1] / "traces" / "smollm2-135m"
FAMILIES = ("dirichlet", "zipf", "sharpened", "flattened", "peaked")
TEMPERATURE = 1.0
INSTANCES = 8  # pairs of models a source
# vocabulary, then paths and their length or, for full trees, branching and law
QUICK = (
    (3, "paths", 1, 3),
    (3, "paths", 2, 2),
    (3, "paths", 2, 3),
    (3, "paths", 3, 2),
    (3, "without replacement", 2, 1),
)
FULL = (
    *QUICK,
    (3, "paths", 4, 2),
    (3, "paths", 3, 3),
    (4, "paths", 2, 2),
    (4, "paths", 3, 2),
    (4, "paths", 2, 3),
    (3, "tree", 2, 2),
    (3, "without replacement", 2, 2),
    (4, "without replacement", 2, 1),
)
STYLE = {
    "top-down, recursive rejection": ("o", "#999999"),
    "traversal": ("v", "#56b4e9"),
    "greedy multi-path block": ("s", "#e69f00"),
    "level by level, optimal rule": ("D", "#d55e00"),
    "multi-path block, clipped": ("P", "#0072b2"),
    "foresight block": ("*", "#009e73"),
}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--full", action="store_true", help="more trees")
    options.add_argument("--quick", action="store_true", help="the first tree only; compares nothing")
    options = options.parse_args()
    trees = FULL if options.full else QUICK[:1] if options.quick else QUICK
    table = []
    for tree in trees:
        for source, models in sources(tree):
            table += measured(source, tree, models)
            for row in table[-len(STYLE) :]:
                if row["source"] == source:
                    print(shown(row), flush=True)
    if options.quick:
        return 0
    suffix = "-full" if options.full else ""
    write(HERE / f"table{suffix}.csv", table)
    draw(table, HERE / f"gap{suffix}.png")
    for line in summary(table):
        print(line)
    return compare(table, HERE / f"expected{suffix}.csv")


def sources(tree, instances=INSTANCES):
    """Names, and the pairs of models of each instance."""
    vocabulary, length = tree[0], depth(tree)
    for name in FAMILIES:
        yield name, [drawn(name, vocabulary, seed) for seed in range(instances)]
    for draft, rows in merged_trace(vocabulary, instances).items():
        yield f"trace, {draft}", [recorded(rows, vocabulary, length, i, instances) for i in range(instances)]


def drawn(name, vocabulary, seed):
    """Models whose rows are independent pairs of a family, one for each prefix."""
    pairs = {}

    def pair(prefix):
        if prefix not in pairs:
            rng = np.random.default_rng([seed, len(prefix), *prefix])
            pairs[prefix] = family(name).pair(vocabulary=vocabulary, rng=rng)
        return pairs[prefix]

    return (lambda prefix: pair(prefix).p), (lambda prefix: pair(prefix).q)


CACHE = {}


def merged_trace(vocabulary, instances):
    """Rows of the trace with the tokens merged: the target's favourite, then the draft's, ..., all others."""
    if vocabulary not in CACHE:
        out = {}
        for block in Trace.open(TRACE).select(limit=16 * instances).blocks():
            for draft, logits in block.draft_logits.items():
                for p, q in zip(softmax(block.target_logits), softmax(logits), strict=True):
                    out.setdefault(draft, []).append(merged(p, q, vocabulary))
        CACHE[vocabulary] = out
    return CACHE[vocabulary]


def softmax(logits):
    weights = np.exp((logits - logits.max(axis=-1, keepdims=True)) / TEMPERATURE)
    return weights / weights.sum(axis=-1, keepdims=True)


def merged(p, q, vocabulary):
    kept = []
    for place in range(vocabulary - 1):
        row = (p, q)[place % 2].copy()
        row[kept] = -1
        kept.append(int(row.argmax()))
    small = [np.append(row[kept], max(1 - row[kept].sum(), 0)) for row in (p, q)]
    return tuple(row / row.sum() for row in small)


def recorded(rows, vocabulary, length, instance, instances):
    """Models of which each prefix takes the row of another recorded position, in the order of the trace."""
    prefixes = [()]
    for prefix in prefixes:
        if len(prefix) + 1 < length:
            prefixes += [(*prefix, token) for token in range(vocabulary)]
    start = instance * len(rows) // instances
    place = {prefix: (start + number) % len(rows) for number, prefix in enumerate(prefixes)}
    return (lambda prefix: rows[place[prefix]][0]), (lambda prefix: rows[place[prefix]][1])


def depth(tree):
    _, kind, _, second = tree
    return second if kind == "paths" else 2


def levels(tree):
    _, kind, first, second = tree
    if kind == "paths":
        return path_levels(first, second)
    law = named.without_replacement if kind == "without replacement" else named.iid
    return law(first), law(second)


def label(tree):
    _, kind, first, second = tree
    what = f"{first} paths of {second}" if kind == "paths" else f"[{first}, {second}] {kind}"
    return what.replace("1 paths", "1 path").replace("] tree", "] i.i.d.")


def lengths(tree, target, draft):
    """Every rule's exact expected length for these models."""
    _, kind, count, length = tree
    models = {"target": target, "draft": draft}
    found = {
        "top-down, recursive rejection": top_down_length(**models, levels=levels(tree)),
        "traversal": traversal_length(**models, levels=levels(tree)),
    }
    if kind != "paths":
        return found
    models |= {"count": count, "length": length}
    return found | {
        "greedy multi-path block": selected_length(**models, ways=priority_ways),
        "level by level, optimal rule": surviving_length(**models, ways=pooled_ways),
        "multi-path block, clipped": selected_length(**models, ways=pooled_ways),
        "foresight block": foresight_length(**models),
    }


def optimum(tree, target, draft):
    grower = Levels(levels(tree))
    if tree[1] == "paths":
        problem = MultistepProblem.paths(target=target, draft=draft, count=tree[2], length=tree[3])
    else:
        trees = scheme_trees(scheme=Scheme(grower, TopDown(None)), draft=draft)
        problem = MultistepProblem.of(trees=trees, target=target)
    return solve(problem)


def measured(source, tree, models):
    """Means over instances, one row a rule."""
    best = [optimum(tree, target, draft) for target, draft in models]
    found = [lengths(tree, target, draft) for target, draft in models]
    upper = np.array([solution.upper for solution in best])
    rows = []
    for rule in found[0]:
        values = np.array([float(row[rule]) for row in found])
        assert np.all(values <= upper + 1e-9), "a rule above the bound"
        rows.append(
            {
                "source": source,
                "vocabulary": tree[0],
                "tree": label(tree),
                "instances": len(models),
                "rule": rule,
                "accepted": values.mean(),
                "optimum_lower": np.mean([solution.lower for solution in best]),
                "optimum_upper": upper.mean(),
                "gap": (upper - values).mean(),
                "gap_largest": (upper - values).max(),
                "gap_share": (upper - values).mean() / upper.mean(),
            }
        )
    return rows


def shown(row):
    head = f"V={row['vocabulary']} {row['tree']:<26} {row['source']:<13} {row['rule']:<30}"
    return f"{head} {row['accepted']:.4f} of {row['optimum_upper']:.4f}  gap {row['gap_share']:6.2%}"


def summary(table):
    """For each tree and rule, the mean share of the optimum that is missed."""
    for vocabulary, tree in dict.fromkeys((row["vocabulary"], row["tree"]) for row in table):
        rows = [row for row in table if (row["vocabulary"], row["tree"]) == (vocabulary, tree)]
        for rule in dict.fromkeys(row["rule"] for row in rows):
            shares = [row["gap_share"] for row in rows if row["rule"] == rule]
            yield f"mean over sources: V={vocabulary} {tree:<26} {rule:<30} {np.mean(shares):6.2%}"


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: rounded(value) for key, value in row.items()} for row in rows)


def rounded(value):
    return f"{max(value, 0):.9f}" if isinstance(value, float) else value


def draw(table, path):
    """Share of the optimum that each rule misses: one panel a tree, one row a source."""
    trees = list(dict.fromkeys((row["vocabulary"], row["tree"]) for row in table))
    names = list(dict.fromkeys(row["source"] for row in table))
    columns = min(5, len(trees))
    height = -(-len(trees) // columns)
    figure, axes = plt.subplots(
        height,
        columns,
        figsize=(2.3 * columns + 1, 2.4 * height + 0.7),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    for axis, tree in zip(axes.flat, trees, strict=False):
        for row in table:
            if (row["vocabulary"], row["tree"]) == tree:
                marker, colour = STYLE[row["rule"]]
                axis.plot(100 * row["gap_share"], names.index(row["source"]), marker, color=colour, ms=5)
        axis.set_title(f"V = {tree[0]}, {tree[1]}", fontsize=8)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.tick_params(axis="x", labelsize=8)
        axis.set_xscale("symlog", linthresh=0.1)
        axis.set_xlim(-0.02, 100)
        axis.set_xticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
        axis.minorticks_off()
        axis.grid(axis="x", color="#dddddd", lw=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in list(axes.flat)[len(trees) :]:
        axis.set_visible(False)
    axes[0, 0].invert_yaxis()
    figure.supxlabel("expected accepted drafts below the optimum, per cent of the optimum", fontsize=9)
    handles = [plt.Line2D([], [], marker=m, color=c, ls="", label=name) for name, (m, c) in STYLE.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(path, dpi=160, metadata={"Software": None})


def compare(table, path):
    """Hold the table against the recorded one; returns the exit status."""
    if not path.exists():
        print(f"there is no {path.name} to compare with")
        return 1
    with path.open() as file:
        expected = {
            tuple(row[key] for key in ("source", "vocabulary", "tree", "rule")): row
            for row in csv.DictReader(file)
        }
    wrong = 0
    for row in table:
        key = (row["source"], str(row["vocabulary"]), row["tree"], row["rule"])
        for field in ("accepted", "optimum_upper"):
            if abs(row[field] - float(expected[key][field])) > 1e-6:
                print(f"differs from {path.name}: {key}: {field} is {row[field]:.9f}")
                wrong += 1
    print(f"{2 * len(table) - wrong} of {2 * len(table)} figures agree with {path.name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
