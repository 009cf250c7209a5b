r"""Recursive rejection over the recorded law (SpecInfer, RSD, Sequoia, point-mass trees).

Keep a residual target r, at first p. For the drafts in the order they were drawn: with :math:`q_j` the law
of draft j *given the earlier drafts*, accept it with probability :math:`\min(1, r(x) / q_j(x))`, otherwise
let r become :math:`(r - q_j)_+`, normalised. After the last rejection emit a token of r.

One step: a token accepted or left has law :math:`\min(r, q_j) + (1 - \beta_j)\,r' = r`. By induction over
the drafts the output has law p for any law of the drafts. With i.i.d. drafts this is SpecInfer's multi-step
sampling, without replacement RSD's and Sequoia's rule, for point masses the rule of EAGLE-2's and Medusa's
trees (accept x with probability r(x), otherwise zero it). A draft that comes twice is processed twice.

Acceptance: :math:`1 - \prod_j (1 - \beta_j)`, :math:`\beta_j = \sum_x \min(r_j, q_j)`, where the law of a
sibling does not depend on the earlier tokens (i.i.d., independent drafters, point masses, top-k plus
sample): then the residuals are the same on every path of rejections. For two drafts without replacement
the second factor depends on the first draft only through its probability, and a sort gives all of them.
In general :math:`\Pr(\text{all rejected}) = E \prod_j (1 - \beta_j)` over paths of rejected drafts,
:math:`x_j \sim (q_j - r_j)_+ / (1 - \beta_j)`: a Rao-Blackwellised estimate that needs no coin flips.

Lossless: yes
Complexity: O(kV)
Source: Miao et al. 2023 (SpecInfer, algorithm 2); Jeon et al. 2024 (RSD); Chen et al. 2024 (Sequoia)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance, Sampled
from theory.couplings.base import (
    Estimate,
    NoClosedForm,
    Resolution,
    check_drafts,
    check_estimate,
    checked,
    draw_residual,
    mean_of,
    ratio_capped,
    resolved,
    sibling_law,
)
from theory.couplings.race_paths import RacePaths, resolves
from theory.couplings.second_draft import mean_second_overlap
from theory.laws import Law, Tokens, WithoutReplacement
from theory.laws.base import rows
from theory.simplex import Array, is_exact, overlap, residual


@dataclass(frozen=True)
class Recursive:
    """Try the drafts in order against a shrinking residual.

    Lossless: yes. Takes any law.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import Iid, Point
    >>> p = np.array([F(1, 6), F(1, 6), F(2, 3)])
    >>> Recursive().acceptance(p=p, law=Iid(np.array([F(1, 3)] * 3), 2))
    Fraction(7, 9)
    >>> Recursive().acceptance(p=p, law=Point([0, 2]))
    Fraction(5, 6)
    """

    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the first accepted draft, or a token of the last residual; O(kV)."""
        law = law.over(p.shape[-1])
        left = p
        for index, token in enumerate(check_drafts(drafts, law)):
            q = sibling_law(law, drafts[:index], like=p)
            if chance.flip(ratio_capped(left[token], q[token]), stream=f"accept/{level}"):
                return resolved(token, drafts)
            left = _next_residual(left, q)
        return resolved(draw_residual(left, fallback=p, chance=chance, level=level), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """The acceptance probability, shape ``(...)``; exact.

        O(kV) for laws whose siblings depend on their rank only; O(V log V) for two drafts without
        replacement.

        Raises
        ------
        NoClosedForm
            For other laws, such as three or more drafts without replacement.
        """
        target, law = checked(p, law)
        if law.history_free:
            return _ranked_acceptance(target, law)
        if isinstance(law, WithoutReplacement) and law.k == 2:
            return _pair_acceptance(target, law.q)
        raise NoClosedForm(
            f"recursive rejection has no closed form for {law.k} drafts of {type(law).__name__}; "
            "use estimate, or enumerate at small vocabulary"
        )

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        r"""Mean of :math:`1 - \prod_j (1 - \beta_j)` over drawn paths of rejections; O(samples k V).

        One position: p of shape ``(V,)``. The last draft is summed out, not drawn. For floats and drafts
        without replacement one sort serves all paths, see :mod:`theory.couplings.race_paths`.
        """
        target, law = checked(p, law)
        check_estimate(target, samples)
        if isinstance(law, WithoutReplacement) and not is_exact(target) and resolves(law.q, law.k):
            return mean_of(RacePaths(target, law.q).accepted(law.k, rng=rng, samples=samples)[:, -1])
        chance = Sampled(rng)
        values = [_rejected_path(target, law, chance) for _ in range(samples)]
        return mean_of(np.array(values, dtype=np.float64))


def _next_residual(left: Array, q: Array) -> Array:
    """``(r - q)_+`` normalised along the last axis; the old residual where nothing is left of it."""
    rest = residual(left, q)
    total = np.asarray(rest.sum(axis=-1, keepdims=True))
    empty = total == 0
    if np.any(empty):
        rest, total = np.where(empty, left, rest), np.where(empty, 1, total)
    result: Array = rest / total
    return result


def _ranked_acceptance(p: Array, law: Law) -> Any:
    left, rejected = p, 1
    for rank in range(law.k):
        q = sibling_law(law, (0,) * rank, like=p)
        rejected = rejected * (1 - overlap(left, q))
        if rank + 1 < law.k:
            left = _next_residual(left, q)
    return 1 - rejected


def _pair_acceptance(p: Array, q: Array) -> Any:
    values = [_one_pair(target, draft) for target, draft in zip(rows(p), rows(q), strict=True)]
    return values[0] if p.ndim == 1 else np.array(values, dtype=p.dtype).reshape(p.shape[:-1])


def _one_pair(p: Array, q: Array) -> Any:
    """1 - sum over rejected first drafts x of (q_x - p_x)_+ (1 - beta_2(x))."""
    rejected = residual(q, p)
    if not np.any(rejected > 0):
        return overlap(p, q)
    left = _next_residual(p, q)
    return overlap(p, q) + mean_second_overlap(left, q, rejected)


def _rejected_path(p: Array, law: Law, chance: Chance) -> Any:
    left, rejected = p, 1
    drawn: Tokens = ()
    for rank in range(law.k):
        q = sibling_law(law, drawn, like=p)
        refused = residual(q, left)
        mass = refused.sum()
        rejected = rejected * mass
        if mass <= 0:
            break
        if rank + 1 < law.k:
            drawn = (*drawn, chance.draw(refused, stream=f"rejected/{rank}"))
            left = _next_residual(left, q)
    return 1 - rejected
