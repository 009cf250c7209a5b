r"""Size and depth of a tree for given hardware: the largest number of tokens a second.

A round drafts a tree of n tokens in d steps and verifies it in one target call, so it takes
:math:`T(n) + D(d)` and emits :math:`G(n, d)` tokens on average, where

* ``T(n)`` is the measured time of a target call over n drafted tokens and the one before them (``T(0)`` is
  plain decoding), of any form, with steps and knees;
* ``D(d)`` is the time of d draft steps, a step for each **level below the root** (the root's token is known;
  counting levels *with* the root, as Sequoia's code does, charges one step more);
* ``G(n, d)`` is the optimum among trees of at most n tokens and d levels.

The choice is exact for the given profile and times: every (n, d) is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.shapes.best_first import BestFirst, best_first
from theory.shapes.max_plus import MaxPlus, max_plus
from theory.shapes.profile import Profile
from theory.shapes.shape import TreeShape
from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class HardwareChoice:
    """The tree of the largest rate, and the rates of all others.

    Attributes
    ----------
    shape
        The tree.
    nodes, depth
        Its budget and cap; no smaller ones do as well.
    value
        Expected tokens per target call.
    rate
        Tokens per unit of time.
    speedup
        The rate over that of plain decoding, ``1 / T(0)``.
    rates
        Rate of every size and depth, shape ``(N + 1, D + 1)``.
    """

    shape: TreeShape
    nodes: int
    depth: int
    value: float
    rate: float
    speedup: float
    rates: Array


def best_size(
    profile: Profile,
    *,
    target_times: Sequence[float] | Array,
    draft_times: Sequence[float] | Array,
    max_children: int | None = None,
) -> HardwareChoice:
    """The tree that maximises tokens per time. Exact: all sizes and depths are compared.

    Parameters
    ----------
    profile
        Acceptance probabilities; rows that rise are solved by dynamic programming, once a depth.
    target_times
        Time of a target call over n drafted tokens for n = 0, 1, ..., N; positive.
    draft_times
        Time of d draft steps in all for d = 0, 1, ..., D; not negative. ``c * numpy.arange(D + 1)`` for steps
        of equal time c. Same unit.
    max_children
        Children a node may have.

    Returns
    -------
    HardwareChoice
        Of equal rates, the smallest depth and then the smallest size.

    Raises
    ------
    ValueError
        If times are empty, negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> choice = best_size(Profile.positional([0.8]), target_times=np.ones(9), draft_times=0.1 * np.arange(9))
    >>> choice.nodes, choice.depth, round(choice.speedup, 3)
    (6, 6, 2.47)
    """
    target = _times(target_times, "target_times", positive=True)
    draft = _times(draft_times, "draft_times", positive=False)
    nodes = len(target) - 1
    runs = [
        optimum(profile, nodes=nodes, max_depth=depth, max_children=max_children)
        for depth in range(len(draft))
    ]
    values = np.stack([_extended(run.values, nodes) for run in runs], axis=1)
    rates = values / (target[:, None] + draft)
    depth, size = np.unravel_index(int(np.argmax(rates.T)), rates.T.shape)
    run = runs[int(depth)]
    return HardwareChoice(
        run.shape(int(size)),
        int(size),
        int(depth),
        float(values[size, depth]),
        float(rates[size, depth]),
        float(rates[size, depth] * target[0]),
        rates,
    )


def optimum(
    profile: Profile, *, nodes: int, max_depth: int | None = None, max_children: int | None = None
) -> BestFirst | MaxPlus:
    """The optimal trees of every size by the method that fits: best first, or dynamic programming.

    Both have ``values``, ``value(n)`` and ``shape(n)``.

    Examples
    --------
    >>> type(optimum(Profile.positional([0.1, 0.5]), nodes=3)).__name__
    'MaxPlus'
    """
    method: Callable[..., Any] = best_first if profile.is_monotone else max_plus
    run: BestFirst | MaxPlus = method(profile, nodes=nodes, max_depth=max_depth, max_children=max_children)
    return run


def _extended(values: Array, nodes: int) -> Array:
    """Values up to so many nodes; where nothing more can be gained, the last one."""
    return np.concatenate([values, np.full(nodes + 1 - len(values), values[-1])]).astype(np.float64)


def _times(times: Sequence[float] | Array, name: str, *, positive: bool) -> Array:
    array = np.asarray(times, dtype=np.float64)
    fits = np.isfinite(array) & ((array > 0) if positive else (array >= 0))
    if array.ndim != 1 or array.size == 0 or not fits.all():
        raise ValueError(
            f"{name} must be a non-empty list of finite times, {'positive' if positive else 'not negative'}"
        )
    return array
