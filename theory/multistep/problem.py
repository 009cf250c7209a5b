r"""The best that one round can do: states, flows, and the bound that any multipliers prove.

**States.** When the output has come to the prefix s inside of the drafted tree, only the part T of the tree
below s matters any more. A(T, s) is the probability of that state, f(T, s, y) the part of it whose next
token is y; if y is drafted the state becomes (T_y, s y), else the round is over.

.. math:: \max \sum_{y \text{ drafted}} f(T, s, y) \quad\text{s.t.}\quad
          \sum_y f(T, s, y) = A(T, s), \qquad
          \sum_T f(T, s, y) = P(y \mid s) \sum_T A(T, s), \qquad f \ge 0 .

The optimum is the expected number of accepted drafts (bonus not counted) of the best rule that keeps the
target's law in every round, whatever it knows.

**The bound of any multipliers.** For *every* :math:`\lambda(s, y)`, with

.. math:: u(T, s) = \max_y \bigl[ -\lambda(s, y) + [y \in T]\,(1 + u(T_y, sy) + \textstyle\sum_z P(z|sy)
          \lambda(sy, z)) \bigr],

no rule expects more than :math:`E[u(D, \text{root})] + \sum_y P(y)\,\lambda(\text{root}, y)`. So the dual
side of a certificate is one number for each prefix and token, and needs no repair.

**The value of any shares.** For every choice of shares :math:`f(T, s, y) / A(T, s)` the law :math:`F(y |
s)` of the output is known; accepting y with probability :math:`\min(1, P / F)`, and else emitting a token
of :math:`(P - F)_+`, makes a rule that is lossless, and whose expected length is a product of known
numbers. So the primal side needs no repair either. ``docs/multistep.md`` has the proofs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from theory.laws import Tokens
from theory.multistep.trees import Tree, path_trees
from theory.simplex import SUM_TOLERANCE, Array, check_distribution, is_exact
from theory.walks.base import Model


@dataclass(frozen=True, eq=False)
class MultistepProblem:
    """One round: the drafted trees' law and the target's rows; made by :meth:`of` or :meth:`paths`.

    Attributes
    ----------
    trees
        Probability of each drafted tree.
    prefixes
        Prefixes at which something may be drafted below, by rising length.
    rows
        The target's next-token distributions there, shape ``(prefixes, V)``.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 3)] * 3)
    >>> problem = MultistepProblem.paths(target=lambda s: p, draft=lambda s: q, count=2, length=1)
    >>> problem.size
    6
    """

    trees: Mapping[Tree, Any]
    prefixes: tuple[Tokens, ...]
    rows: Array

    @classmethod
    def of(cls, *, trees: Mapping[Tree, Any], target: Model) -> MultistepProblem:
        """A problem from the law of any drafted trees.

        Parameters
        ----------
        trees
            From :func:`~theory.multistep.scheme_trees` or :func:`~theory.multistep.path_trees`.
        target
            The target's model.

        Raises
        ------
        ValueError
            If probabilities do not sum to one (floats: within 1e-6), or a row is no distribution.

        Notes
        -----
        Floats stand for the numbers that they are. Where their sums miss one by rounding, the
        largest entry of a row, and the most likely tree, is read as what makes the sum one.
        """
        total = sum(trees.values())
        if abs(total - 1) > (0 if isinstance(total, Fraction) else SUM_TOLERANCE):
            raise ValueError(f"the probabilities of the trees sum to {total}, not to 1")
        prefixes: dict[Tokens, None] = {}
        for tree in trees:
            _open(tree, (), prefixes)
        order = tuple(sorted(prefixes, key=lambda prefix: (len(prefix), prefix)))
        rows = [check_distribution(target(prefix), name=f"the target after {prefix}") for prefix in order]
        return cls(dict(trees), order, np.array(rows or [target(())]))

    @classmethod
    def paths(cls, *, target: Model, draft: Model, count: int, length: int) -> MultistepProblem:
        """A problem of i.i.d. paths."""
        return cls.of(trees=path_trees(draft=draft, count=count, length=length), target=target)

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return int(self.rows.shape[-1])

    @property
    def size(self) -> int:
        """Number of states."""
        return len(self.states.place)

    @cached_property
    def states(self) -> States:
        """All states, with where their flows lead."""
        return States.of(self)

    @cached_property
    def exact_rows(self) -> Array:
        """The rows as fractions that sum to one."""
        return np.array([_completed(list(row)) for row in self.rows], dtype=object)

    @cached_property
    def exact_weights(self) -> Array:
        """The trees' probabilities as fractions that sum to one, in the order of ``trees``."""
        return np.array(_completed(list(self.trees.values())), dtype=object)

    @property
    def exact(self) -> bool:
        """Whether the problem was given in fractions."""
        return bool(is_exact(self.rows))


def _open(tree: Tree, prefix: Tokens, found: dict[Tokens, None]) -> None:
    if tree:
        found[prefix] = None
    for token, below in tree:
        _open(below, (*prefix, token), found)


def _completed(values: list[Any]) -> list[Fraction]:
    out = [Fraction(value) for value in values]
    place = max(range(len(out)), key=lambda index: out[index])
    out[place] += 1 - sum(out)
    return out


