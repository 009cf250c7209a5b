r"""K-SEQ (SpecTr): k i.i.d. drafts against a target scaled by one factor.

Choose :math:`\rho \in [1, k]`. Try the drafts in order, each accepted with probability
:math:`\min(1, p_x / (\rho q_x))`; each is accepted with the same probability
:math:`\beta(\rho) = \sum_x \min(p_x / \rho, q_x)`. If none is, emit a token of the residual
:math:`p_x - \min(p_x / \rho, q_x)\, [1 - (1 - \beta)^k] / \beta`.

The residual is not negative exactly if :math:`1 - (1 - \beta)^k \le \rho \beta`, which holds for all
:math:`\rho` from the root :math:`\rho^*` of the equality on; so **any** such :math:`\rho` is lossless, and
the root accepts most: :math:`1 - (1 - \beta(\rho))^k`, at least :math:`1 - (1 - 1/k)^k` times the optimum.
The root is bracketed by bisection and its *upper* end is used, with floats as with fractions, so rounding
never makes the residual negative by more than rounding itself.

Lossless: yes
Complexity: O(V log k) for the factor, O(1) a draft, O(V) for a residual draw
Source: Sun et al. 2023 (SpecTr), algorithm 3 and theorem 2
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds.iid import ratios
from theory.chance import Chance
from theory.couplings.base import (
    ClosedForm,
    Resolution,
    check_drafts,
    checked,
    draw_residual,
    ratio_capped,
    require,
    resolved,
)
from theory.laws import Iid, Law, Tokens
from theory.laws.base import rows
from theory.laws.iid import at_least_once
from theory.simplex import Array, is_exact, positive_part

_BISECTIONS = {True: 12, False: 50}


@dataclass(frozen=True)
class KSeq(ClosedForm):
    """Sequential tests of i.i.d. drafts against p / rho.

    Lossless: yes. Takes ``Iid``.

    Parameters
    ----------
    rho
        The factor, at least its root; None finds the root (fractions: a dyadic number at most 2^-12 (k - 1)
        above it).

    Examples
    --------
    >>> from theory.laws import Iid
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> round(float(KSeq().acceptance(p=p, law=Iid(q, 2))), 6)
    0.791355
    """

    rho: Any = None
    lossless: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.rho, str | bytes | bool) or np.ndim(self.rho) != 0:
            raise ValueError(f"rho must be one number of at least 1, or None to find it; got {self.rho!r}")

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the first accepted draft, or a token of the residual; O(V log k)."""
        require(law, Iid, rule="KSeq")
        q = law.over(p.shape[-1]).conditional(())
        rho = self.factor(p=p, q=q, k=law.k)
        for token in check_drafts(drafts, law):
            if chance.flip(ratio_capped(p[token], rho * q[token]), stream=f"accept/{level}"):
                return resolved(token, drafts)
        rest = _split(p, q, rho, law.k)[1]
        return resolved(draw_residual(rest, fallback=p, chance=chance, level=level), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """The acceptance probability, shape ``(...)``; O(V log V), exact for the factor in use."""
        target, law = checked(p, law)
        require(law, Iid, rule="KSeq")
        q = law.conditional(())
        rho = self.factor(p=target, q=q, k=law.k)
        scaled, rest = _split(target, q, rho, law.k)
        missed = 1 - scaled.sum(axis=-1)
        return 1 - missed**law.k + _accepted_late(rest, q - scaled, missed, law.k)

    def factor(self, *, p: Array, q: Array, k: int) -> Any:
        """The factor that is used, shape ``(...)``.

        Raises
        ------
        ValueError
            If a given factor is below 1 or makes the residual negative.
        """
        if self.rho is None:
            return _smallest_factor(p, q, k)
        if is_exact(p) and isinstance(self.rho, float):
            raise ValueError(f"p and q hold fractions, but rho is the float {self.rho}; give a fraction")
        if not (np.all(self.rho >= 1) and np.all(_feasible(_beta(p, q, self.rho), self.rho, k))):
            raise ValueError(
                f"rho = {self.rho} makes the residual negative for these p and q with {k} drafts; "
                f"use at least {_smallest_factor(p, q, k)}, or rho=None"
            )
        return self.rho


def _split(p: Array, q: Array, rho: Any, k: int) -> tuple[Array, Array]:
    """The mass that each test accepts, and the residual after the last, both of shape ``(..., V)``."""
    scaled = np.minimum(p / np.expand_dims(rho, -1), q)
    beta = np.asarray(scaled.sum(axis=-1, keepdims=True))
    taken = (1 - (1 - beta) ** k) / np.where(beta > 0, beta, 1)
    return scaled, positive_part(p - scaled * taken)


def _accepted_late(rest: Array, refused: Array, missed: Any, k: int) -> Any:
    """Probability that all tests fail and the residual's token was drafted all the same.

    Given that all failed, the drafts are i.i.d. with the law refused / missed. At the root itself a
    token of positive residual is never refused, so this is zero; a larger factor leaves a little.
    """
    total = np.expand_dims(np.where(missed > 0, missed, 1), -1)
    return (rest * at_least_once(refused / total, k)).sum(axis=-1)


def _beta(p: Array, q: Array, rho: Any) -> Any:
    return np.minimum(p / np.expand_dims(rho, -1), q).sum(axis=-1)


def _feasible(beta: Any, rho: Any, k: int) -> Any:
    return 1 - (1 - beta) ** k <= rho * beta


def _smallest_factor(p: Array, q: Array, k: int) -> Any:
    if p.ndim == 1:
        return _factor_of_one(p, q, k)
    found = [_factor_of_one(target, draft, k) for target, draft in zip(rows(p), rows(q), strict=True)]
    return np.array(found, dtype=p.dtype).reshape(p.shape[:-1])


def _factor_of_one(p: Array, q: Array, k: int) -> Any:
    """Upper end of a bisection for the root in [1, k]."""
    exact = is_exact(p)
    beta = _exact_scaled_overlap(p, q) if exact else _scaled_overlap(p, q)
    low = Fraction(1) if exact else 1.0
    if k == 1 or _feasible(beta(low), low, k):
        return low
    high = low * k
    for _ in range(_BISECTIONS[exact]):
        middle = (low + high) / 2
        if _feasible(beta(middle), middle, k):
            high = middle
        else:
            low = middle
    return high


def _exact_scaled_overlap(p: Array, q: Array) -> Callable[[Any], Any]:
    return lambda rho: _beta(p, q, rho)


def _scaled_overlap(p: Array, q: Array) -> Callable[[Any], Any]:
    """``rho -> sum(min(p / rho, q))`` in O(log V) a call, after one sort of the ratios above one."""
    outside = p > q  # rho is at least 1, so the other tokens always add p / rho
    base = p[~outside].sum()
    ratio = ratios(p[outside], q[outside])
    order = np.argsort(ratio)
    below = np.concatenate([[0.0], np.cumsum(p[outside][order])])
    above = np.concatenate([np.cumsum(q[outside][order][::-1])[::-1], [0.0]])
    ratio = ratio[order]

    def beta(rho: float) -> float:
        place = np.searchsorted(ratio, rho, side="right")
        return float((base + below[place]) / rho + above[place])

    return beta
