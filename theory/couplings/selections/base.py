r"""What a selection is: one of the drafts is picked, and the law of the picked token is known.

Khisti et al. (2025): every lossless multi-draft rule can be split into picking one of the drafts and testing
that one by single-draft rejection. The laws y of the picked token that are in reach are those with

.. math:: y(A) \le \Pr(\text{some draft is in } A) \quad\text{for every set of tokens } A, \qquad y(V) = 1,

and the acceptance of the picked token is :math:`\sum_x \min(p_x, y_x)`. So **any selection whose law is known
exactly makes a lossless rule**; which one only decides how often it accepts.

A selection is given the target as weights that need not sum to one, so that walks which carry a budget b can
ask for a selection that is good for :math:`b\,p`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from theory.chance import Chance
from theory.laws import Law, Tokens
from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class Picked:
    """What a selection picked.

    Attributes
    ----------
    slot
        Which of the drafts.
    law
        The law y of the picked token over all drafts and all of the selection's own randomness, shape
        ``(V,)``. It does not depend on the drafts at hand.
    """

    slot: int
    law: Array


class Selection(Protocol):
    """A rule that picks one of the drafts; see the module's text."""

    @property
    def optimal(self) -> bool:
        """Whether no selection has a larger sum of min(p, y), for the laws that it takes."""
        ...

    def law(self, *, p: Array, law: Law) -> Array:
        """The law y of the picked token, shape ``(V,)``."""
        ...

    def pick(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Picked:
        """Pick a draft; randomness comes from the stream ``select/<level>``."""
        ...
