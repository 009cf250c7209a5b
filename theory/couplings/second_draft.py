r"""The second of two drafts without replacement, for all first drafts at once.

After a first draft x was rejected (so r_x = 0), the second has the law :math:`q_i / t` with
:math:`t = 1 - q_x`, :math:`i \ne x`, and overlaps the residual r by

.. math:: \beta(t) = \sum_i \min(r_i, q_i / t),

where x itself adds nothing. As a function of t alone this is piecewise :math:`A + B / t`: tokens with
:math:`r_i / q_i \le 1/t` add r, the others :math:`q / t`. Sorted by the ratio, prefix sums give
:math:`\beta` at every t by one binary search.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.simplex import Array, is_exact


def mean_second_overlap(r: Array, q: Array, weights: Array) -> Any:
    """Sum over first drafts x of ``weights[x] * beta(1 - q[x])``.

    Parameters
    ----------
    r, q
        Residual target and draft, shape ``(V,)``; floats or fractions.
    weights
        Mass of each rejected first draft; r is zero wherever it is positive.

    Notes
    -----
    O(V log V) for floats. With fractions it is the plain double sum, O(V^2).

    Examples
    --------
    >>> r, q = np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.3, 0.2])
    >>> round(float(mean_second_overlap(r, q, np.array([0.4, 0.2, 0.0]))), 6)
    0.217143
    """
    firsts = np.flatnonzero(weights > 0)
    if is_exact(q):
        return sum(weights[x] * np.minimum(r, q / (1 - q[x])).sum() for x in firsts)
    live = np.flatnonzero(r > 0)
    # a token with q = 0 and r > 0 never overlaps
    live = live[q[live] > 0]
    order = live[np.argsort(r[live] / q[live])]
    ratio = r[order] / q[order]
    below = np.concatenate([[0.0], np.cumsum(r[order])])
    above = np.concatenate([np.cumsum(q[order][::-1])[::-1], [0.0]])
    rest = q.sum() - q[firsts]
    for place in np.flatnonzero(q[firsts] >= 0.5):  # a difference loses digits there: sum the others
        rest[place] = np.delete(q, firsts[place]).sum()
    place = np.searchsorted(ratio, 1.0 / rest, side="right")
    return float((weights[firsts] * (below[place] + above[place] / rest)).sum())
