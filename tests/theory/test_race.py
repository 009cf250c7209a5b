"""The exponential race: does the interval really hold the truth?

The reference is the definition in fractions: draw one after the other, renormalise, sum. Float rates are read
as the fractions that they are, so nothing is rounded on the reference's side.
"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.audit import mask_of, subsets
from tests.theory.strategies import F, floats, frozen
from theory.light_rates import LightRates
from theory.race import RaceScan, containment_interval, step_size

#: Widest interval that counts as 'about 1e-11'.
WIDTH = 1e-10


def truth(q, inside, k):
    """Pr(the first k draws without replacement are all inside), exactly."""
    rates = [F(float(rate)) for rate in q]
    total = sum(rates)
    live = [token for token in inside if rates[token]]

    @cache
    def rest(drawn, left):
        if not left:
            return F(1)
        mass = total - sum(rates[token] for token in drawn)
        return sum(
            (rates[token] / mass * rest(drawn | {token}, left - 1) for token in live if token not in drawn),
            F(0),
        )

    return rest(frozenset(), k)


def assert_holds(q, inside, k, *, width=WIDTH):
    lower, upper = containment_interval(q, mask_of(inside, q.size), k)
    exact = truth(q, inside, k)
    assert F(float(lower)) <= exact <= F(float(upper)), (
        f"[{lower}, {upper}] misses {float(exact)} for H = {inside}, k = {k}, q = {q.tolist()}"
    )
    assert upper - lower < width, (
        f"[{lower}, {upper}] is too wide for H = {inside}, k = {k}, q = {q.tolist()}"
    )


RATES = st.lists(
    st.one_of(
        st.integers(0, 9).map(float),
        st.floats(1e-60, 1),
        st.floats(-30, 3).map(lambda x: 10.0**x),
        st.sampled_from([0.0, 1.0, 1e-12]),
    ),
    min_size=2,
    max_size=7,
)


class TestTheIntervalHoldsTheTruth:
    @given(rates=RATES.filter(lambda rates: sum(r > 0 for r in rates) >= 2), data=st.data())
    def test_of_any_rates(self, rates, data):
        q = floats(rates)
        k = data.draw(st.integers(2, min(5, int((q > 0).sum()))), label="k")
        inside = tuple(sorted(data.draw(st.sets(st.integers(0, q.size - 1)), label="H")))
        assert_holds(q, inside, k)

    ADVERSARIES: ClassVar = {
        "one token of 1 - 1e-12": [1 - 1e-12, 6e-13, 4e-13],
        "one token of 1 - 1e-15": [1 - 1e-15, 6e-16, 4e-16, 0],
        "one token of 1": [1.0, 1e-16, 3e-17, 1e-17],
        "far below": [1.0, 1e-40, 1e-41, 3e-42],
        "geometric": [2.0**-i for i in range(9)],
        "steep": [100.0**-i for i in range(7)],
        "cliffs": [1e-20**i for i in range(5)],
        "equal": [1 / 9] * 9,
        "equal pair": [0.5, 0.5],
        "zeros": [0.5, 0, 0.3, 0, 0.2],
        "two scales": [0.5, 0.5 - 1e-9, 5e-10, 5e-10],
        "one outlier below": [0.25, 0.25, 0.25, 0.25, 1e-18],
        "light and heavy": [0.9, *[0.1 / 7] * 7],
    }

    @pytest.mark.parametrize("name", ADVERSARIES)
    def test_of_adversaries(self, name):
        """Every k up to the support, sets of every size."""
        q = floats(self.ADVERSARIES[name])
        support = int((q > 0).sum())
        for k in {2, 3, support - 1, support} & set(range(2, support + 1)):
            for inside in subsets(q.size)[:: 1 if q.size < 6 else 13]:
                assert_holds(q, inside, k)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ADVERSARIES)
    def test_of_adversaries_in_full(self, name):
        q = floats(self.ADVERSARIES[name])
        for k in range(2, int((q > 0).sum()) + 1):
            for inside in subsets(q.size):
                assert_holds(q, inside, k)

    @given(rates=RATES.filter(lambda rates: sum(rates) > 0), data=st.data())
    def test_of_one_draft(self, rates, data):
        """k = 1 needs no quadrature, but division rounds: an interval of one float cannot be rigorous."""
        q = floats(rates)
        inside = tuple(sorted(data.draw(st.sets(st.integers(0, q.size - 1)))))
        assert_holds(q, inside, 1, width=1e-14)

    @pytest.mark.parametrize(
        ("rates", "width"),
        [
            ([1.0, 1e-100, 1e-101], WIDTH),
            ([1.0, 1e-140, 1e-141, 1e-142], WIDTH),
            ([1.0, 1e-200, 1e-205], WIDTH),
            ([1.0, 1e-300, 1e-305], 1.1),
            ([1.0, 5e-324, 1e-323], 1.1),
        ],
        ids=lambda value: str(value[1]) if isinstance(value, list) else "",
    )
    def test_of_rates_far_below_one(self, rates, width):
        """A float softmax at a low temperature has such rows: logits 500 apart are 1e-217 apart.

        At the end of the float range the interval may be wide, but it is never wrong.
        """
        q = floats(rates)
        for inside in subsets(q.size):
            assert_holds(q, inside, 2, width=width)


class TestShape:
    @pytest.mark.parametrize("scale", [1e-6, 1e-3, 7.0, 1e6, 1e100, 1e-100, 1e-150, 1e-200])
    def test_only_ratios_of_rates_matter(self, scale):
        q = floats([0.5, 0.3, 0.15, 0.05])
        for inside in subsets(4):
            exact = truth(q, inside, 3)
            lower, upper = containment_interval(frozen(q * scale), mask_of(inside, 4), 3)
            assert lower - 1e-11 <= float(exact) <= upper + 1e-11
            assert upper - lower < WIDTH

    def test_monotone_in_the_set_and_in_k(self):
        rng = np.random.default_rng(0)
        q = frozen(rng.dirichlet(np.full(40, 0.3)))
        scan = RaceScan(q, 6)
        sizes = np.arange(41)
        previous = None
        for k in range(1, 7):
            lower, upper = scan.interval(sizes, k)
            assert np.all(lower <= upper)
            assert np.all(np.diff(upper) > -1e-11)
            assert upper[0] < 1e-11
            assert (lower[-1], upper[-1]) == (1.0, 1.0)
            if previous is not None:
                assert np.all(lower <= previous)
            previous = upper

    def test_a_scan_answers_for_every_smaller_k(self):
        q = floats([0.4, 0.3, 0.2, 0.1])
        scan = RaceScan(q, 4)
        for k in range(1, 5):
            lower, upper = scan.interval(np.arange(5), k)
            for size in range(5):
                exact = float(truth(q, tuple(range(size)), k))
                assert lower[size] - 1e-15 <= exact <= upper[size] + 1e-15

    @pytest.mark.parametrize("k", [0, 4, -1])
    def test_k_outside_of_the_scan(self, k):
        with pytest.raises(ValueError, match=f"this scan was made for 1 to 3 drafts, got {k}"):
            RaceScan(floats([0.4, 0.3, 0.3]), 3).interval(np.array([1]), k)

    def test_batches(self):
        rng = np.random.default_rng(1)
        q = frozen(rng.dirichlet(np.ones(6), size=(2, 3)))
        mask = frozen(np.array([True, False, True, True, False, True]))
        masks = frozen(rng.random(q.shape) < 0.6)
        for inside in (mask, masks):
            lower, upper = containment_interval(q, inside, 2)
            assert lower.shape == upper.shape == (2, 3)
            for index in np.ndindex(2, 3):
                row = np.broadcast_to(inside, q.shape)[index]
                assert (lower[index], upper[index]) == containment_interval(q[index], row, 2)

    @given(k=st.integers(1, 64), exponent=st.integers(6, 13))
    @settings(max_examples=50)
    def test_the_step_keeps_its_promise(self, k, exponent):
        """2 sec(d)^k / (exp(2 pi d / h) - 1) for some strip d is the stated error, and small enough."""
        error = 10.0**-exponent
        step, bound = step_size(k, error)
        strip = np.linspace(0.8, 1.55, 200)
        best = (2 / np.cos(strip) ** k / np.expm1(2 * np.pi * strip / step)).min()
        assert best <= bound * (1 + 1e-9)
        assert bound <= 1.001 * error


def reference_at_full_size(q, inside, k):
    """Gauss-Legendre panels in log time, and the Poisson-binomial recursion over every single token."""
    outside = q[~inside].sum()
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.linspace(-12.0, np.log(60 / outside), 60)
    half = np.diff(edges) / 2
    x = (edges[:-1] + half)[:, None] + half[:, None] * nodes
    time = np.exp(x).ravel()
    counts = np.zeros((k, time.size))
    counts[0] = 1.0
    for rate in q[inside]:
        rung = -np.expm1(-rate * time)
        counts[1:] = counts[1:] * (1 - rung) + counts[:-1] * rung
        counts[0] *= 1 - rung
    density = outside * time * np.exp(-outside * time)
    measure = (half[:, None] * weights).ravel()
    left = -np.expm1(-outside * np.exp(-12.0))
    return 1 - (measure * density * counts.sum(axis=0)).sum() - left


@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize("family", ["dirichlet", "zipf", "peaked"])
def test_two_thousand_tokens_against_another_quadrature(family, k):
    """The reference drops arrivals before exp(-12) only: off by less than 1e-9."""
    rng = np.random.default_rng(2)
    q = {
        "dirichlet": rng.dirichlet(np.full(2000, 0.1)),
        "zipf": 1 / np.arange(1, 2001) ** 1.2,
        "peaked": np.concatenate([[1.0], np.full(1999, 1e-5)]),
    }[family]
    q = frozen(q / q.sum())
    for share in (0.2, 0.5, 0.9):
        inside = rng.random(2000) < share
        lower, upper = containment_interval(q, inside, k)
        assert upper - lower < WIDTH
        assert lower - 1e-9 <= reference_at_full_size(q, inside, k) <= upper + 1e-9


def test_two_hundred_tokens_against_simulation():
    """100,000 races by Gumbel keys, Hoeffding at 1e-9: off by at most 0.0104; without it 0.9% off fails."""
    rng = np.random.default_rng(3)
    q = rng.dirichlet(np.full(200, 0.2))
    inside = np.argsort(q) > 100
    hits = 0
    for _ in range(10):
        keys = np.log(np.maximum(q, 1e-300)) + rng.gumbel(size=(10_000, 200))
        hits += int(inside[np.argpartition(keys, -4, axis=1)[:, -4:]].all(axis=1).sum())
    lower, upper = containment_interval(frozen(q), inside, 4)
    assert abs(hits / 100_000 - (lower + upper) / 2) < np.sqrt(np.log(2e9) / 2e5)


@pytest.mark.parametrize("kind", ["faint", "bright", "mixed", "zeros"])
def test_power_sums_of_light_rates(kind):
    """Sums by blocks and running sums, against the plain sums of every power; nothing cut in them matters."""
    rng = np.random.default_rng(0)
    rates = (
        rng.random(1000) * {"faint": 1 / 32, "bright": 1, "mixed": rng.random(1000) ** 6, "zeros": 0}[kind]
    )
    sizes = np.array([0, 1, 127, 128, 129, 500, 999, 1000])
    sums, cut = LightRates(rates).power_sums(sizes, 8)
    for row, size in zip(sums, sizes, strict=True):
        plain = (rates[:size, None] ** np.arange(1, 23)).sum(axis=0)
        np.testing.assert_allclose(row[:8], plain[:8], rtol=1e-12, atol=1e-300)
        # what is left out of the higher powers is there of faint tokens only
        assert np.all(row[8:] <= plain[8:] * (1 + 1e-12))
        assert np.all(plain[8:] - row[8:] <= size * (1 / 32.0) ** 9)
    assert np.all(cut < 1e-12)
    assert np.all(np.diff(cut) >= 0)
