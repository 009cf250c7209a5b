"""Time of the bounds, as multiples of one ``numpy.sort`` of the same array, and of generic solvers at small sizes.

Run with ``python benchmarks/bounds.py [--plot FILE.png] [--quick] [--family A,B] [--vocabularies 32000,128000]``.
All times are processor time. Each ratio is the median over rounds in which the bound and the sort were timed one
right after the other (minima of a few repeats each), validation of p and q included; it is what to quote, not
the seconds. Columns:

* ``iid``: as installed (compiled from a vocabulary of 65,536 on if numba is there); ``iid, pure``: without numba;
* ``without replacement``: certified to about 1e-11;
* ``two drafters``: independent drafts of q and of a noisy q, certified to about 1e-12 (k does not matter);
* ``top k + sample``.

The second table solves the transport problem itself by HiGHS, POT (if installed) and scipy's max-flow (integer
capacities in units of 1e-9), where they can; the bound needs no such solver.
"""

import argparse
import statistics
import time

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import maximum_flow

from specsim.sources.synthetic import family
from theory import simplex
from theory.bounds import iid, optimal_acceptance
from theory.laws import Iid, Independent, TopKPlusSample, WithoutReplacement
from theory.transport import membership_problem, solve_linear_program

VOCABULARIES = (1_000, 8_000, 32_000, 128_000)
DRAFTS = (1, 2, 4, 8, 16)
SMALL = ((10, 2), (20, 2), (50, 2), (10, 4))
ROUNDS = 7
UNIT = 10**9


def seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def ratio_to_sort(function, array, rounds):
    """Median of time over the sort's, and the sort's time."""
    function()
    ratios, sorts = [], []
    for _ in range(rounds):
        sorts.append(min(seconds(lambda: np.sort(array)) for _ in range(max(3, 200_000 // array.size))))
        ratios.append(min(seconds(function) for _ in range(3)) / sorts[-1])
    return statistics.median(ratios), statistics.median(sorts)


def pure(function):
    """The function with compiled code out of reach."""

    def run():
        limits = iid._COMPILED, simplex.LARGE
        iid._COMPILED = simplex.LARGE = 10**12
        try:
            return function()
        finally:
            iid._COMPILED, simplex.LARGE = limits

    return run


def noisy(q, rng):
    weights = q * np.exp(0.5 * rng.normal(size=q.size))
    return weights / weights.sum()


def cases(p, q, k, rng):
    """The bounds to time, by name."""
    other = noisy(q, rng)
    out = {
        "iid": lambda: optimal_acceptance(p=p, law=Iid(q, k)),
        "iid, pure": pure(lambda: optimal_acceptance(p=p, law=Iid(q, k))),
        "without replacement": lambda: optimal_acceptance(p=p, law=WithoutReplacement(q, k)),
        "top k + sample": lambda: optimal_acceptance(p=p, law=TopKPlusSample(q, k)),
    }
    if k == 2:
        out["two drafters"] = lambda: optimal_acceptance(p=p, law=Independent((q, other)))
    return out


COLUMNS = ("iid", "iid, pure", "without replacement", "two drafters", "top k + sample")


def large_table(rounds, name, vocabularies):
    """Ratios by (V, k): a dictionary for each column; printed as they come."""
    rng = np.random.default_rng(0)
    print(f"family {name}; times as multiples of one numpy.sort of p")
    print(f"{'V':>8} {'k':>3} {'sort, ms':>9}" + "".join(f"{column:>21}" for column in COLUMNS))
    found = {}
    for vocabulary in vocabularies:
        pair = family(name).pair(vocabulary=vocabulary, rng=rng)
        for k in DRAFTS:
            timed = {
                column: ratio_to_sort(run, pair.p, rounds)
                for column, run in cases(pair.p, pair.q, k, rng).items()
            }
            sort = statistics.median(sort for _, sort in timed.values())
            found[vocabulary, k] = {column: ratio for column, (ratio, _) in timed.items()} | {"sort": sort}
            cells = "".join(f"{timed[c][0]:>21.2f}" if c in timed else f"{'':>21}" for c in COLUMNS)
            print(f"{vocabulary:>8} {k:>3} {sort * 1e3:>9.3f}{cells}", flush=True)
    return found


def by_max_flow(problem):
    """The optimum by scipy's integer max-flow: source, drafted sets, tokens, sink."""
    sets, tokens = len(problem.sets), problem.vocabulary
    token, column = np.nonzero(problem.membership)
    start = np.concatenate([np.zeros(sets), 1 + column, 1 + sets + np.arange(tokens)])
    end = np.concatenate([1 + np.arange(sets), 1 + sets + token, np.full(tokens, 1 + sets + tokens)])
    capacity = np.concatenate(
        [np.round(problem.weights * UNIT), np.full(token.size, UNIT), np.round(problem.p * UNIT)]
    )
    size = sets + tokens + 2
    graph = sparse.csr_array((capacity.astype(np.int32), (start.astype(int), end.astype(int))), (size, size))
    return maximum_flow(graph, 0, size - 1).flow_value / UNIT


def by_pot(problem):
    import ot

    missed = 1.0 - problem.membership
    return 1.0 - ot.emd2(problem.p, problem.weights / problem.weights.sum(), missed)


def small_table():
    """Generic solvers against the bound, where they can."""
    print("\ntransport solvers at small sizes: ms (difference from the bound)")
    print(
        f"{'V':>4} {'k':>2} {'sets':>6}  {'bound':>8}  {'HiGHS':>20}  {'max-flow, scipy':>20}  {'POT emd':>20}"
    )
    rng = np.random.default_rng(1)
    for vocabulary, k in SMALL:
        p, q = rng.dirichlet(np.ones(vocabulary), size=2)
        law = Iid(q, k)
        bound = optimal_acceptance(p=p, law=law).value
        own = min(seconds(lambda law=law, p=p: optimal_acceptance(p=p, law=law)) for _ in range(5))
        problem = membership_problem(p=p, law=law)
        solvers = (lambda problem: solve_linear_program(problem).value, by_max_flow, by_pot)
        cells = [cell(solver, problem, bound) for solver in solvers]
        print(
            f"{vocabulary:>4} {k:>2} {len(problem.sets):>6}  {own * 1e3:>8.3f}  "
            + "  ".join(f"{text:>20}" for text in cells),
            flush=True,
        )


def cell(solver, problem, bound):
    try:
        value = solver(problem)
        spent = min(seconds(lambda: solver(problem)) for _ in range(2))
    except ImportError:
        return "not installed"
    return f"{spent * 1e3:.1f} ({abs(value - bound):.0e})"


def plot(found, path):
    """Time against V at k = 4, and against k at the largest V."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True, layout="constrained")
    for column in COLUMNS:
        fixed = 2 if column == "two drafters" else 4
        points = [(v, 1e3 * r[column] * r["sort"]) for (v, k), r in found.items() if k == fixed]
        label = f"{column} (k = 2)" if fixed == 2 else column
        (line,) = left.loglog(*zip(*points, strict=True), marker="o", label=label)
        largest = [
            (k, 1e3 * r[column] * r["sort"])
            for (v, k), r in found.items()
            if v == max(v for v, _ in found) and column in r
        ]
        right.loglog(*zip(*largest, strict=True), marker="o", color=line.get_color())
    vocabularies = sorted({v for v, _ in found})
    left.loglog(vocabularies, [1e3 * found[v, 4]["sort"] for v in vocabularies], "k--", label="numpy.sort")
    right.axhline(1e3 * found[vocabularies[-1], 4]["sort"], color="k", linestyle="--")
    left.set(xlabel="vocabulary", ylabel="processor time, ms", title="four drafts")
    right.set(xlabel="number of drafts k", title=f"vocabulary of {vocabularies[-1]:,}")
    right.set_xticks(DRAFTS, [str(k) for k in DRAFTS])
    right.minorticks_off()
    left.set_xticks(vocabularies, [f"{v:,}" for v in vocabularies])
    left.minorticks_off()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend(fontsize="small", frameon=False)
    figure.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE.png")
    parser.add_argument(
        "--family", default="zipf", help="of specsim.sources.synthetic (zipf); several by commas"
    )
    parser.add_argument("--vocabularies", default=",".join(map(str, VOCABULARIES)), help="several by commas")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: noisier")
    given = parser.parse_args()
    vocabularies = [int(text) for text in given.vocabularies.split(",")]
    for name in given.family.split(","):
        found = large_table(3 if given.quick else ROUNDS, name, vocabularies)
    small_table()
    if given.plot:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
