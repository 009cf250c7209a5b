"""The doubly clipped law: within reach, optimal, with the residual it should have; exactly, on fractions."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.clip.reference import best_acceptance, in_reach
from tests.theory.strategies import floats, fractions, pairs
from theory.bounds import optimal_acceptance
from theory.clip import ClipLaw, chord_slopes, clip_law
from theory.clip.law import power
from theory.couplings.selections import PooledClip
from theory.laws import Iid
from theory.simplex import residual
from theory.transport import membership_problem, solve_max_flow

SIZES, DRAFTS = st.integers(1, 6), st.integers(1, 5)
PAIRS = SIZES.flatmap(lambda size: pairs(size=size))


def dense(law: ClipLaw, q):
    y = q * 0
    y[law.order] = law.slopes * q[law.order]
    return y


@given(pair=PAIRS, k=DRAFTS)
@settings(max_examples=600)
def test_within_reach_and_optimal(pair, k):
    p, q = pair
    law = clip_law(p, q, k)
    y = dense(law, q)
    assert in_reach(y, q, k)
    assert np.minimum(p, y).sum() == law.optimum == optimal_acceptance(p=p, law=Iid(q, k)).value


@given(pair=PAIRS, k=DRAFTS)
@settings(max_examples=100)
def test_the_optimum_is_the_flow(pair, k):
    p, q = pair
    k = min(k, 4)
    assert clip_law(p, q, k).optimum == solve_max_flow(membership_problem(p=p, law=Iid(q, k))).value


@given(pair=PAIRS, k=DRAFTS)
def test_the_residual_is_p_minus_lambda_q(pair, k):
    p, q = pair
    law = clip_law(p, q, k)
    rest = residual(p, dense(law, q))
    highest = law.slopes[0] if law.capped else max((p[x] / q[x] for x in law.order), default=0)
    assert rest.tolist() == residual(p, highest * q).tolist()
    assert rest.sum() == 1 - law.optimum


@given(pair=PAIRS, k=st.integers(2, 5))
def test_one_pair_of_clips_serves_both_sides(pair, k):
    p, q = pair
    law = clip_law(p, q, k)
    ratio = p[law.order] / q[law.order]
    high = law.slopes[0] if law.capped else max(law.slopes[0], ratio[0])
    low = law.slopes[-1] if law.lifted else min(law.slopes[-1], ratio[-1])
    assert law.slopes.tolist() == np.minimum(np.maximum(ratio, low), high).tolist()
    if law.capped and law.lifted:
        assert low <= 1 <= high <= k


@given(pair=PAIRS, k=DRAFTS, share=st.sampled_from([F(0), F(1, 3), F(9, 10), F(1)]))
def test_targets_of_a_smaller_total(pair, k, share):
    """Walks with a budget ask for the law of ``share * p``."""
    p, q = pair[0] * share, pair[1]
    law = clip_law(p, q, k)
    y = dense(law, q)
    assert in_reach(y, q, k)
    assert np.minimum(p, y).sum() == law.optimum == best_acceptance(p, q, k)


@given(pair=pairs(size=5), k=st.integers(2, 4))
@settings(max_examples=60)
def test_the_law_of_nested_pools_is_the_same(pair, k):
    p, q = pair
    assert dense(clip_law(p, q, k), q).tolist() == PooledClip().law(p=p, law=Iid(q, k)).tolist()


@given(pair=PAIRS, k=DRAFTS)
def test_floats_agree_with_fractions(pair, k):
    p, q = pair
    exact = dense(clip_law(p, q, k), q).astype(float)
    near, draft = clip_law(floats(p), floats(q), k), floats(q)
    np.testing.assert_allclose(dense(near, draft.copy()), exact, atol=2e-15)
    assert np.all(near.slopes[1:] <= near.slopes[:-1])


class TestGolden:
    def test_certified_rationals(self):
        p, q = fractions([618, 354, 28]), fractions([373, 580, 47])
        assert clip_law(p, q, 2).optimum == F(988871, 1000000)
        assert clip_law(fractions([1, 1, 4]), fractions([1, 1, 1]), 2).optimum == F(8, 9)

    def test_one_draft_is_picked_as_it_comes(self):
        law = clip_law(fractions([1, 2, 3]), fractions([3, 2, 1]), 1)
        assert law.slopes.tolist() == [1, 1, 1]
        assert law.optimum == F(2, 3)

    def test_a_target_that_is_reached(self):
        p, q = fractions([3, 3, 2]), fractions([1, 1, 1])
        law = clip_law(p, q, 2)
        assert (law.optimum, dense(law, q).tolist()) == (1, p.tolist())

    def test_a_target_that_is_never_drafted(self):
        law = clip_law(fractions([0, 1]), fractions([1, 0]), 3)
        assert (law.order.tolist(), law.slopes.tolist(), law.optimum) == ([0], [1], 0)


class TestNumerics:
    @pytest.mark.parametrize("k", [1, 2, 3, 4, 7, 8, 16, 31])
    def test_chord_slopes(self, k):
        start, end = fractions([1, 2, 3, 4]) + F(1, 2), fractions([4, 3, 2, 1]) / 3
        expected = (start**k - end**k) / (start - end)
        assert chord_slopes(start, end, k).tolist() == expected.tolist()
        assert power(start, k).tolist() == (start**k).tolist()

    def test_chords_of_nothing_keep_their_digits(self):
        start = np.array([1e-200, 0.3])
        np.testing.assert_allclose(chord_slopes(start, start, 3), 3 * start**2, rtol=1e-15)

    def test_digits_at_the_far_end(self):
        """g is within 1e-40 of one there; the law must still hold its mass."""
        q = floats([1 - 1e-10, 1e-10])
        law = clip_law(floats([1.0, 0.0]), q, 4)
        assert law.slopes[-1] == pytest.approx(1e-30, rel=1e-6)
