"""Time of the static optima, as ratios to named references, and the figures quoted in docs/trees.md.

Run with ``python benchmarks/shapes.py``. CPU seconds of this process (one thread). References: the time of Sequoia's
``tree_search.py`` (depth cap 10, 32 branches), 1941 s at N = 512 on a two-core machine; the plain-Python dynamic
program below, its recurrence written out; and one ``numpy.sort`` of N numbers.
"""

import time

import numpy as np

from theory.shapes import (
    Profile,
    RankTrace,
    allocate,
    best_first,
    fewest_rounds,
    growth_law,
    max_plus,
    plug_in_regret,
    projection_regret,
    rounds_bound,
    samples_needed,
    value_by_counts,
)

SEQUOIA_512 = 1941.0
#: Rises at rank 9, as measured vectors do.
RISING = [0.56, 0.11, 0.05, 0.03, 0.025, 0.02, 0.015, 0.013, 0.003, 0.012, 0.01, 0.008, 0.006, 0.005]


def seconds(function, repeats=3):
    """Least CPU time of some calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def plain(p, nodes, depth):
    """Sequoia's Appendix F in plain Python: every state in three loops."""
    ranks = len(p)
    below = [1.0] * (nodes + 1)
    for _ in range(depth):
        forest = [0.0] * (nodes + 1)
        for rank in reversed(range(ranks)):
            forest = [
                max((p[rank] * below[i] + forest[m - 1 - i] for i in range(m)), default=0.0)
                for m in range(nodes + 1)
            ]
        below = [1 + value for value in forest]
    return below


def static():
    rng = np.random.default_rng(0)
    p = np.sort(rng.dirichlet(np.ones(33)))[::-1][:32]
    profile, raw = Profile.positional(p), Profile.positional(rng.permutation(p))
    reference = seconds(lambda: plain(list(p), 64, 10), 1)
    ours = seconds(lambda: max_plus(profile, nodes=64, max_depth=10))
    print(
        f"dynamic program, N = 64: {reference:.2f} s in plain Python, {ours * 1e3:.1f} ms: {reference / ours:.0f}x"
    )
    for nodes in (512, 2048):
        took = seconds(lambda nodes=nodes: max_plus(raw, nodes=nodes, max_depth=10), 2)
        note = f": {SEQUOIA_512 / took:.0f}x the published code's 1941 s" if nodes == 512 else ""
        print(f"dynamic program, N = {nodes}, depth 10, 32 branches: {took:.2f} s{note}")
    print(f"dynamic program, N = 2048, no depth cap: {seconds(lambda: max_plus(raw, nodes=2048), 2):.2f} s")
    for nodes in (64, 512, 2048):
        took = seconds(lambda nodes=nodes: best_first(profile, nodes=nodes, max_depth=10).shape(), 9)
        sort = seconds(lambda nodes=nodes: np.sort(rng.random(nodes)), 9)
        print(
            f"best first with its tree, N = {nodes}: {took * 1e3:.2f} ms, {took / max(sort, 1e-9):.0f} sorts"
        )
    proof = best_first(profile, nodes=2048, max_depth=10).certificate()
    print(f"its certificate checked, N = 2048: {seconds(proof.verify) * 1e3:.2f} ms")
    exact, quick = max_plus(profile, nodes=2048, max_depth=10), best_first(profile, nodes=2048, max_depth=10)
    print(f"largest difference of both over all n <= 2048: {np.abs(exact.values - quick.values).max():.1e}")


def laws():
    for p in ([0.6, 0.25, 0.15], [0.5, 0.2, 0.1]):
        law = growth_law(p)
        for nodes in (10**6, 10**18):
            took = seconds(lambda p=p, nodes=nodes: value_by_counts(p, nodes=nodes))
            exact = value_by_counts(p, nodes=nodes)
            print(
                f"{p}, n = {nodes:.0e}: exact {exact:.5f} ({took * 1e3:.1f} ms), law {float(law.value(nodes)):.5f}"
            )


def rising():
    profile = Profile.positional(RISING)
    for nodes in (64, 512, 2048):
        print(
            f"projected profile's tree, N = {nodes}: gives away {100 * projection_regret(profile, nodes=nodes).regret:.3f}%"
        )


def estimated():
    profile = Profile.positional(np.sort(RISING)[::-1])
    rng = np.random.default_rng(0)
    for samples in (100, 667, 2000, 20_000):
        losses = [plug_in_regret(profile, samples=samples, nodes=n, rng=rng, repeats=100) for n in (64, 512)]
        text = ", ".join(f"{100 * x.value:.3f}% (s.e. {100 * x.standard_error:.3f})" for x in losses)
        print(f"tree from {samples} samples, N = 64 and 512: gives away {text} on average")
    for regret in (0.05, 0.02, 0.01):
        print(
            f"samples that certify {100 * regret:g}% at N = 64: {samples_needed(profile, nodes=64, regret=regret)}"
        )


def ranks_of_a_text(rng, length):
    laws_ = ([0.9, 0.05, 0.02, 0.01, 0.02], [0.35, 0.2, 0.12, 0.08, 0.25])
    hard, out = 0, []
    for _ in range(length):
        hard = hard if rng.random() > 0.15 else 1 - hard
        drawn = int(rng.choice(5, p=laws_[hard]))
        out.append(drawn if drawn < 4 else -1)
    return out


def rounds():
    rng = np.random.default_rng(0)
    trace = RankTrace([ranks_of_a_text(rng, 500), ranks_of_a_text(rng, 500)], max_depth=8, max_children=4)
    for nodes in (8, 16, 32):
        found, bound = fewest_rounds(trace, nodes=nodes), rounds_bound(trace, nodes=nodes)
        bound.verify()
        print(
            f"rounds of 1000 tokens, {nodes} nodes: averages {found.start_rounds}, found {found.rounds}, "
            f"proved at least {bound.lower} (clairvoyant {found.clairvoyant})"
        )


def batches():
    rng = np.random.default_rng(0)
    for requests in (8, 128, 1024):
        rates = rng.beta(3, 1.5, requests)
        curves = [np.cumsum(rate ** np.arange(17)) for rate in rates]
        # a call takes 5.9 ms and 21 microseconds a token; a token a request is always there
        times = 7.1e-3 + 2.1e-5 * (requests + np.arange(16 * requests + 1))
        found = allocate(curves, times=times)
        uniform = max(sum(curve[k] for curve in curves) / times[k * requests] for k in range(17))
        took = seconds(lambda curves=curves, times=times: allocate(curves, times=times))
        print(
            f"batch of {requests}: {100 * (found.rate / uniform - 1):.1f}% over the best uniform length, {took * 1e3:.1f} ms"
        )


if __name__ == "__main__":
    for part in (static, laws, rising, estimated, rounds, batches):
        part()
