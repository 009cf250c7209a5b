r"""Greedy match: emit the target's argmax, accept the draft that is it.

The output is the target's likeliest token (the earlier one among equals), whatever was drafted. That is
*lossless for the target of temperature zero* - for every p the output law is exactly that of
``Warp(temperature=0)`` - and for p itself only where p is a point mass. Against any other p it is as lossy
as greedy decoding is: :math:`TV = 1 - \max p`.

On a tree with different siblings at most one child matches, so following it is also the longest matching
path.

Lossless: no
Complexity: O(V)
Source: Stern et al. 2018 (blockwise parallel decoding); temperature zero of Leviathan et al. 2023
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, checked, resolved
from theory.laws import Law, Tokens
from theory.simplex import Array, top_tokens


@dataclass(frozen=True)
class GreedyMatch(ClosedForm):
    """Emit the argmax of p.

    Lossless: no. (Against the target of temperature zero: yes.) Takes any law.

    Examples
    --------
    >>> from theory.laws import Point
    >>> GreedyMatch().acceptance(p=np.array([0.2, 0.5, 0.3]), law=Point([0, 1]))
    1
    """

    lossless: ClassVar[bool] = False

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the argmax; chance is not asked."""
        return resolved(int(top_tokens(p, 1)[0]), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the argmax is drafted; one position, exact where the law's containment is."""
        target, law = checked(p, law)
        others = np.ones(target.size, dtype=bool)
        others[top_tokens(target, 1)[0]] = False
        return 1 - law.containment(others)

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """A point mass on the argmax."""
        target, law = checked(p, law)
        out = target * 0
        out[top_tokens(target, 1)[0]] = 1
        return out