@dataclass(frozen=True, eq=False)
class States:
    """States as arrays, by rising length of their prefix.

    Attributes
    ----------
    place
        Which prefix each state is at, shape ``(states,)``.
    child
        The state that a token leads to, -1 if none, shape ``(states, V)``.
    drafted
        Whether the token is drafted there, shape ``(states, V)``.
    below
        Number of the prefix that a token leads to, -1 if nothing is drafted there, shape ``(prefixes, V)``.
    levels
        Where the states of each prefix length start, and their number.
    index
        Number of each ``(prefix, tree)``.
    """

    place: Array
    child: Array
    drafted: Array
    below: Array
    levels: tuple[int, ...]
    index: Mapping[tuple[int, Tree], int]

    @classmethod
    def of(cls, problem: MultistepProblem) -> States:
        number = {prefix: place for place, prefix in enumerate(problem.prefixes)}
        below = np.array(
            [[number.get((*s, y), -1) for y in range(problem.vocabulary)] for s in problem.prefixes]
        ).reshape(-1, problem.vocabulary)
        index: dict[tuple[int, Tree], int] = {(0, tree): place for place, tree in enumerate(problem.trees)}
        keys, levels, child, drafted = list(index), [0], list[list[int]](), list[list[bool]]()
        while levels[-1] < len(keys):
            start = levels[-1]
            levels.append(len(keys))
            for at, tree in keys[start : levels[-1]]:
                leads, marks = [-1] * problem.vocabulary, [False] * problem.vocabulary
                for token, rest in tree:
                    marks[token] = True
                    key = (int(below[at, token]), rest)
                    if key[0] >= 0:
                        if key not in index:
                            index[key] = len(keys)
                            keys.append(key)
                        leads[token] = index[key]
                child.append(leads)
                drafted.append(marks)
        place = np.array([at for at, _ in keys])
        return cls(place, np.array(child), np.array(drafted), below, tuple(levels), index)


def dual_bound(problem: MultistepProblem, multipliers: Array, *, exact: bool) -> Any:
    """What multipliers prove: no rule expects more accepted drafts; see the module's text.

    Parameters
    ----------
    multipliers
        Shape ``(prefixes, V)``; any finite numbers.
    exact
        In fractions: the bound is then rigorous to the last digit.
    """
    states = problem.states
    rows, weights, lam = as_numbers(problem, multipliers, exact)
    priced = (rows * lam).sum(axis=1)
    worth = np.zeros(len(states.place) + 1, dtype=lam.dtype)
    worth[-1] = worth[-1] * 0
    for start, end in reversed([*_spans(states)]):
        at = states.place[start:end]
        below = states.below[at]
        gain = 1 + worth[states.child[start:end]] + np.where(below >= 0, priced[below], 0)
        worth[start:end] = (np.where(states.drafted[start:end], gain, 0) - lam[at]).max(axis=1)
    return (weights * worth[: len(weights)]).sum() + priced[0]


def _spans(states: States) -> list[tuple[int, int]]:
    return list(zip(states.levels, states.levels[1:], strict=False))


def as_numbers(problem: MultistepProblem, values: Array, exact: bool) -> tuple[Array, Array, Array]:
    """The rows, the trees' probabilities and some values, all in fractions or all in floats."""
    if exact:
        fractions = np.array([[Fraction(x) for x in row] for row in values.tolist()], dtype=object)
        return problem.exact_rows, problem.exact_weights, fractions
    weights = np.array([float(weight) for weight in problem.trees.values()])
    return problem.rows.astype(float), weights, np.asarray(values, dtype=float)


@dataclass(frozen=True, eq=False)
class Flows:
    """What shares lead to.

    Attributes
    ----------
    reached
        Probability that the output comes to each prefix inside of the tree, shape ``(prefixes,)``.
    emitted
        ... and goes on with a token, shape ``(prefixes, V)``.
    drafted
        ... that is drafted, shape ``(prefixes, V)``.
    """

    reached: Array
    emitted: Array
    drafted: Array


def flows(problem: MultistepProblem, shares: Array, *, exact: bool) -> Flows:
    """Follow shares from the root down.

    Parameters
    ----------
    shares
        Shape ``(states, V)``, nonnegative; rows are taken over their sums.
    """
    states = problem.states
    rows, weights, parts = as_numbers(problem, shares, exact)
    parts = parts / parts.sum(axis=1, keepdims=True)
    mass = np.zeros(len(parts) + 1, dtype=parts.dtype)
    mass[: len(weights)] = weights
    emitted, drafted = rows * 0, rows * 0
    for start, end in _spans(states):
        flow = mass[start:end, None] * parts[start:end]
        kept = np.where(states.drafted[start:end], flow, 0)
        np.add.at(emitted, states.place[start:end], flow)
        np.add.at(drafted, states.place[start:end], kept)
        np.add.at(mass, states.child[start:end].ravel(), kept.ravel())
    return Flows(emitted.sum(axis=1), emitted, drafted)


def primal_value(problem: MultistepProblem, shares: Array, *, exact: bool) -> Any:
    """Expected accepted drafts of the lossless rule that shares make; see the module's text."""
    found = flows(problem, shares, exact=exact)
    rows = problem.exact_rows if exact else problem.rows.astype(float)
    reached = rows[:, 0] * 0
    reached[0] = reached[0] + 1
    value = reached[0] * 0
    for at in range(len(rows)):
        for token in np.flatnonzero(found.drafted[at] > 0):
            wanted, emitted = rows[at, token] * found.reached[at], found.emitted[at, token]
            thinned = 1 if wanted >= emitted else wanted / emitted
            mass = reached[at] * (found.drafted[at, token] / found.reached[at]) * thinned
            mass = _floored(mass) if exact else mass
            value = value + mass
            if problem.states.below[at, token] >= 0:
                reached[problem.states.below[at, token]] = mass
    return value


def _floored(mass: Fraction) -> Fraction:
    """A short fraction that is not above; fractions of tokens further down would grow without end."""
    short = mass.denominator < 1 << 200
    return mass if short else Fraction((mass.numerator << 160) // mass.denominator, 1 << 160)
