"""The exact sign of sums of logarithms, against powers in whole numbers."""

from __future__ import annotations

from itertools import combinations
from math import gcd, prod

from hypothesis import given
from hypothesis import strategies as st

from tests.theory.strategies import F
from theory.lossy.power_products import coprime_base, sign_of_logarithms

bases = st.fractions(min_value=F(1, 30), max_value=40, max_denominator=30).filter(lambda x: x > 0)
powers = st.lists(st.tuples(bases, st.integers(-6, 6).map(F)), min_size=1, max_size=4)


@given(powers)
def test_against_whole_numbers(terms):
    product = prod((base ** int(exponent) for base, exponent in terms), start=F(1))
    assert sign_of_logarithms(terms) == (product > 1) - (product < 1)


@given(powers)
def test_ties_are_found(terms):
    back = [(base**2, -exponent / 2) for base, exponent in terms]
    assert sign_of_logarithms([*terms, *back]) == 0


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6))
def test_coprime_bases(numbers):
    base = coprime_base(numbers)
    assert all(gcd(a, b) == 1 for a, b in combinations(base, 2))
    for number in numbers:
        for factor in base:
            while number % factor == 0:
                number //= factor
        assert number == 1


def test_a_difference_far_below_floats():
    """log(1 + 1e-60) is positive; no float sees it."""
    assert sign_of_logarithms([(1 + F(1, 10**60), F(1))]) == 1
    assert sign_of_logarithms([(1 + F(1, 10**60), F(-1))]) == -1
