"""Drafts shared by the parents of a level: the sum of their bounds, the best list, the limit of all laws."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.audit import brute_force_bound
from tests.theory.strategies import MAKERS, F, distributions, floats, fractions, frozen
from theory.bounds import best_shared_list, optimal_shared, shared_limit
from theory.laws import Iid, Independent, Point, WithoutReplacement
from theory.transport import membership_problem, solve_max_flow


@st.composite
def levels(draw, parents=(1, 2, 3), size=4):
    """Targets and reach of the parents of a level, in fractions."""
    count = draw(st.sampled_from(parents))
    p = [draw(distributions(size)) for _ in range(count)]
    weights = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    return frozen(np.array(p, dtype=object)), frozen(np.array([F(w, 10) for w in weights], dtype=object))


@pytest.mark.parametrize("name", ["iid", "without replacement", "independent", "point"])
def test_the_sum_of_optimal_couplings_attains_it(name):
    """One plan for each parent (max-flow), joined by who is reached: its hits are the bound, exactly."""

    @given(level=levels(), q=distributions(4, 2), other=distributions(4))
    @settings(max_examples=25)
    def check(level, q, other):
        p, weights = level
        law = MAKERS[name](q, 2, [other])
        bound = optimal_shared(p=p, weights=weights, law=law)
        plans = [solve_max_flow(membership_problem(p=row, law=law)).value for row in p]
        assert bound.value == bound.lower == bound.upper == sum(weights * np.array(plans, dtype=object))
        assert bound.value == sum(w * brute_force_bound(row, law) for w, row in zip(weights, p, strict=True))
        assert bound.verify(p=p, law=law, tolerance=0) == bound.value

    check()


@given(level=levels(), k=st.integers(1, 3))
@settings(max_examples=60)
def test_the_best_list_among_all(level, k):
    p, weights = level
    drafts, hits = best_shared_list(p=p, weights=weights, k=k)
    lists = [sum(weights * p[:, list(chosen)].sum(axis=1)) for chosen in combinations(range(4), k)]
    assert hits == max(lists)
    assert hits == optimal_shared(p=p, weights=weights, law=drafts).value
    assert drafts.k == k


@given(level=levels(), q=distributions(4, 3), other=distributions(4), k=st.integers(1, 3))
@settings(max_examples=40)
def test_no_law_is_beyond_the_limit(level, q, other, k):
    p, weights = level
    limit, chances = shared_limit(p=p, weights=weights, k=k)
    assert np.all((chances >= 0) & (chances <= 1))
    assert sum(chances) <= k
    assert limit == sum(weights * np.minimum(p, chances).sum(axis=1))
    laws = [Iid(q, k), WithoutReplacement(q, k), Independent((q, other, q)[:k]), Point.top(q, k)]
    for law in laws:
        assert optimal_shared(p=p, weights=weights, law=law).value <= limit
    assert best_shared_list(p=p, weights=weights, k=k)[1] <= limit <= sum(weights)


@given(level=levels())
@settings(max_examples=40)
def test_the_limit_of_one_draft_is_attained(level):
    p, weights = level
    limit, chances = shared_limit(p=p, weights=weights, k=1)
    left = chances + fractions([1, 1, 1, 1]) * (1 - sum(chances))  # spare mass hurts nobody
    assert optimal_shared(p=p, weights=weights, law=Iid(frozen(left), 1)).value == limit


def test_one_parent_is_no_level():
    p = fractions([5, 3, 2, 0])
    assert shared_limit(p=p[None], weights=[F(1)], k=1)[0] == 1
    assert best_shared_list(p=p[None], weights=[F(1)], k=2)[1] == F(4, 5)


def test_floats():
    rng = np.random.default_rng(0)
    p, q = frozen(rng.dirichlet(np.full(500, 0.2), size=4)), frozen(rng.dirichlet(np.full(500, 0.2)))
    weights = frozen(np.array([0.5, 0.2, 0.2, 0.05]))
    for law in (Iid(q, 4), WithoutReplacement(q, 4), Independent((q, p[0]))):
        bound = optimal_shared(p=p, weights=weights, law=law)
        assert bound.lower <= bound.value <= bound.upper <= 0.95
        assert bound.verify(p=p, law=law) == pytest.approx(bound.upper, abs=1e-9)
        forged = replace(bound, parents=replace(bound.parents, upper=bound.parents.upper + 1e-3))
        with pytest.raises(ValueError, match="was altered"):
            forged.verify(p=p, law=law)
    assert shared_limit(p=p, weights=weights, k=4)[0] <= 0.95 + 1e-12


def test_what_is_no_level():
    p = floats([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    law = Point([0])
    with pytest.raises(ValueError, match="weights has the entry -1"):
        optimal_shared(p=p, weights=[-1.0, 0.5], law=law)
    with pytest.raises(ValueError, match=r"one target a parent, shape \(3, V\)"):
        optimal_shared(p=p, weights=[0.1, 0.1, 0.1], law=law)
    with pytest.raises(ValueError, match=r"one number a parent, shape \(n,\)"):
        best_shared_list(p=p, weights=[[0.5, 0.5]], k=1)
    with pytest.raises(ValueError, match="use one kind"):
        shared_limit(p=p, weights=[F(1, 2), F(1, 2)], k=1)
    with pytest.raises(ValueError, match="number of drafts must be an integer"):
        shared_limit(p=p, weights=[0.5, 0.5], k=0)
