r"""The transport problem with membership cost, at small vocabulary.

Drafts come as a tuple of tokens; a rule picks an output token of law p and *hits* if the output is among
the drafts. Only the set of drafted tokens matters for a hit, so tuples with the same set are merged into one
column. With :math:`w_D` the probability of the drafted set D, the most hits any lossless rule has is

.. math:: \max \sum_D \sum_{x \in D} S_{x, D} \quad\text{subject to}\quad
          \sum_D S_{x, D} \le p_x, \qquad \sum_{x \in D} S_{x, D} \le w_D, \qquad S \ge 0 .

This is the *relaxed* form (SpecTr's problem with inequalities, over pairs with :math:`x \in D` only). A
solution leaves a rest of p and a rest of w of the same total; joining the rests independently gives a full
coupling, so nothing is lost. The textbook form, a full coupling with *equalities*, is not used: its rows and
columns have to add up to the same number, and with rounded floats they don't, so solvers call it infeasible.

**Dual.** For every set of tokens H, a hit in H has probability at most p(H), and a hit outside needs a
drafted set that is not inside H:

.. math:: \max \;=\; \min_H \Bigl[ p(H) + \sum_{D \not\subseteq H} w_D \Bigr]
          \;=\; 1 + \min_H \bigl[ p(H) - Q(H) \bigr],

equality by max-flow = min-cut (Hu et al. 2025). The first form is also right where rounding makes totals
miss one; it is the one computed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.laws import Law, Tokens
from theory.simplex import Array, NotADistribution, check_distribution, is_exact
from theory.transport.drafted_sets import SIZE_LIMIT, drafted_sets


def to_fractions(values: Array) -> Array:
    """Each number as the fraction it exactly is; a float is a whole number over a power of two.

    Examples
    --------
    >>> to_fractions(np.array([0.5, 0.1]))[0]
    Fraction(1, 2)
    >>> to_fractions(np.array([0.1]))[0] == Fraction(1, 10)
    False
    """
    out = np.empty(values.shape, dtype=object)
    for index, value in np.ndenumerate(values):
        # numpy's own integers would overflow inside of a fraction
        out[index] = Fraction(value.item() if isinstance(value, np.generic) else value)
    return out


@dataclass(frozen=True, eq=False)
class MembershipProblem:
    """Target, drafted sets and their probabilities; made by :func:`membership_problem`.

    Parameters
    ----------
    p
        Target distribution, shape ``(V,)``; floats or fractions.
    sets
        Different drafted sets, each a tuple of ascending token ids.
    weights
        Probability of each set, shape ``(D,)``, of p's kind. A set of probability zero may be listed.

    Raises
    ------
    ValueError
        If p or the weights are not a distribution, kinds differ, or a set is empty, not ascending, listed
        twice or outside of the vocabulary.

    Examples
    --------
    >>> problem = MembershipProblem(np.array([0.5, 0.3, 0.2]), ((0,), (1, 2)), np.array([0.6, 0.4]))
    >>> problem.membership.astype(int).tolist()
    [[1, 0], [0, 1], [0, 1]]
    >>> problem.column((2, 1))
    1
    """

    p: Array
    sets: tuple[Tokens, ...]
    weights: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", _one_row(self.p, "p"))
        object.__setattr__(self, "weights", _one_row(self.weights, "weights"))
        object.__setattr__(self, "sets", tuple(tuple(int(t) for t in tokens) for tokens in self.sets))
        if is_exact(self.p) != is_exact(self.weights):
            raise NotADistribution(
                "one of p and weights holds fractions and the other floats; use one kind for both"
            )
        if len(self.sets) != self.weights.size:
            raise ValueError(
                f"got {len(self.sets)} sets and {self.weights.size} weights; give one weight a set"
            )
        self._check_sets()

    def _check_sets(self) -> None:
        for tokens in self.sets:
            if not tokens or tokens != drafted_set(tokens):
                raise ValueError(f"a set is a tuple of ascending token ids, at least one; got {tokens}")
            if tokens[0] < 0 or tokens[-1] >= self.vocabulary:
                raise ValueError(
                    f"the set {tokens} has a token outside of the vocabulary of {self.vocabulary}"
                )
        if len(self._columns) < len(self.sets):
            raise ValueError("a set is listed twice; add its weights up")

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return int(self.p.size)

    @property
    def exact(self) -> bool:
        """Whether the numbers are fractions."""
        return is_exact(self.p)

    @cached_property
    def membership(self) -> Array:
        """Boolean, shape ``(V, D)``: whether the token is in the set."""
        out = np.zeros((self.vocabulary, len(self.sets)), dtype=bool)
        for column, tokens in enumerate(self.sets):
            out[list(tokens), column] = True
        return out

    @cached_property
    def _columns(self) -> dict[Tokens, int]:
        return {tokens: column for column, tokens in enumerate(self.sets)}

    def column(self, drafts: Tokens) -> int:
        """The column of a tuple of drafts, in any order and with repetitions.

        Raises
        ------
        ValueError
            If no such set is listed: the law never draws it.
        """
        found = self._columns.get(drafted_set(drafts))
        if found is None:
            raise ValueError(
                f"the drafts {tuple(drafts)} have probability zero under the law of this problem"
            )
        return found

    @cached_property
    def fractions(self) -> tuple[Array, Array]:
        """p and the weights as the fractions that they exactly are (so float sums may miss one)."""
        if self.exact:
            return self.p, self.weights
        return to_fractions(self.p), to_fractions(self.weights)

    def dual_value(self, dual_set: Array) -> Fraction:
        r""":math:`p(H) + \Pr(\text{drafts} \not\subseteq H)`, an upper bound for every H; exact.

        Parameters
        ----------
        dual_set
            Boolean mask of H, shape ``(V,)``.

        Examples
        --------
        >>> problem = MembershipProblem(np.array([0.5, 0.25, 0.25]), ((0,), (1, 2)), np.array([0.75, 0.25]))
        >>> problem.dual_value(np.array([True, False, False]))
        Fraction(3, 4)
        """
        p, weights = self.fractions
        return Fraction(p[dual_set].sum() + weights[self.escaping(dual_set)].sum())

    def escaping(self, dual_set: Array) -> Array:
        """Boolean, shape ``(D,)``: whether the drafted set has a token outside of H."""
        outside: Array = self.membership & ~dual_set[:, None]
        return np.asarray(outside.any(axis=0))


def drafted_set(drafts: Iterable[int]) -> Tokens:
    """The different tokens of a tuple of drafts, ascending.

    Examples
    --------
    >>> drafted_set((4, 1, 4))
    (1, 4)
    """
    return tuple(sorted({int(token) for token in drafts}))


def _one_row(values: ArrayLike, name: str) -> Array:
    row = check_distribution(values, name=name)
    if row.ndim != 1:
        raise ValueError(f"a transport problem is about one position: {name} has shape {row.shape}, not (V,)")
    return row


def membership_problem(*, p: ArrayLike, law: Law, limit: int = SIZE_LIMIT) -> MembershipProblem:
    """The transport problem of a target and a law of drafts.

    Parameters
    ----------
    p
        Target distribution, shape ``(V,)``; floats or fractions, of the law's kind.
    law
        How the drafts were drawn; any law of :mod:`theory.laws` for one position.
    limit
        Most pairs (token, drafted set that holds it) allowed.

    Returns
    -------
    MembershipProblem
        Its columns are the drafted sets of positive probability, in lexicographic order.

    Raises
    ------
    ValueError
        If p is not a distribution, vocabularies or kinds differ, or the problem is larger than the limit.

    Notes
    -----
    Cost: about the number of drafted sets times kV where the law of a sibling does not depend on the order
    of the earlier ones (all laws of this package), else a run for each tuple.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import Iid
    >>> third = F(1, 3)
    >>> problem = membership_problem(p=[F(1, 6), F(1, 6), F(2, 3)], law=Iid([third, third, third], 2))
    >>> problem.sets
    ((0,), (0, 1), (0, 2), (1,), (1, 2), (2,))
    >>> problem.weights[:2]
    array([Fraction(1, 9), Fraction(2, 9)], dtype=object)
    """
    target = _one_row(p, "p")
    table = drafted_sets(law.over(target.size), limit=limit)
    sets = tuple(sorted(table))
    return MembershipProblem(target, sets, _of_kind([table[tokens] for tokens in sets], target))


def _of_kind(values: list[Any], p: Array) -> Array:
    """Weights in p's arithmetic; whole numbers (point masses) fit both."""
    whole = [isinstance(value, int | np.integer) for value in values]
    if is_exact(p):
        chosen = [Fraction(int(v)) if int_ else v for v, int_ in zip(values, whole, strict=True)]
    else:
        chosen = [float(v) if int_ else v for v, int_ in zip(values, whole, strict=True)]
    return np.array(chosen, dtype=object if any(isinstance(v, Fraction) for v in chosen) else np.float64)
