"""What a bound on the acceptance probability is, and how it proves itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.laws import Law
from theory.simplex import Array, check_distribution


@dataclass(frozen=True, eq=False)
class Bound:
    r"""The largest acceptance probability that any lossless rule can have on these drafts.

    Attributes
    ----------
    lower, upper
        Ends that the true optimum lies between; scalars, or arrays of the batch's shape. For fractions
        they are fractions and equal.
    kind
        ``"exact"``: a closed form, ends equal (floats: up to rounding, about 1e-14).
        ``"interval"``: rigorous ends from a quadrature with a proved error.
    dual_set
        Boolean, shape ``(..., V)``: a set H with :math:`1 + p(H) - Q(H) =` ``upper``. By weak duality
        *any* set bounds every rule, so this is a certificate that needs no solver: see :meth:`verify`.
    k
        Number of drafts.
    """

    lower: Any
    upper: Any
    kind: Literal["exact", "interval"]
    dual_set: Array
    k: int

    @property
    def value(self) -> Any:
        """The middle of the interval; the optimum itself if exact."""
        return (self.lower + self.upper) / 2 if self.kind == "interval" else self.upper

    @property
    def gap(self) -> Any:
        """``upper - lower``."""
        return self.upper - self.lower

    def verify(self, *, p: ArrayLike, law: Law, tolerance: float = 1e-9) -> Any:
        """Recompute :math:`1 + p(H) - Q(H)` from the stored set, and return it.

        Raises
        ------
        ValueError
            If it differs from ``upper`` by more than the tolerance: the certificate is not of this p and
            law, or was altered.

        Examples
        --------
        >>> from theory.bounds import optimal_acceptance
        >>> from theory.laws import Iid
        >>> p, law = np.array([1, 1, 4]) / 6, Iid(np.full(3, 1 / 3), 2)
        >>> bound = optimal_acceptance(p=p, law=law)
        >>> round(float(bound.verify(p=p, law=law)), 9)
        0.888888889
        """
        target = check_distribution(p, name="p")
        value = dual_value(target, law.over(target.shape[-1]), self.dual_set)
        if np.any(np.abs(np.asarray(value - self.upper, dtype=float)) > tolerance):
            raise ValueError(
                f"the stored set gives the bound {value}, not {self.upper}: this certificate belongs to "
                "another p or law, or was altered"
            )
        return value


def dual_value(p: Array, law: Law, dual_set: Array) -> Any:
    r""":math:`1 + p(H) - Q(H)`, which bounds the acceptance of every lossless rule from above.

    Reason: a token of H is accepted with probability at most p(H) in all; one outside of H only if some
    draft is outside of H, which has probability 1 - Q(H).
    """
    inside = np.where(dual_set, p, 0).sum(axis=-1)
    return 1 + inside - law.containment(dual_set)
