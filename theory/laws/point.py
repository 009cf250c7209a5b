"""Deterministic drafts: Medusa, EAGLE-2 and other trees of top tokens, prompt lookup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.laws.base import SequentialLaw, Tokens, check_k, check_support, check_tokens, masks_beside
from theory.simplex import Array, check_distribution, top_tokens


@dataclass(frozen=True, eq=False)
class Point(SequentialLaw):
    r"""A fixed list of tokens: each draft is a point mass.

    Drafts chosen without randomness (the top tokens of a head, a retrieved continuation) have this
    law, whatever scores they were chosen by. Its containment is 1 if all tokens are in H, else 0.

    Parameters
    ----------
    tokens
        Different token ids, shape ``(..., k)``, ``k >= 1``.
    vocabulary
        Number of tokens in all. May be left out where a target follows that tells it.

    Raises
    ------
    ValueError
        For no token, a token twice, one outside of the vocabulary, or a vocabulary that is no positive
        integer.

    Examples
    --------
    >>> Point([3, 1]).k
    2
    >>> Point.top(np.array([0.2, 0.5, 0.3]), 2).tokens.tolist()
    [1, 2]
    """

    tokens: Array
    size: int | None = None

    def __post_init__(self) -> None:
        tokens = np.asarray(self.tokens)
        if tokens.ndim == 0 or tokens.shape[-1] == 0:
            raise ValueError(f"Point needs at least one token, got shape {tokens.shape}")
        limit = np.iinfo(np.int64).max if self.size is None else _check_size(self.size)
        tokens = check_tokens(tokens, limit, what="Point")
        ranked = np.sort(tokens, axis=-1)
        if np.any(ranked[..., 1:] == ranked[..., :-1]):
            raise ValueError("Point holds a token twice; a second copy of a point mass adds nothing")
        object.__setattr__(self, "tokens", tokens)

    @classmethod
    def top(cls, q: ArrayLike, k: int) -> Self:
        """The ``k`` likeliest tokens of q (earlier token first among equals), in that order."""
        draft = check_distribution(q, name="q")
        check_support(draft, check_k(k), law="Point.top")
        return cls(top_tokens(draft, k), draft.shape[-1])

    @property
    def k(self) -> int:
        return int(self.tokens.shape[-1])

    @property
    def vocabulary(self) -> int:
        if self.size is None:
            raise ValueError("this Point was made without its vocabulary; use Point(tokens, vocabulary)")
        return self.size

    @property
    def history_free(self) -> bool:
        return True

    def over(self, vocabulary: int) -> Self:
        """This law over a vocabulary that holds its tokens."""
        if self.size is None:
            return replace(self, size=vocabulary)
        return super().over(vocabulary)

    def conditional(self, drawn: Tokens) -> Array:
        """The point mass of the token whose turn it is, in integers (exact beside floats and fractions)."""
        token = self.tokens[..., len(drawn)]
        out = np.zeros((*token.shape, self.vocabulary), dtype=np.int64)
        np.put_along_axis(out, np.expand_dims(token, -1), 1, axis=-1)
        return out

    def sample(self, chance: Chance, *, stream: str = "draft") -> Tokens:
        """The tokens; chance is not asked. ValueError for a batch, which has several lists of them."""
        if self.tokens.ndim != 1:
            raise ValueError(
                f"this Point is a batch, its tokens have shape {self.tokens.shape}; "
                "sample one position at a time"
            )
        return tuple(int(token) for token in self.tokens)

    def containment(self, inside: Array | Iterable[int]) -> Any:
        """1 where every token is in the set, else 0; exact."""
        mask = masks_beside(inside, self.tokens.shape[:-1], self.vocabulary)
        if mask.ndim == 1:
            return int(mask[self.tokens].all())
        tokens = np.broadcast_to(self.tokens, (*mask.shape[:-1], self.k))
        return np.take_along_axis(mask, tokens, axis=-1).all(axis=-1).astype(int)


def _check_size(size: int) -> int:
    """The vocabulary's size, or ValueError unless it is an integer of at least one."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"the vocabulary of a Point must be an integer of at least 1, got {size!r}")
    return int(size)
