"""The optimal law without replacement: within reach of every set, and as good as the bound. Fractions, ==."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import brute_force_bound, contained, product_of_conditionals, subsets
from tests.theory.strategies import F, floats, fractions, problems
from theory.laws import WithoutReplacement
from theory.raffle import race_clip_law


def hit_probabilities(law):
    """f(A) for every set, from the product of conditionals."""
    table, size = product_of_conditionals(law), law.vocabulary
    others = {a: tuple(x for x in range(size) if x not in a) for a in subsets(size)}
    return {a: 1 - contained(table, rest) for a, rest in others.items()}


def assert_optimal(p, law):
    solved = race_clip_law(p, law.q, law.k)
    assert solved.law.sum() == 1
    for tokens, hit in hit_probabilities(law).items():
        assert solved.law[list(tokens)].sum() <= hit
    assert np.minimum(p, solved.law).sum() == brute_force_bound(p, law) == solved.upper == solved.lower
    return solved


@given(problem=problems(law="without replacement", sizes=(3, 4), drafts=(2, 3)))
@settings(max_examples=80)
def test_within_reach_and_optimal(problem):
    assert_optimal(*problem)


@pytest.mark.slow
@given(problem=problems(law="without replacement", sizes=(5, 6), drafts=(2, 3, 4)))
@settings(max_examples=150)
def test_within_reach_and_optimal_with_more_tokens(problem):
    assert_optimal(*problem)


def test_every_slope_is_a_clipped_ratio():
    p, q = fractions([8, 4, 2, 1, 1]), fractions([1, 2, 4, 8, 16])
    solved = assert_optimal(p, WithoutReplacement(q, 2))
    assert solved.low < solved.high
    for token in range(5):
        slope, ratio = solved.law[token] / q[token], p[token] / q[token]
        limit = solved.high if solved.first[token] else solved.low
        assert slope == (min(ratio, limit) if solved.first[token] else max(ratio, limit))


def test_a_law_with_a_higher_cap_is_out_of_reach():
    """Negative control of the reach test: more for the best token than the cap allows."""
    p, q = fractions([8, 1, 1]), fractions([1, 4, 4])
    law = WithoutReplacement(q, 2)
    solved = race_clip_law(p, law.q, 2)
    assert solved.law[0] == hit_probabilities(law)[(0,)]
    assert solved.law[0] + F(1, 10**9) > hit_probabilities(law)[(0,)]


@given(problem=problems(law="without replacement", drafts=(2, 3)))
@settings(max_examples=60)
def test_floats_agree(problem):
    """Near ties may choose another optimal set; what is reached is the same."""
    p, law = problem
    exact, rounded = race_clip_law(p, law.q, law.k), race_clip_law(floats(p), floats(law.q), law.k)
    assert rounded.lower - 1e-12 <= float(exact.upper) <= rounded.upper + 1e-12
    assert abs(rounded.law.sum() - 1) < 1e-9
    assert abs(np.minimum(floats(p), rounded.law).sum() - float(exact.upper)) < 1e-9
