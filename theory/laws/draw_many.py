r"""Many sets of drafts without replacement at once, from one cumulative sum.

The drawn tokens of a set cut the cumulative distribution into segments; the next token is drawn by choosing
a segment by its mass, and a token of it by bisection. That is an exact draw from q off the drawn tokens, at
O(k + log V) a token, and no draw is ever refused and tried again.

**Digits.** The cumulative sum runs from the light tokens to the heavy ones, ordered by their binary
exponents. So a token at position i has at least half the mass of each lighter one, and what lies below it is
at most the undrawn mass there plus 2k times its own: every difference of two edges is accurate relative to
the mass that is left, however little the heavy tokens have left over. Each interval has positive length for
the same reason. The law is that of :meth:`WithoutReplacement.sample`; a test holds the two together.
"""

from __future__ import annotations

import numpy as np

from theory.simplex import Array


def draw_without_replacement(q: Array, k: int, *, rng: np.random.Generator, samples: int) -> Array:
    """Draw ``samples`` independent ordered sets of ``k`` different tokens.

    Parameters
    ----------
    q
        Distribution, shape ``(V,)``, float64, with at least k positive entries.
    k
        Tokens a set.
    rng
        Generator; ``samples * k`` uniforms are taken.
    samples
        Number of sets.

    Returns
    -------
    ndarray of int
        Shape ``(samples, k)``. Cost: O(V) once, then O(k + log V) a token.

    Raises
    ------
    ValueError
        If q has fewer than k positive entries.

    Examples
    --------
    >>> sets = draw_without_replacement(np.array([0.9, 0.0, 0.1]), 2, rng=np.random.default_rng(0), samples=4)
    >>> sorted(set(map(tuple, sets.tolist()))) in ([(0, 2)], [(2, 0)], [(0, 2), (2, 0)])
    True
    """
    live = np.flatnonzero(q > 0)
    if live.size < k:
        raise ValueError(f"can't draw {k} different tokens from a support of {live.size}")
    # sixteen-bit keys are sorted by radix, in linear time
    order = live[np.argsort(np.frexp(q[live])[1].astype(np.int16), kind="stable")]
    edges = np.concatenate([[0.0], np.cumsum(q[order])])
    places = np.zeros((samples, 0), dtype=np.intp)
    for _ in range(k):
        places = np.column_stack([places, _next_places(edges, places, rng)])
    tokens: Array = order[places]
    return tokens


def _next_places(edges: Array, drawn: Array, rng: np.random.Generator) -> Array:
    """One more place in the order of mass for every set, off the drawn ones."""
    samples, ascending = drawn.shape[0], np.sort(drawn, axis=1)
    first = np.column_stack([np.zeros(samples, dtype=np.intp), ascending + 1])
    end = np.column_stack([ascending, np.full(samples, edges.size - 1)])
    until = np.cumsum(edges[end] - edges[first], axis=1)
    left = until[:, -1:]
    point = rng.random((samples, 1)) * left
    # the last segment that holds any mass, should rounding put the point at the very end
    chosen = np.minimum((until <= point).sum(axis=1), (until < left).sum(axis=1))
    rows = np.arange(samples)
    start, stop = first[rows, chosen], end[rows, chosen]
    before = np.where(chosen > 0, until[rows, chosen - 1], 0.0)
    found = np.searchsorted(edges, edges[start] + (point[:, 0] - before), side="right") - 1
    places: Array = np.clip(found, start, stop - 1)
    return places
