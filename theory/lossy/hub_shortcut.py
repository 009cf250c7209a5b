r"""SpecHub as shipped: accept the hub outright where the target is nearly certain of it.

The published rule is lossless (:mod:`theory.couplings.spec_hub`). The shipped code first looks at the hub
a: if :math:`p_a` exceeds a limit (0.999) it emits a. Then :math:`TV = 1 - p_a`, up to 1e-3 a position.

Lossless: no
Complexity: O(V)
Source: Sun et al. 2024 (SpecHub), released code
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, checked, require, resolved
from theory.couplings.spec_hub import SpecHub
from theory.laws import HubPair, Law, Tokens
from theory.simplex import Array


@dataclass(frozen=True)
class HubShortcut(ClosedForm):
    """SpecHub with a shortcut for hubs above a limit.

    Lossless: no. Takes ``HubPair``.

    Parameters
    ----------
    limit
        Emit the hub where its target probability exceeds this, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([0.9995, 0.0003, 0.0002]), np.array([0.5, 0.3, 0.2])
    >>> HubShortcut().output(p=p, law=HubPair(q)).tolist()
    [1.0, 0.0, 0.0]
    """

    limit: Any = Fraction(999, 1000)
    lossless: ClassVar[bool] = False

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the hub if it is above the limit, else follow SpecHub."""
        require(law, HubPair, rule="HubShortcut")
        assert isinstance(law, HubPair)
        hub = int(law.hub)
        if p[hub] > self.limit:
            return resolved(hub, drafts)
        return SpecHub().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """One above the limit, else SpecHub's; one position, exact."""
        target, law = checked(p, law)
        require(law, HubPair, rule="HubShortcut")
        assert isinstance(law, HubPair)
        return 1 if target[int(law.hub)] > self.limit else SpecHub().acceptance(p=target, law=law)

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """A point mass on the hub above the limit, else p."""
        target, law = checked(p, law)
        require(law, HubPair, rule="HubShortcut")
        assert isinstance(law, HubPair)
        hub = int(law.hub)
        if not target[hub] > self.limit:
            return target
        out = target * 0
        out[hub] = 1
        return out
