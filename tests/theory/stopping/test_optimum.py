"""Evaluation by histories, optima by exhaustion, simulation, thresholds, costs, wrong confidences, ladder."""

import time

import numpy as np
import pytest

from tests.theory.stopping.problems import every_policy, histories_value, random_problem, rate_of
from theory.stopping import (
    Confidence,
    RoundCost,
    Times,
    belief_stops,
    best_length,
    brackets,
    cost_policy,
    evaluate,
    fixed_stops,
    greedy_oracle_rate,
    independent_threshold,
    ladder,
    last_stops,
    miscalibrated,
    optimal_policy,
    rate_of_costs,
    simulate,
)
from theory.stopping.evaluation import check_stops


def policies(problem, seed):
    """A policy of each kind, and a random table."""
    rng = np.random.default_rng(seed)
    shapes = [layer.shape for layer in fixed_stops(problem, 0)]
    table = [rng.random(shape) < 0.4 for shape in shapes[:-1]] + [np.ones(shapes[-1], dtype=bool)]
    return [
        fixed_stops(problem, 2),
        belief_stops(problem, 0.4),
        last_stops(problem, 0.5, 4),
        tuple(table),
    ]


@pytest.mark.parametrize("seed", range(40))
def test_evaluation_equals_a_sum_over_histories(seed):
    problem = random_problem(seed, limit=1 + seed % 5)
    for stops in policies(problem, seed):
        out = histories_value(problem, lambda k, counts, last, stops=stops: stops[k][(*counts, last)])
        found = evaluate(problem, stops)
        assert found.rate == pytest.approx(rate_of(problem, out), rel=1e-10)
        times = float(problem.times.base) + float(problem.times.draft_time) * out[:, 1]
        right = 1 + out[:, 0] - found.rate * times + out[:, 2:] @ found.bias
        assert np.allclose(found.bias, right, atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_optimum_is_the_best_of_all_tables(seed):
    problem = random_problem(seed, types=2, limit=2)
    best = optimal_policy(problem)
    tried = []
    for table in every_policy(problem):
        out = histories_value(problem, lambda k, counts, last, table=table: table[k, counts, last])
        tried.append(rate_of(problem, out))
    assert best.rate == pytest.approx(max(tried), rel=1e-10)


@pytest.mark.parametrize("seed", range(60))
def test_certificate_and_other_policies(seed):
    problem = random_problem(seed)
    best = optimal_policy(problem)
    assert best.rate <= best.upper <= best.rate * (1 + 1e-9)
    assert best.iterations < 20
    others = [*policies(problem, seed), *(fixed_stops(problem, k) for k in range(problem.limit + 1))]
    assert all(evaluate(problem, stops).rate <= best.upper * (1 + 1e-12) for stops in others)
    assert greedy_oracle_rate(problem).rate >= best.rate * (1 - 1e-12)


def test_one_type_is_constant_acceptance():
    for a in range(1, 20, 2):
        for d in (0.05, 0.3, 1.5):
            times = Times(d, 1.0)
            problem = Confidence.iid(acceptance=[a / 20], shares=[1.0], times=times, limit=40)
            best = best_length(acceptance=a / 20, times=times, limit=40)
            assert optimal_policy(problem).rate == pytest.approx(best.rate, rel=1e-12)


def test_anchors():
    """Rates that were computed before by other code (three types, limit 40)."""
    anchors = {
        (0.0, 0.02): 3.886, (0.0, 0.1): 2.623, (0.0, 0.2): 2.018,
        (0.5, 0.02): 3.906, (0.5, 0.1): 2.659, (0.5, 0.2): 2.039,
        (0.8, 0.02): 3.912, (0.8, 0.1): 2.660, (0.8, 0.2): 2.040,
    }  # fmt: skip
    for (persistence, draft_time), rate in anchors.items():
        assert optimal_policy(three(persistence, draft_time)).rate == pytest.approx(rate, abs=6e-4)


def three(persistence, draft_time, limit=40):
    return Confidence.mixed(
        acceptance=[0.97, 0.8, 0.35],
        shares=[0.5, 0.3, 0.2],
        persistence=persistence,
        times=Times(draft_time, 1.0),
        limit=limit,
    )


def test_three_types_and_forty_drafts_take_less_than_a_tenth_of_a_second():
    times = []
    for _ in range(5):
        problem = three(0.5, 0.02)
        before = time.process_time()
        optimal_policy(problem)
        times.append(time.process_time() - before)
    assert min(times) < 0.1


def test_simulation_agrees_on_forty_instances():
    """z-scores: all within 4, and their squares' sum is that of a chi-square (p > 1e-9, both ends)."""
    scores = []
    for seed in range(40):
        problem = random_problem(seed, limit=6)
        stops = policies(problem, seed)[seed % 4] if seed % 5 else optimal_policy(problem).stops
        found = simulate(problem, stops, replicas=3000, rounds=3, rng=np.random.default_rng(1000 + seed))
        scores.append(found.z)
        assert abs(found.rate - evaluate(problem, stops).rate) <= 4 * found.standard_error + 1e-12
    assert max(map(abs, scores)) < 4
    total = float(np.sum(np.square(scores)))
    assert 8 < total < 120  # chi-square with 40 degrees: 1.5e-9 below 8, 6e-10 above 120


def test_simulation_catches_a_wrong_model():
    problem = random_problem(3, types=3, limit=6)
    stops = fixed_stops(problem, 4)
    wrong = problem.believing(np.clip(problem.acceptance + 0.05, 0, 1))
    found = simulate(wrong, stops, replicas=20000, rounds=3, rng=np.random.default_rng(0))
    assert abs(found.rate - evaluate(problem, stops).rate) > 6 * found.standard_error


@pytest.mark.parametrize("seed", range(40))
def test_optima_are_thresholds_in_belief(seed):
    problem = random_problem(seed, limit=10)
    assert all(bracket.is_threshold for bracket in brackets(problem, optimal_policy(problem)))


@pytest.mark.parametrize("draft_time", [0.02, 0.1, 0.2])
def test_independent_types_have_one_threshold_in_closed_form(draft_time):
    problem = three(0.0, draft_time)
    best = optimal_policy(problem)
    closed = independent_threshold(problem, best)
    # the last drafts before the limit are as any others: below it one may go on
    for bracket in brackets(problem, best):
        assert bracket.stops <= closed * (1 + 1e-9)
        assert bracket.goes_on >= closed * (1 - 1e-9)
    assert evaluate(problem, belief_stops(problem, closed)).rate == pytest.approx(best.rate, rel=1e-12)


def test_a_policy_that_is_no_threshold_is_seen():
    problem = three(0.0, 0.1, limit=6)
    best = optimal_policy(problem)
    from dataclasses import replace

    flipped = replace(best, stops=tuple(~layer for layer in best.stops))
    assert not all(bracket.is_threshold for bracket in brackets(problem, flipped))


@pytest.mark.parametrize("seed", range(30))
def test_costs_of_a_round(seed):
    problem = random_problem(seed, limit=5)
    rng = np.random.default_rng(seed)
    cost = RoundCost(float(rng.uniform(0.1, 2)), float(rng.uniform(0.1, 4)), float(rng.choice([1, 0.8])))
    stops, value = cost_policy(problem, cost)
    for start in range(problem.types):
        assert value[start] == pytest.approx(least_cost(problem, cost, (), start), rel=1e-12, abs=1e-12)
    for drafted in range(problem.limit):
        sure = problem.beliefs(drafted)[..., None] <= cost.sure_stop * (1 - 1e-12)
        assert np.all(stops[drafted] | ~sure)
    assert rate_of_costs(problem, cost).rate <= optimal_policy(problem).upper * (1 + 1e-12)


def least_cost(problem, cost, history, last):
    """The recursion over histories, as it is stated."""
    belief = float(np.prod([problem.acceptance[kind] for kind in history]))
    if len(history) == problem.limit:
        return cost.missed * belief
    rest = sum(
        problem.moves[last, kind] * least_cost(problem, cost, (*history, kind), kind)
        for kind in range(problem.types)
    )
    return min(cost.missed * belief, cost.waste * (1 - belief) + cost.discount * rest)


@pytest.mark.parametrize("seed", range(20))
def test_wrong_confidences_never_help(seed):
    problem = random_problem(seed)
    rng = np.random.default_rng(seed)
    result = miscalibrated(problem, believed=rng.uniform(0, 1, problem.types))
    assert result.loss >= -1e-12
    assert miscalibrated(problem, believed=problem.acceptance).loss == 0


def test_ladder_rises():
    for persistence in (0.0, 0.8):
        for draft_time in (0.02, 0.2):
            rungs = ladder(three(persistence, draft_time, limit=8))
            rate = {rung.name: rung.figures.rate for rung in rungs}
            assert rate["no drafts"] < rate["fixed length"] <= rate["last confidence"]
            assert (
                rate["last confidence"] <= rate["belief threshold"] <= rate["state-dependent optimum"] + 1e-12
            )
            assert rate["state-dependent optimum"] < rate["greedy oracle"] == rate["clairvoyant"]


def test_oracle_equals_a_sum_over_outcomes():
    """One type: a run of accepted drafts, cut at the limit."""
    problem = Confidence.iid(acceptance=[0.7], shares=[1.0], times=Times(0.2, 1.0), limit=5)
    accepted = sum(0.7**j for j in range(1, 6))
    assert greedy_oracle_rate(problem).rate == pytest.approx((1 + accepted) / (1 + 0.2 * accepted))
    dear = Confidence.iid(acceptance=[0.7], shares=[1.0], times=Times(1.5, 1.0), limit=5)
    assert greedy_oracle_rate(dear).rate == 1.0


def test_bad_problems():
    times = Times(0.1, 1.0)
    with pytest.raises(ValueError, match="moves must be positive"):
        Confidence(acceptance=[0.5, 0.6], moves=np.eye(2), times=times, limit=2)
    with pytest.raises(ValueError, match="must sum to 1"):
        Confidence(acceptance=[0.5], moves=[[0.5]], times=times, limit=2)
    with pytest.raises(ValueError, match="must have shape"):
        Confidence(acceptance=[0.5, 0.5], moves=[[1.0]], times=times, limit=2)
    with pytest.raises(ValueError, match="probabilities"):
        Confidence(acceptance=[1.5], moves=[[1.0]], times=times, limit=2)
    with pytest.raises(ValueError, match="fewer types or a smaller limit"):
        Confidence.iid(acceptance=[0.5] * 8, shares=[1 / 8] * 8, times=times, limit=40)
    with pytest.raises(ValueError, match="persistence must be"):
        Confidence.mixed(acceptance=[0.5], shares=[1.0], persistence=1.0, times=times, limit=2)
    problem = three(0.0, 0.1, limit=3)
    with pytest.raises(ValueError, match="must stop at the limit"):
        check_stops(problem, [np.zeros_like(layer) for layer in fixed_stops(problem, 0)])
    with pytest.raises(ValueError, match="needs 4 layers"):
        evaluate(problem, fixed_stops(problem, 0)[:2])
    with pytest.raises(ValueError, match="types follow each other"):
        independent_threshold(three(0.5, 0.1), optimal_policy(three(0.5, 0.1)))
    with pytest.raises(ValueError, match="costs must be positive"):
        RoundCost(0, 1)
