r"""Profiles made non-rising: the least-squares projection, and two bounds from reordering.

Measured profiles rise here and there, mostly by chance. The **projection** (pool adjacent violators) is the
closest non-rising profile; its heaviest nodes are a tree for the raw profile too, and
:func:`projection_regret` says what that tree gives away against the exact optimum.

**Sorting bound.** Where a child's state does not depend on its rank, sorting each row can only raise the
optimum: a tree's subtrees, moved to the ranks of the largest probabilities, are worth at least as much, and
the heaviest nodes of the sorted profile are found best first. It is an upper bound for the price of a sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from theory.shapes.best_first import best_first
from theory.shapes.max_plus import max_plus
from theory.shapes.profile import Profile
from theory.shapes.shape import TreeShape
from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class Regret:
    """What a tree gives away against the exact optimum of a profile, with as many nodes.

    Attributes
    ----------
    shape
        The tree.
    value, optimum
        Its value, and the largest with at most as many nodes as allowed; both exact but for rounding.
    """

    shape: TreeShape
    value: float
    optimum: float

    @property
    def regret(self) -> float:
        """Share of the optimum that is lost."""
        return max(0.0, 1 - self.value / self.optimum)


def isotonic(profile: Profile, *, samples: Sequence[float] | Array | None = None) -> Profile:
    """The closest non-rising profile, row by row.

    Parameters
    ----------
    profile
        Acceptance probabilities as floats.
    samples
        How many observations stand behind each row, entry or table; equal for all ranks of a row if None or
        one number a row. Rows keep their sums.

    Returns
    -------
    Profile
        Non-rising rows, of least weighted squared distance.

    Examples
    --------
    >>> isotonic(Profile.positional([0.5, 0.1, 0.2])).rows.round(6).tolist()
    [[0.5, 0.15, 0.15]]
    """
    if profile.is_exact:
        raise ValueError("the projection is for measured profiles; give floats, not fractions")
    weights = np.ones(profile.rows.shape)
    if samples is not None:
        given = np.asarray(samples, dtype=np.float64)
        weights *= given[:, None] if given.ndim == 1 else given
        if (weights <= 0).any():
            raise ValueError("numbers of samples must be positive")
    rows = [
        isotonic_regression(row, weights=weight, increasing=False).x
        for row, weight in zip(profile.rows, weights, strict=True)
    ]
    return profile.with_rows(np.minimum.accumulate(np.clip(rows, 0, 1), axis=1))


def projection_regret(
    profile: Profile, *, nodes: int, max_depth: int | None = None, max_children: int | None = None
) -> Regret:
    """What the projected profile's best tree loses on the raw profile. Exact, by dynamic programming.

    Examples
    --------
    >>> result = projection_regret(Profile.positional([0.5, 0.05, 0.15]), nodes=3)
    >>> result.shape.parents, round(result.value, 4), round(result.optimum, 4)
    ((-1, 0, 1, 2), 1.875, 1.875)
    """
    shape = best_first(isotonic(profile), nodes=nodes, max_depth=max_depth, max_children=max_children).shape()
    optimum = max_plus(profile, nodes=nodes, max_depth=max_depth, max_children=max_children).value(nodes)
    return Regret(shape, float(shape.value(profile)), float(optimum))


def sorted_rows(profile: Profile) -> Profile:
    """The profile with each row in falling order; its optimum is at least the profile's (the sorting bound).

    Raises
    ------
    ValueError
        If a child's state depends on its rank: then sorting proves nothing.

    Examples
    --------
    >>> sorted_rows(Profile.positional([0.1, 0.5])).rows.tolist()
    [[0.5, 0.1]]
    """
    if (profile.following != profile.following[:, :1]).any():
        raise ValueError(
            "sorting bounds profiles by position or depth, not where a child's rank sets its row"
        )
    return profile.with_rows(-np.sort(-profile.rows, axis=1))
