"""What a bound on the acceptance probability is, and how it proves itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.laws import Iid, Law
from theory.laws.fits import fitted
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

    def _check_ends(self) -> None:
        """ValueError unless the ends are numbers in order, and equal for an exact bound."""
        ordered = np.all(np.asarray(self.lower <= self.upper))
        if not ordered or (self.kind == "exact" and _not_equal(self.lower, self.upper)):
            raise ValueError(
                f"the bound's ends {self.lower} and {self.upper} are not those of an {self.kind} bound: "
                "it was altered"
            )

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
        value = dual_value(target, fitted(target, law), self.dual_set)
        # exact differences first: fractions closer than a float can tell are told apart
        close = np.asarray(abs(np.asarray(value - self.upper)) <= tolerance, dtype=bool)
        if not np.all(close):
            raise ValueError(
                f"the stored set gives the bound {value}, not {self.upper}: this certificate belongs to "
                "another p or law, or was altered"
            )
        self._check_ends()
        return value


def _not_equal(lower: Any, upper: Any) -> bool:
    return bool(np.any(np.asarray(lower) != np.asarray(upper)))


def dual_value(p: Array, law: Law, dual_set: Array) -> Any:
    r""":math:`1 + p(H) - Q(H)`, which bounds the acceptance of every lossless rule from above.

    Reason: a token of H is accepted with probability at most p(H) in all; one outside of H only if some
    draft is outside of H, which has probability 1 - Q(H).
    """
    mask = np.asarray(dual_set)
    if mask.dtype != bool or mask.shape[-1:] != p.shape[-1:]:
        raise ValueError(
            f"the set must be a boolean mask over p's {p.shape[-1]} tokens, "
            f"got {mask.dtype} of shape {mask.shape}"
        )
    inside = np.where(mask, p, 0).sum(axis=-1)
    # 'all in V' has probability one but for the rounding of a float row
    whole = law.containment(np.ones(p.shape[-1], dtype=bool)) if isinstance(law, Iid) else 1
    return whole - law.containment(mask) + inside
