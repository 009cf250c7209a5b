"""Warps against a slow reference that follows the definitions token by token."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.strategies import floats
from theory.simplex import NotADistribution, Warp

NAN, INF = float("nan"), float("inf")


def reference(logits, *, temperature=1.0, top_k=None, top_p=None, min_p=None):
    """One row, in plain Python: sort tokens by (logit, earlier first), filter, normalise."""
    size = len(logits)
    order = sorted(range(size), key=lambda token: (-logits[token], token))
    if temperature == 0:
        return [1.0 if token == order[0] else 0.0 for token in range(size)]
    peak = logits[order[0]]
    weight = [math.exp((logit - peak) / temperature) for logit in logits]
    kept = order if top_k is None else order[:top_k]
    if top_p is not None:
        total, reached, some = math.fsum(weight[token] for token in kept), 0.0, []
        for token in kept:
            some.append(token)
            reached += weight[token]
            if reached >= top_p * total:
                break
        kept = some
    if min_p is not None:
        kept = [token for token in kept if weight[token] >= min_p * weight[kept[0]]]
    total = math.fsum(weight[token] for token in kept)
    return [weight[token] / total if token in kept else 0.0 for token in range(size)]


LOGITS = st.lists(
    st.one_of(
        st.integers(-3, 3).map(float), st.integers(-20_000, 20_000).map(lambda n: n / 1024), st.just(-INF)
    ),
    min_size=2,
    max_size=7,
).filter(lambda row: max(row) > -INF)


@given(
    logits=LOGITS,
    temperature=st.sampled_from([0, 0.3, 0.6, 1.0, 1.7, 50.0]),
    top_k=st.sampled_from([None, None, 1, 2, 3, 100]),
    top_p=st.sampled_from([None, None, 1e-9, 0.123, 0.5177, 0.9031]),
    min_p=st.sampled_from([None, None, 0.0, 0.0517, 0.4713, 1.0]),
)
def test_against_the_reference(logits, temperature, top_k, top_p, min_p):
    filters = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    result = Warp(**filters).probabilities(floats(logits))
    np.testing.assert_allclose(result, reference(logits, **filters), rtol=1e-12, atol=1e-15)
    assert abs(result.sum() - 1) < 1e-12


@given(rows=st.lists(st.lists(st.floats(-5, 5), min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_batch_is_its_rows(rows):
    logits = floats(rows)
    for warp in (Warp(), Warp(temperature=0), Warp(temperature=0.7, top_k=3, top_p=0.9, min_p=0.1)):
        whole = warp.probabilities(logits[None])
        assert whole.shape == (1, len(rows), 4)
        for row, result in zip(logits, whole[0], strict=True):
            assert result.tolist() == warp.probabilities(row).tolist()


def test_zero_temperature_takes_the_first_of_equals():
    assert Warp(temperature=0).probabilities(floats([1, 3, 3, -INF])).tolist() == [0, 1, 0, 0]


def test_ties_at_the_edge_of_top_k_keep_the_earlier_token():
    assert Warp(top_k=2).probabilities(floats([0, 1, 0, 0])).astype(bool).tolist() == [
        True,
        True,
        False,
        False,
    ]
    assert Warp(top_k=1).probabilities(floats([2, 2])).tolist() == [1, 0]


def test_top_p_at_its_very_boundary():
    """Masses 1/2, 1/4, 1/4 are exact in binary: 3/4 is reached by two tokens, anything above needs three."""
    logits = floats(np.log([0.5, 0.25, 0.25]))
    masses = Warp().probabilities(logits)
    assert np.count_nonzero(Warp(top_p=float(masses[0])).probabilities(logits)) == 1
    assert np.count_nonzero(Warp(top_p=float(np.nextafter(0.5, 1)) + 1e-12).probabilities(logits)) == 2
    assert np.count_nonzero(Warp(top_p=0.75 - 1e-9).probabilities(logits)) == 2
    assert np.count_nonzero(Warp(top_p=0.75 + 1e-9).probabilities(logits)) == 3


def test_top_p_is_a_share_of_what_top_k_left():
    logits = floats(np.log([0.4, 0.3, 0.2, 0.1]))
    kept = Warp(top_k=2, top_p=0.6).probabilities(logits)
    assert np.count_nonzero(kept) == 2  # 0.4 / 0.7 = 0.571 < 0.6
    assert np.count_nonzero(Warp(top_p=0.35).probabilities(logits)) == 1


def test_the_filters_that_keep_everything():
    logits = floats([0.0, -10.0, -20.0, -45.0, -45.0])
    everything = Warp().probabilities(logits)
    for warp in (Warp(top_k=5), Warp(top_k=10**6), Warp(min_p=0.0)):
        assert warp.probabilities(logits).tolist() == everything.tolist()


def test_top_p_of_one_keeps_everything():
    """Also the tokens too light to change a cumulative sum: whole tails are made of them."""
    logits = floats([0.0, -40.0, -41.0])
    assert np.all(Warp(top_p=1.0).probabilities(logits) > 0)
    tail = floats(np.concatenate([[0.0], np.full(100_000, -38.0)]))  # 3e-17 each, 3e-12 in all
    assert np.count_nonzero(Warp(top_p=1.0).probabilities(tail)) == tail.size


def test_min_p_keeps_ties_with_the_largest():
    assert Warp(min_p=1.0).probabilities(floats([1, 1, 0])).tolist() == [0.5, 0.5, 0.0]


def test_minus_infinity_is_probability_zero():
    assert Warp(temperature=0.5).probabilities(floats([-INF, 0, 0])).tolist() == [0, 0.5, 0.5]
    assert Warp(top_k=3).probabilities(floats([-INF, 0, 0])).tolist() == [0, 0.5, 0.5]


def test_shifted_logits_and_large_ones_give_the_same_law():
    logits = floats([1.0, 2.0, 3.0])
    shifted = Warp(temperature=0.6).probabilities(logits + 1e4)
    np.testing.assert_allclose(shifted, Warp(temperature=0.6).probabilities(logits), rtol=1e-10)
    assert Warp().probabilities(floats([1e300, -1e300])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("warp", "logits"),
    [(Warp(temperature=1e-310), [0.0, 1.0]), (Warp(), [1e308, -1e308])],
    ids=["T", "logits"],
)
def test_extreme_scales_do_not_overflow(warp, logits):
    """The difference of two logits over the temperature may be minus infinity, which is probability zero."""
    assert sorted(warp.probabilities(floats(logits)).tolist()) == [0, 1]


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        ([0.0, NAN], "logits have the maximum nan; they must hold a finite logit, no NaN"),
        ([0.0, INF], "logits have the maximum inf"),
        ([-INF, -INF], "logits have the maximum -inf"),
        ([[0.0, 1.0], [NAN, 0.0]], r"logits in row \(1,\) have the maximum nan"),
        ([], r"logits need a vocabulary axis, got shape \(0,\)"),
        (1.0, r"logits need a vocabulary axis, got shape \(\)"),
    ],
)
@pytest.mark.parametrize("warp", [Warp(), Warp(temperature=0), Warp(top_k=1, top_p=0.5)])
def test_bad_logits(warp, logits, message):
    with pytest.raises(NotADistribution, match=message):
        warp.probabilities(logits)


@pytest.mark.parametrize("logits", [["0", "1"], ["a", "b"], [None, 1.0]])
def test_logits_that_are_no_numbers(logits):
    """Digits in a string are refused too, not read."""
    with pytest.raises(ValueError, match=r"number|float|nan"):
        Warp().probabilities(logits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, r"temperature must be finite and at least 0, got -0\.1"),
        ({"temperature": NAN}, "temperature must be finite and at least 0, got nan"),
        ({"temperature": INF}, "temperature must be finite and at least 0, got inf"),
        ({"top_k": 0}, r"top_k must be at least 1 \(or None\), got 0"),
        ({"top_k": -3}, "top_k must be at least 1"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\] \(or None\), got 0\.0"),
        ({"top_p": 1.1}, "top_p must be in"),
        ({"top_p": NAN}, "top_p must be in"),
        ({"min_p": -0.1}, r"min_p must be in \[0, 1\] \(or None\), got -0\.1"),
        ({"min_p": 1.1}, "min_p must be in"),
        ({"min_p": NAN}, "min_p must be in"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        Warp(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"top_k": 2.5},
        {"top_k": True},
        {"temperature": "1"},
        {"top_p": "0.9"},
        {"min_p": [0.1]},
        {"top_k": "2"},
    ],
    ids=str,
)
def test_parameters_of_another_type(arguments):
    """A wrong type is refused where the warp is made, not where it is used."""
    (name,) = arguments
    with pytest.raises((ValueError, TypeError), match=name):
        Warp(**arguments)
