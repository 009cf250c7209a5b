"""Bounds of drafts without replacement in floats: the interval, its ends and its certificate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.audit import subsets
from tests.theory.strategies import F, floats, frozen
from tests.theory.test_race import reference_at_full_size, truth
from theory.bounds import RaceBound, optimal_acceptance, optimal_iid
from theory.laws import WithoutReplacement


def exact_bound(p, q, k):
    """All subsets, on the very floats."""
    return min(1 + sum(F(float(p[t])) for t in inside) - truth(q, inside, k) for inside in subsets(p.size))


def assert_holds(p, q, k, *, width=1e-10):
    bound = optimal_acceptance(p=p, law=WithoutReplacement(q, k))
    exact = exact_bound(p, q, k)
    assert bound.kind == "interval"
    assert F(float(bound.lower)) <= exact <= F(float(bound.upper)) + F(1, 10**15), (bound, float(exact))
    assert 0 <= bound.gap < width
    assert bound.verify(p=p, law=WithoutReplacement(q, k)) == pytest.approx(bound.upper, abs=1e-10)


@given(
    seed=st.integers(0, 10**6),
    size=st.integers(2, 6),
    peak=st.sampled_from([0.05, 0.3, 1.0, 5.0]),
    data=st.data(),
)
@settings(max_examples=80)
def test_random_pairs(seed, size, peak, data):
    rng = np.random.default_rng(seed)
    p, q = (rng.dirichlet(np.full(size, peak)) + 1e-12 for _ in range(2))
    k = data.draw(st.integers(1, min(4, size)))
    assert_holds(floats(p / p.sum()), floats(q / q.sum()), k)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([0.5, 0.25, 0.25], [1 - 1e-12, 6e-13, 4e-13]),
        ([1 - 1e-12, 6e-13, 4e-13], [0.5, 0.25, 0.25]),
        ([0.5, 0.25, 0.25], [1.0, 1e-16, 1e-17]),
        ([0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]),
        ([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]),
        ([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]),
        ([0, 0.5, 0.5, 0], [0.5, 0, 0.5, 0]),
        ([0.2, 0.2, 0.6, 0], [0.3, 0.3, 0.3, 0.1]),
        ([0.5, 0.25, 0.125, 0.125], [2**-30, 2**-20, 2**-10, 1 - 2**-10 - 2**-20 - 2**-30]),
    ],
    ids=["peaked", "peaked p", "flat out", "equal", "same", "disjoint", "zeros", "tied ratios", "geometric"],
)
def test_adversaries(p, q):
    for k in range(1, int((np.array(q) > 0).sum()) + 1):
        assert_holds(floats(p), floats(q), k)


@pytest.mark.parametrize(("light", "width"), [(1e-150, 1e-10), (1e-250, 1e-10), (5e-324, 1.1)])
def test_tokens_far_below_one(light, width):
    """Where the float range ends the interval may be wide, but it holds the truth."""
    p, q = floats([0.5, 0.25, 0.25]), floats([1.0, light, 2 * light])
    for k in (2, 3):
        assert_holds(p, q, k, width=width)


def test_the_ends_are_ordered_and_grow_with_k():
    rng = np.random.default_rng(0)
    p, q = frozen(rng.dirichlet(np.full(3000, 0.1))), frozen(rng.dirichlet(np.full(3000, 0.1)))
    bound = RaceBound(p, q, 8)
    previous = np.minimum(p, q).sum()
    for k, repeated in zip((1, 2, 4, 8), optimal_iid(p, q, (1, 2, 4, 8)), strict=True):
        lower, upper, inside = bound.optimum(k)
        assert lower <= upper <= lower + 1e-10
        assert upper >= previous - 1e-10
        assert upper >= repeated.value - 1e-10
        if k > 1:
            recomputed = 1 + p[inside].sum() - reference_at_full_size(q, inside, k)
            assert recomputed == pytest.approx(upper, abs=2e-9)
        previous = upper


def test_no_threshold_of_the_ratio_does_better():
    """The search opens a few prefixes only; here all of them are evaluated by the other quadrature."""
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.full(60, 0.3)), rng.dirichlet(np.full(60, 0.3))
    lower, upper, _ = RaceBound(frozen(p), frozen(q), 3).optimum(3)
    order = np.argsort(p / q)
    values = [1.0]
    for size in range(1, 60):
        inside = np.isin(np.arange(60), order[:size])
        values.append(1 + p[inside].sum() - reference_at_full_size(q, inside, 3))
    assert lower - 2e-9 <= min(values) <= upper + 2e-9
