"""Independent, different drafters: branch and bound against all subsets, max-flow, and itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.audit import brute_force_bound, subsets
from tests.theory.strategies import F, as_floats, floats, fractions, frozen, problems
from theory.bounds import dual_value, independent, optimal_acceptance, optimal_iid
from theory.laws import Independent
from theory.transport import membership_problem, solve_max_flow


def truth(p, drafters):
    """All subsets, on the very floats."""
    p, drafters = [F(float(x)) for x in p], [[F(float(x)) for x in q] for q in drafters]
    best = F(1)
    for inside in subsets(len(p)):
        product = F(1)
        for q in drafters:
            product *= sum((q[t] for t in inside), F(0))
        best = min(best, 1 + sum((p[t] for t in inside), F(0)) - product)
    return best


def assert_holds(p, drafters, width=3e-12):
    law = Independent(tuple(drafters))
    bound = optimal_acceptance(p=p, law=law)
    exact = truth(p, drafters)
    assert bound.kind == "interval"
    assert F(float(bound.lower)) <= exact <= F(float(bound.upper)) + F(1, 10**15)
    assert 0 <= bound.gap < width
    assert bound.verify(p=p, law=law, tolerance=1e-14) == pytest.approx(bound.upper, abs=1e-14)
    return bound


@given(
    seed=st.integers(0, 10**6),
    size=st.integers(2, 8),
    count=st.integers(1, 4),
    peak=st.sampled_from([0.1, 1.0, 5.0]),
)
@settings(max_examples=60)
def test_random_drafters_against_all_subsets(seed, size, count, peak):
    rng = np.random.default_rng(seed)
    p, *drafters = (frozen(row) for row in rng.dirichlet(np.full(size, peak), size=count + 1))
    assert_holds(p, drafters)


@given(problem=problems(law="independent", sizes=(5, 6), drafts=(2, 3)))
@settings(max_examples=60)
def test_ties_and_zeros_against_all_subsets(problem):
    p, law = problem
    bound = optimal_acceptance(p=floats(p), law=as_floats(law))
    exact = brute_force_bound(p, law)
    assert float(exact) - 3e-12 <= bound.lower <= bound.upper <= float(exact) + 1e-12


@given(problem=problems(law="independent", sizes=(3, 4, 5), drafts=(2, 3)))
@settings(max_examples=40)
def test_max_flow_finds_the_same(problem):
    """A plan that attains the bound exists: primal and dual, exactly."""
    p, law = problem
    solution = solve_max_flow(membership_problem(p=p, law=law))
    assert solution.value == optimal_acceptance(p=p, law=law).value
    bound = optimal_acceptance(p=floats(p), law=as_floats(law))
    assert bound.value == pytest.approx(float(solution.value), abs=3e-12)


def noisy_drafters(size, count, *, seed=0, peak=0.2):
    rng = np.random.default_rng(seed)
    base = rng.dirichlet(np.full(size, peak))
    rows = [base * np.exp((0.5 + 0.3 * j) * rng.normal(size=size)) for j in range(count + 1)]
    return [frozen(row / row.sum()) for row in rows]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_at_a_large_vocabulary(count):
    """The set is a threshold of its own slopes, and no better one is next to it."""
    p, *drafters = noisy_drafters(20_000, count)
    bound = optimal_acceptance(p=p, law=Independent(tuple(drafters)))
    inside = bound.dual_set
    assert 0.5 < bound.lower <= bound.upper < 1
    assert bound.gap < 2e-12
    masses = np.array([q[inside].sum() for q in drafters])
    slopes = [np.prod(np.delete(masses, j)) for j in range(count)]
    limit = sum(slope * q for slope, q in zip(slopes, drafters, strict=True))
    assert np.all(p[inside] <= limit[inside] * (1 + 1e-9))
    assert np.all(p[~inside] >= limit[~inside] * (1 - 1e-9))
    rng = np.random.default_rng(1)
    for token in rng.integers(0, p.size, 30):
        other = inside.copy()
        other[token] = not other[token]
        assert dual_value(p, Independent(tuple(drafters)), other) >= bound.upper - 1e-13


def test_equal_drafters_are_iid_ones():
    p, q = noisy_drafters(3000, 1)
    for k in (1, 2, 3, 5):
        same = optimal_acceptance(p=p, law=Independent((q,) * k))
        assert same.value == pytest.approx(optimal_iid(p, q, (k,))[0].value, abs=3e-12)


def test_the_order_of_drafters_is_no_matter():
    p, *drafters = noisy_drafters(2000, 3)
    values = [
        optimal_acceptance(p=p, law=Independent(tuple(drafters[i] for i in order))).value
        for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0))
    ]
    np.testing.assert_allclose(values, values[0], rtol=0, atol=2e-12)


def test_one_more_drafter_never_hurts():
    p, *drafters = noisy_drafters(2000, 5, peak=1.0)
    values = [optimal_acceptance(p=p, law=Independent(tuple(drafters[:n]))).upper for n in range(1, 6)]
    assert np.all(np.diff(values) >= -2e-12)


def test_a_search_given_up_is_still_right(monkeypatch):
    rng = np.random.default_rng(5)
    p, *drafters = (frozen(row) for row in rng.dirichlet(np.full(300, 0.3), size=5))
    law = Independent(tuple(drafters))
    full = optimal_acceptance(p=p, law=law)
    monkeypatch.setattr(independent, "_BOXES", 2)
    early = optimal_acceptance(p=p, law=law)
    assert early.lower <= full.lower + 1e-12
    assert early.upper >= full.upper - 1e-12
    assert early.gap > 1e-6


def test_positions_share_the_drafters():
    p, *drafters = noisy_drafters(50, 2)
    batch = frozen(np.stack([p, drafters[0], drafters[1]]))
    law = Independent(tuple(drafters))
    whole = optimal_acceptance(p=batch, law=law)
    assert whole.dual_set.shape == batch.shape
    for index in range(3):
        one = optimal_acceptance(p=batch[index], law=law)
        assert (one.lower, one.upper) == (whole.lower[index], whole.upper[index])
    np.testing.assert_allclose(whole.verify(p=batch, law=law), whole.upper, rtol=0, atol=1e-14)


def test_an_altered_set_is_found_out():
    p, *drafters = noisy_drafters(100, 2)
    law = Independent(tuple(drafters))
    bound = optimal_acceptance(p=p, law=law)
    with pytest.raises(ValueError, match="was altered"):
        replace(bound, dual_set=~bound.dual_set).verify(p=p, law=law)
    with pytest.raises(ValueError, match="another p or law"):
        bound.verify(p=p, law=Independent(tuple(drafters[::-1][:1])))


@pytest.mark.parametrize(
    ("p", "drafters"),
    [
        ([1, 0, 0], [[0, 1, 0], [0, 0, 1]]),
        ([0, 0, 1], [[1, 0, 0], [1, 0, 0]]),
        ([1, 1, 1, 1], [[1, 1, 1, 1]] * 3),
        ([1, 2, 3, 4], [[1, 2, 3, 4], [4, 3, 2, 1]]),
        ([1, 1, 1, 0], [[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]),
        ([1] * 12, [[1] * 12, [1] * 6 + [2] * 6]),
    ],
    ids=["disjoint", "never", "all equal", "reversed", "one each", "many ties"],
)
def test_by_hand(p, drafters):
    assert_holds(floats(fractions(p)), [floats(fractions(q)) for q in drafters])
