"""Column generation: the same optimum without a list of trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.theory.multistep.instances import pair
from theory.multistep import MultistepProblem, PathProblem, path_trees, solve, solve_by_columns
from theory.multistep.priorities import exit_law
from theory.transport.solution import BadCertificate


def listed_exits(vocabulary, length):
    """Exits in the order of ``exit_law``: off the tree level by level, then leaves."""
    level, out = [()], []
    for _ in range(length):
        level = [(*s, y) for s in level for y in range(vocabulary)]
        out += [("off", s) for s in level]
    return out + [("leaf", s) for s in level]


def exits_of(tree, prefix=(), *, vocabulary, length):
    drafted = dict(tree)
    for token in range(vocabulary):
        s = (*prefix, token)
        if token not in drafted:
            yield ("off", s)
        elif len(s) == length:
            yield ("leaf", s)
        else:
            yield from exits_of(drafted[token], s, vocabulary=vocabulary, length=length)


@pytest.mark.parametrize(("vocabulary", "length", "count"), [(3, 2, 2), (3, 1, 4), (2, 3, 3)])
def test_the_law_of_the_best_exit_by_listing_trees(vocabulary, length, count):
    both = pair(3, vocabulary=vocabulary)
    problem = PathProblem.of(**both, count=count, length=length)
    names = listed_exits(vocabulary, length)
    trees = path_trees(draft=both["draft"], count=count, length=length)
    for seed in range(3):
        rank = np.random.default_rng(seed).permutation(len(names))
        place = dict(zip(names, rank, strict=True))
        wanted = dict.fromkeys(names, 0.0)
        for tree, weight in trees.items():
            wanted[min(exits_of(tree, vocabulary=vocabulary, length=length), key=place.get)] += weight
        assert exit_law(problem, rank) == pytest.approx(list(wanted.values()), abs=1e-13)


@pytest.mark.parametrize(("length", "count"), [(2, 2), (2, 3), (1, 4)])
def test_the_same_optimum(length, count):
    both = pair(4)
    columns = solve_by_columns(PathProblem.of(**both, count=count, length=length))
    whole = solve(MultistepProblem.paths(**both, count=count, length=length))
    assert columns.gap <= 1e-9
    assert columns.lower <= whole.upper
    assert whole.lower <= columns.upper
    columns.verify()


def test_stopped_early_it_is_an_interval():
    both = pair(4)
    early = solve_by_columns(PathProblem.of(**both, count=2, length=2), iterations=6)
    whole = solve(MultistepProblem.paths(**both, count=2, length=2))
    assert early.gap > 1e-6
    assert early.lower <= whole.value <= early.upper
    early.verify()


def test_an_altered_certificate_is_refused():
    solution = solve_by_columns(PathProblem.of(**pair(4), count=2, length=2))
    with pytest.raises(BadCertificate, match="were altered"):
        replace(solution, lower=solution.lower + 1e-6).verify()
    with pytest.raises(BadCertificate, match="were altered"):
        replace(solution, multipliers=solution.multipliers * 0.5).verify()
    with pytest.raises(BadCertificate, match="sum to 1"):
        replace(solution, weights=solution.weights * 0.5).verify()


def test_bad_requests():
    problem = PathProblem.of(**pair(4), count=2, length=1)
    with pytest.raises(ValueError, match="gap must be above 0"):
        solve_by_columns(problem, gap=0)
    with pytest.raises(ValueError, match="at least 1, got count=0"):
        PathProblem.of(**pair(4), count=0, length=1)
