"""Size and depth for hardware, budgets of batches, templates, and the gap report."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.theory.shapes import brute
from theory.shapes import (
    NoAllocation,
    Profile,
    TreeShape,
    allocate,
    best_first,
    best_size,
    from_choices,
    gap_report,
    max_plus,
    upper_bound,
)
from theory.shapes.templates import beam, best_expansion, chain, expansion, fitted, greedy, k_ary

# --- hardware ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[0.6, 0.2, 0.1], [0.2, 0.5]])
def test_the_best_size_is_the_best_of_all_trees(rows):
    profile = Profile.positional(rows)
    rng = np.random.default_rng(0)
    for _ in range(5):
        target = np.sort(rng.uniform(1, 2, 7))
        draft = np.sort(rng.uniform(0, 1, 5))
        choice = best_size(profile, target_times=target, draft_times=draft)
        rates = [
            shape.value(profile) / (target[size] + draft[shape.depth])
            for size in range(7)
            for shape in brute.shapes(size)
            if brute.fits(shape, profile, max_depth=4)
        ]
        assert choice.rate == pytest.approx(max(rates), rel=1e-12)
        assert choice.shape.size <= choice.nodes
        assert choice.shape.depth <= choice.depth
        assert choice.shape.value(profile) == pytest.approx(choice.value, rel=1e-12)
        assert choice.speedup == pytest.approx(choice.rate * target[0])


def test_a_chain_with_constant_costs_has_the_closed_form_length():
    """K* from the Lambert form of the derivative: 5.756 for a = .8, c = .1, and 6 is the better neighbour."""
    choice = best_size(Profile.positional([0.8]), target_times=np.ones(40), draft_times=0.1 * np.arange(40))
    assert (choice.nodes, choice.depth) == (6, 6)
    assert choice.speedup == pytest.approx((1 - 0.8**7) / 0.2 / 1.6)


def test_sizes_stop_at_the_knee_of_a_roofline():
    profile = Profile.positional([0.6, 0.2, 0.1, 0.05])
    for knee in (32, 64, 128):
        times = np.maximum(1, np.arange(257) / knee)
        assert best_size(profile, target_times=times, draft_times=0.01 * np.arange(12)).nodes == knee


@pytest.mark.parametrize(
    ("target", "draft", "message"),
    [
        ([], [0], "target_times must be a non-empty list of finite times, positive"),
        ([0], [0], "target_times"),
        ([1], [-1], "draft_times must be a non-empty list of finite times, not negative"),
        ([1, np.inf], [0], "target_times"),
    ],
)
def test_times_are_checked(target, draft, message):
    with pytest.raises(ValueError, match=message):
        best_size(Profile.positional([0.5]), target_times=target, draft_times=draft)


# --- batches -------------------------------------------------------------------------------------------


def brute_allocation(curves, times, weights, paces):
    """The best rate over all splits of all totals."""
    best = -np.inf
    for sizes in product(*(range(len(curve)) for curve in curves)):
        total = sum(sizes)
        if total >= len(times):
            continue
        values = [curve[size] for curve, size in zip(curves, sizes, strict=True)]
        if all(value >= pace * times[total] for value, pace in zip(values, paces, strict=True)):
            best = max(best, np.dot(weights, values) / times[total])
    return best


def curves_of(rng, requests):
    made = []
    for _ in range(requests):
        p = np.sort(rng.dirichlet(np.ones(3)))[::-1] * rng.uniform(0.3, 1)
        made.append(best_first(Profile.positional(p), nodes=int(rng.integers(2, 6))).values)
    return made


@pytest.mark.parametrize("seed", range(12))
def test_allocation_is_the_best_of_all_splits(seed):
    rng = np.random.default_rng(seed)
    curves = curves_of(rng, 4)
    times = rng.uniform(0.5, 2, 16)  # of any form: not even rising
    weights = rng.uniform(0.2, 3, 4)
    for paces in (np.zeros(4), rng.uniform(0, 1.4, 4)):
        best = brute_allocation(curves, times, weights, paces)
        if best == -np.inf:
            with pytest.raises(NoAllocation, match="lower the paces"):
                allocate(curves, times=times, weights=weights, paces=paces)
            continue
        found = allocate(curves, times=times, weights=weights, paces=paces)
        assert found.rate == pytest.approx(best, rel=1e-12)
        assert sum(found.sizes) < len(times)
        assert found.time == times[sum(found.sizes)]
        assert all(v >= pace * found.time * (1 - 1e-9) for v, pace in zip(found.values, paces, strict=True))


def test_a_batch_of_trees_is_a_forest_with_many_roots():
    profile = Profile.positional([0.5, 0.25])
    curve = best_first(profile, nodes=12).values
    found = allocate([curve, curve], times=[*np.ones(13)], weights=[1, 3])
    forest = best_first(profile, nodes=12, root_weights=(1, 3))
    assert found.total_value == pytest.approx(forest.value(12))


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        ([], {}, "at least one request"),
        ([[]], {}, "request 0 needs a list"),
        ([[1, 1.1, 1.5]], {}, "request 0 must rise by steps that never grow"),
        ([[1, 0.5]], {}, "request 0 must rise"),
        ([[1, 2]], {"times": []}, "times must be"),
        ([[1, 2]], {"times": [1, -1]}, "times must be"),
        ([[1, 2]], {"weights": [0]}, "weights must be positive"),
        ([[1, 2]], {"weights": [1, 2]}, "weights needs one finite number of at least 0 a request: 1"),
        ([[1, 2]], {"paces": [-1]}, "paces needs"),
        ([[1, 2]], {"paces": [5]}, "no total keeps every request's pace"),
    ],
)
def test_allocation_checks_its_input(values, settings, message):
    with pytest.raises(ValueError, match=message):
        allocate(values, **{"times": [1, 1, 1], **settings})


# --- templates and gaps --------------------------------------------------------------------------------


def test_templates():
    assert chain(0).parents == (-1,)
    assert k_ary(14, children=2) == expansion([2, 2, 2])
    assert k_ary(100, children=3, max_depth=2).size == 12
    assert k_ary(9, children=1, max_depth=4).size == 4
    assert expansion([3, 1, 1]).counts[:4] == (3, 1, 1, 1)
    profile = Profile.positional([0.6, 0.3])
    assert beam(profile, nodes=30, width=1).parents == chain(30).parents
    assert beam(profile, nodes=6, width=99) == expansion([2, 2])
    assert beam(profile, nodes=30, width=4, max_depth=3).level_sizes == (1, 2, 4, 4)
    assert fitted(expansion([3, 3]), max_depth=1, max_children=2).parents == (-1, 0, 0)
    assert greedy(profile, nodes=20) == best_first(profile, nodes=20).shape()
    for make, message in (
        (lambda: k_ary(3, children=0), "children must be at least 1"),
        (lambda: beam(profile, nodes=3, width=0), "at least 1 wide"),
        (lambda: expansion([0]), "factors are at least 1"),
        (lambda: best_expansion(profile, nodes=513), "at most 512"),
        (lambda: best_expansion(Profile.by_parent_rank([0.5], [[0.5]]), nodes=3), None),
    ):
        if message is not None:
            with pytest.raises(ValueError, match=message):
                make()


def test_the_best_expansion_is_the_best_of_all():
    profile = Profile.positional([0.5, 0.3, 0.1])
    for nodes, depth in ((6, None), (12, None), (12, 2), (20, 3)):
        limit = nodes if depth is None else depth
        found = [
            expansion(factors)
            for length in range(min(limit, 6) + 1)
            for factors in product(range(1, 4), repeat=length)
            if expansion(factors).size <= nodes
        ]
        best = max(shape.value(profile) for shape in [*found, chain(min(nodes, limit))])
        factors = best_expansion(profile, nodes=nodes, max_depth=depth)
        assert expansion(factors).value(profile) >= best - 1e-12
        assert expansion(factors).size <= nodes


@pytest.mark.parametrize(
    ("profile", "caps"),
    [
        (Profile.positional([0.6, 0.2, 0.1]), {}),
        (Profile.positional([0.2, 0.6, 0.1]), {}),
        (Profile.positional([0.6, 0.2, 0.1]), {"max_depth": 3, "max_children": 2}),
        (Profile.by_depth([[0.6, 0.2], [0.5, 0.1], [0.5, 0.2]]), {}),
        (Profile.by_depth([[0.2, 0.6], [0.5, 0.1]]), {"max_children": 1}),
        (Profile.by_parent_rank([0.6, 0.2], [[0.6, 0.1], [0.4, 0.3]]), {}),
        (Profile.positional([0.7]), {}),
        (Profile.positional([0.6, 0.2]), {"max_depth": 0}),
        (Profile.positional([0.6, 0.2]), {"max_children": 0}),
        (Profile.positional([0.0, 0.0]), {}),
    ],
)
@pytest.mark.parametrize("nodes", [0, 1, 20])
def test_nothing_beats_the_optimum(profile, caps, nodes):
    report = gap_report(profile, nodes=nodes, **caps)
    exact = max_plus(profile, nodes=len(report.values) - 1, **caps)
    assert np.abs(report.values - exact.values).max() <= 1e-12
    assert report.value == pytest.approx(report.shape.value(profile))
    for row in report.rows:
        assert brute.fits(row.shape, profile, **caps)
        assert row.value <= report.values[row.shape.size] + 1e-12
        assert 0 <= row.gap < 1
        assert (row.gap_at_budget is None) == (row.shape.size > nodes)
        assert report.values[row.optimum_needs] >= row.value * (1 - 1e-12)
        if row.optimum_needs:
            assert report.values[row.optimum_needs - 1] < row.value
    if "by parent" not in profile.kind:
        assert upper_bound(profile, nodes=nodes, **caps) >= report.value - 1e-12


def test_optimum_of_medusas_own_choices():
    """A Medusa tree is the optimum of some profile: one that decays like its ranks."""
    shape = TreeShape.of([-1, 0, 0, 1])
    assert from_choices([[0], [1], [0, 0]]) == shape
    profile = Profile.by_depth([[0.6, 0.3], [0.2, 0.05]])
    assert gap_report(profile, nodes=3).shape == shape
