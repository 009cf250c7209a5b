"""The optimum of one round: certificates, known cases, and another program of the same problem."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.theory.multistep.instances import pair
from tests.theory.strategies import fractions
from tests.theory.walks.rounds_audit import best_expected_length, models
from theory.chance import Sampled
from theory.laws import Iid
from theory.multistep import (
    MultistepProblem,
    Planned,
    dual_bound,
    path_levels,
    path_trees,
    primal_value,
    scheme_trees,
    solve,
    traversal_length,
)
from theory.proof import target_law
from theory.transport.solution import BadCertificate
from theory.tree import DraftTree
from theory.walks import expected_length, law_of_rounds, named


def test_one_path_is_block_verification_on_a_hundred_instances():
    for seed in range(100):
        length = 2 + seed % 2
        both = pair(seed)
        solution = solve(MultistepProblem.paths(**both, count=1, length=length))
        block = traversal_length(**both, levels=path_levels(1, length))
        assert solution.gap <= 1e-9
        assert solution.lower - 1e-9 <= block <= solution.upper + 1e-9


def test_three_tokens_three_levels_two_paths_in_time():
    started = time.process_time()
    solution = solve(MultistepProblem.paths(**pair(1), count=2, length=3))
    solution.verify()
    assert time.process_time() - started < 10
    assert solution.gap <= 1e-9


def test_one_level_is_the_single_step_optimum():
    p, q = fractions([1, 1, 4]), fractions([1, 1, 1])
    problem = MultistepProblem.paths(target=lambda s: p, draft=lambda s: q, count=2, length=1)
    lower, upper = solve(problem).verify()
    assert lower <= Fraction(8, 9) <= upper
    assert upper - lower < Fraction(1, 10**12)


@pytest.mark.parametrize(
    "scheme",
    [
        named.block(2),
        named.full_tree((2, 1), named.iid, None),
        named.full_tree((2, 1), named.without_replacement, None),
        named.full_tree((2, 2), named.top, None),
        named.eagle2(4, 2, 2),
    ],
    ids=["chain", "paths", "without replacement", "points", "uneven"],
)
def test_the_same_as_the_program_over_whole_trees(scheme):
    """``best_expected_length`` has a column for every drafted tree and prefix; nothing is merged there."""
    target, draft = models(3, kind="zeros")
    problem = MultistepProblem.of(trees=scheme_trees(scheme=scheme, draft=draft), target=target)
    solution = solve(problem)
    assert solution.gap <= 1e-9
    wanted = best_expected_length(scheme, target, draft)
    assert solution.value == pytest.approx(wanted, abs=1e-8)


def test_any_multipliers_bound_and_any_shares_are_reached():
    problem = MultistepProblem.paths(**pair(5), count=2, length=2)
    best = solve(problem)
    rng = np.random.default_rng(0)
    for _ in range(50):
        near = best.multipliers + rng.normal(0, 0.05, best.multipliers.shape)
        assert dual_bound(problem, near, exact=False) >= best.lower - 1e-12
        shares = best.shares + rng.integers(1, 2**42, best.shares.shape)
        assert primal_value(problem, shares, exact=False) <= best.upper + 1e-12


def test_exact_and_float_evaluations_agree():
    problem = MultistepProblem.paths(**pair(6), count=2, length=3)
    best = solve(problem)
    assert float(dual_bound(problem, best.multipliers, exact=True)) == pytest.approx(
        dual_bound(problem, best.multipliers, exact=False), abs=1e-12
    )
    assert float(primal_value(problem, best.shares, exact=True)) == pytest.approx(
        primal_value(problem, best.shares, exact=False), abs=1e-12
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"lower": s.lower + 1e-6}, "the stated lower end"),
        (lambda s: {"upper": s.upper - 1e-6}, "the stated upper end"),
        (lambda s: {"multipliers": s.multipliers + np.eye(*s.multipliers.shape)}, "the stated upper end"),
        (lambda s: {"multipliers": s.multipliers[:-1]}, "multipliers must be finite"),
        (lambda s: {"shares": -s.shares}, "shares must be nonnegative"),
        (lambda s: {"shares": s.shares[:, ::-1]}, "the stated lower end"),
    ],
)
def test_an_altered_certificate_is_refused(change, message):
    solution = solve(MultistepProblem.paths(**pair(7), count=2, length=2))
    solution.verify()
    with pytest.raises(BadCertificate, match=message):
        replace(solution, **change(solution)).verify()


def test_trees_of_paths_by_recursion_and_by_enumeration():
    _, draft = models(1, kind="zeros")
    for count, length in ((2, 2), (3, 1), (1, 3)):
        drawn = scheme_trees(scheme=named.paths(count, length, None), draft=draft)
        assert path_trees(draft=draft, count=count, length=length) == drawn
        assert sum(drawn.values()) == 1


def test_bad_problems():
    with pytest.raises(ValueError, match="at least 1, got count=0"):
        path_trees(draft=lambda s: np.array([1.0]), count=0, length=1)
    with pytest.raises(ValueError, match="the probabilities of the trees sum to"):
        MultistepProblem.of(trees={((0, ()),): 0.5}, target=lambda s: np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"the target after \(\)"):
        MultistepProblem.of(trees={((0, ()),): 1.0}, target=lambda s: np.array([0.5, 0.6]))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_planned_rule_is_lossless_and_reaches_the_optimum(seed):
    target, draft = models(seed, kind="zeros")
    solution = solve(MultistepProblem.paths(target=target, draft=draft, count=2, length=2))
    scheme = named.paths(2, 2, Planned(solution))
    law = law_of_rounds(scheme=scheme, target=target, draft=draft, rounds=1, length=3)
    assert law == target_law(target=target, length=3)
    reached = expected_length(scheme=scheme, target=target, draft=draft)
    lower, upper = solution.verify()
    assert lower <= reached <= upper
    assert upper - reached < Fraction(1, 10**9)


@pytest.mark.slow
def test_the_planned_rule_is_lossless_with_bad_shares_too():
    target, draft = models(1, kind="zeros")
    solution = solve(MultistepProblem.paths(target=target, draft=draft, count=2, length=2))
    bad = replace(solution, shares=np.ones_like(solution.shares))
    scheme = named.paths(2, 2, Planned(bad))
    law = law_of_rounds(scheme=scheme, target=target, draft=draft, rounds=1, length=3)
    assert law == target_law(target=target, length=3)
    assert expected_length(scheme=scheme, target=target, draft=draft) < Fraction(solution.lower)


def test_the_planned_rule_refuses_other_trees():
    target, draft = models(1)
    solution = solve(MultistepProblem.paths(target=target, draft=draft, count=1, length=2))
    tree = DraftTree.star((0, 1), law=Iid(draft(()), 2))
    with pytest.raises(ValueError, match="none that the problem's drafts can have"):
        Planned(solution).verify(tree=tree, target=target, chance=Sampled(np.random.default_rng(0)))
