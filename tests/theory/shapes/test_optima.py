"""Static optima against every tree there is, and against each other; certificates and what breaks them."""

from __future__ import annotations

import dataclasses
import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.shapes import brute
from theory.shapes import (
    Certificate,
    NotOptimal,
    Profile,
    TreeShape,
    best_first,
    isotonic,
    max_plus,
    projection_regret,
    sorted_rows,
    upper_bound,
)
from theory.shapes.templates import greedy

MOST = 7


@settings(max_examples=25)
@given(profile=brute.profiles(), max_depth=brute.caps, max_children=brute.caps)
def test_dynamic_programming_is_the_best_of_all_trees(profile, max_depth, max_children):
    run = max_plus(profile, nodes=MOST, max_depth=max_depth, max_children=max_children)
    run.verify()
    assert run.values.tolist() == brute.bests(profile, MOST, max_depth, max_children)
    for nodes in range(MOST + 1):
        shape = run.shape(nodes)
        assert shape.value(profile) == run.value(nodes)
        assert shape.size <= nodes
        assert brute.fits(shape, profile, max_depth, max_children)


@settings(max_examples=25)
@given(profile=brute.profiles(monotone=True), max_depth=brute.caps, max_children=brute.caps)
def test_best_first_is_the_best_of_all_trees(profile, max_depth, max_children):
    run = best_first(profile, nodes=MOST, max_depth=max_depth, max_children=max_children)
    values = [run.value(nodes) for nodes in range(MOST + 1)]
    assert values == brute.bests(profile, MOST, max_depth, max_children)
    for nodes in range(MOST + 1):
        shape = run.shape(nodes)
        assert shape.value(profile) == run.value(nodes)
        assert brute.fits(shape, profile, max_depth, max_children)
        run.certificate(nodes).verify()


@settings(max_examples=60)
@given(profile=brute.profiles(monotone=True), max_depth=brute.caps)
def test_values_are_concave_trees_nested_and_both_methods_equal(profile, max_depth):
    run = best_first(profile, nodes=24, max_depth=max_depth)
    assert all(later <= earlier for earlier, later in pairwise(run.taken))
    trees = [set(run.shape(nodes).choices()) for nodes in range(run.size + 1)]
    assert all(small < large for small, large in pairwise(trees))
    exact = max_plus(profile, nodes=24, max_depth=max_depth)
    assert [run.value(n) for n in range(25)] == [exact.value(n) for n in range(25)]


@settings(max_examples=30)
@given(profile=brute.profiles(monotone=True))
def test_several_roots_are_one_forest(profile):
    weights = (Fraction(1), Fraction(1, 2), Fraction(2))
    run = best_first(profile, nodes=6, root_weights=weights)
    for nodes in range(7):
        single = [max_plus(profile, nodes=nodes).values] * len(weights)
        split = max(
            sum(w * v[n] for w, v, n in zip(weights, single, (a, b, nodes - a - b), strict=True))
            for a in range(nodes + 1)
            for b in range(nodes - a + 1)
        )
        assert run.value(nodes) == split
        shapes = run.shapes(nodes)
        assert sum(w * s.value(profile) for w, s in zip(weights, shapes, strict=True)) == split


@settings(max_examples=60)
@given(profile=brute.profiles(kinds=("positional", "by depth")), max_depth=brute.caps)
def test_sorting_bounds_the_optimum(profile, max_depth):
    run = max_plus(profile, nodes=12, max_depth=max_depth)
    ends = max_plus(sorted_rows(profile), nodes=12, max_depth=max_depth)
    assert (run.values <= ends.values).all()
    assert upper_bound(profile, nodes=12, max_depth=max_depth) == pytest.approx(
        float(ends.value(12)), rel=1e-12
    )


def floats(rng, ranks, rows=None):
    table = rng.dirichlet(np.ones(ranks + 1), size=rows or 1)[:, :ranks]
    return np.sort(table, axis=1)[:, ::-1]


def check_equal(profile, nodes, **caps):
    run, exact = best_first(profile, nodes=nodes, **caps), max_plus(profile, nodes=nodes, **caps)
    assert np.abs(run.values - exact.values[: run.size + 1]).max() <= 1e-12
    assert (np.abs(exact.values[run.size :] - run.values[-1]) <= 1e-12).all()


