r"""The Pareto front of lossy rules: the nearest output law for a given acceptance, in closed form.

Let f(A) be the probability that some draft is in A. A rule whose output has law z accepts at most
:math:`\min_A f(A) + z(V \setminus A)` (the optimal acceptance for the target z), and some rule does. So the
front is over output laws: z can be had with acceptance a exactly if

.. math:: z(A) \le f_a(A) := \min(1,\; f(A) + 1 - a) \quad \text{for every set } A \ne \emptyset .

**Total variation.** The least distance to p is :math:`(a - \alpha^*)_+`: the acceptance is

.. math:: \alpha(\epsilon) = \min(1,\; \alpha^* + \epsilon) \qquad \text{for } TV(z, p) \le \epsilon,

for every law of drafts, with :math:`\alpha^* = 1 - TV(p, q)` for one draft.

**All f-divergences at once.** :math:`f_a` is submodular, so the z above are a base polytope, and
:math:`\sum_x p_x \varphi(z_x / p_x)` is least at the same z for every convex :math:`\varphi` (Fujishige 1980:
the lexicographically optimal base). For i.i.d. drafts or drafts without replacement only prefixes of the
order by falling p / q bind, and z / p is the slope of the **greatest convex minorant** of the points
:math:`(0, 0)`, :math:`(P_j,\, f_j + 1 - a)`, :math:`(1, 1)`, where :math:`P_j, f_j` are p and f of the first
j tokens. For one draft this is :math:`z = p\,\mathrm{clip}(q / p, \mu, \lambda)` with
:math:`\sum (q - \lambda p)_+ = \sum (\mu p - q)_+ = 1 - a`. One law minimises TV, both Kullback-Leibler
divergences, chi-square and all the others.

``docs/beyond-acceptance.md`` has the proofs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds import optimal_acceptance
from theory.bounds.iid import ratios
from theory.couplings.base import UnsupportedLaw, checked
from theory.laws import Iid, Law, WithoutReplacement
from theory.race import RaceScan
from theory.simplex import Array, is_exact


def best_acceptance(*, p: ArrayLike, law: Law, budget: Any) -> Any:
    """The largest acceptance of any rule whose output is within ``budget`` of p in total variation.

    Parameters
    ----------
    p
        Target distribution, shape ``(V,)`` or a batch.
    law
        How the drafts were drawn; any law that :func:`theory.bounds.optimal_acceptance` takes.
    budget
        Total variation allowed, in [0, 1]; a fraction keeps results exact.

    Returns
    -------
    Any
        ``min(1, optimum + budget)``, of the batch's shape: exact, or for drafts without replacement in floats
        within 1e-10.

    Raises
    ------
    ValueError
        For a budget outside of [0, 1], or as :func:`theory.bounds.optimal_acceptance`.

    Examples
    --------
    >>> p, law = np.array([0.5, 0.3, 0.2]), Iid(np.array([0.2, 0.3, 0.5]), 1)
    >>> round(float(best_acceptance(p=p, law=law, budget=0.1)), 9)
    0.8
    """
    check_share(budget, name="budget")
    return _clipped(optimal_acceptance(p=p, law=law).value + budget)


def least_distance(*, p: ArrayLike, law: Law, acceptance: Any) -> Any:
    """The least total variation distance to p of the output of any rule with that acceptance; or less.

    Raises
    ------
    ValueError
        For an acceptance outside of [0, 1], or as :func:`theory.bounds.optimal_acceptance`.

    Examples
    --------
    >>> p, law = np.array([0.5, 0.3, 0.2]), Iid(np.array([0.2, 0.3, 0.5]), 1)
    >>> round(float(least_distance(p=p, law=law, acceptance=1.0)), 9)
    0.3
    """
    check_share(acceptance, name="acceptance")
    return _clipped(acceptance - optimal_acceptance(p=p, law=law).value)


def front_law(*, p: ArrayLike, law: Law, acceptance: Any) -> Array:
    """The output law nearest to p, in every f-divergence, among those of rules with that acceptance.

    Parameters
    ----------
    p
        Target distribution, shape ``(V,)``; floats or fractions.
    law
        ``Iid``, ``WithoutReplacement`` or any law of one draft.
    acceptance
        In [0, 1]. Up to the lossless optimum the answer is p itself.

    Returns
    -------
    ndarray
        z, shape ``(V,)``, with ``TV(z, p) = max(0, acceptance - optimum)``; exact for fractions.

    Raises
    ------
    UnsupportedLaw
        For other laws, whose binding sets are no prefixes.
    ValueError
        For an acceptance outside of [0, 1], or p and law that do not fit.

    Notes
    -----
    O(V log V) for i.i.d. drafts; without replacement in floats V containments, within 1e-9.

    Where the draft has mass on tokens of p = 0 that the acceptance can't do without, they share it by q: a
    law of the least TV; KL(output || p) is then infinite for every rule.

    Examples
    --------
    >>> p, law = np.array([0.5, 0.3, 0.2]), Iid(np.array([0.2, 0.3, 0.5]), 1)
    >>> front_law(p=p, law=law, acceptance=0.8).round(9).tolist()
    [0.4, 0.3, 0.3]
    """
    target, law = checked(p, law)
    check_share(acceptance, name="acceptance")
    if target.ndim != 1:
        raise ValueError(f"a front is of one position, got p of shape {target.shape}; make one a row")
    if law.k > 1 and not isinstance(law, Iid | WithoutReplacement):
        raise UnsupportedLaw(
            f"front_law takes Iid, WithoutReplacement or one draft, got {type(law).__name__}"
        )
    q = law.conditional(()) + target * 0
    # tokens of p = 0 come last, whatever q is
    order = np.argsort(np.where(target > 0, -ratios(target, q), 1), kind="stable")
    reached = _reach(q, order, law)
    heights = np.minimum(1, np.concatenate([reached[:1] * 0, reached[1:] + (1 - acceptance)]))
    return _from_minorant(target, q, order, heights)


def _reach(q: Array, order: Array, law: Law) -> Array:
    """f of the first j tokens in the order, from j = 0; shape ``(V + 1,)``."""
    sums = np.concatenate([q[:1] * 0, np.cumsum(q[order])])
    sums[-1] = sums[-1] * 0 + 1
    if law.k == 1:
        return sums
    if isinstance(law, Iid):
        return 1 - (1 - sums) ** law.k
    if not is_exact(q):
        # containments of suffixes: prefixes of the reversed order
        lower, upper = RaceScan(q[order][::-1], law.k).interval(np.arange(q.size, -1, -1), law.k)
        return 1 - (lower + upper) / 2
    inside, values = np.ones(q.size, dtype=bool), [q[0] * 0]
    for token in order:
        inside[token] = False
        values.append(1 - law.containment(inside))
    return np.array(values, dtype=q.dtype)


def _from_minorant(p: Array, q: Array, order: Array, heights: Array) -> Array:
    """Masses z from the slopes of the convex minorant over p's cumulative mass."""
    live = int(np.count_nonzero(p > 0))
    # falling p / q: tokens of p = 0 come last
    places = np.concatenate([p[:1] * 0, np.cumsum(p[order[:live]])])
    corners = _convex_minorant(places, heights[: live + 1])
    out = p * 0
    for start, end in pairwise(corners):
        tokens = order[start:end]
        rise = heights[end] - heights[start]
        out[tokens] = p[tokens] * (rise / (places[end] - places[start]))
    dead = order[live:]
    left = 1 - heights[live]
    if dead.size and left > 0:
        out[dead] = q[dead] * (left / q[dead].sum())
    return out


def _convex_minorant(places: Array, heights: Array) -> list[int]:
    """Corners of the greatest convex function below the points; places rise strictly."""
    corners: list[int] = []
    xs, ys = places.tolist(), heights.tolist()
    for point in range(len(xs)):
        while len(corners) > 1:
            one, two = corners[-2], corners[-1]
            before = (ys[two] - ys[one]) * (xs[point] - xs[two])
            if before < (ys[point] - ys[two]) * (xs[two] - xs[one]):
                break
            corners.pop()
        if not corners or xs[point] > xs[corners[-1]]:
            corners.append(point)
    return corners


def _clipped(value: Any) -> Any:
    """The value or array of values, held in [0, 1]; fractions stay fractions."""
    if np.ndim(value):
        return np.clip(value, 0, 1)
    return max(value * 0, min(value * 0 + 1, value))


def check_share(value: Any, *, name: str) -> None:
    """ValueError unless the value is in [0, 1]."""
    if not np.all((np.asarray(value) >= 0) & (np.asarray(value) <= 1)):
        raise ValueError(f"{name} must be in [0, 1], got {value}")
