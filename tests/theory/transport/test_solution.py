"""A solution proves itself, and only an honest one does."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from theory.laws import Iid
from theory.transport import BadCertificate, membership_problem, solve_linear_program, solve_max_flow
from theory.transport.solution import round_down, round_up

F = Fraction

P = [F(1, 6), F(1, 6), F(2, 3)]
LAW = Iid([F(1, 3)] * 3, 2)
FLOAT_LAW = Iid(np.full(3, 1 / 3), 2)


@pytest.fixture
def exact():
    return solve_max_flow(membership_problem(p=P, law=LAW))


@pytest.fixture
def interval():
    return solve_linear_program(membership_problem(p=np.array(P, float), law=FLOAT_LAW))


def altered(solution, index, by):
    plan = solution.plan.copy()
    plan[index] = plan[index] + by
    return replace(solution, plan=plan)


def test_honest_ones_pass(exact, interval):
    assert exact.verify() == (F(8, 9), F(8, 9))
    lower, upper = interval.verify()
    assert F(interval.primal) <= lower <= upper <= F(interval.dual)
    assert (interval.lower, interval.upper) == (interval.primal, interval.dual)
    assert interval.lower <= interval.value <= interval.upper


def test_too_much_of_a_token(exact):
    column = exact.problem.column((2,))
    with pytest.raises(BadCertificate, match="more mass than"):
        altered(exact, (2, column), F(1)).verify()


def test_row_above_p(exact):
    # token 0 has p = 1/6; its sets have room for more than that
    plan = exact.plan * 0
    plan[0, exact.problem.column((0,))] = F(1, 9)
    plan[0, exact.problem.column((0, 1))] = F(1, 18) + F(1, 10**30)
    with pytest.raises(BadCertificate, match=r"a row of more mass than its token's p, first at index \[0\]"):
        replace(exact, plan=plan).verify()


def test_column_above_its_weight(exact):
    plan = exact.plan * 0
    plan[2, exact.problem.column((2,))] = F(1, 9) + F(1, 10**30)
    with pytest.raises(BadCertificate, match="a column of more mass than its set's weight"):
        replace(exact, plan=plan).verify()


def test_negative_mass(exact):
    with pytest.raises(BadCertificate, match="a negative entry"):
        altered(exact, (0, 0), F(-1)).verify()


def test_mass_off_membership(exact):
    with pytest.raises(BadCertificate, match="token is not in the set"):
        altered(exact, (2, exact.problem.column((0,))), F(1, 10**30)).verify()


def test_less_than_stated(exact):
    column = exact.problem.column((2,))
    with pytest.raises(BadCertificate, match="the stated primal is 8/9"):
        altered(exact, (2, column), -exact.plan[2, column]).verify()


@pytest.mark.parametrize("field", ["primal", "dual"])
def test_stated_values(exact, field):
    with pytest.raises(BadCertificate, match=f"the stated {field} is"):
        replace(exact, **{field: F(8, 9) + F(1, 10**40)}).verify()


def test_another_set(exact):
    with pytest.raises(BadCertificate, match="the stated dual is 8/9, recomputed from plan and set it is 1"):
        replace(exact, dual_set=np.zeros(3, bool)).verify()


def test_interval_claiming_to_be_exact(interval):
    assert interval.gap > 0
    with pytest.raises(BadCertificate, match="the stated"):
        replace(interval, kind="exact").verify()


@pytest.mark.parametrize(
    ("field", "by"), [("primal", 1e-12), ("primal", -1e-6), ("dual", -1e-12), ("dual", 1e-6)]
)
def test_ends_of_an_interval(interval, field, by):
    wrong = replace(interval, **{field: getattr(interval, field) + by})
    with pytest.raises(BadCertificate, match=f"the stated {field} .* misses its recomputed value"):
        wrong.verify()


def test_certificate_of_another_problem(exact):
    other = membership_problem(p=[F(1, 2), F(1, 4), F(1, 4)], law=LAW)
    with pytest.raises(BadCertificate, match=r"the stated|more mass"):
        replace(exact, problem=other).verify()


def test_shapes_and_kinds(exact, interval):
    with pytest.raises(BadCertificate, match="shape"):
        replace(exact, plan=exact.plan[:, :-1]).verify()
    with pytest.raises(BadCertificate, match="boolean mask"):
        replace(exact, dual_set=np.zeros(3)).verify()
    with pytest.raises(BadCertificate, match="finite"):
        altered(interval, (0, 0), np.nan).verify()


@pytest.mark.parametrize("value", [F(1, 3), F(1, 10), F(10**30 + 1, 10**30), F(0), F(1), F(8, 9)])
def test_directed_rounding(value):
    assert F(round_down(value)) <= value <= F(round_up(value))
    assert round_up(value) - round_down(value) <= np.spacing(float(value))
