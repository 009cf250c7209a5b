"""The bounds at full vocabulary against the transport problem that defines them, at small vocabulary.

Three hundred random instances of every law: in floats against a linear program with a rigorous interval, to
1e-9; in fractions against an exact maximum flow, with ``==``.
"""

from fractions import Fraction

import numpy as np
import pytest

from theory.bounds import optimal_acceptance
from theory.laws import HubPair, Iid, Independent, Point, TopKPlusSample, WithoutReplacement
from theory.transport import membership_problem, solve_linear_program, solve_max_flow

LAWS = [Iid, WithoutReplacement, TopKPlusSample, HubPair, Point, Independent]
PER_LAW = 50


def floats(rng, size):
    """From nearly uniform to nearly a point mass; at times with tokens of probability zero."""
    weights = rng.dirichlet(np.full(size, rng.choice([0.1, 0.5, 1.0, 5.0])))
    if rng.random() < 0.3:
        weights[rng.integers(size)] = 0.0
    return weights / weights.sum()


def fractions(rng, size):
    """Small fractions: ties between tokens, and of p with q, are common; zeros too."""
    weights = rng.integers(0, 8, size)
    weights[rng.integers(size)] += 1
    return np.array([Fraction(int(weight), int(weights.sum())) for weight in weights], dtype=object)


def instance(kind, rng, distribution):
    """A random target and a law of the kind, vocabulary 3 to 6, drafts 1 to 4."""
    size, k = int(rng.integers(3, 7)), int(rng.integers(1, 5))
    p, q = distribution(rng, size), distribution(rng, size)
    if kind is Point:
        return p, Point(rng.permutation(size)[: min(k, size)], size)
    if kind is Independent:
        return p, Independent([distribution(rng, size) for _ in range(k)])
    support = int((q > 0).sum())
    if kind is HubPair:
        return (p, HubPair(q)) if support > 1 else instance(kind, rng, distribution)
    return p, kind(q, k if kind is Iid else min(k, support))


@pytest.mark.parametrize("kind", LAWS)
def test_floats_against_the_linear_program(kind):
    rng = np.random.default_rng([1, LAWS.index(kind)])
    for _ in range(PER_LAW):
        p, law = instance(kind, rng, floats)
        bound = optimal_acceptance(p=p, law=law)
        solution = solve_linear_program(membership_problem(p=p, law=law))
        solution.verify()
        assert solution.gap < 1e-9
        assert abs(bound.value - solution.value) < 1e-9
        assert bound.lower - 1e-13 <= solution.upper
        assert bound.upper + 1e-13 >= solution.lower


@pytest.mark.parametrize("kind", LAWS)
def test_fractions_against_the_maximum_flow(kind):
    rng = np.random.default_rng([2, LAWS.index(kind)])
    for _ in range(PER_LAW):
        p, law = instance(kind, rng, fractions)
        problem = membership_problem(p=p, law=law)
        bound = optimal_acceptance(p=p, law=law)
        solution = solve_max_flow(problem)
        assert bound.lower == bound.upper == solution.value == solution.primal
        # each proves the other: the bound's set has the value of the flow, exactly
        assert problem.dual_value(bound.dual_set) == solution.primal
        assert bound.verify(p=p, law=law, tolerance=0) == solution.dual


@pytest.mark.parametrize("kind", LAWS)
def test_a_target_off_by_little_is_told_apart(kind):
    # negative control: agreement to 1e-9 is no accident of a blunt comparison
    rng = np.random.default_rng([3, LAWS.index(kind)])
    told = 0
    for _ in range(10):
        p, law = instance(kind, rng, floats)
        moved = 1e-6 * np.eye(p.size)[rng.integers(p.size)] + (1 - 1e-6) * p
        solution = solve_linear_program(membership_problem(p=moved, law=law))
        told += abs(optimal_acceptance(p=p, law=law).value - solution.value) > 1e-9
    assert told >= 3
