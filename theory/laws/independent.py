"""Independent drafts from different distributions: one drafter each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.laws.base import SequentialLaw, Tokens, as_mask
from theory.simplex import Array, NotADistribution, check_distribution, is_exact


@dataclass(frozen=True, eq=False)
class Independent(SequentialLaw):
    r"""One draw from each of several distributions, independently.

    Its containment is :math:`Q(H) = \prod_j q_j(H)`.

    Parameters
    ----------
    drafters
        Distributions of shape ``(V,)``, at least one, over one vocabulary.

    Raises
    ------
    ValueError
        If there is none, one is not a single distribution, or their vocabularies or kinds differ.

    Examples
    --------
    >>> law = Independent([np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])])
    >>> float(law.containment([0, 1]))
    0.5
    >>> law.enumerate()[(0, 2)]
    0.25
    """

    drafters: tuple[Array, ...]

    def __post_init__(self) -> None:
        checked = tuple(
            check_distribution(q, name=f"drafter {index}") for index, q in enumerate(self.drafters)
        )
        if not checked:
            raise ValueError("Independent needs at least one drafter, got none")
        for index, q in enumerate(checked):
            _check_drafter(index, q, checked[0])
        object.__setattr__(self, "drafters", checked)

    @property
    def k(self) -> int:
        return len(self.drafters)

    @property
    def vocabulary(self) -> int:
        return int(self.drafters[0].shape[-1])

    @property
    def history_free(self) -> bool:
        return True

    def conditional(self, drawn: Tokens) -> Array:
        """The distribution of the drafter whose turn it is."""
        return self.drafters[len(drawn)]

    def containment(self, inside: Array | Iterable[int]) -> Any:
        r""":math:`\prod_j q_j(H)`; O(kV)."""
        mask = as_mask(inside, self.vocabulary)
        product: Any = 1
        for q in self.drafters:
            product = product * np.where(mask, q, 0).sum(axis=-1)
        return product


def _check_drafter(index: int, q: Array, first: Array) -> None:
    """ValueError unless a drafter is one distribution, like the first."""
    if q.ndim != 1:
        raise ValueError(
            f"drafter {index} has the shape {q.shape}; Independent takes single distributions of shape (V,)"
        )
    if q.size != first.size:
        raise NotADistribution(
            f"drafter 0 has a vocabulary of {first.size} tokens and drafter {index} of {q.size}; "
            "they must share one"
        )
    if is_exact(q) != is_exact(first):
        raise NotADistribution(
            f"one of drafter 0 and drafter {index} holds fractions and the other floats; use one kind for all"
        )
