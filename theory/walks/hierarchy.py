r"""Two levels of speculation: small model -> middle model -> target (TriForce, staged speculation).

The small model speculates for the middle one, in rounds of any lossless scheme. What these rounds emit is
the middle model's own text, so its first n tokens are a chain drawn from the middle model, which the target
verifies by any lossless rule for chains. Lossless composes: the law that the target's test assumes is the
law the chain has.

**How many tokens to submit.** The inner rounds run until there are n tokens. Either the first n of them are
submitted, or (``surplus``) all of them, though how many an inner round emits depends on which ones they
are. That is sound: completed with samples of the middle model the text has the middle model's law, and
where it stops after a prefix v the next token of the completion has the law m(. | v); so the next token
where it does not stop has that law too, and at every node that goes on, a child drawn from m is what the
outer rule assumes. It needs an inner walk whose text may be completed with samples of the *unchanged*
middle model. Greedy block verification's may not, and its surplus would be biased; its first n tokens are
not.

Randomness of the inner level is asked under names of its own (``middle/accept/0``), so no stream is shared
between the levels.

Lossless: yes, if the inner scheme and the outer walk are
Complexity: the inner rounds, and one distribution of the middle model a token
Source: Sun et al. 2024 (TriForce), arXiv 2404.11912; Spector & Re 2023 (staged speculative decoding)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.laws import Iid
from theory.tree import DraftTree
from theory.walks.base import CarryingWalk, Model
from theory.walks.rounds import Scheme, run_rounds


@dataclass(frozen=True)
class Labelled:
    """A chance whose streams carry a prefix: one level of a hierarchy.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.chance import Enumerated
    >>> def program(chance):
    ...     return Labelled(chance, "middle").flip(F(1, 3), stream="accept/0")
    >>> next(Enumerated().paths(program)).choices
    (('middle/accept/0', 1, Fraction(1, 3)),)
    """

    chance: Chance
    label: str

    def flip(self, probability: Any, *, stream: str) -> bool:
        """A flip of the level's own stream."""
        return self.chance.flip(probability, stream=f"{self.label}/{stream}")

    def draw(self, weights: ArrayLike, *, stream: str) -> int:
        """A draw from the level's own stream."""
        return self.chance.draw(weights, stream=f"{self.label}/{stream}")


@dataclass(frozen=True)
class MiddleChain:
    """Draws a chain of the middle model's tokens, by speculating for it with a smaller model.

    Parameters
    ----------
    inner
        The lossless scheme by which the small model speculates for the middle one.
    length
        Number of tokens of the chain (with ``surplus``: least number), at least 1.
    small
        The small model, made from the middle one. As a grower it is handed the middle model as ``draft``.
    surplus
        Submit all tokens of the last inner round, not only up to ``length``.

    Raises
    ------
    ValueError
        If the inner scheme is lossy, the length below 1, or a surplus asked of a walk that carries a target.
    """

    inner: Scheme
    length: int
    small: Callable[[Model], Model]
    surplus: bool = False

    def __post_init__(self) -> None:
        if not self.inner.lossless:
            raise ValueError(
                "the inner scheme is lossy, so its text does not have the middle model's law; "
                "use a lossless one"
            )
        if self.length < 1:
            raise ValueError(f"a chain needs at least 1 token, got length {self.length}")
        if self.surplus and isinstance(self.inner.walk, CarryingWalk):
            raise ValueError(
                f"{type(self.inner.walk).__name__} leaves an open block, so its surplus is biased; "
                "use surplus=False"
            )

    def __call__(self, *, draft: Model, chance: Chance) -> DraftTree:
        """The chain, with the middle model's distributions as its laws."""
        tokens, _ = run_rounds(
            scheme=self.inner,
            target=draft,
            draft=self.small(draft),
            # every round emits a token at least
            rounds=self.length,
            at_least=self.length,
            chance=Labelled(chance, "middle"),
        )
        tokens = tokens if self.surplus else tokens[: self.length]
        laws = [Iid(draft(tokens[:depth]), 1) for depth in range(len(tokens))]
        return DraftTree.chain(tokens, laws=laws)
