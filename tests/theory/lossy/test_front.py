"""The Pareto front of lossy rules: against programs over all sets, and attained by a rule."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from tests.theory.audit import brute_force_bound, contained, outcomes, product_of_conditionals, subsets
from tests.theory.strategies import LAWS, F, floats, fractions, problems
from theory.couplings import UnsupportedLaw
from theory.laws import Iid, Point, TopKPlusSample, WithoutReplacement
from theory.lossy import (
    Budgeted,
    EngineThreshold,
    GreedyMatch,
    Lenient,
    best_acceptance,
    distortion,
    front_law,
    least_distance,
)
from theory.simplex import total_variation
from theory.transport import membership_problem

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])
shares = st.integers(0, 8).map(lambda n: F(n, 8))


def acceptance_by_program(p, law, budget):
    """Most mass on pairs (token, drafted set that holds it), with the output's law free within the budget."""
    problem = membership_problem(p=floats(p), law=law)
    tokens, columns = np.nonzero(problem.membership)
    count, size = tokens.size, p.size
    # variables: the plan, then surplus and lack of z over p
    cost = np.concatenate([-np.ones(count), np.zeros(2 * size)])
    rows = np.zeros((size + len(problem.sets) + 1, count + 2 * size))
    rows[tokens, np.arange(count)] = 1
    rows[np.arange(size), count + np.arange(size)] = -1
    rows[np.arange(size), count + size + np.arange(size)] = 1
    rows[size + columns, np.arange(count)] = 1
    rows[-1, count:] = 0.5
    limits = np.concatenate([problem.p, problem.weights, [float(budget)]])
    balance = np.concatenate([np.zeros(count), np.ones(size), -np.ones(size)])[None]
    caps = [(0, None)] * (count + size) + [(0, float(mass)) for mass in p]
    return -linprog(cost, A_ub=rows, b_ub=limits, A_eq=balance, b_eq=[0], bounds=caps).fun


@pytest.mark.parametrize("name", LAWS)
def test_the_trade_is_linear_for_every_law(name):
    @given(problem=problems(law=name, sizes=(3,), drafts=(1, 2)), budget=shares)
    @settings(max_examples=15)
    def check(problem, budget):
        p, law = problem
        law = law.over(p.size)
        best = min(F(1), brute_force_bound(p, law) + budget)
        assert best_acceptance(p=p, law=law, budget=budget) == best
        rounded = type(law)(floats(law.q), law.k) if isinstance(law, Iid | WithoutReplacement) else None
        if rounded is not None:
            assert acceptance_by_program(p, rounded, budget) == pytest.approx(float(best), abs=1e-8)

    check()


@pytest.mark.parametrize("name", ["iid", "without replacement"])
def test_the_front_is_attained(name):
    """The rule's output law and acceptance by enumeration: on the front, for every budget."""

    @given(problem=problems(law=name, sizes=(3,), drafts=(1, 2)), budget=shares)
    @settings(max_examples=25)
    def check(problem, budget):
        p, law = problem
        rule = Budgeted(budget)
        joint = outcomes(rule, p, law)
        emitted = np.array([sum(joint.get((x, hit), F(0)) for hit in (True, False)) for x in range(p.size)])
        accepted = sum((weight for (_, hit), weight in joint.items() if hit), F(0))
        best = brute_force_bound(p, law)
        assert emitted.tolist() == rule.output(p=p, law=law).tolist()
        assert accepted == min(F(1), best + budget) == rule.acceptance(p=p, law=law)
        assert total_variation(p, emitted) == accepted - best <= budget

    check()


DIVERGENCES = {
    "KL(output || target)": lambda z, p: cp.sum(cp.kl_div(z, p)),
    "KL(target || output)": lambda z, p: cp.sum(cp.kl_div(p, z)),
    "chi-square": lambda z, p: cp.sum(cp.multiply(1 / p, cp.square(z - p))),
    "total variation": lambda z, p: cp.norm1(z - p) / 2,
}


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("law_of", [Iid, WithoutReplacement])
def test_one_law_is_nearest_in_every_divergence(name, law_of):
    """A convex program over the constraints of all sets finds nothing nearer; for one to three drafts."""
    rng = np.random.default_rng(len(name))
    for k in (1, 2, 3):
        p, q = (rng.dirichlet(np.full(4, 0.7)) * 0.9 + 0.025 for _ in range(2))
        law = law_of(q, k)
        table = product_of_conditionals(law)
        best = min(1 + p[list(h)].sum() - contained(table, h) for h in subsets(4))
        wanted = best + 0.5 * (1 - best)
        output = front_law(p=p, law=law, acceptance=wanted)
        z = cp.Variable(4, nonneg=True)
        limits = [
            cp.sum(z[list(a)]) <= 2 - wanted - float(contained(table, tuple(set(range(4)) - set(a))))
            for a in subsets(4)
            if 0 < len(a) < 4
        ]
        program = cp.Problem(cp.Minimize(DIVERGENCES[name](z, p)), [cp.sum(z) == 1, *limits])
        program.solve(solver="CLARABEL")
        reached = DIVERGENCES[name](cp.Constant(output), p).value
        assert reached == pytest.approx(program.value, abs=2e-7)


