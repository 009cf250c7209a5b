"""K-SEQ's factor: any above the root is lossless, any below is refused, and the root accepts most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import brentq

from tests.theory.audit import assert_lossless
from tests.theory.strategies import F, floats, fractions, problems
from theory.bounds import optimal_acceptance
from theory.couplings import KSeq
from theory.laws import Iid

P, Q = fractions([1, 2, 5]), fractions([4, 3, 1])


def beta(p, q, rho):
    return sum(min(a / rho, b) for a, b in zip(p, q, strict=True))


@given(problem=problems(law="iid", drafts=(2, 3)))
@settings(max_examples=50)
def test_any_factor_from_the_root_on_is_lossless(problem):
    p, law = problem
    root = KSeq().factor(p=p, q=law.q, k=law.k)
    assert 1 <= root <= law.k
    accepted = [
        assert_lossless(KSeq(rho), p, law) for rho in (root, (root + law.k) / 2, F(law.k), F(law.k + 3))
    ]
    assert accepted[0] == KSeq().acceptance(p=p, law=law)


@given(problem=problems(law="iid", drafts=(2, 3)))
@settings(max_examples=100)
def test_the_factor_is_the_root(problem):
    """Feasible, and 2^-12 (k - 1) further down it is not (or it is 1 already)."""
    p, law = problem
    root = KSeq().factor(p=p, q=law.q, k=law.k)
    assert 1 - (1 - beta(p, law.q, root)) ** law.k <= root * beta(p, law.q, root)
    below = root - F(law.k - 1, 2**12)
    if below >= 1:
        assert 1 - (1 - beta(p, law.q, below)) ** law.k > below * beta(p, law.q, below)
        with pytest.raises(ValueError, match=r"makes the residual negative .* use at least .*, or rho=None"):
            KSeq(below).acceptance(p=p, law=law)


@pytest.mark.parametrize("rho", [1, F(101, 100), F(1)])
def test_a_factor_below_the_root(rho):
    law = Iid(Q, 2)
    with pytest.raises(
        ValueError, match=f"rho = {rho} makes the residual negative for these p and q with 2 drafts"
    ):
        KSeq(rho).acceptance(p=P, law=law)
    with pytest.raises(ValueError, match="makes the residual negative"):
        KSeq(rho).factor(p=P, q=Q, k=2)


@pytest.mark.parametrize("rho", [0.5, 0, -1, float("nan")])
def test_a_factor_below_one(rho):
    """Also for p = q, where every factor from 1 on is fine."""
    with pytest.raises(ValueError, match=r"rho"):
        KSeq(rho).acceptance(p=floats(P), law=Iid(floats(P), 2))


@pytest.mark.parametrize("rho", ["2", [2.0]], ids=str)
def test_a_factor_that_is_no_number(rho):
    with pytest.raises((ValueError, TypeError), match="rho"):
        KSeq(rho).acceptance(p=P, law=Iid(Q, 2))


def test_a_float_factor_does_not_turn_fractions_into_floats():
    with pytest.raises(ValueError, match=r"fraction|float"):
        KSeq(2.0).acceptance(p=P, law=Iid(Q, 2))


@pytest.mark.parametrize("k", [2, 3, 8, 64])
def test_floats_against_a_root_finder(k):
    rng = np.random.default_rng(k)
    for _ in range(20):
        p, q = floats(rng.dirichlet(np.full(30, 0.3))), floats(rng.dirichlet(np.full(30, 0.3)))
        found = KSeq().factor(p=p, q=q, k=k)

        def gap(rho, p=p, q=q):
            accepted = np.minimum(p / rho, q).sum()
            return 1 - (1 - accepted) ** k - rho * accepted

        root = brentq(gap, 1, k, xtol=1e-14)
        assert found == pytest.approx(root, abs=1e-9)
        accepted = 1 - (1 - np.minimum(p / root, q).sum()) ** k
        assert KSeq().acceptance(p=p, law=Iid(q, k)) == pytest.approx(accepted, abs=1e-9)
        best = optimal_acceptance(p=p, law=Iid(q, k)).value
        assert (1 - (1 - 1 / k) ** k) * best - 1e-9 <= accepted <= best + 1e-12


def test_batches_and_one_draft():
    rng = np.random.default_rng(0)
    p, q = (floats(rng.dirichlet(np.ones(6), size=(2, 3))) for _ in range(2))
    whole = KSeq().acceptance(p=p, law=Iid(q, 4))
    factors = KSeq().factor(p=p, q=q, k=4)
    for index in np.ndindex(2, 3):
        assert whole[index] == pytest.approx(KSeq().acceptance(p=p[index], law=Iid(q[index], 4)), abs=1e-14)
        assert factors[index] == KSeq().factor(p=p[index], q=q[index], k=4)
    assert KSeq().factor(p=P, q=Q, k=1) == 1
    assert KSeq().factor(p=P, q=P, k=3) == 1
    assert KSeq().acceptance(p=P, law=Iid(P, 3)) == 1
