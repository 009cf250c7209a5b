"""Bands hold every pair, and are attained where that is claimed."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import chain, combinations, product

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.theory.error.test_regions import KINDS, member, random_region, subsets
from theory.bounds import IidScan, optimal_acceptance
from theory.couplings import KSeq, Recursive
from theory.error import (
    Ball,
    Box,
    Region,
    Weights,
    iid_modulus,
    k_seq_band,
    log_error_distance,
    optimal_iid_band,
    optimal_without_replacement_band,
    overlap_band,
    point_band,
    race_modulus,
    recursive_band,
    top_k_plus_sample_band,
)
from theory.error.scan import Growth, highest, lowest, lowest_on_curve
from theory.laws import Iid, TopKPlusSample, WithoutReplacement
from theory.simplex import total_variation

SIZE = 4


def regions(seed: int, kinds: tuple[str, str]) -> tuple[np.random.Generator, Region, Region]:
    rng = np.random.default_rng(seed)
    return rng, random_region(rng, kinds[0], SIZE), random_region(rng, kinds[1], SIZE)


def as_floats(region: Region) -> Region:
    if isinstance(region, Ball):
        return Ball(region.center.astype(float), float(region.radius))
    return type(region)(region.lower.astype(float), region.upper.astype(float))


def least_by_brute_force(p: Region, q: Region, growth: Growth, *, upper: bool):
    """Over all subsets, with the exact set functions."""
    values = []
    for order in subsets(SIZE):
        (low_p, high_p), (low_q, high_q) = (
            tuple(end[-1] for end in region.ends_along(np.array(order, dtype=int))) for region in (p, q)
        )
        masses = (high_p, low_q) if upper else (low_p, high_q)
        values.append(masses[0] - growth(np.array([masses[1]]))[0])
    return min(values)


@pytest.mark.parametrize("kinds", list(product(KINDS, KINDS)))
def test_searches_against_all_subsets(kinds):
    """In fractions: the lower search is never above the truth, the upper one finds it (Ball, Box)."""
    for seed, power in product(range(3), (1, 3)):
        _, p, q = regions(seed, kinds)
        growth = Growth(F(1), power)
        truth = least_by_brute_force(p, q, growth, upper=False)
        found = lowest(p, q, growth)
        assert found.end <= truth <= found.reached
        truth = least_by_brute_force(p, q, growth, upper=True)
        found = highest(p, q, growth)
        if "weights" in kinds:
            assert found.end >= truth
        else:
            assert found.end == truth


@pytest.mark.parametrize("kinds", list(product(KINDS, KINDS)))
def test_floats_are_moved_outward(kinds):
    for seed, power in product(range(3), (1, 8)):
        _, p, q = regions(seed, kinds)
        growth = Growth(1, power)
        truth = float(least_by_brute_force(p, q, Growth(F(1), power), upper=False))
        found = lowest(as_floats(p), as_floats(q), growth)
        assert found.end <= truth + 1e-15
        curve = lowest_on_curve(as_floats(p), as_floats(q), growth)
        assert curve <= truth + 1e-12
        high = float(least_by_brute_force(p, q, Growth(F(1), power), upper=True))
        assert highest(as_floats(p), as_floats(q), growth).end >= high - 1e-15


@pytest.mark.parametrize("kinds", list(product(KINDS, KINDS)))
def test_every_pair_is_inside(kinds):
    for seed in range(2):
        rng, p, q = regions(seed, kinds)
        p, q = as_floats(p), as_floats(q)
        bands = {k: optimal_iid_band(p=p, q=q, k=k) for k in (1, 2, 4)}
        recursive = {k: recursive_band(p=p, q=q, k=k) for k in (3,)}
        k_seq = {k: k_seq_band(p=p, q=q, k=k) for k in (3,)}
        points = point_band(p=p, tokens=[0, 2])
        for _ in range(25):
            target, draft = member(rng, p), member(rng, q)
            scan = IidScan(target, draft)
            for k, band in bands.items():
                assert band.lower - 1e-12 <= scan.optimum(k)[0] <= band.upper + 1e-12
            for k, band in recursive.items():
                value = Recursive().acceptance(p=target, law=Iid(draft, k))
                assert band.lower - 1e-12 <= value <= band.upper + 1e-12
            for k, band in k_seq.items():
                value = KSeq().acceptance(p=target, law=Iid(draft, k))
                assert band.lower - 1e-9 <= value <= band.upper + 1e-9
            assert points.lower - 1e-12 <= target[0] + target[2] <= points.upper + 1e-12


@pytest.mark.parametrize("kinds", list(product(KINDS, KINDS)))
def test_every_pair_with_a_top(kinds):
    for seed in range(2):
        rng, p, q = regions(seed, kinds)
        p, q = as_floats(p), as_floats(q)
        for k in (2, 3):
            try:
                band = top_k_plus_sample_band(p=p, q=q, k=k)
            except ValueError as error:  # all of q may be on a set that could be the top
                assert "no mass is left" in str(error)  # noqa: PT017
                continue
            for _ in range(20):
                draft = member(rng, q)
                if (draft > 0).sum() < k:
                    continue
                value = optimal_acceptance(p=member(rng, p), law=TopKPlusSample(draft, k)).value
                assert band.lower - 1e-9 <= value <= band.upper + 1e-9


@pytest.mark.parametrize(
    "kinds", [("known", "known"), ("weights", "weights"), ("box", "weights"), ("ball", "box")]
)
def test_every_pair_without_replacement(kinds):
    widths = []
    for seed in range(3):
        rng, p, q = regions(seed, kinds)
        p, q = as_floats(p), as_floats(q)
        for k in (2, 3):
            if (q.center > 0).sum() < k:
                continue
            band = optimal_without_replacement_band(p=p, q=q, k=k)
            widths.append(band.width)
            for _ in range(10):
                draft = member(rng, q)
                if (draft > 0).sum() < k:
                    continue
                bound = optimal_acceptance(p=member(rng, p), law=WithoutReplacement(draft, k))
                assert band.lower - 1e-9 <= bound.upper
                assert bound.lower <= band.upper + 1e-9
    if kinds == ("known", "known"):
        assert max(widths) < 1e-9


def test_lower_ends_of_narrow_regions():
    """The search meets the value at a set where the error is a few per cent."""
    rng = np.random.default_rng(7)
    for _ in range(10):
        p, q = rng.dirichlet(np.full(40, 0.5), 2)
        for make in (
            lambda x: Box(x * 0.99, x * 1.01),
            lambda x: Weights(x * 0.99, x * 1.01),
            lambda x: Ball(x, 0.005),
        ):
            for k in (1, 3):
                band = optimal_iid_band(p=make(p), q=make(q), k=k)
                assert 0 <= band.inner[0] - band.lower < 0.25 * band.width


def test_negative_control():
    """A band for a smaller region does not hold the pairs of the larger one."""
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(SIZE)), rng.dirichlet(np.ones(SIZE))
    small, large = (Box(p * (1 - d), p * (1 + d)) for d in (0.01, 0.1))
    band = optimal_iid_band(p=small, q=q, k=2)
    values = [IidScan(member(rng, large), q).optimum(2)[0] for _ in range(100)]
    assert min(values) < band.lower
    assert max(values) > band.upper


def test_known_pairs_have_no_width():
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(50)), rng.dirichlet(np.ones(50))
    for k in (1, 3):
        band = optimal_iid_band(p=p, q=q, k=k)
        assert band.width < 1e-11
        assert band.lower <= IidScan(p, q).optimum(k)[0] <= band.upper
    exact = optimal_iid_band(p=np.array([F(1, 6), F(1, 6), F(2, 3)]), q=np.array([F(1, 3)] * 3), k=2)
    assert (exact.lower, exact.upper, exact.kind) == (F(8, 9), F(8, 9), "exact")


# --- attained ends -------------------------------------------------------------------------------------


def attaining_pair(p: Region, q: Region, k: int) -> tuple[float, np.ndarray, np.ndarray]:
    """The upper end by linear programs alone, and p and q that attain it: the sandwich of the proof.

    First the heaviest z with z(A) <= p_max(A) and z(A) <= g(q_max(A)) for all sets; then p >= z in the region
    of p; then q in that of q with q(A) >= 1 - (1 - z(A))^(1 / k).
    """
    sets = [list(s) for s in chain.from_iterable(combinations(range(SIZE), n) for n in range(1, SIZE + 1))]
    rows = np.array([[token in s for token in range(SIZE)] for s in sets], dtype=float)

    def most(region: Region) -> np.ndarray:
        return np.array([float(region.ends_along(np.array(s))[1][-1]) for s in sets])

    def least(region: Region) -> np.ndarray:
        return np.array([float(region.ends_along(np.array(s))[0][-1]) for s in sets])

    room = np.minimum(most(p), 1 - (1 - most(q)) ** k)
    z = linprog(-np.ones(SIZE), A_ub=rows, b_ub=room, bounds=[(0, 1)] * SIZE).x
    found = []
    for region, need in ((p, rows @ z), (q, 1 - np.maximum(1 - rows @ z, 0) ** (1 / k))):
        answer = linprog(
            np.zeros(SIZE),
            A_ub=np.vstack([-rows, rows, -rows]),
            b_ub=np.concatenate([-need + 1e-9, most(region) + 1e-9, -least(region) + 1e-9]),
            A_eq=np.ones((1, SIZE)),
            b_eq=[1.0],
            bounds=[(0, 1)] * SIZE,
        )
        assert answer.status == 0, answer.message
        found.append(answer.x)
    return float(z.sum()), found[0], found[1]


@pytest.mark.parametrize("kinds", list(product(KINDS[:3], KINDS[:3])))
def test_upper_ends_are_attained(kinds):
    for seed, k in product(range(3), (1, 3)):
        _, p, q = regions(seed, kinds)
        upper = optimal_iid_band(p=p, q=q, k=k).upper
        value, target, draft = attaining_pair(p, q, k)
        assert value == pytest.approx(float(upper), abs=1e-7)
        assert IidScan(target, draft).optimum(k)[0] == pytest.approx(float(upper), abs=1e-5)


def with_mass(region: Box, inside: np.ndarray, *, least: bool) -> np.ndarray:
    """A member with the least (largest) mass on a set: filled outside (inside) first."""
    out = region.lower.copy()
    left = 1 - out.sum()
    for token in np.argsort(inside == (not least))[::-1]:
        step = min(region.upper[token] - out[token], left)
        out[token], left = out[token] + step, left - step
    return out


def test_lower_ends_are_attained():
    """The least over sets is the optimum of the pair that is worst for that set, in fractions."""
    for seed, k in product(range(4), (1, 2)):
        _, p, q = regions(seed, ("box", "box"))
        worst = least_by_brute_force(p, q, Growth(F(1), k), upper=False)
        values = []
        for order in subsets(SIZE):
            inside = np.isin(np.arange(SIZE), order)
            pair = with_mass(p, inside, least=True), with_mass(q, inside, least=False)
            values.append(IidScan(*pair).optimum(k)[0])
        assert min(values) == 1 + worst
        assert optimal_iid_band(p=p, q=q, k=k).lower <= min(values)


# --- constants -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_modulus_is_sharp(k):
    s, t = F(1, 7), F(2, 11)
    p, q = np.array([F(0), F(1)]), np.array([F(1), F(0)])
    moved = np.array([s, 1 - s]), np.array([1 - t, t])
    before, after = IidScan(p, q).optimum(k)[0], IidScan(*moved).optimum(k)[0]
    assert (before, after) == (0, min(F(1), s + 1 - (1 - t) ** k))
    assert float(after) == pytest.approx(iid_modulus(p_distance=float(s), q_distance=float(t), k=k))


def test_the_modulus_holds():
    rng = np.random.default_rng(2)
    for _ in range(200):
        p, q, other_p, other_q = rng.dirichlet(np.full(4, 0.5), 4)
        mix = rng.random()
        other_p, other_q = p + mix * (other_p - p), q + mix * (other_q - q)
        for k in (1, 2, 4):
            moved = abs(IidScan(p, q).optimum(k)[0] - IidScan(other_p, other_q).optimum(k)[0])
            most = iid_modulus(
                p_distance=float(total_variation(p, other_p)),
                q_distance=float(total_variation(q, other_q)),
                k=k,
            )
            assert moved <= most + 1e-12


def test_logits_without_replacement():
    """And close in total variation is not enough: a negative control."""
    rng = np.random.default_rng(4)
    for _ in range(15):
        p, logits = rng.dirichlet(np.full(5, 0.5)), 2 * rng.normal(size=5)
        d = rng.random() * 0.5
        q, other = (np.exp(logits + d * rng.choice([-1, 0, 1], 5) * sign) for sign in (0, 1))
        q, other = q / q.sum(), other / other.sum()
        assert total_variation(q, other) <= log_error_distance(2 * d) + 1e-12
        for k in (1, 2, 3):
            values = [
                float(optimal_acceptance(p=p, law=WithoutReplacement(law, k)).value) for law in (q, other)
            ]
            assert abs(values[0] - values[1]) <= race_modulus(p_distance=0.0, spread=2 * d, k=k) + 1e-9
    p, near = np.array([0.0, 0.0, 1.0]), [np.array([0.999, 0.001, 0.0]), np.array([0.999, 0.0, 0.001])]
    values = [float(optimal_acceptance(p=p, law=WithoutReplacement(law, 2)).value) for law in near]
    assert abs(values[0] - values[1]) > 0.99


def test_constants_that_make_no_sense():
    with pytest.raises(ValueError, match="p_distance is a total variation distance"):
        iid_modulus(p_distance=1.5, q_distance=0.0, k=1)
    with pytest.raises(ValueError, match="a spread of log-ratios is at least 0"):
        log_error_distance(-1.0)


# --- tops ----------------------------------------------------------------------------------------------


def test_a_top_that_is_not_certain():
    p = np.array([0.4, 0.3, 0.2, 0.1])
    q = Box(np.array([0.3, 0.29, 0.1, 0.1]), np.array([0.35, 0.36, 0.2, 0.2]))
    both = top_k_plus_sample_band(p=p, q=q, k=2)
    each = [top_k_plus_sample_band(p=p, q=q, k=2, top=[token]) for token in (0, 1)]
    assert both.lower == min(band.lower for band in each)
    assert both.upper == max(band.upper for band in each)
    with pytest.raises(ValueError, match="top must hold 1 different tokens"):
        top_k_plus_sample_band(p=p, q=q, k=2, top=[0, 1])


def test_too_many_tops():
    rng = np.random.default_rng(5)
    q = rng.dirichlet(np.full(40, 50.0))
    band = top_k_plus_sample_band(p=q, q=Ball(q, 0.1), k=5)
    assert band.upper == 1
    assert band.lower == pytest.approx(overlap_band(p=q, q=Ball(q, 0.1)).lower)


def test_points_that_are_none():
    with pytest.raises(ValueError, match="tokens is empty"):
        point_band(p=[0.5, 0.5], tokens=[])


def test_full_vocabulary():
    """Rounded float16 logits of 30,000 tokens: narrow, quick, and around the truth."""
    rng = np.random.default_rng(6)
    logits = 3 * rng.normal(size=(2, 30_000))
    logits[1] = 0.7 * logits[0] + 0.5 * logits[1]
    true = [np.exp(each - each.max()) for each in logits]
    p, q = (each / each.sum() for each in true)
    from theory.error import logits_region

    known = [logits_region(each.astype(np.float16), stored="float16") for each in logits]
    for k in (1, 2, 8):
        band = optimal_iid_band(p=known[0], q=known[1], k=k)
        value = IidScan(p, q).optimum(k)[0]
        assert band.lower <= value <= band.upper
        assert band.width < 0.01
    assert isinstance(known[0], Weights)
