r"""An interpolated Kneser-Ney trigram over token ids: the cheapest real draft model.

With raw trigram counts :math:`c(uvw)`, continuation counts
:math:`c_2(vw) = |\{u : c(uvw) > 0\}|` and :math:`c_1(w) = |\{v : c_2(vw) > 0\}|`, and a discounted count
:math:`c^- = c - \min(c, d)` (all of it where :math:`c` is below the order's cutoff), the model is

.. math::
   p(w \mid uv) &= \frac{c^-(uvw)}{c(uv\cdot)} + \lambda(uv)\, p(w \mid v), \\
   p(w \mid v)  &= \frac{c_2^-(vw)}{c_2(v\cdot)} + \lambda(v)\, p(w), \\
   p(w)         &= \frac{c_1^-(w)}{c_1(\cdot)} + \lambda\, \frac1V,

where every :math:`\lambda` is the mass that the discount took from its order, so each row sums to one
*exactly*. A context that was never seen has :math:`\lambda = 1` and nothing else. The uniform part gives
every token of the vocabulary some probability.

Written out, a row is a weight times the one distribution :math:`p(w)` plus corrections at the few tokens
that followed ``uv`` or ``v``: the storage form ``sparse`` of a trace, without loss.

A cutoff of 2 at an order drops what was seen once there: much smaller rows for little acceptance. The
classic model (Kneser and Ney 1995; interpolated as in Chen and Goodman 1999) has no cutoff.

As a draft it is a proper distribution that depends on the last two tokens only, so any lossless rule
applies to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from specsim.stores.documents import packed_trigrams

Array = NDArray[Any]

#: The discount of every order unless told otherwise, the usual three quarters.
DISCOUNT = Fraction(3, 4)


@dataclass(frozen=True, eq=False)
class Counts:
    """n-grams of one order and their counts, as sorted packed integers ``(u V + v) V + w``."""

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, keys: Array) -> Counts:
        """How often each key occurs."""
        unique, counts = np.unique(np.asarray(keys, dtype=np.int64), return_counts=True)
        return cls(unique, counts)

    def followers(self, context: int, vocabulary: int) -> tuple[Array, Array]:
        """The tokens that followed a packed context, ascending, and their counts."""
        low, high = np.searchsorted(self.keys, [context * vocabulary, (context + 1) * vocabulary])
        return self.keys[low:high] % vocabulary, self.counts[low:high]


@dataclass(frozen=True, eq=False)
class Row:
    """The next-token law of one context: ``weight * base`` plus ``corrections`` at ``tokens``."""

    weight: Any
    tokens: Array
    corrections: Array


@dataclass(frozen=True, eq=False)
class NGram:
    """A trigram model; make one with :meth:`fit`.

    Parameters
    ----------
    vocabulary
        The number of tokens, V, at most 2,097,151 (a trigram is packed into 63 bits).
    trigrams, bigrams, unigrams
        Raw counts, and the continuation counts of the two lower orders.
    discount
        In (0, 1]: what every counted n-gram gives to its lower order.
    cutoffs
        For trigrams and bigrams: n-grams with a smaller count are dropped, their mass goes to the lower
        order.

    Examples
    --------
    >>> model = NGram.fit([[0, 1, 2, 0, 1, 3]], vocabulary=5)
    >>> model.probabilities([0, 1], exact=True)
    array([Fraction(153, 1280), Fraction(153, 1280), Fraction(433, 1280),
           Fraction(433, 1280), Fraction(27, 320)], dtype=object)
    >>> model.probabilities([0, 1], exact=True).sum()
    Fraction(1, 1)
    """

    vocabulary: int
    trigrams: Counts
    bigrams: Counts
    unigrams: Counts
    discount: Fraction = DISCOUNT
    cutoffs: tuple[int, int] = (1, 1)

    @classmethod
    def fit(
        cls,
        documents: Iterable[ArrayLike],
        *,
        vocabulary: int,
        discount: Fraction = DISCOUNT,
        cutoffs: tuple[int, int] = (1, 1),
    ) -> NGram:
        """Count the trigrams of some token sequences; none crosses from one document to the next.

        Deterministic, and independent of the order of the documents. Cost: one sort of all trigrams.

        Raises
        ------
        ValueError
            For tokens outside the vocabulary, no trigram at all, or parameters out of their range.
        """
        _check_parameters(vocabulary, discount, cutoffs)
        keys = [
            packed_trigrams(document, number=number, vocabulary=vocabulary)
            for number, document in enumerate(documents)
        ]
        trigrams = Counts.of(np.concatenate([np.zeros(0, dtype=np.int64), *keys]))
        if not trigrams.keys.size:
            raise ValueError("no document has three tokens or more; there is nothing to count")
        bigrams = Counts.of(trigrams.keys % vocabulary**2)
        unigrams = Counts.of(bigrams.keys % vocabulary)
        return cls(vocabulary, trigrams, bigrams, unigrams, discount, cutoffs)

    def base(self, *, exact: bool = False) -> Array:
        """The lowest order, shape ``(V,)``: discounted continuation counts plus the uniform part.

        Parameters
        ----------
        exact
            Give :class:`fractions.Fraction` entries that sum to exactly one, else float64.

        Examples
        --------
        >>> NGram.fit([[0, 1, 2, 0, 1, 3]], vocabulary=5).base()
        array([0.2125, 0.2125, 0.2125, 0.2125, 0.15  ])
        """
        tokens, numerators, total = self._discounted(self.unigrams.keys, self.unigrams.counts, 1)
        weight = _ratio(np.array([total - numerators.sum()]), total * self.vocabulary, exact)
        out = np.repeat(weight, self.vocabulary)
        out[tokens] += _ratio(numerators, total, exact)
        return out

    def row(self, context: Sequence[int] | Array, *, exact: bool = False) -> Row:
        """The law of the next token as a sparse row; only the last two tokens count.

        Parameters
        ----------
        context
            Token ids, any number of them; without any, the row is the base alone.
        exact
            Fractions instead of floats.

        Raises
        ------
        ValueError
            For a token outside the vocabulary.

        Examples
        --------
        >>> NGram.fit([[0, 1, 2, 0, 1, 3]], vocabulary=5).row([0, 1]).tokens
        array([2, 3])
        """
        last = self._checked(context)
        row = Row(_one(exact), np.zeros(0, dtype=np.int64), _ratio(np.zeros(0, dtype=np.int64), 1, exact))
        if len(last) >= 1:
            row = self._add(row, self.bigrams, last[-1], self.cutoffs[1], exact)
        if len(last) >= 2:
            packed = last[-2] * self.vocabulary + last[-1]
            row = self._add(row, self.trigrams, packed, self.cutoffs[0], exact)
        return row

    def probabilities(self, context: Sequence[int] | Array, *, exact: bool = False) -> Array:
        """The law of the next token over the whole vocabulary, shape ``(V,)``, float64 or fractions.

        Raises
        ------
        ValueError
            For a token outside the vocabulary.

        Examples
        --------
        >>> NGram.fit([[0, 1, 2, 0, 1, 3]], vocabulary=5).probabilities([4, 4]).round(4)
        array([0.2125, 0.2125, 0.2125, 0.2125, 0.15  ])
        """
        row = self.row(context, exact=exact)
        out = row.weight * (self.base(exact=True) if exact else self._float_base)
        out[row.tokens] += row.corrections
        return np.asarray(out)

    @cached_property
    def _float_base(self) -> Array:
        return self.base()

    def _discounted(self, tokens: Array, counts: Array, cutoff: int) -> tuple[Array, Array, int]:
        """Kept tokens, and their discounted counts as integers over a common denominator."""
        numerators = counts * self.discount.denominator - self.discount.numerator
        kept = (numerators > 0) & (counts >= cutoff)
        return tokens[kept], numerators[kept], int(counts.sum()) * self.discount.denominator

    def _add(self, lower: Row, counts: Counts, context: int, cutoff: int, exact: bool) -> Row:
        """The row one order higher: discounted counts plus what they leave of the lower row."""
        tokens, numerators, total = self._discounted(*counts.followers(context, self.vocabulary), cutoff)
        if not total:
            return lower
        left = _ratio(np.array([total - numerators.sum()]), total, exact)[0]
        union = np.union1d(lower.tokens, tokens)
        corrections = np.zeros(len(union), dtype=object if exact else np.float64)
        corrections[np.searchsorted(union, lower.tokens)] += left * lower.corrections
        corrections[np.searchsorted(union, tokens)] += _ratio(numerators, total, exact)
        return Row(left * lower.weight, union, corrections)

    def _checked(self, context: Sequence[int] | Array) -> list[int]:
        last = [int(token) for token in context[-2:]]
        for token in last:
            if not 0 <= token < self.vocabulary:
                raise ValueError(f"token {token} is outside the vocabulary 0 .. {self.vocabulary - 1}")
        return last


def _one(exact: bool) -> Any:
    return Fraction(1) if exact else 1.0


def _ratio(numerators: Array, denominator: int, exact: bool) -> Array:
    if not exact:
        return np.asarray(numerators / denominator)
    out = np.empty(len(numerators), dtype=object)
    out[:] = [Fraction(int(numerator), denominator) for numerator in numerators]
    return out


def _check_parameters(vocabulary: int, discount: Fraction, cutoffs: tuple[int, int]) -> None:
    if not 2 <= vocabulary < 2**21:
        raise ValueError(f"vocabulary must be in 2 .. {2**21 - 1}, got {vocabulary}")
    if not isinstance(discount, Fraction) or not 0 < discount <= 1:
        raise ValueError(f"discount must be a Fraction in (0, 1], got {discount!r}")
    if len(cutoffs) != 2 or min(cutoffs) < 1:
        raise ValueError(f"cutoffs must be two integers of at least 1, got {cutoffs!r}")
