r"""What every law of a drafted set offers.

A *law* says how the ``k`` children of one node of a draft tree were drawn: which tokens, in which order,
with which dependence. Verification must use the law the tokens were really drawn from, so it travels with
the draft. A law

* **samples** itself through a chance, sibling after sibling;
* gives the **conditional** law of the next sibling, given the earlier ones;
* **enumerates** itself (at small vocabularies): a table from token tuples to probabilities;
* knows its **containment** :math:`Q(H) = \Pr(\text{all drafts} \in H)`, all that the best acceptance
  probability depends on: :math:`\alpha^* = 1 + \min_H\,[p(H) - Q(H)]` (Hu et al. 2025).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import numpy as np

from theory.arrays import count_true
from theory.chance import Chance, Enumerated
from theory.simplex import Array

Tokens = tuple[int, ...]
AnyLaw = TypeVar("AnyLaw", bound="Law")


@runtime_checkable
class Law(Protocol):
    """The law of the drafts at one node; see the module's text."""

    @property
    def k(self) -> int:
        """Number of drafts, counted with repetition."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of tokens that distributions are over."""
        ...

    @property
    def history_free(self) -> bool:
        """Whether the law of a sibling depends on its rank only, not on the earlier tokens."""
        ...

    def over(self, vocabulary: int) -> Self:
        """This law over a vocabulary of the given size; raises if it is over another one."""
        ...

    def conditional(self, drawn: Tokens) -> Array:
        """The distribution of sibling number ``len(drawn)``, given the earlier ones; shape ``(..., V)``."""
        ...

    def sample(self, chance: Chance, *, stream: str = "draft") -> Tokens:
        """All ``k`` siblings, drawn in order."""
        ...

    def enumerate(self) -> dict[Tokens, Any]:
        """Every tuple of positive probability with its probability; for small vocabularies."""
        ...

    def containment(self, inside: Array | Iterable[int]) -> Any:
        """Probability that every draft is in a set, given as boolean mask or as token ids."""
        ...


class SequentialLaw:
    """Sampling and enumeration for laws that define ``conditional``; and their common checks."""

    @property
    def history_free(self) -> bool:
        return False

    def over(self: AnyLaw, vocabulary: int) -> AnyLaw:
        """This law, if it is over the given vocabulary; raises ValueError otherwise."""
        if vocabulary != self.vocabulary:
            raise ValueError(
                f"{type(self).__name__} is a law over {self.vocabulary} tokens, "
                f"but p has {vocabulary}; target and draft must share their vocabulary"
            )
        return self

    def sample(self: Law, chance: Chance, *, stream: str = "draft") -> Tokens:
        """All ``k`` siblings, drawn in order from their conditional laws; O(kV)."""
        drawn: Tokens = ()
        for _ in range(self.k):
            drawn = (*drawn, chance.draw(self.conditional(drawn), stream=stream))
        return drawn

    def enumerate(self: Law) -> dict[Tokens, Any]:
        """Every tuple of positive probability with its probability; O(V^k)."""
        return Enumerated().law(self.sample)

    def containment(self: Law, inside: Array | Iterable[int]) -> Any:
        """Probability that every draft is in the set, by enumeration inside of it; O(|H|^k) a set."""
        masks, shape = as_mask(inside, self.vocabulary), np.shape(self.conditional(()))
        if len(shape) != 1:
            raise ValueError(
                f"{type(self).__name__} has a batch of distributions, shape {shape}; its containment is "
                "enumerated for one position at a time"
            )
        return set_by_set(masks, lambda mask: _contained(self, tuple(np.flatnonzero(mask).tolist()), ()))


def _contained(law: Law, tokens: Tokens, drawn: Tokens) -> Any:
    if len(drawn) == law.k:
        return 1
    weights = law.conditional(drawn)
    live = [token for token in tokens if weights[token] > 0]
    return sum(weights[token] * _contained(law, tokens, (*drawn, token)) for token in live)


