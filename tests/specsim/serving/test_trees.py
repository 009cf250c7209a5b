"""Trees in a batch: menus, what they bring, and the exact allocation against all others."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.clocks import Affine
from specsim.serving import (
    Allocation,
    ByBatch,
    Fixed,
    ForSlo,
    Goodput,
    Menu,
    Plan,
    Server,
    SpreadByBatch,
    Tetris,
    Workload,
    serve,
)
from specsim.serving.trees import Trees
from theory.shapes import Profile, TreeShape, best_first
from theory.speedup import tokens_by_depth

PROFILES = (Profile.positional([0.6, 0.2, 0.1]), Profile.by_depth([[0.8, 0.1], [0.5, 0.3], [0.4, 0.1]]))
MENUS = tuple(Menu.best_first(profile, nodes=9, depth=3) for profile in PROFILES)
TARGET, DRAFT = Affine(0.02, per_token=1e-4), Affine(0.002, per_token=1e-5)


def batch_of(kinds, remaining, *, target=TARGET, draft=DRAFT, late=None):
    numbers = np.arange(len(kinds))
    trees = Trees(MENUS, np.array(kinds))
    late = np.zeros(len(kinds)) if late is None else np.array(late)
    return trees.batch(numbers, np.array(remaining), 100, 0, target, draft, late)


def test_sizes_and_depths_of_a_menu_are_optimal_trees():
    for profile, menu in zip(PROFILES, MENUS, strict=True):
        for depth, size in product(range(4), range(10)):
            run = best_first(profile, nodes=size, max_depth=depth)
            assert menu.tokens(size, depth=depth) == pytest.approx(float(run.values[-1]))
            shape = run.shape()
            levels = np.bincount(shape.depths, weights=profile.weights(shape), minlength=4)[1:4]
            assert menu.tails()[depth, size] == pytest.approx(levels)


def test_a_chain_by_depth():
    menu = Menu.chain([0.9, 0.5, 0.8])
    for size in range(4):
        assert menu.tokens(size) == pytest.approx(float(tokens_by_depth([0.9, 0.5, 0.8][:size])))


def test_a_given_tree():
    shape = TreeShape.of([-1, 0, 0, 1, 1, 2])
    menu = Menu.of(shape, PROFILES[0])
    assert menu.tokens(5) == pytest.approx(float(shape.value(PROFILES[0])))
    assert menu.tokens(2) == pytest.approx(1 + 0.6 + 0.36)
    with pytest.raises(ValueError, match="weights rise along siblings"):
        Menu.of(shape, Profile.positional([0.2, 0.6]))
    with pytest.raises(ValueError, match="exclude each other"):
        Menu.best_first(Profile.positional([0.9, 0.9], exclusive=False), nodes=2, depth=2)


def rate(batch, sizes, depth):
    """Expected tokens a second, from the trees themselves."""
    tokens, levels = 0.0, 0
    for kind, remaining, size in zip(batch.kinds, batch.remaining, sizes, strict=True):
        run = best_first(PROFILES[kind], nodes=size, max_depth=min(depth, int(remaining) - 1))
        tokens += float(run.values[-1])
        levels = max(levels, run.shape().depth)
    return tokens / float(batch.seconds(sum(sizes), levels))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 5)), min_size=1, max_size=3),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.floats(0, 0.05),
)
def test_the_allocation_is_the_best_of_all_trees(requests, step, token, draft_token):
    kinds, remaining = zip(*requests, strict=True)
    batch = batch_of(kinds, remaining, target=Affine(1.0, token), draft=Affine(step, draft_token))
    room = batch.room()
    best = max(
        rate(batch, sizes, depth)
        for depth in range(1, 4)
        for sizes in product(*(range(min(4, int(most)) + 1) for most in room))
    )
    plan = Allocation(4).lengths(batch)
    found = rate(batch, plan.sizes.tolist(), plan.depth or 3)
    assert found == pytest.approx(best, rel=1e-12)
    # the steps that the server will charge are those of the trees
    sizes = np.minimum(plan.sizes, room)
    assert batch.steps(plan) == max(
        best_first(PROFILES[k], nodes=int(n), max_depth=min(plan.depth or 3, r - 1)).shape().depth
        for k, r, n in zip(kinds, remaining, sizes, strict=True)
    )


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 6)), min_size=1, max_size=6),
    st.sampled_from(
        [
            Fixed(5),
            ByBatch({1: 7, 3: 2}),
            SpreadByBatch(ByBatch({1: 3})),
            Goodput(6),
            Tetris(9),
            ForSlo(9, 0.1),
        ]
    ),
)
def test_schedulers_stay_within_the_menus(requests, scheduler):
    kinds, remaining = zip(*requests, strict=True)
    batch = batch_of(kinds, remaining, late=[0.3] * len(kinds))
    sizes = scheduler.lengths(batch)
    assert np.all((sizes >= 0) & (sizes <= batch.room()))
    assert batch.steps(Plan(sizes)) <= 3


def test_accepted_levels_have_the_law_of_the_tree():
    draws = 100_000
    trees = Trees(MENUS, np.zeros(draws, dtype=np.int64))
    numbers, plan = np.arange(draws), Plan(np.full(draws, 7))
    got = trees.accepted(numbers, np.full(draws, 50), plan, np.random.default_rng(0))
    tails = MENUS[0].tails()[-1, 7]
    for level in (1, 2, 3):
        # six standard deviations of a share: a false alarm once in 10^8 or less
        assert abs(np.mean(got >= level) - tails[level - 1]) < 6.5 * np.sqrt(0.25 / draws)


def load(count, output, kinds=None):
    return Workload(np.zeros(count), [10] * count, [output] * count, [0.5] * count, kinds)


def run(work, scheduler, **changes):
    server = Server(TARGET, DRAFT, scheduler, **{"menus": MENUS, "pace": 0.05, **changes})
    return serve(work, server, rng=np.random.default_rng(0))


def test_a_server_emits_what_trees_bring():
    """Long requests: means over 40,000 verifications, far within a percent."""
    log = run(load(40, 2000, [0, 1] * 20), Fixed(6), memory=10**7)
    mean = log.drafted / 6
    expected = (MENUS[0].tokens(6) + MENUS[1].tokens(6)) / 2
    # requests of the better kind need fewer verifications: weigh by them
    weighted = 2 / (1 / MENUS[0].tokens(6) + 1 / MENUS[1].tokens(6))
    assert 1 + log.accepted / mean == pytest.approx(weighted, rel=0.01)
    assert weighted < expected


@pytest.mark.parametrize("scheduler", [Fixed(6), Goodput(9), Allocation(9), Tetris(60), ForSlo(60, 0.01)])
def test_trees_obey_the_laws_and_a_full_memory(scheduler):
    rng = np.random.default_rng(1)
    count = 60
    work = Workload(
        np.cumsum(rng.exponential(0.01, count)),
        rng.integers(1, 30, count),
        rng.integers(0, 40, count),
        np.full(count, 0.5),
        rng.integers(0, 2, count),
    )
    log = run(work, scheduler, memory=120, slots=8)
    log.check()
    assert log.preempted.any()
    again = run(work, scheduler, memory=120, slots=8)
    assert np.array_equal(log.finish, again.finish, equal_nan=True)


def test_a_chain_menu_is_a_chain():
    """One acceptance at each depth: the same law as a chain of that acceptance, so the same mean."""
    count = 50
    work = Workload(np.zeros(count), [10] * count, [1500] * count, [0.7] * count)
    one = serve(work, Server(TARGET, DRAFT, Fixed(4), memory=10**7), rng=np.random.default_rng(0))
    menu = (Menu.chain([0.7] * 4),)
    other = run(work, Fixed(4), menus=menu, memory=10**7)
    assert other.accepted / other.drafted == pytest.approx(one.accepted / one.drafted, rel=0.02)


def test_kinds_need_menus():
    with pytest.raises(ValueError, match="kinds of requests need a menu each, there are 2"):
        run(load(1, 5, [2]), Fixed(1))
