r"""Unknown distributions as polynomials over the integers.

A :class:`Simplex` is one unknown distribution: positive numbers on its support that sum to one. The last
number of the support is written as one minus the others, so that two polynomials that agree on the simplex
are the *same* polynomial: equality of laws is a comparison of normal forms, with no tolerance.

What a program compares is the sign of a polynomial, and a sign is decided factor by factor. An
:class:`Atom` is an irreducible polynomial, the same one wherever it turns up. Some atoms have the same sign
on the whole open simplex. With :math:`p_i = t_i / (1 + \sum_j t_j)`, :math:`t_i > 0`, the simplex becomes
the positive orthant; if all coefficients of the numerator in t have one sign, so has the atom.

Arithmetic is that of FLINT (python-flint), exact over the integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

try:
    from flint import Ordering, fmpz_mpoly_ctx
except ImportError as error:  # pragma: no cover - depends on the installation
    raise ImportError(
        "universal proofs need python-flint and z3-solver; install them with: pip install 'specsim[proofs]'"
    ) from error

#: A point: one fraction a generator, in the ring's order.
Point = tuple[Fraction, ...]
Polynomial = Any


class Undecided(BaseException):
    """The sign of an atom is needed and not yet known: the prover splits the cell here.

    Not an ``Exception``, so that no handler of the program under proof swallows it.
    """

    def __init__(self, atom: Atom) -> None:
        super().__init__(atom.text)
        self.atom = atom


class SignUnknown(TypeError):
    """Symbols were compared outside of a proof, and which is larger depends on their values."""


@dataclass(frozen=True)
class Simplex:
    """One unknown distribution.

    Parameters
    ----------
    name
        Its letter, such as ``"p"``; tokens are shown as p1, p2, ... With a context behind a bar, ``"p|2"``
        (after the token shown as 2), they are shown as p(1|2).
    size
        Number of tokens of the vocabulary.
    support
        Tokens of positive probability (numbered from 0), ascending; None for all.
    equal_to
        Name of an earlier distribution that this one agrees with at ``ties``; None for none.
    ties
        Tokens at which it does, ascending. The unknowns of the other tokens are then their shares of the mass
        that is left, shown with a tilde: q1~.

    Raises
    ------
    ValueError
        For an empty support or one outside of the vocabulary, or ties off the support.
    """

    name: str
    size: int
    support: tuple[int, ...] | None = None
    equal_to: str | None = None
    ties: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        tokens = self.tokens
        if not tokens or sorted(set(tokens)) != list(tokens) or not 0 <= tokens[0] <= tokens[-1] < self.size:
            raise ValueError(
                f"the support of {self.name} must be ascending tokens in 0..{self.size - 1}, got {tokens}"
            )
        if not set(self.ties) <= set(tokens) or bool(self.ties) != (self.equal_to is not None):
            raise ValueError(
                f"the ties of {self.name}, {self.ties}, must be in its support, with equal_to given"
            )

    @property
    def tokens(self) -> tuple[int, ...]:
        """Tokens of positive probability."""
        return tuple(range(self.size)) if self.support is None else self.support

    @property
    def free(self) -> tuple[int, ...]:
        """Tokens of positive probability that are not tied to another distribution."""
        return tuple(token for token in self.tokens if token not in self.ties)

    def label(self, token: int) -> str:
        """How the probability of a token is shown."""
        letter, bar, context = self.name.partition("|")
        return f"{letter}({token + 1}|{context})" if bar else f"{letter}{token + 1}"


class Atom:
    """An irreducible polynomial whose sign a cell may fix.

    Attributes
    ----------
    number
        Its place in the ring's list of atoms.
    text
        The polynomial, as text.
    always
        1 or -1 if it has that sign on the whole open domain, 0 if that is not known.
    """

    __slots__ = ("always", "coefficients", "degree", "exponents", "number", "polynomial", "text")

    def __init__(self, number: int, polynomial: Polynomial, text: str, always: int) -> None:
        self.number = number
        self.polynomial = polynomial
        self.text = text
        self.always = always
        self.degree = int(polynomial.total_degree())
        self.exponents = np.array(polynomial.monoms(), dtype=np.int64)
        self.coefficients = tuple(int(c) for c in polynomial.coeffs())

    def __repr__(self) -> str:
        return f"Atom({self.text})"

    def variables(self) -> frozenset[int]:
        """Numbers of the generators that occur."""
        return frozenset(int(i) for i in np.flatnonzero(self.exponents.any(axis=0)))

    def value(self, point: Point) -> Fraction:
        """Its exact value at a point."""
        return evaluate(self.polynomial, point)


class Ring:
    """The polynomials in several unknown distributions and positive numbers.

    Parameters
    ----------
    simplices
        The unknown distributions.
    positives
        Names of further unknowns that are positive numbers.

    Attributes
    ----------
    memo, symbols, made
        Tables that :mod:`theory.proof.symbolic.symbol` keeps: results of operations, symbols by their
        fingerprints, and how many there are.
    signs
        While a program runs: the signs of atoms that its cell fixes, by number; None otherwise.
    ties
        Atoms that a program compared with ``==``: see :mod:`theory.proof.universal` about ties.

    Examples
    --------
    >>> ring = Ring([Simplex("p", 3), Simplex("q", 3)])
    >>> ring.polynomials("p")
    [p1, p2, -p1 - p2 + 1]
    """

    def __init__(self, simplices: Sequence[Simplex], positives: Sequence[str] = ()) -> None:
        self.simplices = tuple(simplices)
        self.positives = tuple(positives)
        names = [s.label(token) + "~" * bool(s.ties) for s in self.simplices for token in s.free[:-1]]
        self.names = (*names, *self.positives)
        self.context = fmpz_mpoly_ctx.get(list(self.names), Ordering.degrevlex)
        self.generators = self.context.gens()
        self.one = self.context.constant(1)
        self.blocks = self._blocks()
        self.atoms: list[Atom] = []
        self.signs: Mapping[int, int] | None = None
        self.ties: dict[int, Atom] = {}
        self.memo: dict[tuple[Any, ...], Any] = {}
        self.symbols: dict[tuple[int, int], list[Any]] = {}
        self.made = 0
        self._spot = tuple(1_000_003 * (i + 2) ** 2 + 71 * i for i in range(len(self.names)))
        self._by_print: dict[int, list[Atom]] = {}
        self._distributions: dict[str, list[Polynomial]] = {}
        for index, simplex in enumerate(self.simplices):
            self._distributions[simplex.name] = self._entries(index)
        self._aliases = self._make_aliases()

    def _blocks(self) -> tuple[tuple[int, ...], ...]:
        """Generators of each simplex."""
        blocks, start = [], 0
        for simplex in self.simplices:
            stop = start + max(0, len(simplex.free) - 1)
            blocks.append(tuple(range(start, stop)))
            start = stop
        return tuple(blocks)

    def _entries(self, index: int) -> list[Polynomial]:
        """A distribution's polynomials: tied tokens first, the others share what is left."""
        simplex, zero = self.simplices[index], self.context.constant(0)
        entries = [zero] * simplex.size
        for token in simplex.ties:
            entries[token] = self._distributions[str(simplex.equal_to)][token]
        left = self.one - sum(entries, zero)
        live = [self.generators[i] for i in self.blocks[index]]
        for token, share in zip(simplex.free, [*live, self.one - sum(live, zero)], strict=False):
            entries[token] = left * share
        return entries

    def polynomials(self, name: str) -> list[Polynomial]:
        """The entries of a distribution, zero off its support; or the one of a positive number."""
        if name in self.positives:
            return [self.generators[len(self.names) - len(self.positives) + self.positives.index(name)]]
        return self._distributions[name]

    # signs ---------------------------------------------------------------------------------------

    def signature(self, polynomial: Polynomial) -> tuple[int, tuple[Atom, ...], tuple[Atom, ...]]:
        """A nonzero polynomial's sign: a constant, the atoms of odd power, and those of even power."""
        constant, factors = polynomial.factor()
        sign = 1 if constant > 0 else -1
        odd, even = list[Atom](), list[Atom]()
        for factor, power in factors:
            atom = self.atom(factor)
            if not atom.always:
                (odd if power % 2 else even).append(atom)
            elif power % 2:
                sign *= atom.always
        return sign, tuple(odd), tuple(even)

    def atom(self, factor: Polynomial) -> Atom:
        """The atom of an irreducible polynomial with a positive leading coefficient."""
        alike = self._by_print.setdefault(self.fingerprint(factor), [])
        for found in alike:
            if found.polynomial == factor:
                return found
        text = str(factor)
        atom = Atom(len(self.atoms), factor, self._aliases.get(text, text), self._constant_sign(factor))
        self.atoms.append(atom)
        alike.append(atom)
        return atom

    def fingerprint(self, polynomial: Polynomial) -> int:
        """The polynomial's value at one fixed point: a key that equal polynomials share."""
        return int(polynomial(*self._spot))

    def sign_of(self, atom: Atom) -> int:
        """An atom's sign in the running program's cell.

        Raises
        ------
        Undecided
            If the cell leaves it open.
        SignUnknown
            If no program is running.
        """
        if self.signs is None:
            raise SignUnknown(
                f"whether {atom.text} is positive depends on the values of its symbols; "
                "compare symbols inside of a proof only"
            )
        sign = self.signs.get(atom.number)
        if sign is None:
            raise Undecided(atom)
        return sign

    def _constant_sign(self, polynomial: Polynomial) -> int:
        """1 or -1 if all coefficients in the orthant's variables have that sign, else 0."""
        coefficients = self._on_orthant(polynomial).coeffs()
        if all(c > 0 for c in coefficients):
            return 1
        return -1 if all(c < 0 for c in coefficients) else 0

    def _on_orthant(self, polynomial: Polynomial) -> Polynomial:
        r"""Numerator of the polynomial after :math:`p_i = t_i / (1 + \sum_j t_j)` in every simplex."""
        groups: dict[tuple[int, ...], dict[tuple[int, ...], Any]] = {}
        for powers, coefficient in polynomial.to_dict().items():
            degrees = tuple(sum(powers[i] for i in block) for block in self.blocks)
            groups.setdefault(degrees, {})[powers] = coefficient
        top = [max(degrees[b] for degrees in groups) for b in range(len(self.blocks))]
        total = self.context.constant(0)
        for degrees, terms in groups.items():
            part = self.context.from_dict(terms)
            for block, highest, degree in zip(self.blocks, top, degrees, strict=True):
                if highest > degree:
                    part = part * sum((self.generators[i] for i in block), self.one) ** (highest - degree)
            total = total + part
        return total

    # points --------------------------------------------------------------------------------------

    def values_at(self, point: Point) -> dict[str, Any]:
        """Every unknown at a point: arrays of fractions by the simplex's name, fractions by the number's."""
        values: dict[str, Any] = {}
        for name, entries in self._distributions.items():
            values[name] = np.array([evaluate(entry, point) for entry in entries], dtype=object)
        values.update(zip(self.positives, point[len(point) - len(self.positives) :], strict=True))
        return values

    def _make_aliases(self) -> dict[str, str]:
        """Readable text for the last tokens' probabilities and their differences, where they are long."""
        last = [(s, self._distributions[s.name][s.tokens[-1]]) for s in self.simplices if len(s.tokens) > 2]
        aliases: dict[str, str] = {}
        for simplex, entry in last:
            label = simplex.label(simplex.tokens[-1])
            aliases |= {str(entry): label, str(-entry): f"-{label}"}
            for other, second in last:
                pair = f"{label} - {other.label(other.tokens[-1])}"
                aliases.setdefault(str(entry - second), pair)
        return aliases


def evaluate(polynomial: Polynomial, point: Point) -> Fraction:
    """A polynomial's exact value at a point.

    Examples
    --------
    >>> ring = Ring([Simplex("p", 3)])
    >>> evaluate(ring.polynomials("p")[2], (Fraction(1, 2), Fraction(1, 3)))
    Fraction(1, 6)
    """
    total = Fraction(0)
    for powers, coefficient in polynomial.to_dict().items():
        term = Fraction(int(coefficient))
        for base, power in zip(point, powers, strict=True):
            if power:
                term *= base ** int(power)
        total += term
    return total