def set_by_set(masks: Array, probability: Callable[[Array], Any]) -> Any:
    """A probability for each mask, shape ``(...)``: a number for one mask of shape ``(V,)``."""
    if masks.ndim == 1:
        return probability(masks)
    values = [probability(mask) for mask in rows(masks)]
    return np.array(values).reshape(masks.shape[:-1])


def as_mask(inside: Array | Iterable[int], vocabulary: int) -> Array:
    """A boolean mask from a mask, shape ``(..., V)``, or from the token ids of one set, shape ``(n,)``.

    Raises
    ------
    ValueError
        For a mask of another size, ids outside of the vocabulary, or ids with more axes than one.

    Examples
    --------
    >>> as_mask([2, 0], 3)
    array([ True, False,  True])
    """
    array = np.asarray(inside if isinstance(inside, np.ndarray) else list(inside))
    if array.dtype == bool:
        if array.shape[-1:] != (vocabulary,):
            size = array.shape[-1] if array.ndim else "no"
            raise ValueError(f"the mask is over {size} tokens, the law over {vocabulary}")
        return array
    if array.ndim != 1:
        raise ValueError(
            f"token ids of one set have one axis, got shape {array.shape}; give several sets as masks"
        )
    mask = np.zeros(vocabulary, dtype=bool)
    mask[check_tokens(array, vocabulary, what="the set")] = True
    return mask


def masks_beside(inside: Array | Iterable[int], batch: tuple[int, ...], vocabulary: int) -> Array:
    """The set or sets as masks, broadcast with a batch of distributions to shape ``(..., V)``.

    Raises
    ------
    ValueError
        As :func:`as_mask`, and for masks that do not go with the batch.

    Examples
    --------
    >>> masks_beside([0], (2,), 3).tolist()
    [[True, False, False], [True, False, False]]
    """
    mask = as_mask(inside, vocabulary)
    try:
        shape = np.broadcast_shapes(mask.shape[:-1], batch)
    except ValueError:
        raise ValueError(
            f"the masks have the batch shape {mask.shape[:-1]} and the law has {batch}; "
            "give one mask, or one for each distribution"
        ) from None
    return np.broadcast_to(mask, (*shape, vocabulary))


def check_drawn(drawn: Tokens, vocabulary: int) -> None:
    """ValueError unless all earlier siblings are token ids; O(k)."""
    for token in drawn:
        if not isinstance(token, int | np.integer) or not 0 <= token < vocabulary:
            raise ValueError(
                f"the drawn tokens {tuple(drawn)} hold {token!r}, outside of a vocabulary of {vocabulary}"
            )


def check_tokens(tokens: Array, vocabulary: int, *, what: str) -> Array:
    """Token ids as an integer array, or ValueError where one is outside of the vocabulary."""
    ids = np.asarray(tokens)
    if ids.size and ids.dtype.kind not in "iu":
        raise ValueError(f"{what} holds {ids.dtype} values; token ids are integers")
    if ids.size and not (ids.min() >= 0 and ids.max() < vocabulary):
        raise ValueError(
            f"{what} holds the token {int(ids.max() if ids.max() >= vocabulary else ids.min())}, "
            f"outside of a vocabulary of {vocabulary}"
        )
    return ids.astype(np.intp)


def check_k(k: int) -> int:
    """The number of drafts, or ValueError unless it is an integer of at least one."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"the number of drafts must be an integer of at least 1, got {k!r}")
    return int(k)


def check_support(q: Array, k: int, *, law: str) -> None:
    """ValueError unless every row of q has at least k tokens of positive probability."""
    support = count_true(q > 0)
    if np.any(support < k):
        row = tuple(int(i) for i in np.argwhere(support < k)[0])
        where = f" in row {row}" if row else ""
        raise ValueError(
            f"{law} can't draw {k} different tokens{where}: q has {int(support[row])} of positive "
            "probability; draw fewer, or a law with replacement"
        )


def rows(q: Array) -> Iterator[Array]:
    """The single distributions of a batch, in C order."""
    yield from q.reshape(-1, q.shape[-1])
