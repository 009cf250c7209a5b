r"""Drafts without replacement (RSD, Sequoia): Gumbel-top-k, which is an exponential race.

Give token i a clock that rings after an exponential time of rate :math:`q_i`; the drafts are the first k
tokens to ring, in that order. Equivalently each sibling is drawn from q restricted to the tokens that are
left, renormalised. With :math:`c = q(V \setminus H)` the containment is

.. math:: Q(H) = \int_0^\infty c\, e^{-c\tau}\,
          \Pr\Bigl(\textstyle\sum_{i \in H} \mathrm{Bern}(1 - e^{-q_i \tau}) \ge k\Bigr)\, d\tau :

before the first token outside of H rings, at least k tokens of H have rung. :mod:`theory.race` computes it
with a rigorous error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from theory.laws.base import SequentialLaw, Tokens, check_drawn, check_k, check_support, masks_beside, rows
from theory.race import containment_interval
from theory.simplex import Array, check_distribution, is_exact


@dataclass(frozen=True, eq=False)
class WithoutReplacement(SequentialLaw):
    """The first ``k`` different tokens of repeated draws from ``q``, in order.

    Parameters
    ----------
    q
        Draft distribution, shape ``(..., V)``; floats or fractions.
    k
        Number of drafts, at most the size of q's support.

    Raises
    ------
    ValueError
        If q is not a distribution, or k not an integer from 1 to the size of its support.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = WithoutReplacement(np.array([F(1, 2), F(1, 3), F(1, 6)]), 2)
    >>> law.conditional((0,)).tolist()
    [Fraction(0, 1), Fraction(2, 3), Fraction(1, 3)]
    >>> law.containment([0, 1])
    Fraction(7, 12)
    """

    q: Array
    k: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", check_distribution(self.q, name="q"))
        object.__setattr__(self, "k", check_k(self.k))
        check_support(self.q, self.k, law="WithoutReplacement")

    @property
    def vocabulary(self) -> int:
        return int(self.q.shape[-1])

    @property
    def history_free(self) -> bool:
        return self.k == 1

    def conditional(self, drawn: Tokens) -> Array:
        """q without the drawn tokens, renormalised; O(V)."""
        if not drawn:
            return self.q
        check_drawn(drawn, self.vocabulary)
        left = self.q.copy()
        left[..., list(drawn)] = 0
        left /= left.sum(axis=-1, keepdims=True)
        return left

    def containment(self, inside: Array | Iterable[int]) -> Any:
        """Probability that all drafts are in the set; of batches and several masks, one by one.

        Exact for fractions, O(|H|^k); for floats within 1e-9 of the truth, see
        :func:`theory.race.containment_interval` for the interval itself.
        """
        mask = masks_beside(inside, self.q.shape[:-1], self.vocabulary)
        q = np.broadcast_to(self.q, mask.shape)
        if not is_exact(q):
            lower, upper = containment_interval(q, mask, self.k)
            return (lower + upper) / 2
        pairs = zip(rows(q), rows(mask), strict=True)
        values = [_exact_containment(row, np.flatnonzero(inner), self.k) for row, inner in pairs]
        return values[0] if q.ndim == 1 else np.array(values, dtype=object).reshape(q.shape[:-1])


def _exact_containment(q: Array, tokens: Array, k: int) -> Any:
    """Probability that the set of the first k draws is inside: a recursion over sets, not orders."""
    chance_of_set: dict[Tokens, Any] = {(): 1}
    for size in range(1, k + 1):
        step: dict[Tokens, Any] = {}
        for chosen in combinations((int(t) for t in tokens if q[t] > 0), size):
            step[chosen] = sum(
                chance_of_set[rest] * q[token] / (1 - sum(q[list(rest)])) for token, rest in _splits(chosen)
            )
        chance_of_set = step
    return sum(chance_of_set.values())


def _splits(chosen: Tokens) -> list[tuple[int, Tokens]]:
    return [(token, chosen[:i] + chosen[i + 1 :]) for i, token in enumerate(chosen)]
