r"""What lossy rules share, and how far they are from the target.

A lossy rule is a coupling whose output has another law than p. Its :class:`Distortion` is exact: the output
law, its total variation distance to p (a fraction for fractions), and both Kullback-Leibler divergences
(irrational, so floats). Rules with one random draft x of law q accept it with probability :math:`a_x` and
otherwise draw from a residual law r, so

.. math:: \text{output}_x = q_x\,a_x + \Bigl(1 - \sum_y q_y a_y\Bigr)\, r_x ;

each has its output law in closed form where it can, at full vocabulary; the others are enumerated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from theory.couplings.base import Coupling, NoClosedForm, UnsupportedLaw, checked
from theory.laws import Law
from theory.proof.exhaustive import enumerated_acceptance, output_law
from theory.simplex import Array, kl_divergence, total_variation
from theory.walks.base import Model
from theory.walks.rounds import Scheme, law_of_rounds


class LossyCoupling(Coupling, Protocol):
    """A coupling that states its output law."""

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """The law of the emitted token, shape ``(V,)``; raises :class:`NoClosedForm` where there is none."""
        ...


@dataclass(frozen=True, eq=False)
class Distortion:
    """How far an output law is from the target's.

    Attributes
    ----------
    output_law
        The law of the emitted token, shape ``(V,)``; for walks the mass of each listed sequence.
    tv
        Total variation distance to the target, in [0, 1]; exact for fractions.
    kl_forward
        KL(target || output) in nats; infinite where the output misses a token of the target.
    kl_reverse
        KL(output || target) in nats; infinite where the output holds a token that the target excludes.
    acceptance
        Probability that the emitted token was drafted; None for walks.
    """

    output_law: Array
    tv: Any
    kl_forward: float
    kl_reverse: float
    acceptance: Any = None


def distortion(rule: Coupling, *, p: ArrayLike, law: Law) -> Distortion:
    """The exact distortion of a rule at one position.

    Parameters
    ----------
    rule
        A lossy rule, or any coupling: a lossless one has distance zero.
    p
        Target distribution, shape ``(V,)``; floats or fractions.
    law
        How the drafts were drawn.

    Notes
    -----
    O(V) for rules with a closed form of their output law; otherwise an enumeration over drafts and coins.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import Point
    >>> from theory.lossy import GreedyMatch
    >>> p = np.array([F(1, 2), F(1, 3), F(1, 6)])
    >>> result = distortion(GreedyMatch(), p=p, law=Point([0]))
    >>> result.tv, round(result.kl_reverse, 6), result.kl_forward, result.acceptance
    (Fraction(1, 2), 0.693147, inf, 1)
    """
    target, law = checked(p, law)
    if target.ndim != 1:
        raise ValueError(f"distortion is of one position at a time, got p of shape {target.shape}")
    emitted = closed_or_enumerated_output(rule, target, law)
    try:
        acceptance = rule.acceptance(p=target, law=law)
    except NoClosedForm:
        acceptance = enumerated_acceptance(coupling=rule, p=target, law=law)
    return _distortion(target, emitted, acceptance)


def _distortion(target: Array, emitted: Array, acceptance: Any = None) -> Distortion:
    return Distortion(
        output_law=emitted,
        tv=total_variation(target, emitted),
        kl_forward=float(kl_divergence(target, emitted)),
        kl_reverse=float(kl_divergence(emitted, target)),
        acceptance=acceptance,
    )


def closed_or_enumerated_output(rule: Coupling, p: Array, law: Law) -> Array:
    """A rule's output law: its own closed form, else by enumeration."""
    closed: Callable[..., Array] | None = getattr(rule, "output", None)
    if closed is not None:
        try:
            return closed(p=p, law=law)
        except NoClosedForm:
            pass
    return output_law(coupling=rule, p=p, law=law)


def joint_distortion(
    scheme: Scheme, *, target: Model, draft: Model, length: int, rounds: int = 1
) -> Distortion:
    """The exact distortion of the first tokens that a scheme emits, completed with samples of the target.

    ``output_law`` lists the masses of all sequences of that length, the first token varying slowest. By
    enumeration: for small vocabularies.
    """
    law = law_of_rounds(scheme=scheme, target=target, draft=draft, rounds=rounds, length=length)
    vocabulary = target(()).size
    sequences = list(np.ndindex(*(vocabulary,) * length))
    zero = target(())[0] * 0
    emitted = np.array([law.get(tokens, zero) for tokens in sequences], dtype=target(()).dtype)
    wanted = np.array([_mass(target, tokens) for tokens in sequences], dtype=emitted.dtype)
    return _distortion(wanted, emitted)


def _mass(model: Model, tokens: tuple[int, ...]) -> Any:
    mass: Any = 1
    for depth, token in enumerate(tokens):
        if not mass > 0:
            break
        mass = mass * model(tokens[:depth])[token]
    return mass


def one_draft(law: Law, *, rule: str) -> Array:
    """The distribution of a law of one draft; raises for others."""
    if law.k != 1:
        raise UnsupportedLaw(f"{rule} judges one draft, got a law of {law.k}")
    return law.conditional(())


def accept_reject_law(*, q: Array, accept: Array, residual: Array) -> Array:
    """Output law of 'accept x of q with probability accept_x, else draw from residual' (unnormalised).

    Examples
    --------
    >>> accept_reject_law(q=np.array([0.5, 0.5]), accept=np.array([1.0, 0.5]), residual=np.array([1.0, 0.0]))
    array([0.75, 0.25])
    """
    kept = q * accept
    result: Array = kept + (1 - kept.sum()) * residual / residual.sum()
    return result


def capped_ratios(numerator: Array, denominator: Array) -> Array:
    """``min(1, numerator / denominator)`` entry by entry; one where both are zero.

    Examples
    --------
    >>> capped_ratios(np.array([0.2, 0.5, 0.0]), np.array([0.4, 0.4, 0.0])).tolist()
    [0.5, 1.0, 1.0]
    """
    out = np.ones(numerator.shape, dtype=numerator.dtype)
    below = numerator < denominator
    out[below] = numerator[below] / denominator[below]
    return out


def live_residual(residual: Array, *, fallback: Array) -> Array:
    """The residual, or the fallback if nothing is left of it."""
    return residual if np.any(residual > 0) else fallback
