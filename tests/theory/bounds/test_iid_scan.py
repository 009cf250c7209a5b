"""The histogram scan against a plain sort, at a vocabulary where bins matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.strategies import floats, fractions, frozen
from theory.bounds import IidScan, optimal_acceptance
from theory.bounds.histogram import EDGES, Histogram
from theory.laws import Iid

V = 5000
DRAFTS = (1, 2, 3, 4, 5, 8, 16, 64, 1000)


def by_sorting(p, q, k):
    """1 + min over thresholds of p(H) - q(H)^k, on extended precision sums."""
    live = q > 0
    p, q = p[live].astype(np.longdouble), q[live].astype(np.longdouble)
    order = np.argsort(p / q, kind="stable")
    mass_p, mass_q = np.cumsum(p[order]), np.cumsum(q[order])
    return float(1 + min(0, (mass_p - mass_q**k).min()))


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def families():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=V) * 3
    noisy = logits + rng.normal(size=V)
    zipf = 1 / np.arange(1, V + 1) ** 1.1
    half = np.arange(V) < V // 2
    coarse = rng.integers(1, 4, V).astype(float)
    zeros = softmax(noisy) * (rng.random(V) < 0.5)
    edge_ratios = np.array([2.0**i for i in range(-6, 6)] + [1 + j / 32 for j in range(32)])
    on_edges = rng.choice(edge_ratios, V)
    q_edges = softmax(rng.normal(size=V))
    huge = rng.choice([1e-15, 1e-9, 1e-3, 1.0], V)
    one_hot = np.zeros(V)
    one_hot[17] = 1.0
    denormal = softmax(noisy)
    denormal[half] *= 1e-305
    overflowing = np.where(half, softmax(noisy), 1e-312)
    return {
        "correlated": (softmax(logits), softmax(noisy)),
        "cold": (softmax(logits / 0.2), softmax(noisy / 0.2)),
        "sharpened": (softmax(1.5 * logits), softmax(logits)),
        "flattened": (softmax(0.5 * logits), softmax(logits)),
        "zipf and shuffled": (zipf / zipf.sum(), rng.permutation(zipf) / zipf.sum()),
        "identical": (softmax(logits), softmax(logits)),
        "identical but for rounding": (softmax(logits), softmax(logits + 1e-13 * rng.normal(size=V))),
        "disjoint": (half / half.sum(), ~half / (~half).sum()),
        "ties": (coarse / coarse.sum(), np.full(V, 1 / V)),
        "two ratios": (np.where(half, 3.0, 1.0) / (2 * V), np.full(V, 1 / V)),
        "zeros in q": (softmax(logits), zeros / zeros.sum()),
        "zeros in p": (zeros / zeros.sum(), softmax(logits)),
        "zeros in both": (zeros / zeros.sum(), np.roll(zeros, 7) / zeros.sum()),
        "ratios on bin edges": (on_edges * q_edges / (on_edges * q_edges).sum(), q_edges),
        "exact powers of two": (np.repeat([0.5, 0.25, 0.25], [1, 1, 1]), np.array([0.25, 0.25, 0.5])),
        "huge ratios": (huge / huge.sum(), rng.permutation(huge) / huge.sum()),
        "one-hot q": (softmax(logits), one_hot),
        "one-hot p": (one_hot, softmax(logits)),
        "ratios beyond floats": (softmax(logits), overflowing / overflowing.sum()),
        "denormals in q": (softmax(logits), denormal / denormal.sum()),
        "denormals in p": (denormal / denormal.sum(), softmax(logits)),
    }


FAMILIES = families()


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name):
    p, q = (frozen(side) for side in FAMILIES[name])
    scan = IidScan(p, q)
    for k in DRAFTS:
        value, inside = scan.optimum(k)
        assert value == pytest.approx(by_sorting(p, q, k), abs=1e-12)
        assert inside.shape == p.shape
        assert inside.dtype == bool
        assert 1 + p[inside].sum() - q[inside].sum() ** k == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("name", FAMILIES)
def test_monotone_in_the_number_of_drafts(name):
    p, q = (frozen(side) for side in FAMILIES[name])
    scan = IidScan(p, q)
    values = [scan.optimum(k)[0] for k in DRAFTS]
    assert np.all(np.diff(values) > -1e-12)  # q's own sum is off one by k roundings
    assert values[0] == pytest.approx(np.minimum(p, q).sum(), abs=1e-12)
    assert -1e-12 <= values[0] <= values[-1] <= 1 + 1e-12


@given(
    seed=st.integers(0, 10**6),
    size=st.integers(2, 60),
    levels=st.integers(1, 5),
    spread=st.sampled_from([1e-14, 1e-3, 1.0, 30.0]),
    k=st.sampled_from([1, 2, 3, 7, 50]),
)
@settings(max_examples=300)
def test_random_pairs_with_many_ties_within_bins(seed, size, levels, spread, k):
    rng = np.random.default_rng(seed)
    q = rng.dirichlet(np.ones(size)) * (rng.random(size) < 0.9) + 1e-9
    p = q * np.exp(spread * rng.integers(0, levels, size)) * rng.choice([1, 1, 1, 0], size) + 1e-12
    p, q = frozen(p / p.sum()), frozen(q / q.sum())
    value, _ = IidScan(p, q).optimum(k)
    assert value == pytest.approx(by_sorting(p, q, k), abs=1e-12)


def test_every_single_bin_edge():
    """A ratio on an edge belongs to the bin above it, one float below to the bin beneath; both add up."""
    edges = EDGES[1:-1]
    assert np.all(np.diff(EDGES) > 0)
    rng = np.random.default_rng(0)
    for at in (edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf)):
        usable = at[(at > 1e-3) & (at < 1e3)]
        q = rng.dirichlet(np.ones(usable.size))
        p = usable * q
        scale = p.sum()
        scan = Histogram(frozen(p / scale), frozen(q))
        for k in (2, 5):
            assert scan.optimum(k)[0] == pytest.approx(by_sorting(p / scale, q, k), abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_exact_scan_against_floats(k):
    """The sorts in fractions and in floats and the histogram are different code for one number."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        p, q = (fractions(rng.integers(0, 50, 40).tolist()) for _ in range(2))
        exact = optimal_acceptance(p=p, law=Iid(q, k)).value
        assert optimal_acceptance(p=floats(p), law=Iid(floats(q), k)).value == pytest.approx(
            float(exact), abs=1e-12
        )


def test_layouts_of_memory():
    """Strided, reversed and read-only views are as good as fresh arrays."""
    rng = np.random.default_rng(2)
    p, q = rng.dirichlet(np.ones(50)), rng.dirichlet(np.ones(50))
    expected = IidScan(p, q).optimum(3)[0]
    wide = np.zeros((50, 2))
    wide[:, 0], wide[:, 1] = p, q
    assert IidScan(frozen(wide[:, 0]), wide[:, 1]).optimum(3)[0] == pytest.approx(expected, abs=1e-15)
    assert IidScan(p[::-1], q[::-1]).optimum(3)[0] == pytest.approx(expected, abs=1e-15)
    assert optimal_acceptance(p=np.asfortranarray([p, q]), law=Iid(np.asfortranarray([q, p]), 3)).value[
        0
    ] == pytest.approx(expected, abs=1e-15)
