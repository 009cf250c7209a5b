r"""Pick one of the slots by a fair draw.

The law of the picked token is the mean of the slots' marginal laws, :math:`y = \frac1k \sum_j \Pr(x_j =
\cdot)`. With i.i.d. drafts that is q, so nothing is gained over one draft; with different drafters it is
their mixture.

Source: Khisti et al. 2025, arXiv 2410.18234 (a selection that ignores the target)
Complexity: O(kV) where siblings depend on their rank only, else an enumeration of the law
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.chance import Chance
from theory.couplings.selections.base import Picked
from theory.laws import Law, Tokens
from theory.simplex import Array


@dataclass(frozen=True)
class UniformSlot:
    """Each slot with the same probability; takes any law.

    Examples
    --------
    >>> from theory.laws import Independent
    >>> law = Independent([np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.5])])
    >>> UniformSlot().law(p=np.array([0.2, 0.3, 0.5]), law=law).tolist()
    [0.5, 0.25, 0.25]
    """

    @property
    def optimal(self) -> bool:
        return False

    def law(self, *, p: Array, law: Law) -> Array:
        """Mean of the slots' marginals, shape ``(V,)``."""
        law = law.over(p.shape[-1])
        # in the arithmetic of p: point masses come as integers
        total = p * 0
        if law.history_free:
            for rank in range(law.k):
                total = total + law.conditional((0,) * rank)
        else:
            for drafts, weight in law.enumerate().items():
                for token in drafts:
                    total[token] = total[token] + weight
        result: Array = total / law.k
        return result

    def pick(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Picked:
        """A slot from the stream ``select/<level>``."""
        slot = chance.draw(np.ones(len(drafts), dtype=p.dtype), stream=f"select/{level}")
        return Picked(slot, self.law(p=p, law=law))