@given(problem=problems(law="iid", drafts=(1,)), wanted=shares)
@settings(max_examples=50)
def test_one_draft_by_clipping(problem, wanted):
    """z = p clip(q / p, mu, lambda) with sum (q - lambda p)_+ = sum (mu p - q)_+ = 1 - a."""
    p, law = problem
    z = front_law(p=p, law=law, acceptance=wanted)
    if wanted <= 1 - total_variation(p, law.q):
        assert z.tolist() == p.tolist()
        return
    live = p > 0
    slope = z[live] / p[live]
    low, high = slope.min(), slope.max()
    assert all(low <= s <= high for s in slope)
    inner = (slope > low) & (slope < high)
    assert (slope[inner] == (law.q[live] / p[live])[inner]).all()
    assert np.minimum(z, law.q).sum() == wanted


@pytest.mark.parametrize(
    "rule", [Lenient(F(1, 2)), Lenient(F(1, 4)), GreedyMatch(), EngineThreshold(F(1, 2), F(3, 4))], ids=str
)
def test_known_lossy_rules_are_not_above_the_front(rule):
    law = Point([2]) if isinstance(rule, EngineThreshold | GreedyMatch) else Iid(Q, 1)
    found = distortion(rule, p=P, law=law)
    assert found.acceptance <= best_acceptance(p=P, law=law, budget=found.tv)
    assert found.tv >= least_distance(p=P, law=law, acceptance=found.acceptance)


def test_batches_and_floats():
    p, q = floats([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]), floats([[0.2, 0.3, 0.5], [0.2, 0.2, 0.6]])
    np.testing.assert_allclose(best_acceptance(p=p, law=Iid(q, 1), budget=0.1), [0.8, 1.0])
    np.testing.assert_allclose(least_distance(p=p, law=Iid(q, 1), acceptance=0.9), [0.2, 0.0])


@pytest.mark.parametrize("law_of", [Iid, WithoutReplacement])
def test_floats_agree_with_fractions(law_of):
    exact = front_law(p=P, law=law_of(Q, 2), acceptance=F(97, 100))
    rounded = front_law(p=floats(P), law=law_of(floats(Q), 2), acceptance=0.97)
    np.testing.assert_allclose(rounded, exact.astype(float), atol=1e-9)


def test_tokens_the_target_excludes():
    """With acceptance one the output is the draft, p = 0 or not."""
    p, q = fractions([3, 1, 0, 0]), fractions([1, 1, 1, 3])
    assert front_law(p=p, law=Iid(q, 1), acceptance=F(1)).tolist() == q.tolist()
    half = front_law(p=p, law=Iid(q, 1), acceptance=F(2, 3))
    assert total_variation(p, half) == F(2, 3) - F(1, 3)
    assert half[3] == 3 * half[2] > 0


class TestErrors:
    @pytest.mark.parametrize("wrong", [-0.1, 1.1])
    def test_shares(self, wrong):
        with pytest.raises(ValueError, match=r"budget must be in \[0, 1\]"):
            Budgeted(wrong)
        with pytest.raises(ValueError, match=r"acceptance must be in \[0, 1\]"):
            front_law(p=P, law=Iid(Q, 1), acceptance=wrong)

    def test_batches(self):
        with pytest.raises(ValueError, match=r"a front is of one position, got p of shape \(2, 3\)"):
            front_law(p=np.full((2, 3), 1 / 3), law=Iid(np.full((2, 3), 1 / 3), 1), acceptance=0.5)

    def test_laws_without_prefixes(self):
        with pytest.raises(UnsupportedLaw, match="front_law takes Iid, WithoutReplacement or one draft"):
            front_law(p=P, law=TopKPlusSample(Q, 2), acceptance=F(1))
