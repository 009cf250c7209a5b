"""Certificates of the i.i.d. bound: equal ends on fractions, rigorous ends on floats, no forgery passes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.sources.synthetic import family
from tests.theory.clip.reference import float_pair
from tests.theory.strategies import floats, fractions, pairs
from theory.bounds import Bound, IidCertificate, certify_iid, optimal_acceptance
from theory.bounds.primal import _depth, _running
from theory.laws import Iid
from theory.transport.problem import to_fractions

PAIRS = st.integers(1, 6).flatmap(lambda size: pairs(size=size))


def normalised(values):
    exact = to_fractions(values)
    return exact / exact.sum()


@given(pair=PAIRS, k=st.integers(1, 5))
@settings(max_examples=300)
def test_ends_meet_on_fractions(pair, k):
    p, q = pair
    ends = certify_iid(p=p, q=q, k=k)
    assert ends.lower == ends.upper == optimal_acceptance(p=p, law=Iid(q, k)).value
    assert ends.scale == 1
    assert ends.verify(p=p, q=q) == (ends.lower, ends.upper)
    assert isinstance(ends.bound, Bound)
    assert (ends.bound.kind, ends.bound.verify(p=p, law=Iid(q, k), tolerance=0)) == ("exact", ends.upper)


@pytest.mark.parametrize("seed", range(3))
def test_ends_of_floats_hold_the_exact_optimum(seed):
    """Against the optimum in fractions of the very floats, over their exact totals."""
    rng = np.random.default_rng(seed)
    for _ in range(25):
        p, q, k = float_pair(rng)
        ends = certify_iid(p=p, q=q, k=k)
        best = optimal_acceptance(p=normalised(p), law=Iid(normalised(q), k)).value
        assert F(ends.lower) <= best <= F(ends.upper)
        assert ends.upper - ends.lower < 2e-12
        assert ends.verify(p=p, q=q) == (ends.lower, ends.upper)


@pytest.mark.parametrize("name", ["zipf", "uniform", "disjoint", "identical"])
def test_full_vocabulary(name):
    pair = family(name).pair(vocabulary=50_000, rng=np.random.default_rng(0))
    for k in (1, 4, 16):
        ends = certify_iid(p=pair.p, q=pair.q, k=k)
        assert 0 <= ends.upper - ends.lower < 2e-11
        value = optimal_acceptance(p=pair.p, law=Iid(pair.q, k)).value
        assert ends.lower - 1e-13 <= value <= ends.upper + 1e-13
        assert ends.bound.kind == "interval"


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=5000))
@settings(max_examples=50)
def test_running_sums_in_blocks(values):
    """Each within its number of roundings of the exact sum."""
    sums, exact = _running(np.array(values)), F(0)
    slack = F(_depth(len(values)), 2**52)
    for value, total in zip(values, sums.tolist(), strict=True):
        exact += F(value)
        assert exact * (1 - slack) <= F(total) <= exact * (1 + slack)


def test_a_cut_that_rounding_moved_is_scaled_back():
    """Slopes a little too high are no forgery: the scale makes up for it, and the end is still proved."""
    p, q = fractions([6, 3, 1]), fractions([1, 3, 6])
    ends = certify_iid(p=p, q=q, k=3)
    raised = replace(ends, slopes=ends.slopes * F(101, 100), lower=ends.lower * F(9, 10))
    assert ends.lower * F(100, 101) <= raised.verify(p=p, q=q)[0] < ends.lower


class TestForgeries:
    P, Q = fractions([5, 3, 2, 1]), fractions([1, 2, 4, 4])

    def ends(self) -> IidCertificate:
        return certify_iid(p=self.P, q=self.Q, k=2)

    @pytest.mark.parametrize("change", [{"lower": F(1, 1000)}, {"upper": -F(1, 1000)}])
    def test_ends_that_do_not_follow(self, change):
        ((name, shift),) = change.items()
        forged = replace(self.ends(), **{name: getattr(self.ends(), name) + shift})
        with pytest.raises(ValueError, match=r"the certificates prove the interval .* were altered"):
            forged.verify(p=self.P, q=self.Q)

    def test_another_problem(self):
        for p, q in ((self.Q, self.P), (self.P, fractions([1, 1, 1, 1]))):
            with pytest.raises(ValueError, match=r"belong to another p or q|slopes"):
                self.ends().verify(p=p, q=q)

    def test_rising_slopes(self):
        forged = replace(self.ends(), slopes=self.ends().slopes[::-1])
        with pytest.raises(ValueError, match="never rise along the order"):
            forged.verify(p=self.P, q=self.Q)

    def test_a_law_that_only_looks_good_in_its_own_order(self):
        """Equal slopes may stand in any order, others not: a token moved ahead must not pass."""
        ends = self.ends()
        order = np.roll(ends.order, 1)
        forged = replace(ends, order=order)
        with pytest.raises(ValueError, match="the certificates prove"):
            forged.verify(p=self.P, q=self.Q)

    def test_a_token_twice(self):
        order = self.ends().order.copy()
        order[0] = order[1]
        with pytest.raises(ValueError, match="hold each of its tokens once"):
            replace(self.ends(), order=order).verify(p=self.P, q=self.Q)

    def test_a_token_that_is_never_drafted(self):
        q = fractions([1, 2, 4, 0])
        with pytest.raises(ValueError, match="a token that q never draws"):
            self.ends().verify(p=self.P, q=q)

    def test_a_set_of_another_shape(self):
        with pytest.raises(ValueError, match="H is a boolean mask of shape"):
            replace(self.ends(), dual_set=np.array([True])).verify(p=self.P, q=self.Q)


def test_errors():
    q = floats([0.5, 0.5])
    with pytest.raises(ValueError, match="p sums to"):
        certify_iid(p=[0.5, 0.2], q=q, k=2)
    with pytest.raises(ValueError, match="a certificate is for one position"):
        certify_iid(p=[q, q], q=[q, q], k=2)
    with pytest.raises(ValueError, match="the number of drafts"):
        certify_iid(p=q, q=q, k=0)
