r"""Gumbel coupling: draft and target race on the same clocks (drafter-invariant speculative decoding).

Draw independent clocks :math:`E_i \sim \mathrm{Exp}(1)`. The draft is :math:`X = \arg\min_i E_i / q_i`, of
law q; the output is :math:`Y = \arg\min_i E_i / p_i`, of law p *whatever the draft is*: with shared clocks
the emitted text is a function of the seed and the target alone, the same bits for any drafter. (With
Gumbels :math:`G = -\log E`, Y is the Gumbel-max sample.) The draft is accepted if Y = X.

**The joint law.** X = i at time s and Y = j at time t need :math:`E_l \ge \max(q_l s, p_l t)` for the others.
In the direction :math:`(s, t) \propto (1 - \lambda, \lambda)` let

.. math:: D(\lambda) = \sum_l \max\bigl((1 - \lambda)\,q_l,\; \lambda\,p_l\bigr), \qquad
          \lambda_l = \frac{q_l}{p_l + q_l}

be the total rate and the directions in which clock l serves both races at once. Integrating over the ray,

.. math:: \Pr(X = Y = i) = \frac{q_i\,p_i}{(q_i + p_i)\, D(\lambda_i)}
          = \Bigl[\sum_l \max\Bigl(\frac{q_l}{q_i}, \frac{p_l}{p_i}\Bigr)\Bigr]^{-1}, \qquad
          \Pr(X = i, Y = j) = q_i\,p_j \int_{\lambda_j}^{\lambda_i} \frac{d\lambda}{D(\lambda)^2}

if :math:`\lambda_j < \lambda_i`, else 0. D is linear between neighbouring :math:`\lambda_l`, and over a
piece from a to b the integral is :math:`(b - a) / (D(a)\,D(b))`: everything is rational. So the rule is
also a program that asks for no clock: given the draft x it accepts with probability :math:`p_x / \sum_l
\max(q_l p_x, p_l q_x)` and otherwise emits y with weight :math:`p_y \int_{\lambda_y}^{\lambda_x} D^{-2}`.
That program is what is enumerated; :func:`race_winner` is the race itself, for use with shared clocks.

The acceptance is at least :math:`(1 - TV) / (1 + TV)`, and at most :math:`1 - TV` of the maximal coupling:
the price of not knowing the draft.

Lossless: yes
Complexity: O(V log V)
Source: Daliri et al. 2024, arXiv 2408.07978 (the coupling); joint law derived here
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, UnsupportedLaw, checked, draw_residual, resolved
from theory.laws import Law, Tokens
from theory.laws.base import rows
from theory.simplex import Array, positive_part


@dataclass(frozen=True)
class GumbelCoupling(ClosedForm):
    """Accept one draft if the target's race on the same clocks has the same winner.

    Lossless: yes. Takes any law of one draft.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import Iid
    >>> p, q = np.array([F(1, 2), F(3, 10), F(1, 5)]), np.array([F(1, 5), F(3, 10), F(1, 2)])
    >>> GumbelCoupling().acceptance(p=p, law=Iid(q, 1))
    Fraction(41, 65)
    """

    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the draft, or a token by its share in the rest of the joint law; O(V log V)."""
        q = _draft(law.over(p.shape[-1]))
        (token,) = drafts
        if chance.flip(match_probability(p, q, token), stream=f"accept/{level}"):
            return resolved(token, drafts)
        return resolved(
            draw_residual(mismatch_weights(p, q, token), fallback=p, chance=chance, level=level), drafts
        )

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that both races have one winner, shape ``(...)``; O(V log V), exact."""
        target, law = checked(p, law)
        q = np.broadcast_to(_draft(law), target.shape)
        values = [_acceptance_of_one(t, d) for t, d in zip(rows(target), rows(q), strict=True)]
        return (
            values[0] if target.ndim == 1 else np.array(values, dtype=target.dtype).reshape(target.shape[:-1])
        )


def _draft(law: Law) -> Array:
    if law.k != 1:
        raise UnsupportedLaw(f"GumbelCoupling verifies one draft, got a law of {law.k}; use GumbelList")
    return law.conditional(())


def race_winner(weights: Array, clocks: Array) -> int:
    """The token whose clock, run at its weight's rate, rings first; a token of weight zero never rings.

    Parameters
    ----------
    weights
        Probabilities, shape ``(V,)``, float64; at least one positive.
    clocks
        Independent standard exponential times, shape ``(V,)``, shared by all races of one position.

    Examples
    --------
    >>> race_winner(np.array([0.5, 0.5, 0.0]), np.array([0.9, 0.3, 0.1]))
    1
    """
    live = np.flatnonzero(weights > 0)
    return int(live[np.argmin(clocks[live] / weights[live])])


def match_probability(p: Array, q: Array, token: int) -> Any:
    """Probability that the target's race is won by the token, given that the draft's is; O(V).

    Examples
    --------
    >>> round(float(match_probability(np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]), 2)), 6)
    0.4
    """
    return p[token] / np.maximum(q * p[token], p * q[token]).sum()


def mismatch_weights(p: Array, q: Array, token: int) -> Array:
    """Weights of the target's other winners, given that the draft's race is won by the token; O(V log V)."""
    live = np.flatnonzero(p + q > 0)
    reach = _reach(p[live], q[live])
    out = p * 0
    out[live] = p[live] * positive_part(reach[live.tolist().index(token)] - reach)
    return out


def _reach(p: Array, q: Array) -> Array:
    r"""The integral of :math:`D^{-2}` up to each token's direction, from the smallest one on."""
    direction, pace = _directions(p, q)
    order = np.argsort(direction, kind="stable")
    steps = np.diff(direction[order]) / (pace[order][1:] * pace[order][:-1])
    out = p * 0
    out[order[1:]] = np.cumsum(steps)
    return out


def _directions(p: Array, q: Array) -> tuple[Array, Array]:
    r"""Each token's direction :math:`\lambda` and the total rate D there; p + q is positive."""
    direction = q / (p + q)
    order = np.argsort(direction, kind="stable")
    ranked = direction[order]
    served = np.cumsum(p[order])
    waiting = q.sum() - np.cumsum(q[order])
    pace = p * 0
    pace[order] = ranked * served + (1 - ranked) * waiting
    return direction, pace


def _acceptance_of_one(p: Array, q: Array) -> Any:
    both = np.flatnonzero((p > 0) & (q > 0))
    live = np.flatnonzero(p + q > 0)
    pace = p * 0
    pace[live] = _directions(p[live], q[live])[1]
    return (q[both] * p[both] / ((q[both] + p[both]) * pace[both])).sum() if both.size else p[0] * 0
