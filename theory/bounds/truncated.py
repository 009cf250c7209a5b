r"""Distributions of which only some tokens are known, and intervals for what depends on them.

Serving engines and hosted interfaces return the 5 to 20 likeliest tokens of a position. The rest of the mass
is spread over the other tokens in an unknown way; none of them can be likelier than the least likely one of
the list. :mod:`theory.bounds.truncated_ends` computes what can still be said.

Floats are taken as the fractions that they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds.completions import Completion, Listed
from theory.laws.base import check_tokens
from theory.simplex import SUM_TOLERANCE, Array, check_distribution, check_weights, is_exact, top_tokens

#: What hosted interfaces return for a token that is too unlikely to be listed.
MISSING = -9999.0


@dataclass(frozen=True, eq=False)
class Truncated:
    """What is known of a distribution of which some tokens were reported.

    Parameters
    ----------
    tokens
        Different token ids, shape ``(m,)``.
    probabilities
        Their probabilities, shape ``(m,)``; floats or fractions, of total at most one.
    vocabulary
        Number of tokens in all.
    cap
        The most that a token which was not reported can have; None if nothing is known of that. Lists of the
        likeliest tokens have one: see :meth:`top`.

    Raises
    ------
    ValueError
        For repeated or unknown tokens, probabilities that are none or sum to more than one, or a rest that
        the other tokens cannot hold.

    Examples
    --------
    >>> p = Truncated.top([7, 2], [0.5, 0.25], vocabulary=10)
    >>> str(p.rest), str(p.largest), Truncated([7, 2], [0.5, 0.125], 10).largest
    ('1/4', '1/4', Fraction(3, 8))
    """

    tokens: Array
    probabilities: Array
    vocabulary: int
    cap: Any = None

    def __post_init__(self) -> None:
        tokens = check_tokens(np.atleast_1d(np.asarray(self.tokens)), self.vocabulary, what="Truncated")
        values = np.asarray(self.probabilities)
        if tokens.ndim != 1 or values.shape != tokens.shape:
            raise ValueError(f"give one probability a token: got {tokens.shape} tokens and {values.shape}")
        if np.unique(tokens).size < tokens.size:
            raise ValueError("Truncated lists a token twice; keep one of them")
        if values.size:
            values = check_weights(values, name="probabilities")
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "probabilities", values)
        self._check_room()

    def _check_room(self) -> None:
        slack = 0 if self.exact else SUM_TOLERANCE
        total, others = 1 - self.rest, self.vocabulary - self.tokens.size
        if total > 1 + slack:
            raise ValueError(f"the probabilities sum to {float(total)}, to more than 1")
        if self.cap is not None and not 0 <= self.cap <= 1:
            raise ValueError(f"cap is the most that an unlisted token can have, in [0, 1]; got {self.cap}")
        most = others if self.cap is None else others * Fraction(self.cap)
        if self.rest > most + slack:
            raise ValueError(
                f"the list leaves {float(self.rest)}, but the other tokens ({others}) hold at most "
                f"{float(most)}; if the list is not the top of the distribution, give another cap, or None"
            )

    @classmethod
    def top(cls, tokens: ArrayLike, probabilities: ArrayLike, *, vocabulary: int) -> Self:
        """A list of the likeliest tokens: no other one has more than the least of them."""
        values = np.asarray(probabilities)
        return cls(np.asarray(tokens), values, vocabulary, values.min() if values.size else None)

    @classmethod
    def of(cls, p: ArrayLike, count: int) -> Self:
        """The ``count`` likeliest tokens of a full distribution, shape ``(V,)``."""
        full = check_distribution(p, name="p")
        tokens = top_tokens(full, count)
        return cls.top(tokens, full[tokens], vocabulary=full.size)

    @classmethod
    def from_log_probabilities(cls, tokens: ArrayLike, values: ArrayLike, *, vocabulary: int) -> Self:
        """A list of the likeliest tokens by natural logarithms; entries of -9999 are taken as missing.

        Raises
        ------
        ValueError
            For a value that is no logarithm of a probability.

        Examples
        --------
        >>> p = Truncated.from_log_probabilities([4, 1, 8], [-0.5, -1.0, -9999.0], vocabulary=10)
        >>> p.tokens.tolist(), p.probabilities.round(4).tolist()
        ([4, 1], [0.6065, 0.3679])
        """
        ids, logs = known_log_probabilities(tokens, values)
        return cls.top(ids, np.exp(logs), vocabulary=vocabulary)

    @property
    def exact(self) -> bool:
        """Whether the probabilities are fractions."""
        return is_exact(self.probabilities)

    @cached_property
    def known(self) -> dict[int, Fraction]:
        """Listed tokens with their probabilities as fractions."""
        return {int(t): Fraction(v) for t, v in zip(self.tokens, self.probabilities.tolist(), strict=True)}

    @cached_property
    def rest(self) -> Fraction:
        """Mass of the tokens that are not listed; zero if all are."""
        rest = 1 - sum(self.known.values(), Fraction(0))
        complete = self.tokens.size == self.vocabulary and abs(rest) <= SUM_TOLERANCE and not self.exact
        return Fraction(0) if complete or (-SUM_TOLERANCE <= rest < 0 and not self.exact) else rest

    @property
    def largest(self) -> Fraction:
        """The most that a token which is not listed can have; raised by what rounding left out of the cap."""
        others = self.vocabulary - self.tokens.size
        if not self.rest or not others:
            return Fraction(0)
        cap = self.rest if self.cap is None else min(self.rest, Fraction(self.cap))
        return max(cap, self.rest / others)

    @property
    def listed(self) -> Listed:
        """The same for :mod:`theory.bounds.completions`."""
        return Listed(self.known, self.rest, self.largest)


def known_log_probabilities(tokens: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
    """Tokens and logarithms without the entries that mean 'too unlikely to be reported'.

    Some hosted interfaces return -9999.0 for such tokens. That is no probability: exp(-9999) is 0, and a
    token of probability 0 would cap all others at 0.

    Raises
    ------
    ValueError
        For NaN, or a logarithm above 0 by more than 1e-6.

    Examples
    --------
    >>> tokens, values = known_log_probabilities([4, 1, 8], [-0.5, -1.0, -9999.0])
    >>> tokens.tolist(), values.tolist()
    ([4, 1], [-0.5, -1.0])
    """
    ids, logs = np.atleast_1d(np.asarray(tokens)), np.atleast_1d(np.asarray(values, dtype=np.float64))
    if ids.shape != logs.shape:
        raise ValueError(f"give one log-probability a token: got {ids.shape} tokens and {logs.shape} values")
    bad = np.isnan(logs) | (logs > SUM_TOLERANCE)
    if np.any(bad):
        raise ValueError(
            f"token {ids[bad][0]} has the log-probability {logs[bad][0]}; natural logarithms of "
            "probabilities are at most 0"
        )
    there = logs != MISSING
    return ids[there], np.minimum(logs[there], 0.0)


@dataclass(frozen=True, eq=False)
class Ends:
    """An interval that holds a quantity for every pair of distributions that fits the lists.

    Attributes
    ----------
    lower, upper
        Its ends; fractions if both lists are, else floats rounded outward.
    tight
        Whether both ends are attained (K-SEQ: approached within 2^-60).
    lower_at, upper_at
        Completions that attain them, if tight and there is a pair.
    attained
        Smallest and largest value that a completion is known to have.
    """

    lower: Any
    upper: Any
    tight: bool
    attained: tuple[Any, Any]
    lower_at: Completion | None = None
    upper_at: Completion | None = None

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise ValueError(f"the lower end {self.lower} is above the upper end {self.upper}")

    @property
    def kind(self) -> Literal["exact", "interval"]:
        """``"exact"`` only if the ends are equal: every completion has the same value."""
        return "exact" if self.lower == self.upper else "interval"
