r"""Drafts shared along a level of a draft tree: the same k tokens are proposed under every parent.

Heads that look at the root only (Medusa) and tables (Token Recycling) propose one list of tokens for a whole
level, whatever the tokens above are. Let parent i have the target :math:`p_i` and be *reached* with
probability :math:`w_i` (its path was accepted), and let the drafts of the level be drawn by one law, without
looking at which parent is reached.

**The bound.** At a parent that is reached, a verifier sees that parent's target and the drafts, which have
the law whatever parent it is: so a hit there has at most the probability :math:`\alpha^*(p_i, \text{law})`.
Each parent has its own coupling of an output with the drafts, and only one of them is used, so all can be
optimal at once:

.. math:: \text{expected hits of the level} \;\le\; \sum_i w_i \, \alpha^*(p_i, \text{law}),

and there is equality for the verifier that uses the optimal coupling at every parent. The sets :math:`H_i` of
the terms prove it together. With i.i.d. drafts each term is :func:`theory.bounds.optimal_acceptance` of that
parent with the shared q.

**Designing the list.** A fixed list S has :math:`\sum_i w_i\, p_i(S)` hits, most for the k likeliest tokens
of :math:`\sum_i w_i p_i` (:func:`best_shared_list`). A random list can do better: with one parent and
:math:`q = p` even one draft is always accepted. For *any* law of k drafts let :math:`\pi_x` be the
probability that x is drafted; :math:`\sum_x \pi_x \le k`, and a hit at parent i with output x has at most
the probability :math:`\min(p_i(x), \pi_x)`. So no law whatever has more hits than

.. math:: \max_\pi \sum_i w_i \sum_x \min(p_i(x), \pi_x) \quad\text{subject to}\quad
          0 \le \pi_x \le 1, \;\; \sum_x \pi_x \le k .

The objective is piecewise linear and concave in each :math:`\pi_x`, so taking the steepest pieces first is
optimal (:func:`shared_limit`). For one draft the limit is attained, by drawing it from :math:`\pi`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds.optimal import optimal_acceptance
from theory.bounds.result import Bound
from theory.laws import Law, Point
from theory.laws.base import check_k
from theory.simplex import Array, NotADistribution, check_distribution, check_weights, is_exact, top_tokens


@dataclass(frozen=True, eq=False)
class SharedBound:
    """The most expected hits of a level whose drafts are shared by all of its parents.

    Attributes
    ----------
    weights
        Probabilities with which the parents are reached, shape ``(n,)``.
    parents
        The bound of each parent, as a batch of shape ``(n,)``.
    """

    weights: Array
    parents: Bound

    @property
    def lower(self) -> Any:
        """Lower end of the optimum."""
        return (self.weights * self.parents.lower).sum()

    @property
    def upper(self) -> Any:
        """Upper end of the optimum, proved by the sets of the parents."""
        return (self.weights * self.parents.upper).sum()

    @property
    def value(self) -> Any:
        """The middle of both; the optimum itself if they are equal."""
        return (self.weights * self.parents.value).sum()

    def verify(self, *, p: ArrayLike, law: Law, tolerance: float = 1e-9) -> Any:
        """Recompute the upper end from the stored sets, parent by parent.

        Raises
        ------
        ValueError
            If a parent's set gives another bound than the stored one.

        Examples
        --------
        >>> from theory.laws import Iid
        >>> p, law = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]), Iid(np.array([0.3, 0.3, 0.4]), 1)
        >>> bound = optimal_shared(p=p, weights=[0.5, 0.25], law=law)
        >>> round(float(bound.verify(p=p, law=law)), 9)
        0.55
        """
        total: Any = 0
        for index, row in enumerate(_targets(p, self.weights)):
            total = total + self.weights[index] * _parent(self.parents, index).verify(
                p=row, law=law, tolerance=tolerance
            )
        return total


def _parent(bounds: Bound, index: int) -> Bound:
    return Bound(bounds.lower[index], bounds.upper[index], bounds.kind, bounds.dual_set[index], bounds.k)


def optimal_shared(*, p: ArrayLike, weights: ArrayLike, law: Law) -> SharedBound:
    """The most hits any lossless verifier can expect of a level with shared drafts.

    Parameters
    ----------
    p
        Targets of the parents, shape ``(n, V)``; floats or fractions.
    weights
        Probability with which each parent is reached, shape ``(n,)``, of p's kind. They need not sum to
        one: a path may end above the level.
    law
        The law of the shared drafts, over single distributions (shape ``(V,)``).

    Returns
    -------
    SharedBound
        Exact or an interval, as :func:`theory.bounds.optimal_acceptance` is for the law.

    Raises
    ------
    ValueError
        If a target is not a distribution, a weight is negative, or shapes or kinds differ.

    Notes
    -----
    Cost: that of n bounds.

    Examples
    --------
    >>> from theory.laws import Point
    >>> p = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    >>> round(float(optimal_shared(p=p, weights=[0.5, 0.5], law=Point([0, 2])).value), 9)
    0.8
    """
    reached = _weights(weights)
    bounds = [optimal_acceptance(p=row, law=law) for row in _targets(p, reached)]
    kind: type = object if is_exact(reached) else np.float64
    lower: Array = np.array([bound.lower for bound in bounds], dtype=kind)
    upper: Array = np.array([bound.upper for bound in bounds], dtype=kind)
    sets = np.array([bound.dual_set for bound in bounds])
    return SharedBound(reached, Bound(lower, upper, bounds[0].kind, sets, bounds[0].k))


def best_shared_list(*, p: ArrayLike, weights: ArrayLike, k: int) -> tuple[Point, Any]:
    r"""The best fixed list of k shared drafts, and its expected hits :math:`\sum_i w_i p_i(S)`.

    The k likeliest tokens of the weighted sum of the targets, the earlier token first among equals. Exact.

    Raises
    ------
    ValueError
        As :func:`optimal_shared`, and for k out of 1..V.

    Examples
    --------
    >>> p = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    >>> drafts, hits = best_shared_list(p=p, weights=[0.5, 0.5], k=2)
    >>> drafts.tokens.tolist(), round(float(hits), 9)
    ([2, 0], 0.8)
    """
    reached = _weights(weights)
    mixture = (reached[:, None] * _targets(p, reached)).sum(axis=0)
    tokens = top_tokens(mixture, check_k(k))
    return Point(tokens, mixture.size), mixture[tokens].sum()


def shared_limit(*, p: ArrayLike, weights: ArrayLike, k: int) -> tuple[Any, Array]:
    """A bound of the hits for every law of k shared drafts, and the inclusion probabilities it is for.

    Parameters
    ----------
    p, weights
        As for :func:`optimal_shared`.
    k
        Number of shared drafts, at least 1.

    Returns
    -------
    tuple
        The bound, attained if k is 1; and probabilities for each token to be drafted, shape ``(V,)``, whose
        sum is at most k.

    Raises
    ------
    ValueError
        As :func:`optimal_shared`, and if k is no positive integer.

    Notes
    -----
    Cost: sorts of nV numbers.

    Examples
    --------
    >>> p = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    >>> value, chances = shared_limit(p=p, weights=[0.6, 0.4], k=1)
    >>> round(float(value), 9), chances.round(9).tolist()
    (0.76, [0.5, 0.3, 0.2])
    """
    reached = _weights(weights)
    targets = _targets(p, reached)
    order = np.argsort(targets, axis=0, kind="stable")
    levels = np.take_along_axis(targets, order, axis=0)
    # the gain on a piece below a level is the weight of all parents at this level or above
    gains = np.cumsum(reached[order][::-1], axis=0)[::-1]
    lengths = np.diff(levels, axis=0, prepend=levels[:1] * 0)
    value, taken = _steepest_first(gains.ravel(), lengths.ravel(), check_k(k))
    return value, taken.reshape(gains.shape).sum(axis=0)


def _steepest_first(gains: Array, lengths: Array, budget: int) -> tuple[Any, Array]:
    """Fill a budget with pieces of the largest gains; what it brings, and how much of each piece is taken."""
    order = np.argsort(-gains, kind="stable")
    before = np.cumsum(lengths[order]) - lengths[order]
    room = np.maximum(np.minimum(lengths[order], budget - before), 0)
    taken = np.empty_like(lengths)
    taken[order] = room
    return (gains * taken).sum(), taken


def _weights(weights: ArrayLike) -> Array:
    reached = check_weights(weights, name="weights")
    if reached.ndim != 1:
        raise ValueError(f"weights hold one number a parent, shape (n,); got shape {reached.shape}")
    return reached


def _targets(p: ArrayLike, weights: Array) -> Array:
    targets = check_distribution(p, name="p")
    if targets.ndim != 2 or len(targets) != len(weights):
        raise ValueError(
            f"p holds one target a parent, shape ({len(weights)}, V) for these weights; "
            f"got shape {targets.shape}"
        )
    if is_exact(targets) != is_exact(weights):
        raise NotADistribution("one of p and weights holds fractions and the other floats; use one kind")
    return targets
