"""Costs: closed forms, tables, fits, rooflines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsim.clocks import (
    A100,
    Affine,
    Call,
    Constant,
    Hardware,
    Measurement,
    Roofline,
    Scaled,
    Table,
    Transformer,
    fit_affine,
)

SEVEN = Transformer(parameters=6.7e9, layers=32, width=4096, cached_bytes=524_288)


def test_an_affine_cost_counts_the_whole_batch():
    cost = Affine(1.0, per_token=0.5, per_cached=0.25)
    assert cost.seconds(Call(tokens=3, batch=2, context=5)) == 1 + 0.5 * 6 + 0.25 * 10


def test_a_scaled_cost():
    assert Scaled(Constant(2.0), 0.25, overhead=1.0).seconds(Call()) == 1.5


class TestTable:
    TABLE = Table((1, 2, 8), (1.0, 3.0, 6.0))

    def test_measured_points_are_met(self):
        assert [self.TABLE.seconds(Call(tokens=n)) for n in (1, 2, 8)] == [1.0, 3.0, 6.0]

    def test_batches_count(self):
        assert self.TABLE.seconds(Call(tokens=2, batch=4)) == 6.0

    @given(st.integers(1, 8))
    def test_between_them_lines(self, tokens):
        assert self.TABLE.seconds(Call(tokens=tokens)) == pytest.approx(
            np.interp(tokens, (1, 2, 8), (1, 3, 6))
        )

    def test_nothing_is_said_beyond(self):
        with pytest.raises(ValueError, match="9 new tokens is outside of the measured 1 to 8"):
            self.TABLE.seconds(Call(tokens=9))

    @pytest.mark.parametrize(
        ("tokens", "times", "message"),
        [
            ((1, 1), (1.0, 2.0), "must rise"),
            ((1,), (1.0,), "two or more"),
            ((1, 2), (1.0,), "got 2 and 1"),
            ((1, 2), (1.0, float("nan")), "times must be positive"),
        ],
    )
    def test_bad_tables(self, tokens, times, message):
        with pytest.raises(ValueError, match=message):
            Table(tokens, times)


class TestFit:
    CALLS = tuple(Call(tokens=n, batch=b, context=c) for n in (1, 4) for b in (1, 8) for c in (0, 100, 2000))

    def test_an_exact_cost_is_found(self):
        truth = Affine(0.006, per_token=2e-5, per_cached=4e-8)
        fit = fit_affine([Measurement(call, truth.seconds(call)) for call in self.CALLS])
        assert fit.cost.base == pytest.approx(truth.base, rel=1e-9)
        assert fit.cost.per_token == pytest.approx(truth.per_token, rel=1e-9)
        assert fit.cost.per_cached == pytest.approx(truth.per_cached, rel=1e-9)
        assert fit.residual < 1e-12

    def test_its_errors_cover_the_truth(self):
        """200 noisy fits: the base is within two standard errors of the truth in most of them."""
        rng, truth, covered = np.random.default_rng(0), Affine(0.006, per_token=2e-4), 0
        for _ in range(200):
            noisy = [
                Measurement(call, truth.seconds(call) * (1 + 0.05 * rng.standard_normal()))
                for call in self.CALLS
            ]
            fit = fit_affine(noisy)
            covered += abs(fit.cost.base - truth.base) <= 2 * fit.errors[0]
        # about 95 %: fewer than 80 % would be seven standard deviations off
        assert covered >= 160

    def test_without_contexts_their_share_is_not_fitted(self):
        fit = fit_affine([Measurement(Call(tokens=n), 1.0 + n) for n in (1, 2, 4)])
        assert (fit.cost.per_cached, fit.errors[2]) == (0.0, 0.0)

    def test_more_work_is_never_faster(self):
        fit = fit_affine([Measurement(Call(tokens=n), 2.0 - 0.01 * n) for n in (1, 2, 4, 8)])
        assert fit.cost.per_token == 0.0
        assert fit.cost.base == pytest.approx(1.96, abs=0.02)

    def test_too_few(self):
        with pytest.raises(ValueError, match="no measurements"):
            fit_affine([])
        with pytest.raises(ValueError, match="need 3 or more measurements, got 2"):
            fit_affine([Measurement(Call(tokens=n), 1.0) for n in (1, 2)])
        with pytest.raises(ValueError, match="don't tell"):
            fit_affine([Measurement(Call(tokens=2), 1.0)] * 4)


class TestRoofline:
    def test_one_token_is_bound_by_memory(self):
        cost = Roofline(SEVEN, A100)
        assert cost.seconds(Call()) == pytest.approx((6.7e9 * 2 + 524_288) / 2039e9)

    def test_many_tokens_by_arithmetic(self):
        cost = Roofline(SEVEN, A100)
        operations = 2 * 6.7e9 * 4096 + 4 * 32 * 4096 * 4096 * (4097 / 2)
        assert cost.seconds(Call(tokens=4096)) == pytest.approx(operations / 312e12)

    @given(st.integers(1, 500), st.integers(1, 64), st.integers(0, 5000))
    def test_more_work_never_takes_less(self, tokens, batch, context):
        cost = Roofline(SEVEN, A100)
        time = cost.seconds(Call(tokens, batch, context))
        for more in (Call(tokens + 1, batch, context), Call(tokens, batch + 1, context)):
            assert cost.seconds(more) >= time
        assert cost.seconds(Call(tokens, batch, context + 1)) >= time


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Call(tokens=0), "tokens of at least 1, got 0"),
        (lambda: Constant(-1.0), "time must be a finite number"),
        (lambda: Affine(float("nan")), "base must be a finite number"),
        (lambda: Measurement(Call(), 0.0), "positive seconds"),
        (lambda: Hardware(0, 1), "needs positive flops and bandwidth"),
        (lambda: Transformer(0, 1, 1, 1), "sizes must be positive"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
