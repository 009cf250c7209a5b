"""Symbols: rational functions that behave like fractions, up to comparisons.

``+ - * / **`` with symbols, integers and fractions are exact and give the reduced form, so two symbols are
equal as functions exactly if they are the same object. ``<`` and its kin ask for the *sign* of a difference:
the cell under proof answers, and is split where it can't (:class:`~theory.proof.symbolic.ring.Undecided`).
``==`` is identity as functions: in an open cell where the sign of their difference is fixed, two different
functions are nowhere equal. What was compared so is kept in ``ring.ties``, see :mod:`theory.proof.universal`.

Symbols go into numpy object arrays; numpy's loops (sum, maximum, where, comparisons, sorting) call the
operators defined here. Floats are refused, because a proof with rounded constants proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Union

import numpy as np

from theory.proof.symbolic.ring import Atom, Polynomial, Ring

Operand = Union["Symbol", int, Fraction, "np.integer[Any]"]
#: A constant sign, atoms of odd power and atoms of even power; see ``Ring.signature``.
Signature = tuple[int, tuple[Atom, ...], tuple[Atom, ...]]


class NotExact(TypeError):
    """A program mixed symbols with something inexact, or asked a symbol for a number."""


class Symbol:
    """A rational function of the ring's unknowns, in reduced form; made by :func:`symbol` only.

    Attributes
    ----------
    above, below
        Polynomials, their quotient in lowest terms. (Not called numerator and denominator, so that no program
        takes a symbol for a fraction of two integers.)
    number
        Different for different symbols of a ring.

    Examples
    --------
    >>> from theory.proof.symbolic.ring import Simplex
    >>> p1, p2, p3 = Unknowns(Ring([Simplex("p", 3)]))["p"]
    >>> (p1 * p1 - p2 * p2) / (p1 + p2)
    p1 - p2
    >>> p1 + p2 + p3 == 1, p1 < 2
    (True, True)
    """

    __slots__ = ("_signature", "above", "below", "number", "ring")

    def __init__(self, ring: Ring, numerator: Polynomial, denominator: Polynomial, number: int) -> None:
        self.ring = ring
        self.above = numerator
        self.below = denominator
        self.number = number
        self._signature: Signature | None = None

    # arithmetic ----------------------------------------------------------------------------------

    def __add__(self, other: Operand) -> Symbol:
        return _memo("+", self, _coerce(self.ring, other), _sum)

    __radd__ = __add__

    def __mul__(self, other: Operand) -> Symbol:
        return _memo("*", self, _coerce(self.ring, other), _product)

    __rmul__ = __mul__

    def __neg__(self) -> Symbol:
        return self * -1

    def __pos__(self) -> Symbol:
        return self

    def __sub__(self, other: Operand) -> Symbol:
        return _memo("-", self, _coerce(self.ring, other), _difference)

    def __rsub__(self, other: Operand) -> Symbol:
        left: Symbol = _coerce(self.ring, other)
        return left - self

    def __truediv__(self, other: Operand) -> Symbol:
        divisor = _coerce(self.ring, other)
        if isinstance(divisor, Symbol) and self.ring.signs is not None:
            # a divisor that may vanish inside the cell splits it
            divisor.sign()
        return _memo("/", self, divisor, _quotient)

    def __rtruediv__(self, other: Operand) -> Symbol:
        left: Symbol = _coerce(self.ring, other)
        return left / self

    def __pow__(self, power: int) -> Symbol:
        if isinstance(power, bool) or not isinstance(power, int | np.integer):
            raise NotExact(f"a symbol is raised to integer powers only, got {power!r}")
        key = ("**", self.number, int(power))
        if key not in self.ring.memo:
            base = self if power >= 0 else 1 / self
            size = abs(int(power))
            self.ring.memo[key] = symbol(self.ring, base.above**size, base.below**size)
        result: Symbol = self.ring.memo[key]
        return result

    def __abs__(self) -> Symbol:
        return self if self >= 0 else -self

    # comparisons ---------------------------------------------------------------------------------

    def sign(self) -> int:
        """-1, 0 or 1; zero only for the zero function.

        Every factor's sign has to be known, also of squares: in a cell it must not vanish anywhere.

        Raises
        ------
        Undecided
            If the cell under proof leaves a factor's sign open.
        SignUnknown
            If it is not the same everywhere and no proof is running.
        """
        if self._signature is None:
            self._signature = self._signed_factors()
        sign, odd, even = self._signature
        for atom in odd:
            sign *= self.ring.sign_of(atom)
        for atom in even:
            self.ring.sign_of(atom)
        return sign

    def _signed_factors(self) -> Signature:
        if self.is_zero:
            return 0, (), ()
        above, upper, upper_even = self.ring.signature(self.above)
        below, lower, lower_even = self.ring.signature(self.below)
        return above * below, (*upper, *lower), (*upper_even, *lower_even)

    def __lt__(self, other: Operand) -> bool:
        return NotImplemented if isinstance(other, np.ndarray) else (self - other).sign() < 0

    def __le__(self, other: Operand) -> bool:
        return NotImplemented if isinstance(other, np.ndarray) else (self - other).sign() <= 0

    def __gt__(self, other: Operand) -> bool:
        return NotImplemented if isinstance(other, np.ndarray) else (self - other).sign() > 0

    def __ge__(self, other: Operand) -> bool:
        return NotImplemented if isinstance(other, np.ndarray) else (self - other).sign() >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Symbol | int | Fraction | np.integer):
            return NotImplemented
        gap = self - other
        if gap.is_zero:
            return True
        if self.ring.signs is not None:
            gap._note_ties()
        return False

    def __hash__(self) -> int:
        return hash(self.fraction()) if self.is_constant else hash((id(self.ring), self.number))

    def __bool__(self) -> bool:
        return self != 0

    def _note_ties(self) -> None:
        """Keep the atoms whose vanishing would have made an equality true; their signs must be known."""
        self.sign()
        if self._signature is not None:
            for atom in (*self._signature[1], *self._signature[2]):
                self.ring.ties[atom.number] = atom

    # constants -----------------------------------------------------------------------------------

    @property
    def is_zero(self) -> bool:
        """Whether it is the zero function."""
        return bool(self.above.is_zero())

    @property
    def is_constant(self) -> bool:
        """Whether it does not depend on the unknowns."""
        return bool(self.above.is_constant() and self.below.is_constant())

    def fraction(self) -> Fraction:
        """The value of a constant symbol."""
        if not self.is_constant:
            raise NotExact(f"{self} is no number: it depends on the unknowns")
        return Fraction(_leading(self.above), _leading(self.below))

    def __float__(self) -> float:
        raise NotExact(
            f"a program under proof asked for a float of {self}; write it with + - * / and comparisons, "
            "which serve floats, fractions and symbols alike"
        )

    def __repr__(self) -> str:
        if self.below.is_one():
            return str(self.above)
        return f"({self.above})/({self.below})"


class Unknowns(Mapping[str, Any]):
    """A ring's unknowns by name: a fresh array of symbols for a simplex, one symbol for a positive number.

    Parameters
    ----------
    ring
        The ring.

    Examples
    --------
    >>> from theory.proof.symbolic.ring import Simplex
    >>> unknowns = Unknowns(Ring([Simplex("p", 3, support=(0, 2))], positives=("s",)))
    >>> unknowns["p"].tolist(), unknowns["s"]
    ([p1, 0, -p1 + 1], s)
    """

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self._arrays: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._arrays:
            entries = self.ring.polynomials(name)
            self._arrays[name] = np.empty(len(entries), dtype=object)
            self._arrays[name][:] = [symbol(self.ring, entry, self.ring.one) for entry in entries]
        symbols = self._arrays[name]
        return symbols[0] if name in self.ring.positives else symbols.copy()

    def __iter__(self) -> Iterator[str]:
        return iter([*(simplex.name for simplex in self.ring.simplices), *self.ring.positives])

    def __len__(self) -> int:
        return len(self.ring.simplices) + len(self.ring.positives)


def symbol(ring: Ring, numerator: Polynomial, denominator: Polynomial) -> Symbol:
    """The one symbol of a reduced fraction whose denominator has a positive leading coefficient."""
    alike = ring.symbols.setdefault((ring.fingerprint(numerator), ring.fingerprint(denominator)), [])
    found: Symbol
    for found in alike:
        if found.above == numerator and found.below == denominator:
            return found
    ring.made += 1
    found = Symbol(ring, numerator, denominator, ring.made)
    alike.append(found)
    return found


def constant(ring: Ring, value: int | Fraction) -> Symbol:
    """A number as a symbol."""
    found: Symbol | None = ring.memo.get(("constant", value))
    if found is None:
        make = ring.context.constant
        found = symbol(ring, make(value.numerator), make(value.denominator))
        ring.memo["constant", value] = found
    return found


def _leading(polynomial: Polynomial) -> int:
    return 0 if polynomial.is_zero() else int(polynomial.leading_coefficient())


def _coerce(ring: Ring, value: Any) -> Any:
    """A symbol from an operand; arrays are left to numpy."""
    if isinstance(value, np.ndarray):
        return NotImplemented
    if isinstance(value, Symbol):
        if value.ring is not ring:
            raise NotExact("symbols of two different proofs were mixed")
        return value
    if isinstance(value, int | Fraction):
        return constant(ring, value)
    if isinstance(value, np.integer | np.bool_):
        return constant(ring, int(value))
    raise NotExact(
        f"symbols mix with integers and fractions only, got {value!r} of type {type(value).__name__}; "
        "write a constant such as 0.5 as Fraction(1, 2)"
    )


def _memo(name: str, a: Symbol, b: Any, compute: Callable[[Symbol, Symbol], Symbol]) -> Symbol:
    """The result of an operation, from the ring's table if it was done before."""
    if b is NotImplemented:
        unsupported: Symbol = b
        return unsupported
    key = (name, a.number, b.number)
    found: Symbol | None = a.ring.memo.get(key)
    if found is None:
        found = compute(a, b)
        a.ring.memo[key] = found
    return found


def _sum(a: Symbol, b: Symbol) -> Symbol:
    """Reduced sum; the only common factors are those of the denominators' common part."""
    shared = a.below.gcd(b.below)
    if shared.is_one():
        numerator = a.above * b.below + b.above * a.below
        return symbol(a.ring, numerator, a.below * b.below)
    rest = a.below / shared
    numerator = a.above * (b.below / shared) + b.above * rest
    factor = numerator.gcd(shared)
    return symbol(a.ring, numerator / factor, rest * (b.below / factor))


def _difference(a: Symbol, b: Symbol) -> Symbol:
    return a + -b


def _product(a: Symbol, b: Symbol) -> Symbol:
    first, second = a.above.gcd(b.below), b.above.gcd(a.below)
    return symbol(
        a.ring,
        (a.above / first) * (b.above / second),
        (a.below / second) * (b.below / first),
    )


def _quotient(a: Symbol, b: Symbol) -> Symbol:
    if b.is_zero:
        raise ZeroDivisionError(f"division of {a} by zero")
    turn = 1 if _leading(b.above) > 0 else -1
    return a * symbol(a.ring, b.below * turn, b.above * turn)
