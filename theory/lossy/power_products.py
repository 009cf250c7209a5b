r"""The sign of a sum of logarithms of fractions, decided exactly.

:math:`\sum_i e_i \log b_i` with positive fractions b and fractional exponents e is zero exactly if the
product of powers is one. That is decided without computing powers: write all numerators and denominators
over a base of pairwise coprime numbers, and add up exponents. If it is not zero, logarithms with more and
more digits find the sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from math import gcd

#: A positive base and its exponent.
Power = tuple[Fraction, Fraction]


def sign_of_logarithms(powers: Sequence[Power]) -> int:
    """-1, 0 or 1: the sign of the sum of ``exponent * log(base)``; exact.

    Examples
    --------
    >>> sign_of_logarithms([(Fraction(4), Fraction(1, 2)), (Fraction(8), Fraction(-1, 3))])
    0
    >>> sign_of_logarithms([(Fraction(3), Fraction(1)), (Fraction(9), Fraction(-501, 1000))])
    -1
    """
    if _is_one(powers):
        return 0
    digits = 40
    while True:
        total = _sum(powers, digits)
        if abs(total) > Decimal(10) ** (-digits // 2):
            return 1 if total > 0 else -1
        digits *= 2


def _sum(powers: Sequence[Power], digits: int) -> Decimal:
    """The sum; for terms below ``10 ** (digits / 2)`` it is off by less than ``10 ** (-digits / 2)``."""
    with localcontext() as context:
        context.prec = digits + 10
        terms = [
            (Decimal(base.numerator).ln() - Decimal(base.denominator).ln())
            * Decimal(exponent.numerator)
            / Decimal(exponent.denominator)
            for base, exponent in powers
        ]
        return sum(terms, Decimal(0))


def _is_one(powers: Sequence[Power]) -> bool:
    whole = [(base.numerator, exponent) for base, exponent in powers]
    whole += [(base.denominator, -exponent) for base, exponent in powers]
    return not any(
        sum(_multiplicity(number, factor) * exponent for number, exponent in whole)
        for factor in coprime_base([number for number, _ in whole])
    )


def _multiplicity(number: int, factor: int) -> int:
    count = 0
    while number % factor == 0:
        number, count = number // factor, count + 1
    return count


def coprime_base(numbers: Sequence[int]) -> tuple[int, ...]:
    """Pairwise coprime numbers above one of which every given positive number is a product of powers.

    Examples
    --------
    >>> coprime_base([12, 18])
    (2, 3)
    >>> coprime_base([9, 27, 1])
    (3,)
    """
    base: set[int] = set()
    waiting = [number for number in numbers if number > 1]
    while waiting:
        number = waiting.pop()
        other = next((factor for factor in base if gcd(factor, number) > 1), None)
        if other is None:
            base.add(number)
        elif other != number:
            shared = gcd(other, number)
            base.remove(other)
            waiting += [part for part in (shared, other // shared, number // shared) if part > 1]
    return tuple(sorted(base))