def test_both_methods_agree_on_floats():
    rng = np.random.default_rng(1)
    for ranks, nodes, depth in ((1, 60, None), (4, 200, None), (6, 200, 5), (8, 120, 3)):
        check_equal(Profile.positional(floats(rng, ranks)[0]), nodes, max_depth=depth)
        check_equal(Profile.by_depth(floats(rng, ranks, rows=6)), nodes)
        check_equal(
            Profile.by_parent_rank(floats(rng, ranks)[0], floats(rng, ranks, rows=ranks)),
            nodes,
            max_depth=depth,
        )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_both_methods_agree_for_every_size_up_to_2048(seed):
    rng = np.random.default_rng(seed)
    check_equal(Profile.positional(floats(rng, 32)[0]), 2048)
    check_equal(Profile.positional(floats(rng, 32)[0]), 2048, max_depth=10)
    check_equal(Profile.by_depth(floats(rng, 16, rows=8)), 2048)


@pytest.mark.slow
def test_budgets_of_time():
    """CPU seconds, best of some runs: 10 ms for a tree of 2048 nodes, a thousandth of 1941 s for a table."""
    rng = np.random.default_rng(0)
    falling, any_rows = floats(rng, 32)[0], rng.dirichlet(np.ones(33))[:32]

    def least(solve, repeats):
        times = []
        for _ in range(repeats):
            start = time.process_time()
            solve()
            times.append(time.process_time() - start)
        return min(times)

    assert least(lambda: best_first(Profile.positional(falling), nodes=2048).shape(), 9) < 0.010
    assert least(lambda: max_plus(Profile.positional(any_rows), nodes=512, max_depth=10), 2) < 1.94
    assert least(lambda: max_plus(Profile.positional(any_rows), nodes=2048, max_depth=10), 1) < 10


def test_a_light_sibling_hides_a_heavy_one_from_the_greedy():
    profile = Profile.by_depth([[0.3, 0.0, 0.6], [0.9, 0.0, 0.0], [0.9, 0.0, 0.0]])
    assert max_plus(profile, nodes=3).value(3) == pytest.approx(brute.best(profile, 3)) == pytest.approx(1.9)
    assert greedy(profile, nodes=3).value(profile) == pytest.approx(1.813)


def test_rows_that_rise_are_refused_by_best_first():
    with pytest.raises(NotOptimal, match="row 1 of the profile rises"):
        best_first(Profile.by_depth([[0.5, 0.1], [0.1, 0.5]]), nodes=3)


def test_nodes_that_weigh_nothing_are_left_out():
    profile = Profile.positional([0.5, 0.0])
    assert best_first(profile, nodes=9).shape().parents == tuple(range(-1, 9))
    assert best_first(Profile.by_depth([[0.5, 0.0]]), nodes=9).shape().parents == (-1, 0)
    assert max_plus(Profile.by_depth([[0.5, 0.0]]), nodes=9).shape().parents == (-1, 0)
    nothing = Profile.positional([0.0, 0.0])
    for run in (best_first(nothing, nodes=5), max_plus(nothing, nodes=5)):
        assert run.shape(5).size == 0
        assert run.value(5) == 1


def test_certainty_and_ties():
    sure = Profile.positional([1.0, 0.0])
    assert best_first(sure, nodes=5).shape().depth == 5
    assert best_first(sure, nodes=5).value(5) == max_plus(sure, nodes=5).value(5) == 6
    halves = Profile.positional([0.5, 0.5])
    # of equal weights, the older parent's children first: a full binary tree level by level
    assert best_first(halves, nodes=6).shape().parents == (-1, 0, 0, 1, 1, 2, 2)


@pytest.mark.parametrize("method", [best_first, max_plus])
def test_empty_budgets_and_caps(method):
    profile = Profile.positional([0.5, 0.2])
    for caps in ({"nodes": 0}, {"nodes": 4, "max_depth": 0}, {"nodes": 4, "max_children": 0}):
        run = method(profile, **caps)
        assert run.shape(caps["nodes"]).parents == (-1,)
        assert run.value(caps["nodes"]) == 1
    for name in ("nodes", "max_depth", "max_children"):
        with pytest.raises(ValueError, match=f"{name} must be at least 0, got -1"):
            method(profile, **{"nodes": 3, name: -1})
    with pytest.raises(ValueError, match="run it with more"):
        method(profile, nodes=3).value(4)
    with pytest.raises(ValueError, match=r"at least 0, got -1|-1 are asked for"):
        method(profile, nodes=3).shape(-1)


