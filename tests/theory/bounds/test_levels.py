"""Three ways to the optimum of i.i.d. drafts in floats, one result: sort, histogram, search over levels."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.bounds.test_iid_scan import DRAFTS, FAMILIES, by_sorting
from tests.theory.strategies import frozen
from theory.bounds import IidScan, levels, optimal_acceptance
from theory.bounds.histogram import Histogram
from theory.kernels import COMPILED, collect, count_between, fill_below, put_below, read_only, six_overlaps
from theory.laws import Iid
from theory.simplex import NotADistribution, check_distribution

LARGE = 70_000

compiled = pytest.mark.skipif(not COMPILED, reason="numba is not installed: the passes run as plain Python")


def assert_right(found, p, q, k, tolerance=1e-12):
    value, inside = found
    assert value == pytest.approx(by_sorting(p, q, k), abs=tolerance)
    assert inside.dtype == bool
    assert inside.shape == p.shape
    proved = q.sum() ** k + p[inside].sum() - q[inside].sum() ** k
    assert proved == pytest.approx(value, abs=tolerance)
    assert not np.any(inside & (q == 0))


@compiled
@pytest.mark.parametrize("name", FAMILIES)
def test_levels_on_families(name):
    p, q = (frozen(side) for side in FAMILIES[name])
    for k in DRAFTS:
        assert_right(levels.optimum(p, q, k), p, q, k, tolerance=max(1e-12, 2e-14 * k))


@given(
    seed=st.integers(0, 10**6),
    size=st.integers(2, 60),
    ties=st.integers(1, 5),
    spread=st.sampled_from([1e-14, 1e-3, 1.0, 30.0]),
    k=st.sampled_from([1, 2, 3, 7, 50]),
)
@settings(max_examples=150)
def test_every_way_on_random_pairs(seed, size, ties, spread, k):
    rng = np.random.default_rng(seed)
    q = rng.dirichlet(np.ones(size)) * (rng.random(size) < 0.9) + 1e-9
    p = q * np.exp(spread * rng.integers(0, ties, size)) * rng.choice([1, 1, 1, 0], size) + 1e-12
    q *= rng.random(size) < 0.95
    q[0] += 1e-9
    p, q = frozen(p / p.sum()), frozen(q / q.sum())
    assert_right(levels.optimum(p, q, k), p, q, k)
    assert_right(Histogram(p, q).optimum(k), p, q, k)
    assert_right(IidScan(p, q)._by_sorting(k), p, q, k)


def by_fractions(p, q, k):
    """q(V)^k + min over thresholds of p(H) - q(H)^k, without rounding."""
    pairs = sorted(
        ((Fraction(x), Fraction(y)) for x, y in zip(p.tolist(), q.tolist(), strict=True)),
        key=lambda pair: pair[0] / pair[1],
    )
    mass_p = mass_q = best = Fraction(0)
    for x, y in pairs:
        mass_p, mass_q = mass_p + x, mass_q + y
        best = min(best, mass_p - mass_q**k)
    return float(mass_q**k + best)


def crowded(spread, *, k, size=500, before=0.8):
    """Many tokens whose ratios differ by less than ``spread``, and among them the optimum.

    Along the crowd the ratio rises faster than the slope of ``s^k``; leaving it whole costs about
    ``spread^2 / 6``. Before it there is a token of mass ``before``, behind it the rest.
    """
    slope, mass = k * before ** (k - 1), before * spread / (k - 1)
    q = np.full(size, mass / size)
    p = slope * (1 + spread * np.linspace(-1, 1, size)) * q
    rest_q, low = 1 - before - mass, 0.2 * before
    p = np.concatenate([[low], p, [1 - low - p.sum()]])
    q = np.concatenate([[before - mass / 2], q, [rest_q + mass / 2]])
    order = np.random.default_rng(size).permutation(p.size)
    return frozen(p[order]), frozen(q[order])


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("spread", [1e-2, 1e-3, 1e-4, 2e-5, 8e-6, 4e-6])
def test_an_optimum_in_a_crowd(spread, k):
    """Levels that are closer than 1e-5 to each other still have an optimum between them."""
    p, q = crowded(spread, k=k)
    exact = by_fractions(p, q, k)
    inside_crowd = 0.1 < (levels.optimum(p, q, k)[1].sum() - 1) / 500 < 0.9
    assert inside_crowd
    for value, inside in (levels.optimum(p, q, k), Histogram(p, q).optimum(k), IidScan(p, q)._by_sorting(k)):
        assert value == pytest.approx(exact, rel=0, abs=3e-13)
        assert q.sum() ** k + p[inside].sum() - q[inside].sum() ** k == pytest.approx(exact, rel=0, abs=6e-13)
    # what is lost if the crowd is not opened would be seen
    ratio, slope = p / q, k * 0.8 ** (k - 1)
    for side in (-1, 1):
        mask = ratio < slope * (1 + side * spread * 1.5)
        assert q.sum() ** k + p[mask].sum() - q[mask].sum() ** k > exact + 1e-12


@pytest.mark.parametrize("size", [1, 7, 8, 9, 1023, 1024, 1025, 2500])
def test_passes_against_numpy(size):
    rng = np.random.default_rng(size)
    p, q = rng.random((2, size)) * (rng.random((2, size)) < 0.9)
    p, q = read_only(p), read_only(q)
    low, high = 0.5, 1.5
    below, between = p <= low * q, (p > low * q) & (p <= high * q)
    inside = np.empty(size, dtype=bool)
    x, y, tokens, sum_p, sum_q = collect(p, q, low, high, inside)
    assert tokens.tolist() == np.flatnonzero(between).tolist()
    assert inside.tolist() == (below & (q > 0)).tolist()
    assert x.tolist() == p[between].tolist()
    assert y.tolist() == q[between].tolist()
    assert (sum_p, sum_q) == pytest.approx((p[below].sum(), q[below].sum()))
    among = between & (p <= 0.9 * q)
    assert put_below(x, y, tokens, 0.9, inside) == pytest.approx((p[among].sum(), q[among].sum()))
    assert inside.tolist() == ((p <= 0.9 * q) & (q > 0)).tolist()
    assert count_between(p, q, low, high, 4096, 4096) == between.sum()
    assert count_between(p, q, low, high, 8, 2) == between[np.arange(size) % 8 < 2].sum()
    inside = np.empty(size, dtype=bool)
    assert fill_below(p, q, low, inside) == pytest.approx((p[below].sum(), q[below].sum(), q.sum()))
    assert inside.tolist() == (below & (q > 0)).tolist()
    at = np.array([0.1, 0.5, 1.0, 1.5, 3.0, 9.0])
    wanted = [*np.minimum(p, at[:, None] * q).sum(axis=1), q.sum()]
    assert six_overlaps(p, q, at, 2048, 2048).tolist() == pytest.approx(wanted)


@compiled
@pytest.mark.parametrize("k", [2, 5, 16])
def test_a_sample_that_tells_lies(k):
    """The guess sees the first 64 tokens of each 1024; here they are unlike the others."""
    rng = np.random.default_rng(k)
    size = 8192
    sampled = np.arange(size) % 1024 < 64
    q = rng.random(size)
    p = q * np.where(sampled, np.exp(3 + rng.normal(size=size)), np.exp(rng.normal(size=size)))
    for target, draft in ((p, q), (q, p), (np.where(sampled, 0, p), q), (p, np.where(sampled, 0, q))):
        target, draft = frozen(target / target.sum()), frozen(draft / draft.sum())
        assert_right(levels.optimum(target, draft, k), target, draft, k)


@compiled
@given(
    seed=st.integers(0, 10**6),
    centres=st.lists(st.floats(0.02, 8), min_size=1, max_size=4),
    width=st.sampled_from([1e-3, 0.03, 0.3]),
    k=st.sampled_from([2, 3, 5, 16]),
)
@settings(max_examples=60)
def test_crowds_that_mislead_the_window(seed, centres, width, k):
    """Ratios in clusters, as many optima as clusters: a window about the wrong one must not decide."""
    rng = np.random.default_rng(seed)
    q = rng.dirichlet(np.full(6000, 0.5))
    p = q * rng.choice(centres, 6000) * np.exp(width * rng.normal(size=6000))
    p, q = frozen(p / p.sum()), frozen(q)
    assert_right(levels.optimum(p, q, k), p, q, k)


@compiled
@pytest.mark.parametrize("k", [2, 3, 8])
def test_any_window_will_do(k, monkeypatch):
    """Tokens are collected from windows chosen at random, mostly wrong ones: it costs passes only."""
    rng, collected = np.random.default_rng(k), []

    def anywhere(p, q, known, size, first, last, k, out):
        out[:] = np.sort(rng.uniform(known[0, first], known[0, last], 2))

    def counted(*arguments):
        collected.append(arguments)
        return collect(*arguments)

    monkeypatch.setattr(levels, "_to_collect", anywhere)
    monkeypatch.setattr(levels, "collect", counted)
    for spread in (0.1, 1.0, 3.0):
        q = rng.dirichlet(np.full(3000, 0.5))
        p = q * np.exp(spread * rng.normal(size=3000))
        p, q = frozen(p / p.sum()), frozen(q)
        assert_right(levels.optimum(p, q, k), p, q, k)
    assert len(collected) > 3


@compiled
@pytest.mark.parametrize("k", [2, 3])
def test_supports_that_barely_meet(k):
    """Where the sample sees no token of both p and q: the bound is 0, or what few tokens share."""
    rng = np.random.default_rng(k)
    p, q = np.zeros(9000), np.zeros(9000)
    p[:4500], q[4500:] = rng.random((2, 4500))
    p, q = frozen(p / p.sum()), frozen(q / q.sum())
    value, inside = levels.optimum(p, q, k)
    assert value == 0
    assert inside.tolist() == (q > 0).tolist()
    shared = np.array(q)
    shared[2000] = 1e-3  # not in the sample: its place in a thousand is above 64
    shared = frozen(shared / shared.sum())
    assert levels.optimum(p, shared, k)[0] > 0
    assert_right(levels.optimum(p, shared, k), p, shared, k)


@compiled
@pytest.mark.parametrize("k", [1, 2, 8])
def test_the_scan_at_a_large_vocabulary(k, monkeypatch):
    """Where the search over levels is what runs, and where numba is missing: the same bound."""
    rng = np.random.default_rng(0)
    q = rng.dirichlet(np.full(LARGE, 0.2))
    p = q * np.exp(rng.normal(size=LARGE))
    p, q = frozen(p / p.sum()), frozen(q)
    fast = optimal_acceptance(p=p, law=Iid(q, k))
    monkeypatch.setattr("theory.bounds.iid._COMPILED", 10**9)
    pure = optimal_acceptance(p=p, law=Iid(q, k))
    assert fast.value == pytest.approx(pure.value, abs=1e-12)
    assert_right((fast.value, fast.dual_set), p, q, k)
    assert fast.verify(p=p, law=Iid(q, k), tolerance=1e-12) == pytest.approx(pure.value, abs=1e-12)
    single = optimal_acceptance(p=p.astype(np.float32), law=Iid(q.astype(np.float32), k))
    assert single.value == pytest.approx(pure.value, abs=1e-5)


@compiled
def test_views_of_memory():
    p, q = FAMILIES["correlated"]
    expected = levels.optimum(p, q, 4)[0]
    wide = np.stack([p, q], axis=1)
    assert levels.optimum(wide[:, 0], wide[:, 1], 4)[0] == pytest.approx(expected, abs=1e-14)
    assert levels.optimum(p[::-1], q[::-1], 4)[0] == pytest.approx(expected, abs=1e-14)


SCRIPT = """
import numpy as np
from theory.bounds import levels
rng = np.random.default_rng(3)
for _ in range(6):
    p, q = rng.dirichlet(np.full(200, 0.3)), rng.dirichlet(np.full(200, 0.3))
    for k in (1, 2, 6):
        print(repr(float(levels.optimum(p, q, k)[0])))
"""


@compiled
def test_compiled_and_plain_agree():
    """The same functions as plain Python, in a process of their own."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", SCRIPT]
    plain = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rng = np.random.default_rng(3)
    values = []
    for _ in range(6):
        p, q = rng.dirichlet(np.full(200, 0.3)), rng.dirichlet(np.full(200, 0.3))
        values += [levels.optimum(p, q, k)[0] for k in (1, 2, 6)]
    np.testing.assert_allclose([float(line) for line in plain.stdout.split()], values, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (np.nan, "q has the entry nan at token 69000"),
        (np.inf, "q has the entry inf at token 69000"),
        (-1e-9, "q has the entry -1e-09 at token 69000"),
        (0.5, "q sums to 1.4"),
    ],
)
def test_large_arrays_are_checked_too(entry, message):
    values = np.full(LARGE, 1 / LARGE)
    assert check_distribution(values) is values
    values[69_000] = entry
    with pytest.raises(NotADistribution, match=message):
        check_distribution(values, name="q")
    strided = np.stack([values, values], axis=1)[:, 0]
    with pytest.raises(NotADistribution, match=message):
        check_distribution(strided, name="q")
