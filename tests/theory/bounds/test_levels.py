"""Three ways to the optimum of i.i.d. drafts in floats, one result: sort, histogram, search over levels."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.bounds.test_iid_scan import DRAFTS, FAMILIES, by_sorting
from tests.theory.strategies import frozen
from theory.bounds import IidScan, levels, optimal_acceptance
from theory.bounds.histogram import Histogram
from theory.kernels import COMPILED
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
