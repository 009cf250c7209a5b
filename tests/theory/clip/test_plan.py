"""Plans: what they pick has the law that they say, from single tokens, opened bins or closed ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.sources.synthetic import family
from tests.theory.clip.reference import best_of_k, extended_law, float_pair, picked_law
from tests.theory.strategies import floats, fractions, pairs
from theory.bounds import optimal_acceptance
from theory.chance import Sampled
from theory.clip import ClipPlan, clip_law
from theory.laws import Iid

PAIRS = st.integers(2, 7).flatmap(lambda size: pairs(size=size))


@given(pair=pairs(size=4), k=st.integers(1, 3))
@settings(max_examples=100)
def test_picks_have_the_stated_law(pair, k):
    p, q = pair
    plan = ClipPlan.exact(p=p, q=q, k=k)
    assert picked_law(plan) == plan.law.tolist()


@given(pair=pairs(size=5), k=st.integers(2, 3), bits=st.integers(0, 2))
@settings(max_examples=60)
def test_picks_from_closed_bins_have_the_stated_law(pair, k, bits):
    p, q = pair
    plan = ClipPlan.bucketed(p=p, q=q, k=k, bits=bits)
    assert picked_law(plan) == plan.law.tolist()
    assert plan.law.sum() == 1


@given(pair=PAIRS, k=st.integers(1, 5), bits=st.integers(0, 3))
@settings(max_examples=300)
def test_bins_that_are_opened_where_it_matters_give_the_exact_law(pair, k, bits):
    p, q = pair
    plain, binned = ClipPlan.exact(p=p, q=q, k=k), ClipPlan.exact(p=p, q=q, k=k, bits=bits)
    solved = clip_law(p, q, k)
    assert plain.law[solved.order].tolist() == (solved.slopes * q[solved.order]).tolist()
    assert binned.law.tolist() == plain.law.tolist()
    assert binned.acceptance == plain.acceptance == optimal_acceptance(p=p, law=Iid(q, k)).value
    assert binned.loss == plain.loss == 0


@pytest.mark.parametrize("k", [2, 3])
def test_bins_before_those_that_matter_may_be_opened_too(k, monkeypatch):
    """Where many bins are opened the one before each is: here already for one. The same law."""
    monkeypatch.setattr("theory.clip.pools._MANY", 0)
    rng = np.random.default_rng(k)
    for _ in range(20):
        p, q = (fractions(rng.integers(0, 9, 12).tolist()) for _ in range(2))
        plan = ClipPlan.exact(p=p, q=q, k=k, bits=0)
        assert plan.law.tolist() == ClipPlan.exact(p=p, q=q, k=k).law.tolist()


@given(pair=PAIRS, k=st.integers(2, 5), bits=st.integers(0, 4))
@settings(max_examples=300)
def test_the_loss_of_closed_bins(pair, k, bits):
    """Between zero and the stated figure, which is at most 2^-(bits + 2) and what lies below 2^-40."""
    p, q = pair
    plan = ClipPlan.bucketed(p=p, q=q, k=k, bits=bits)
    best = optimal_acceptance(p=p, law=Iid(q, k)).value
    assert 0 <= best - plan.acceptance <= plan.loss <= 2.0 ** -(bits + 2) + 2.0**-42


def test_a_bin_whose_tokens_trade_for_themselves():
    """The point of bins: several ratios in one that stays closed, and still the exact law."""
    p, q = fractions([30, 21, 20, 19, 10]), fractions([10, 20, 20, 20, 30])
    plan = ClipPlan.exact(p=p, q=q, k=4, bits=0)
    cells = plan.cells.cell
    assert np.unique(cells).size < cells.size
    assert plan.law.tolist() == ClipPlan.exact(p=p, q=q, k=4).law.tolist()
    assert picked_law(plan) == plan.law.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_nasty_floats(seed):
    """Zeros, subnormals, ties, tight everywhere, nearly equal: law within 1e-13 of what is drawn."""
    rng = np.random.default_rng(seed)
    for _ in range(150):
        p, q, k = float_pair(rng)
        best = optimal_acceptance(p=p, law=Iid(q, k)).value
        plans = (
            ClipPlan.exact(p=p, q=q, k=k),
            ClipPlan.exact(p=p, q=q, k=k, bits=0),
            ClipPlan.bucketed(p=p, q=q, k=k, bits=int(rng.integers(0, 9))),
        )
        for plan in plans:
            assert np.all(plan.law >= 0)
            assert np.abs(extended_law(plan) - plan.law).sum() < 1e-13
            assert plan.acceptance == pytest.approx(best, abs=1e-13 + (plan is plans[2]) * abs(plan.loss))


@pytest.mark.parametrize("name", ["zipf", "dirichlet", "sharpened", "peaked", "uniform"])
@pytest.mark.parametrize("k", [2, 16])
def test_full_vocabulary(name, k):
    pair = family(name).pair(vocabulary=128_000, rng=np.random.default_rng(1))
    best = optimal_acceptance(p=pair.p, law=Iid(pair.q, k)).value
    exact = ClipPlan.exact(p=pair.p, q=pair.q, k=k)
    assert np.abs(extended_law(exact) - exact.law).sum() < 1e-12
    assert exact.acceptance == pytest.approx(best, abs=1e-12)
    bucketed = ClipPlan.bucketed(p=pair.p, q=pair.q, k=k)
    assert np.abs(extended_law(bucketed) - bucketed.law).sum() < 1e-12
    assert -1e-12 < best - bucketed.acceptance < bucketed.loss + 1e-12 < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 8])
def test_full_vocabulary_where_every_prefix_is_tight(k):
    """The worst case for bins: nearly all of them are opened."""
    rng = np.random.default_rng(2)
    q = rng.dirichlet(np.ones(128_000))
    plan = ClipPlan.exact(p=best_of_k(q, k, rng), q=q, k=k)
    assert plan.acceptance == pytest.approx(1, abs=1e-11)
    assert np.abs(extended_law(plan) - plan.law).sum() < 1e-12


def test_picks_are_the_drafts_slots():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(50)), rng.dirichlet(np.ones(50))
    plan, chance = ClipPlan.exact(p=p, q=q, k=3), Sampled(rng)
    for _ in range(50):
        drafts = Iid(q, 3).sample(chance)
        assert 0 <= plan.pick(drafts, chance, stream="s") < 3


def test_masses_are_the_law():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(500)), rng.dirichlet(np.ones(500))
    plan, tokens = ClipPlan.exact(p=p, q=q, k=3), np.array([3, 77, 3])
    assert plan.masses(tokens).tolist() == plan.law[tokens].tolist()


def test_a_draft_whose_rounding_misses_one():
    """Drafts are drawn by weight, so the law is that of q over its total."""
    p, q = floats([0.5, 0.3, 0.2]), floats([0.2, 0.3, 0.5]) * (1 + 5e-7)
    assert ClipPlan.exact(p=p, q=q, k=2).law.sum() == pytest.approx(1, abs=1e-15)


class TestErrors:
    P, Q = fractions([1, 2, 3]), fractions([3, 2, 1])

    @pytest.mark.parametrize("make", [ClipPlan.exact, ClipPlan.bucketed])
    def test_inputs(self, make):
        for p, q, k, message in (
            (self.P * 2, self.Q, 2, "p sums to 2; target weights sum to at most 1"),
            (self.P, self.Q / 2, 2, "q sums to 1/2, not to 1"),
            (floats(self.P), self.Q, 2, "one of p and q holds fractions and the other floats"),
            (fractions([1, 1]), self.Q, 2, "p has a vocabulary of 2 tokens and q of 3"),
            (self.P, self.Q, 0, "the number of drafts must be an integer of at least 1"),
            (floats([[0.5, 0.5]]), floats([[0.5, 0.5]]), 2, "a plan is for one position"),
        ):
            with pytest.raises(ValueError, match=message):
                make(p=p, q=q, k=k)

    def test_bits(self):
        with pytest.raises(ValueError, match=r"bits must be in 0\.\.16"):
            ClipPlan.bucketed(p=self.P, q=self.Q, k=2, bits=17)

    def test_a_draft_that_q_never_draws(self):
        plan = ClipPlan.exact(p=self.P, q=fractions([1, 1, 0]), k=2)
        with pytest.raises(ValueError, match="hold one of probability 0 under this plan's q"):
            plan.pick((0, 2), Sampled(np.random.default_rng(0)), stream="s")