def test_programs_of_hours_are_refused():
    with pytest.raises(ValueError, match="would take hours; ask for fewer"):
        max_plus(Profile.positional([0.1, 0.5]), nodes=2 * 10**6)


def test_one_root_only_has_a_shape():
    run = best_first(Profile.positional([0.5]), nodes=3, root_weights=(1, 2))
    with pytest.raises(ValueError, match="there are 2 roots"):
        run.shape()
    with pytest.raises(ValueError, match="positive weight for each root"):
        best_first(Profile.positional([0.5]), nodes=3, root_weights=(0,))


def test_every_other_tree_fails_its_certificate():
    """Negative control: of all trees of five nodes, exactly those of the optimal value pass."""
    profile = Profile.positional(np.array([Fraction(1, 2), Fraction(1, 4), Fraction(1, 8)]))
    best = brute.best(profile, 5)
    passed = 0
    for shape in brute.shapes(5):
        if not brute.fits(shape, profile):
            continue
        certificate = Certificate.of(shape, profile=profile)
        if shape.value(profile) == best:
            certificate.verify()
            passed += 1
        else:
            with pytest.raises(NotOptimal, match="was left out"):
                certificate.verify()
    assert passed >= 1


def test_forged_certificates_fail():
    profile = Profile.positional([0.5, 0.25])
    proof = best_first(profile, nodes=4, max_depth=2).certificate()
    with pytest.raises(NotOptimal, match="not those of its tree"):
        dataclasses.replace(proof, left_out=0.0).verify()
    with pytest.raises(NotOptimal, match="larger than its caps"):
        dataclasses.replace(proof, max_depth=1).verify()
    with pytest.raises(NotOptimal, match="rises"):
        Certificate.of(TreeShape((-1, 0)), profile=Profile.positional([0.1, 0.5])).verify()


def test_forged_tables_fail():
    run = max_plus(Profile.positional([0.1, 0.5]), nodes=6, max_depth=3)
    run.verify()
    for name, message in (("forests", "too small"), ("tops", "do not satisfy")):
        table = getattr(run, name).copy()
        table[0, ..., -1] *= 0.9
        with pytest.raises(NotOptimal, match=message):
            dataclasses.replace(run, **{name: table}).verify()
    taller = dataclasses.replace(
        run, forests=run.forests + 0.1, tops=np.concatenate([run.tops[:-1] + 0.1, run.tops[-1:]])
    )
    with pytest.raises(NotOptimal, match=r"too small|is worth|do not satisfy"):
        taller.verify()


def test_projection_is_least_squares_and_its_regret_exact():
    rng = np.random.default_rng(3)
    profile = Profile.positional([0.5, 0.05, 0.15, 0.02, 0.08])
    projected = isotonic(profile)
    assert projected.is_monotone
    assert projected.rows.sum() == pytest.approx(profile.rows.sum())
    least = ((projected.rows - profile.rows) ** 2).sum()
    for _ in range(500):
        other = np.sort(np.abs(projected.rows + 0.02 * rng.normal(size=5)))[:, ::-1]
        assert ((other - profile.rows) ** 2).sum() >= least - 1e-15
    heavy = isotonic(Profile.positional([0.1, 0.4]), samples=[[3, 1]]).rows
    assert heavy == pytest.approx(np.array([[0.175, 0.175]]))
    result = projection_regret(profile, nodes=7)
    assert result.optimum == pytest.approx(brute.best(profile, 7), abs=1e-15)
    assert 0 <= result.regret < 0.05
    sorted_already = projection_regret(Profile.positional([0.5, 0.2]), nodes=30)
    assert sorted_already.regret <= 1e-14
    with pytest.raises(ValueError, match="give floats"):
        isotonic(Profile.positional(np.array([Fraction(1, 2)])))
    with pytest.raises(ValueError, match="samples must be positive"):
        isotonic(profile, samples=[0])
    with pytest.raises(ValueError, match="child's rank sets its row"):
        sorted_rows(Profile.by_parent_rank([0.5, 0.1], [[0.5, 0.1], [0.1, 0.5]]))
