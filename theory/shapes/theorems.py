r"""What is proved of token trees elsewhere, with the assumptions written out, and where it fails.

**Sequoia, Theorem 3.6** (Chen et al. 2024): if after k drafts all are rejected with probability at most
:math:`k^{-b}`, for *every* k, the optimal tree has :math:`G(n) = \Omega(b \ln n / \ln \ln n)`.
:func:`power_law_guarantee` is the bound in finite form, from complete k-ary trees. It needs (i) acceptance
that depends on the rank alone, independent along a path; (ii) unlimited ranks: with B ranks, G stays below
``1 / sum of rejections``; and it is weak: where all rejections vanish and the entropy is finite, G grows like
:math:`\ln n / \mathrm{H}` (:mod:`theory.shapes.growth_law`). :func:`positional_counterexample` shows what (i)
costs where contexts differ.

**Sequoia's remarks.** A chain is worth at most :math:`1 / (1 - p_1)`, k chains side by side at most one token
more, an infinite binary tree :math:`1 / (1 - p_1 - p_2)`.

**DySpec, Appendix D** (Xiong et al. 2024): the greedy that adds the slot which is *reached* with the largest
probability maximises the sum of reach probabilities. It is the expected acceptance only if every drafted
token is accepted with one and the same probability once reached. Under the paper's own hypothesis (a drafted
token is accepted with its draft probability) it is not optimal: :func:`reach_counterexample`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from theory.shapes.profile import Profile
from theory.simplex import Array


@dataclass(frozen=True)
class Counterexample:
    """Two exact values: what a rule reaches, and the optimum.

    Attributes
    ----------
    reached, optimum
        Expected tokens per target call, the root counted.
    """

    reached: Fraction
    optimum: Fraction

    @property
    def gap(self) -> Fraction:
        """Share of the optimum that is lost."""
        return 1 - self.reached / self.optimum


def power_law_guarantee(*, nodes: int, exponent: float) -> float:
    r"""A lower bound of G(n) where k drafts are all rejected with probability at most :math:`k^{-b}`.

    Rigorous: the best complete k-ary tree of at most n nodes: :math:`\max_k \sum_{i \le d(k)} (1 -
    k^{-b})^i`. With k about :math:`(\ln n)^{1/b}` it is of order :math:`b \ln n / \ln \ln n`.

    Parameters
    ----------
    nodes
        Number of drafted nodes, at least 0.
    exponent
        b, above 0.

    Examples
    --------
    >>> round(power_law_guarantee(nodes=10**6, exponent=1), 3)
    5.085
    """
    if nodes < 0 or exponent <= 0:
        raise ValueError(f"nodes must be at least 0 and exponent above 0, got {nodes} and {exponent}")
    best: float = 1.0
    k = 2
    while k <= nodes:
        depth, level, total = 0, k, k
        while total <= nodes:
            depth, level = depth + 1, level * k
            total += level
        best = max(best, float(np.sum((1 - float(k) ** -exponent) ** np.arange(depth + 1))))
        if depth == 1:
            return float(max(best, 2 - float(nodes) ** -exponent))
        k += 1
    return best


def chain_limit(p: Sequence[Any] | Array) -> Any:
    """Value of the infinite chain, ``1 / (1 - p_1)``.

    Examples
    --------
    >>> chain_limit([Fraction(3, 4), Fraction(1, 8)])
    Fraction(4, 1)
    """
    return k_ary_limit(p, children=1)


def chains_limit(p: Sequence[Any] | Array, *, chains: int) -> Any:
    """Value of so many infinite chains side by side: at most one more than a single chain's.

    Examples
    --------
    >>> chains_limit([Fraction(3, 4), Fraction(1, 8)], chains=2)
    Fraction(9, 2)
    """
    return 1 + _some(p, chains) / (1 - _some(p, 1))


def k_ary_limit(p: Sequence[Any] | Array, *, children: int) -> Any:
    """Value of the infinite tree in which every node has so many children: ``1 / (1 - sum)``.

    Examples
    --------
    >>> k_ary_limit([Fraction(3, 4), Fraction(1, 8)], children=2)
    Fraction(8, 1)
    """
    rejected = 1 - _some(p, children)
    if rejected <= 0:
        raise ValueError("some draft is always accepted, so the infinite tree has no finite value")
    return 1 / rejected


def _some(p: Sequence[Any] | Array, count: int) -> Any:
    row = Profile.positional(p).rows[0]
    if not 1 <= count <= len(row):
        raise ValueError(f"the profile has {len(row)} ranks; choose 1..{len(row)} children, not {count}")
    return row[:count].sum()


def positional_counterexample(*, nodes: int) -> Counterexample:
    """Trees by averaged positions against trees by true paths, where contexts differ. Exact.

    Half of the rounds are easy (the first draft is always right), half are coin flips between two drafts. On
    average the profile is (3/4, 1/4) everywhere, and Sequoia's optimum for it leaves the chain for the second
    draft once ``(3/4)^d < 1/4``. But whoever is deep in the chain is in an easy round, where it goes on for
    ever.

    Parameters
    ----------
    nodes
        Number of drafted nodes.

    Examples
    --------
    >>> result = positional_counterexample(nodes=5)
    >>> result.reached, result.optimum, float(result.gap).__round__(4)
    (Fraction(119, 32), Fraction(255, 64), 0.0667)
    """
    from theory.shapes.best_first import best_first

    half = Fraction(1, 2)
    average = Profile.positional(np.array([Fraction(3, 4), Fraction(1, 4)]))
    easy, hard = Profile.positional(np.array([Fraction(1), Fraction(0)])), Profile.positional([half, half])
    shape = best_first(average, nodes=nodes).shape()
    reached = half * shape.value(easy) + half * shape.value(hard)
    # true weights: the chain's nodes 1/2 + 2^-(d+1), the other nodes of depth d 2^-(d+1) at most
    chain = [half + half ** (d + 1) for d in range(1, nodes + 1)]
    others = [half ** (d + 1) for d in range(1, nodes.bit_length() + 2) for _ in range(2**d - 1)]
    return Counterexample(reached, 1 + sum(sorted(chain + others, reverse=True)[:nodes], Fraction(0)))


def reach_counterexample(q: Sequence[Fraction], below: Sequence[Sequence[Fraction]]) -> Counterexample:
    """Two drafts by DySpec's greedy and by the best rule, under DySpec's hypothesis. Exact.

    The first draft y is drawn from q. The second slot is either a child of y, with law ``below[y]``, reached
    if y is accepted (``q[y]``), or a sibling, with law q without y, reached if y is not. DySpec takes the
    slot that is reached more often; a slot is worth its reach times the sum of its squared draft
    probabilities.

    Parameters
    ----------
    q
        Draft distribution at the root, as fractions.
    below
        Draft distribution after each token.

    Returns
    -------
    Counterexample
        Expected tokens per target call of both.

    Examples
    --------
    >>> F = Fraction
    >>> flat = [F(1, 5)] * 5
    >>> result = reach_counterexample([F(3, 5), F(2, 5)], [flat, flat])
    >>> result.reached, result.optimum
    (Fraction(229, 125), Fraction(2, 1))
    """
    if sum(q) != 1 or any(sum(law) != 1 for law in below) or len(below) != len(q):
        raise ValueError("q and each law below it must sum to one, with one law a token")
    reached = optimum = Fraction(1)
    for token, (mass, law) in enumerate(zip(q, below, strict=True)):
        rest = 1 - mass
        child = mass * sum(x * x for x in law)
        sibling = sum((x * x for other, x in enumerate(q) if other != token), Fraction(0))
        sibling = sibling / rest if rest else Fraction(0)
        reached += mass * (mass + (child if mass >= rest else sibling))
        optimum += mass * (mass + max(child, sibling))
    return Counterexample(reached, optimum)
