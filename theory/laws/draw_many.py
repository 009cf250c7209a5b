r"""Many sets of drafts without replacement at once, from one cumulative sum.

The next token of a set is drawn from the mass that is left: take a point u uniform on it, and walk past the
drawn tokens' intervals of the cumulative distribution in ascending order, moving u by each interval that
starts at or before it. That is an exact draw from q off the drawn tokens, at O(k + log V) a token. The law is
that of :meth:`WithoutReplacement.sample`; a test holds the two together.
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
        Generator; ``samples * k`` uniforms are taken (and more only where rounding asks for a second try).
    samples
        Number of sets.

    Returns
    -------
    ndarray of int
        Shape ``(samples, k)``.

    Examples
    --------
    >>> sets = draw_without_replacement(np.array([0.9, 0.0, 0.1]), 2, rng=np.random.default_rng(0), samples=4)
    >>> sorted(set(map(tuple, sets.tolist()))) in ([(0, 2)], [(2, 0)], [(0, 2), (2, 0)])
    True
    """
    if np.count_nonzero(q > 0) < k:
        raise ValueError(f"can't draw {k} different tokens from a support of {np.count_nonzero(q > 0)}")
    edges = np.concatenate([[0.0], np.cumsum(q)])
    drawn = np.zeros((samples, 0), dtype=np.intp)
    for _ in range(k):
        drawn = np.column_stack([drawn, _next_tokens(q, edges, drawn, rng)])
    return drawn


def _next_tokens(q: Array, edges: Array, drawn: Array, rng: np.random.Generator) -> Array:
    """One more token for every set."""
    tokens = _try(q, edges, drawn, rng)
    again = _repeated(q, drawn, tokens)
    while np.any(again):
        tokens[again] = _try(q, edges, drawn[again], rng)
        again = _repeated(q, drawn, tokens)
    return tokens


def _repeated(q: Array, drawn: Array, tokens: Array) -> Array:
    """Where rounding at an interval's edge has hit a drawn token, or one of no mass."""
    bad: Array = (drawn == tokens[:, None]).any(axis=1) | (q[tokens] <= 0)
    return bad


def _try(q: Array, edges: Array, drawn: Array, rng: np.random.Generator) -> Array:
    ascending = np.sort(drawn, axis=1)
    # mass left: summed without the drawn tokens where they hold nearly all of it
    left = edges[-1] - q[drawn].sum(axis=1)
    close = left < 1e-3 * edges[-1]
    for row in np.flatnonzero(close):
        left[row] = np.delete(q, drawn[row]).sum()
    point = rng.random(drawn.shape[0]) * left
    for column in range(drawn.shape[1]):
        token = ascending[:, column]
        point = np.where(edges[token] <= point, point + q[token], point)
    tokens: Array = np.minimum(np.searchsorted(edges, point, side="right") - 1, q.size - 1)
    return tokens
