"""Symbols against fractions: the same arithmetic, evaluated at points."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.strategies import F
from theory.proof.symbolic import NotExact, Ring, SignUnknown, Simplex, Unknowns
from theory.proof.symbolic.ring import evaluate
from theory.proof.symbolic.symbol import constant
from theory.simplex import check_distribution, is_exact

RING = Ring([Simplex("p", 3), Simplex("q", 3, (0, 2))], positives=("s",))
U = Unknowns(RING)
LEAVES = [*U["p"], *U["q"], U["s"], constant(RING, F(2, 3)), constant(RING, 1)]
POINTS = [
    (F(1, 5), F(3, 7), F(1, 2), F(4)),
    (F(1, 11), F(1, 13), F(2, 9), F(1, 3)),
]
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def value(symbol, point):
    return evaluate(symbol.above, point) / evaluate(symbol.below, point)


def leaves():
    return st.integers(0, len(LEAVES) - 1)


trees = st.recursive(leaves(), lambda below: st.tuples(st.sampled_from("+-*/"), below, below), max_leaves=8)


def build(tree, entries):
    if isinstance(tree, int):
        return entries[tree]
    name, first, second = tree
    return OPERATIONS[name](build(first, entries), build(second, entries))


@given(tree=trees, point=st.sampled_from(POINTS))
@settings(max_examples=200)
def test_arithmetic_is_that_of_fractions_at_every_point(tree, point):
    try:
        symbol = build(tree, LEAVES)
    except ZeroDivisionError:
        return
    plain = [value(leaf, point) for leaf in LEAVES]
    try:
        expected = build(tree, plain)
    except ZeroDivisionError:
        return
    if evaluate(symbol.below, point) != 0:
        assert value(symbol, point) == expected


@given(tree=trees)
@settings(max_examples=100)
def test_equal_functions_are_one_object(tree):
    try:
        symbol = build(tree, LEAVES)
    except ZeroDivisionError:
        return
    p1, p2, _ = U["p"]
    assert ((symbol + p1) * (p1 + p2) - symbol * p1 - symbol * p2) / (p1 + p2) is p1
    assert symbol - symbol == 0
    assert hash(symbol * 2) == hash(symbol + symbol)


def test_a_distribution_of_symbols_is_a_distribution():
    assert is_exact(U["p"])
    assert check_distribution(U["p"]).tolist() == U["p"].tolist()
    assert U["p"].sum() == 1
    assert U["q"][1] == 0


def test_constants_compare_and_hash_like_fractions():
    half = constant(RING, F(1, 2))
    assert half == F(1, 2)
    assert hash(half) == hash(F(1, 2))
    assert half < 1
    assert half.fraction() == F(1, 2)
    assert half**-2 == 4
    assert abs(-half) == half


def test_what_is_positive_on_the_simplex_needs_no_cell():
    p1, p2, p3 = U["p"]
    assert p1 > 0
    assert p1 + p2 < 1
    assert p1 * p2 * p3 <= F(1)
    assert (p1 - p1 * p1) > 0
    assert 1 - p1 * p2 > 0


def test_other_comparisons_need_a_proof():
    p1, p2, _ = U["p"]
    with pytest.raises(SignUnknown, match="p1 - p2 is positive depends on the values"):
        assert p1 > p2


def test_a_cell_answers_and_a_square_asks_too():
    p1, p2, _ = U["p"]
    atom = RING.atom((p1 - p2).above)
    RING.signs = {atom.number: -1}
    try:
        assert p1 < p2
        assert np.maximum(U["p"][:2], p1).tolist() == [p1, p2]
        assert (p1 - p2) ** 2 > 0
        assert np.argsort(U["p"][:2]).tolist() == [0, 1]
    finally:
        RING.signs = None


@pytest.mark.parametrize("bad", [0.5, np.float64(0.5), "x", None])
def test_inexact_operands_are_refused(bad):
    with pytest.raises(NotExact, match="integers and fractions only"):
        U["p"][0] + bad


def test_symbols_are_no_numbers():
    with pytest.raises(NotExact, match="asked for a float"):
        float(U["p"][0])
    with pytest.raises(NotExact, match="is no number"):
        U["p"][0].fraction()
    with pytest.raises(NotExact, match="integer powers only"):
        U["p"][0] ** F(1, 2)
    with pytest.raises(NotExact, match="two different proofs"):
        U["p"][0] + Unknowns(Ring([Simplex("p", 3)]))["p"][0]
    with pytest.raises(ZeroDivisionError, match="by zero"):
        U["p"][0] / (U["p"][1] - U["p"][1])


def test_numpy_scalars_and_arrays_mix():
    p = U["p"]
    assert (np.int64(2) * p[0]) == 2 * p[0]
    assert (p[0] * p).tolist() == [p[0] * x for x in p]
    assert (p - np.array([1, 0, 0])).tolist() == [p[0] - 1, p[1], p[2]]


def test_values_at_a_point_are_distributions():
    values = RING.values_at(POINTS[0])
    assert values["p"].tolist() == [F(1, 5), F(3, 7), F(13, 35)]
    assert values["q"].tolist() == [F(1, 2), 0, F(1, 2)]
    assert values["s"] == 4


def test_tied_distributions_share_symbols():
    ring = Ring([Simplex("p", 3), Simplex("q", 3, equal_to="p", ties=(1,))])
    unknowns = Unknowns(ring)
    assert unknowns["q"][1] is unknowns["p"][1]
    assert unknowns["q"].sum() == 1
    assert check_distribution(unknowns["q"]) is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"support": ()}, "support of p must be ascending"),
        ({"support": (2, 1)}, "support of p must be ascending"),
        ({"support": (0, 3)}, r"in 0\.\.2"),
        ({"ties": (0,)}, "ties of p"),
        ({"support": (0, 1), "equal_to": "q", "ties": (2,)}, "ties of p"),
    ],
)
def test_bad_simplices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Simplex("p", 3, **options)
