"""Both solvers against every subset, golden rationals, and each other."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from theory.laws import Iid, Independent, Point, WithoutReplacement
from theory.transport import (
    MembershipProblem,
    membership_problem,
    solve_linear_program,
    solve_max_flow,
)

F = Fraction

GOLDEN = [
    (
        [F(309, 500), F(177, 500), F(7, 250)],
        [F(373, 1000), F(29, 50), F(47, 1000)],
        F(988871, 1000000),
    ),
    ([F(1, 6), F(1, 6), F(2, 3)], [F(1, 3)] * 3, F(8, 9)),
    ([F(1, 6), F(5, 12), F(5, 12)], [F(1, 3)] * 3, F(1)),
]


def smallest_dual(p, law):
    """The optimum by trying every set: 1 + min over H of p(H) - Q(H)."""
    masks = [np.array(inside) for inside in product([False, True], repeat=p.size)]
    return min(1 + p[mask].sum() - law.containment(mask) for mask in masks)


def as_floats(law):
    """The same law in floats."""
    if isinstance(law, Point):
        return law
    if isinstance(law, Independent):
        return Independent([q.astype(float) for q in law.drafters])
    return replace(law, q=law.q.astype(float))


def test_max_flow_is_the_best_subset_exactly(instances):
    for p, law in instances:
        solution = solve_max_flow(membership_problem(p=p, law=law))
        assert solution.value == smallest_dual(p, law)
        assert solution.verify() == (solution.value, solution.value)
        assert solution.gap == 0


def test_linear_program_agrees_with_max_flow(instances):
    for p, law in instances:
        exact = solve_max_flow(membership_problem(p=p, law=law)).value
        problem = membership_problem(p=p.astype(float), law=as_floats(law))
        solution = solve_linear_program(problem)
        solution.verify()
        assert solution.kind == "interval"
        assert abs(solution.lower - exact) < 1e-9
        assert abs(solution.upper - exact) < 1e-9
        # rigorous for the problem in these very floats
        floats = solve_max_flow(problem).value
        assert F(solution.lower) <= floats <= F(solution.upper)


def test_linear_program_on_fractions_is_feasible_and_bounds_in_fractions(instances):
    for p, law in instances[:15]:
        problem = membership_problem(p=p, law=law)
        solution = solve_linear_program(problem)
        assert isinstance(solution.lower, F)
        assert isinstance(solution.upper, F)
        assert solution.lower <= solve_max_flow(problem).value <= solution.upper
        assert solution.gap < F(1, 10**9)
        solution.verify()


def test_second_solver_gives_rigorous_ends_too(instances):
    for p, law in instances[:10]:
        problem = membership_problem(p=p.astype(float), law=as_floats(law))
        solution = solve_linear_program(problem, solver="CLARABEL")
        solution.verify()
        assert solution.gap < 1e-7
        assert F(solution.lower) <= solve_max_flow(problem).value <= F(solution.upper)


@pytest.mark.parametrize(("p", "q", "value"), GOLDEN)
def test_golden_rationals(p, q, value):
    assert solve_max_flow(membership_problem(p=p, law=Iid(q, 2))).value == value
    problem = membership_problem(p=np.array(p, float), law=Iid(np.array(q, float), 2))
    assert abs(solve_linear_program(problem).value - float(value)) < 1e-12


def test_floats_are_solved_as_the_fractions_that_they_are():
    p, q = np.array([0.1, 0.2, 0.7]), np.array([0.3, 0.3, 0.4])
    problem = membership_problem(p=p, law=Iid(q, 2))
    assert sum(map(F, p.tolist())) != 1  # the sum is off one by rounding, and stays so
    solution = solve_max_flow(problem)
    assert isinstance(solution.value, F)
    assert solution.kind == "exact"
    assert abs(solution.value - smallest_dual(p, Iid(q, 2))) < 1e-15
    solution.verify()


UNIFORM = [F(1, 3)] * 3
ONE = [F(1), F(0), F(0)]


@pytest.mark.parametrize(
    ("p", "law", "value"),
    [
        (ONE, Iid(UNIFORM, 2), F(5, 9)),  # p a point mass
        (UNIFORM, Iid(ONE, 3), F(1, 3)),  # q a point mass
        (ONE, Iid(ONE, 2), F(1)),
        (ONE, Iid([F(0), F(1, 2), F(1, 2)], 4), F(0)),  # supports that don't meet: value 0
        (UNIFORM, WithoutReplacement(UNIFORM, 3), F(1)),  # all tokens drafted: value 1
        ([F(1, 2), F(1, 2), F(0)], Point([0, 1, 2]), F(1)),
        ([F(0), F(0), F(1)], Point([0, 1]), F(0)),
        (UNIFORM, Iid(UNIFORM, 2), F(1)),  # ties everywhere
    ],
)
def test_degenerate_instances(p, law, value):
    solution = solve_max_flow(membership_problem(p=p, law=law))
    assert solution.value == value
    solution.verify()
    floats = solve_linear_program(membership_problem(p=np.array(p, float), law=as_floats(law)))
    floats.verify()
    assert abs(floats.lower - float(value)) < 1e-12
    assert abs(floats.upper - float(value)) < 1e-12


def test_listed_sets_of_probability_zero():
    problem = MembershipProblem(np.array(UNIFORM), ((0,), (1,), (1, 2)), np.array([F(1), F(0), F(0)]))
    for solve in (solve_max_flow, solve_linear_program):
        solution = solve(problem)
        assert abs(solution.value - F(1, 3)) < F(1, 10**12)
        assert not solution.plan[:, 1:].any()
        solution.verify()


def test_tiny_and_huge_ratios():
    p = np.array([1e-300, 1e-17, 1 - 1e-9, 1e-9])
    q = np.array([1 - 1e-9, 1e-9, 1e-300, 0.0])
    problem = membership_problem(p=p, law=Iid(q, 3))
    exact, interval = solve_max_flow(problem), solve_linear_program(problem)
    interval.verify()
    assert F(interval.lower) <= exact.value <= F(interval.upper)


def test_unknown_solver_is_refused():
    problem = membership_problem(p=UNIFORM, law=Iid(UNIFORM, 2))
    with pytest.raises(ValueError, match="solver NOSUCH is not installed; cvxpy has"):
        solve_linear_program(problem, solver="NOSUCH")
