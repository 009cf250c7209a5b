"""The rule that carries out a plan: lossless whatever the plan, and as good as the plan."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from theory.chance import Enumerated
from theory.laws import Iid, Point, WithoutReplacement
from theory.transport import (
    MembershipProblem,
    conditional_plan,
    membership_problem,
    solve_linear_program,
    solve_max_flow,
)

F = Fraction


def program(law, table):
    """Draft, then output by the table; also whether the output was drafted."""

    def run(chance):
        drafts = law.sample(chance)
        token = chance.draw(table.output_given(drafts), stream="output")
        return token, token in drafts

    return run


def output_and_acceptance(law, table, size):
    outcomes = Enumerated().law(program(law, table))
    output = [sum((w for (token, _), w in outcomes.items() if token == x), F(0)) for x in range(size)]
    return output, sum((w for (_, hit), w in outcomes.items() if hit), F(0))


def test_output_law_is_p_and_acceptance_is_the_optimum(instances):
    for p, law in instances:
        solution = solve_max_flow(membership_problem(p=p, law=law))
        table = conditional_plan(solution)
        assert output_and_acceptance(law, table, p.size) == (p.tolist(), solution.value)
        assert table.output_law().tolist() == p.tolist()


def test_rows_are_exact_distributions(instances):
    for p, law in instances[:20]:
        table = conditional_plan(solve_max_flow(membership_problem(p=p, law=law)))
        for drafts in law.enumerate():
            row = table.output_given(drafts)
            assert row.sum() == 1
            assert min(row) >= 0
            hits = table.hits_given(drafts)
            assert hits.sum() == table.hit_probability(drafts) <= 1
            assert {x for x in range(p.size) if hits[x] > 0} <= set(drafts)


def test_any_feasible_plan_is_lossless(instances):
    for p, law in instances[:20]:
        solution = solve_max_flow(membership_problem(p=p, law=law))
        for plan in (solution.plan / 2, solution.plan * 0):
            table = conditional_plan(replace(solution, plan=plan))
            assert output_and_acceptance(law, table, p.size)[0] == p.tolist()


def test_an_infeasible_plan_is_not_lossless():
    # negative control: the check above can fail
    p, law = np.array([F(1, 6), F(1, 6), F(2, 3)]), Iid([F(1, 3)] * 3, 2)
    solution = solve_max_flow(membership_problem(p=p, law=law))
    plan = solution.plan * 0
    plan[0, solution.problem.column((0,))] = F(1, 9)
    plan[0, solution.problem.column((0, 1))] = F(2, 9)
    table = conditional_plan(replace(solution, plan=plan))
    assert output_and_acceptance(law, table, 3)[0] != p.tolist()


def test_plan_of_the_linear_program_is_lossless_too(instances):
    for p, law in instances[:10]:
        table = conditional_plan(solve_linear_program(membership_problem(p=p, law=law)))
        assert output_and_acceptance(law, table, p.size)[0] == p.tolist()


def test_floats_stay_floats():
    rng = np.random.default_rng(1)
    for _ in range(20):
        p, q = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
        problem = membership_problem(p=p, law=WithoutReplacement(q, 2))
        for solve in (solve_max_flow, solve_linear_program):
            table = conditional_plan(solve(problem))
            assert table.hits.dtype == table.residual.dtype == np.float64
            np.testing.assert_allclose(table.output_law(), p, rtol=0, atol=1e-14)
            for tokens in problem.sets:
                row = table.output_given(tokens)
                assert row.min() >= 0
                assert abs(row.sum() - 1) < 1e-14


def test_nothing_left_after_the_plan_falls_back_on_p():
    p = np.array([F(1, 2), F(1, 2), F(0)])
    table = conditional_plan(solve_max_flow(membership_problem(p=p, law=Point([0, 1]))))
    assert table.residual.tolist() == p.tolist()
    assert table.output_given((1, 0)).tolist() == p.tolist()
    assert table.hit_probability((0, 1)) == 1


def test_listed_set_of_probability_zero_outputs_a_distribution():
    p = np.array([F(1, 3)] * 3)
    problem = MembershipProblem(p, ((0,), (1,)), np.array([F(1), F(0)]))
    table = conditional_plan(solve_max_flow(problem))
    assert table.output_given((1,)).tolist() == [F(0), F(1, 2), F(1, 2)]
    assert table.output_law().tolist() == p.tolist()


def test_drafts_outside_of_the_law_are_refused():
    table = conditional_plan(solve_max_flow(membership_problem(p=[F(1, 3)] * 3, law=Point([0, 1]))))
    with pytest.raises(ValueError, match=r"the drafts \(2,\) have probability zero"):
        table.output_given((2,))
