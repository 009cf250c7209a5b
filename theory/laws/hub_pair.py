"""SpecHub's pair of drafts (Sun et al. 2024): one of the two is always the likeliest token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from theory.laws.base import SequentialLaw, Tokens, check_drawn, check_support, masks_beside
from theory.simplex import Array, check_distribution, top_tokens


@dataclass(frozen=True, eq=False)
class HubPair(SequentialLaw):
    r"""Two drafts of which one is the *hub* ``a``, the likeliest token of ``q``.

    The first draft is x, drawn from q. If x is not the hub, the second draft is the hub; if it is, the
    second is drawn from q off the hub, renormalised:
    :math:`Q(i, a) = q_i` and :math:`Q(a, i) = q_a q_i / (1 - q_a)` for :math:`i \ne a`. As a set, this
    is the hub and one sample from the rest, the law of :class:`TopKPlusSample` with two drafts.

    Parameters
    ----------
    q
        Draft distribution, shape ``(V,)`` or a batch; its support needs two tokens.

    Raises
    ------
    ValueError
        If q is not a distribution over at least two live tokens.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> HubPair(np.array([F(1, 2), F(1, 3), F(1, 6)])).enumerate()[(0, 1)]
    Fraction(1, 3)
    """

    q: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", check_distribution(self.q, name="q"))
        check_support(self.q, 2, law="HubPair")

    @property
    def k(self) -> int:
        return 2

    @property
    def vocabulary(self) -> int:
        return int(self.q.shape[-1])

    @cached_property
    def hub(self) -> Array:
        """The likeliest token, the earlier one among equals; shape ``(...)``."""
        return top_tokens(self.q, 1)[..., 0]

    @cached_property
    def rest(self) -> Array:
        """q off the hub, renormalised; shape ``(..., V)``."""
        left = self.q.copy()
        np.put_along_axis(left, np.expand_dims(self.hub, -1), 0, axis=-1)
        result: Array = left / left.sum(axis=-1, keepdims=True)
        return result

    def conditional(self, drawn: Tokens) -> Array:
        """q first; then the hub for certain, or the rest if the hub came first."""
        if not drawn:
            return self.q
        check_drawn(drawn, self.vocabulary)
        hub = np.expand_dims(self.hub, -1)
        if np.all(hub == drawn[0]):
            return self.rest
        out = self.q * 0
        np.put_along_axis(out, hub, self.q.dtype.type(1), axis=-1)
        # of a batch, each row has its own hub
        return np.where(hub == drawn[0], self.rest, out) if self.q.ndim > 1 else out

    def containment(self, inside: Array | Iterable[int]) -> Any:
        """Zero unless the hub is in the set, else the mass of the rest inside; O(V)."""
        mask = masks_beside(inside, self.q.shape[:-1], self.vocabulary)
        hub = np.broadcast_to(np.expand_dims(self.hub, -1), (*mask.shape[:-1], 1))
        held = np.take_along_axis(mask, hub, axis=-1)[..., 0]
        return held * np.where(mask, self.rest, 0).sum(axis=-1)
