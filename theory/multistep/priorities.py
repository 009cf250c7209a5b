r"""Priority orders over exits of i.i.d. paths: their laws in polynomial time, for any number of paths.

Unrolled, the maximum in the bound of :mod:`theory.multistep.problem` says: *the output leaves the drafted
tree D at the exit of largest weight*. An exit is a leaf of D, or a token y after an inner prefix s of D
with s y not in D; its weight is its number of accepted drafts less the multipliers along it. So a pricing
step needs only the law of the best exit, and that needs no list of trees: with :math:`\phi_r(s, m)` the
probability that none of the r best exits is at or below s if m paths go through s,

.. math:: \phi_r(s, m) = m! \sum_{m_1 + \dots + m_V = m}\; \prod_y \frac{q_y^{m_y}}{m_y!}\, h_r(s y, m_y),
          \qquad h_r(sy, 0) = [\text{exit } sy \text{ is not among the } r], \quad h_r(sy, m) = \phi_r(sy, m),

which is a product of V polynomials cut at degree K, for all r at once. O(V K^2) for each prefix and each r,
where listing the trees takes :math:`\binom{V^L + K - 1}{K}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from theory.laws import Tokens
from theory.simplex import Array, check_distribution
from theory.walks.base import Model


@dataclass(frozen=True, eq=False)
class PathProblem:
    """I.i.d. paths over the full tree of prefixes, in floats.

    Attributes
    ----------
    p, q
        For each level d the rows after the prefixes of length d, shape ``(V**d, V)``, prefixes in
        lexicographic order.
    count
        Number of paths K.
    """

    p: tuple[Array, ...]
    q: tuple[Array, ...]
    count: int

    @classmethod
    def of(cls, *, target: Model, draft: Model, count: int, length: int) -> PathProblem:
        """Tabulate the models.

        Raises
        ------
        ValueError
            If a number is below 1 or a row is no distribution.
        """
        if min(count, length) < 1:
            raise ValueError(f"count and length must be at least 1, got count={count}, length={length}")
        level: list[Tokens] = [()]
        p, q = list[Array](), list[Array]()
        for _ in range(length):
            for rows, model, name in ((p, target, "target"), (q, draft, "draft")):
                found = [check_distribution(model(s), name=f"the {name} after {s}") for s in level]
                rows.append(np.array(found, dtype=float))
            level = [(*prefix, token) for prefix in level for token in range(p[0].shape[1])]
        return cls(tuple(p), tuple(q), count)

    @property
    def length(self) -> int:
        """Tokens of a path L."""
        return len(self.p)

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return int(self.p[0].shape[1])

    @property
    def rounding(self) -> float:
        """A bound of the rounding error of a probability that :func:`exit_law` computes.

        Sums and products of numbers in [0, 1] without a difference, but for one at the end: each of the L
        levels multiplies V polynomials of degree K.
        """
        return 4 * np.finfo(float).eps * (self.length + 1) * (self.vocabulary * (self.count + 4) + 4)


def exit_weights(problem: PathProblem, multipliers: tuple[Array, ...]) -> Array:
    """Weight of every exit: those off the tree level by level, then the leaves, shape ``(exits,)``."""
    reached = np.array([float((problem.p[0] * multipliers[0]).sum())])
    parts: list[Array] = []
    for level, lam in enumerate(multipliers):
        off = reached[:, None] - lam
        parts.append(off.ravel())
        reached = off.ravel() + 1
        if level + 1 < problem.length:
            reached = reached + (problem.p[level + 1] * multipliers[level + 1]).sum(axis=1)
    return np.concatenate([*parts, reached])


def exit_law(problem: PathProblem, rank: Array) -> Array:
    """The law of the exit that is taken if the best available one is, shape ``(exits,)``.

    Parameters
    ----------
    rank
        Place of each exit in the order, 0 for the best; a permutation.

    Examples
    --------
    >>> q = np.array([0.5, 0.5])
    >>> problem = PathProblem.of(target=lambda s: q, draft=lambda s: q, count=2, length=1)
    >>> exit_law(problem, np.array([2, 3, 0, 1])).tolist()  # token 0 drafted, else token 1
    [0.0, 0.0, 0.75, 0.25]
    """
    size, bounds = problem.vocabulary, np.arange(rank.size + 1)
    starts = np.cumsum([0, *(q.size for q in problem.q)])
    free = rank[starts[-1] :, None] >= bounds
    below = np.repeat(free[:, None, :].astype(float), problem.count, axis=1)
    for level in reversed(range(problem.length)):
        off = (rank[starts[level] : starts[level + 1], None] >= bounds).astype(float)
        below = _joined(problem.q[level], off.reshape(-1, size, bounds.size), below, problem.count)
    cumulative = below[0, -1]
    law: Array = np.maximum(cumulative[:-1] - cumulative[1:], 0)[rank]
    return law


def _joined(q: Array, off: Array, below: Array, count: int) -> Array:
    """phi at a level's prefixes for 1 .. K paths, shape ``(prefixes, K, ranks + 1)``."""
    nodes, size, ranks = off.shape
    below = below.reshape(nodes, size, count, ranks)
    product = np.zeros((nodes, count + 1, ranks))
    product[:, 0] = 1
    for token in range(size):
        grown = product * off[:, token, None, :]
        for some in range(1, count + 1):
            share = (q[:, token] ** some / factorial(some))[:, None]
            factor = share * below[:, token, some - 1]
            grown[:, some:] += product[:, : count + 1 - some] * factor[:, None, :]
        product = grown
    orders = np.array([float(factorial(m)) for m in range(1, count + 1)])
    out: Array = product[:, 1:] * orders[None, :, None]
    return out


@dataclass(frozen=True, eq=False)
class Passing:
    """How often the output passes prefixes, level by level.

    Attributes
    ----------
    inside
        ... inside of the tree, for level 0 .. L, shape ``(V**d,)`` each.
    emitted
        ... and goes on with a token, for level 0 .. L - 1, shape ``(V**d, V)`` each.
    """

    inside: tuple[Array, ...]
    emitted: tuple[Array, ...]

    @classmethod
    def of(cls, problem: PathProblem, law: Array) -> Passing:
        """From the law of the exit."""
        starts = np.cumsum([0, *(q.size for q in problem.q)])
        inside, emitted = [law[starts[-1] :]], list[Array]()
        for level in reversed(range(problem.length)):
            off = law[starts[level] : starts[level + 1]].reshape(problem.q[level].shape)
            emitted.append(off + inside[-1].reshape(off.shape))
            inside.append(emitted[-1].sum(axis=1))
        return cls(tuple(reversed(inside)), tuple(reversed(emitted)))

    @property
    def accepted(self) -> float:
        """Expected accepted drafts."""
        return float(sum(level.sum() for level in self.inside[1:]))

    def excess(self, problem: PathProblem) -> Array:
        """Emitted less what the target's law asks for, flat."""
        parts = [
            emitted - p * inside[:, None]
            for emitted, p, inside in zip(self.emitted, problem.p, self.inside, strict=False)
        ]
        return np.concatenate([part.ravel() for part in parts])
