"""Least and largest masses, modular functions around them, and what makes no region."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import chain, combinations

import numpy as np
import pytest

from theory.error import Ball, Band, Box, Weights, overlap_band
from theory.error.band import jointly
from theory.error.regions import Region, region_of


def subsets(size: int) -> list[list[int]]:
    return [list(s) for s in chain.from_iterable(combinations(range(size), n) for n in range(size + 1))]


def fractions(rng: np.random.Generator, size: int, total: int = 60) -> np.ndarray:
    cuts = np.sort(rng.integers(0, total + 1, size - 1))
    parts = np.diff(np.concatenate([[0], cuts, [total]]))
    return np.array([F(int(part), total) for part in parts])


def random_region(rng: np.random.Generator, kind: str, size: int) -> Region:
    """A region in fractions."""
    p = fractions(rng, size)
    if kind == "known":
        return Ball(p, F(0))
    if kind == "ball":
        return Ball(p, F(int(rng.integers(1, 20)), 60))
    slack = [np.array([F(int(n), 40) for n in rng.integers(0, 12, size)]) for _ in range(2)]
    if kind == "box":
        return Box(np.maximum(p - slack[0], F(0)), np.minimum(p + slack[1], F(1)))
    return Weights(p + F(1, 50), p + F(1, 50) + slack[0])


def member(rng: np.random.Generator, region: Region) -> np.ndarray:
    """A distribution of a region, often at its border; floats."""
    size = region.size
    if isinstance(region, Weights):
        pick = rng.random(size) if rng.random() < 0.5 else rng.integers(0, 2, size)
        low, high = region.lower.astype(float), region.upper.astype(float)
        weights = low + pick * (high - low)
        return weights / weights.sum()
    low, high = (end.astype(float) for end in region.token_ends)
    if isinstance(region, Ball):
        center, radius = region.center.astype(float), float(region.radius)
        other = rng.dirichlet(np.full(size, 0.3))
        distance = np.abs(other - center).sum() / 2
        return center + (other - center) * min(1.0, radius / max(distance, 1e-12))
    out, left = low.copy(), 1 - low.sum()
    for token in rng.permutation(size):  # greedy: a vertex of the box
        step = min(high[token] - low[token], left)
        out[token] += step
        left -= step
    return out


KINDS = ("known", "ball", "box", "weights")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_masses_of_sets_are_those_of_members(kind, seed):
    """Every member is inside; and for every set some vertex comes to either end (Box, Weights)."""
    rng = np.random.default_rng(seed)
    region = random_region(rng, kind, 5)
    members = [member(rng, region) for _ in range(300)]
    for order in subsets(5):
        low, high = (float(end[-1]) for end in region.ends_along(np.array(order, dtype=int)))
        masses = [float(each[order].sum()) for each in members]
        assert low - 1e-12 <= min(masses)
        assert max(masses) <= high + 1e-12
        if kind == "box":
            assert min(masses) == pytest.approx(low, abs=1e-9)
            assert max(masses) == pytest.approx(high, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_modular_functions_are_on_their_side(kind, seed):
    """In fractions, at every set and for many parameters; and they touch where they are aimed at."""
    rng = np.random.default_rng(seed)
    region = random_region(rng, kind, 5)
    for order in subsets(5):
        inside = np.isin(np.arange(5), order)
        low, high = (end[-1] for end in region.ends_along(np.array(order, dtype=int)))
        aims = [region.aim_least(inside), region.aim_most(inside)]
        for t in (F(0), F(1, 3), F(1), *aims):
            below = min(m.constant + m.weights[order].sum() for m in region.minorants(t))
            above = max(m.constant + m.weights[order].sum() for m in region.majorants(t))
            assert below <= low
            assert above >= high
        below = min(m.constant + m.weights[order].sum() for m in region.minorants(aims[0]))
        above = max(m.constant + m.weights[order].sum() for m in region.majorants(aims[1]))
        if 0 < len(order) < 5:
            assert (below, above) == (low, high)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_floors_and_ceilings(kind, seed):
    """Masses at the centre say enough."""
    rng = np.random.default_rng(seed)
    exact = random_region(rng, kind, 5)
    if isinstance(exact, Ball):
        region: Region = Ball(exact.center.astype(float), float(exact.radius))
    else:
        region = type(exact)(exact.lower.astype(float), exact.upper.astype(float))
    for order in subsets(5):
        low, high = (float(end[-1]) for end in region.ends_along(np.array(order, dtype=int)))
        mass = np.array(region.center[order].sum())
        assert float(region.floor(mass)) <= low + 1e-12
        assert float(region.ceiling(mass)) >= high - 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_conditioning_holds_the_conditioned(kind):
    rng = np.random.default_rng(3)
    for _ in range(8):
        region = random_region(rng, kind, 6)
        top = np.array([0, 3])
        high = region.ends_along(top)[1]
        if high[-1] == 1 or (kind == "ball" and region.center[top].sum() == 1):
            continue
        off = region.off(top)
        for _ in range(10):
            q = member(rng, region)
            q[top] = 0
            q /= q.sum()
            for order in ([1], [1, 2], [2, 4, 5], [1, 2, 4, 5]):
                ends = off.ends_along(np.array(order))
                assert float(ends[0][-1]) - 1e-9 <= q[order].sum() <= float(ends[1][-1]) + 1e-9


def test_a_distribution_is_a_ball_without_radius():
    assert region_of([0.25, 0.75]).radius == 0
    assert isinstance(region_of(Ball(np.array([0.25, 0.75]))), Ball)


def test_rounded_sums_are_no_obstacle():
    p = np.full(49, 1 / 49)
    box = Box(p, p)
    assert box.lower.sum() <= 1 <= box.upper.sum()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box(np.array([0.5, 0.6]), np.array([0.6, 0.7])), "no distribution fits this Box"),
        (lambda: Box(np.array([0.1, 0.1]), np.array([0.2, 0.3])), "no distribution fits this Box"),
        (lambda: Box(np.array([0.5, 0.4]), np.array([0.4, 0.8])), "the interval of token 0 is empty"),
        (lambda: Box(np.array([0.5]), np.array([0.4, 0.8])), "two arrays of one shape"),
        (lambda: Weights(np.zeros(2), np.ones(2)), "needs a token whose lower end is positive"),
        (lambda: Weights(-np.ones(2), np.ones(2)), "lower has the entry -1.0"),
        (lambda: Ball(np.array([0.5, 0.4])), "the centre sums to 0.9"),
        (lambda: Ball(np.array([0.5, 0.5]), 1.5), r"a radius in \[0, 1\]"),
        (lambda: Ball(np.array([1.0, 0.0])).off(np.array([0])), "no mass is left off these tokens"),
        (lambda: overlap_band(p=[0.5, 0.5], q=[1.0, 0.0, 0.0]), "they must share one"),
        (lambda: overlap_band(p=[0.5, 0.5], q=np.array([F(1), F(0)])), "one kind for both"),
        (lambda: Band(0.5, 0.4), "is above the upper end"),
        (lambda: Band(0.5, 0.6, 0.0), "a confidence is above 0"),
        (lambda: jointly(0.5, 0.5), "add up to 1.0"),
    ],
)
def test_what_is_no_region(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_kinds():
    assert Band(0.5, 0.5).kind == "exact"
    assert Band(0.5, 0.6).kind == "interval"
    assert Band(0.5, 0.5, 0.9).kind == "interval at confidence 0.9"
    assert Band(F(1, 2), F(2, 3)).width == F(1, 6)
