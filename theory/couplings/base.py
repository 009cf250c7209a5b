r"""What a coupling is: one node resolved.

Given the target's distribution p at a node, the drafted tokens and *the law they were drawn from*, a
coupling returns one token to emit. It is **lossless** if that token has law p, exactly, whatever p and the
law are (within what the coupling supports). A draft is **accepted** if the emitted token is among the
drafts; the probability of that is the ``acceptance_probability`` of the rule, at most
:math:`\alpha^*` (:mod:`theory.bounds`).

Every coupling is one program against a :class:`~theory.chance.Chance`, so the code that simulates is the
code whose law is enumerated and proved. It asks the streams ``"accept/<level>"`` and
``"residual/<level>"``, where the level is the depth of the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.laws import Law, Tokens
from theory.laws.fits import fitted
from theory.simplex import Array, check_distribution, is_exact, positive_part


@dataclass(frozen=True)
class Resolution:
    """What a coupling decided.

    Attributes
    ----------
    token
        The emitted token.
    slot
        Which draft it is (the first of equals), or None if it is none of them.
    """

    token: int
    slot: int | None

    @property
    def accepted(self) -> bool:
        """Whether the emitted token was drafted."""
        return self.slot is not None


def resolved(token: int, drafts: Tokens) -> Resolution:
    """A resolution whose slot is looked up among the drafts.

    Examples
    --------
    >>> resolved(3, (1, 3, 3)).slot, resolved(2, (1, 3, 3)).slot
    (1, None)
    """
    return Resolution(token, drafts.index(token) if token in drafts else None)


@dataclass(frozen=True)
class Estimate:
    """A number known from samples.

    Attributes
    ----------
    value
        The mean; a scalar or an array of the batch's shape.
    standard_error
        Estimated standard error of the mean, of the same shape.
    samples
        How many independent samples each mean is over.
    """

    value: Any
    standard_error: Any
    samples: int


class NoClosedForm(ValueError):
    """A rule has no closed form of its acceptance under this law; use ``estimate``."""


class UnsupportedLaw(ValueError):
    """A rule was given drafts of a law that it is not made for; the message says which it takes."""


class Coupling(Protocol):
    """A rule that resolves one node; see the module's text."""

    lossless: ClassVar[bool]

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit one token."""
        ...

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """The acceptance probability in closed form; raises :class:`NoClosedForm` where there is none."""
        ...

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        """The acceptance probability as a Rao-Blackwellised mean over drawn drafts."""
        ...


def checked(p: ArrayLike, law: Law) -> tuple[Array, Law]:
    """A target and a law over its vocabulary; raises where they do not fit each other."""
    target = check_distribution(p, name="p")
    return target, fitted(target, law)


def check_drafts(drafts: Tokens, law: Law) -> Tokens:
    """The drafts, or ValueError unless there are as many as the law draws."""
    if len(drafts) != law.k:
        raise ValueError(
            f"{len(drafts)} drafts were given, but their law draws {law.k}; "
            "record the law that they were drawn from"
        )
    return drafts


def sibling_law(law: Law, drawn: Tokens, *, like: Array) -> Array:
    """The next sibling's distribution, in numbers that mix exactly with those of ``like``.

    Point masses are machine integers, which overflow beside fractions of large terms.
    """
    q = law.conditional(drawn)
    return q.astype(object) if is_exact(like) and q.dtype.kind == "i" else q


def check_estimate(p: Array, samples: int) -> None:
    """ValueError unless an estimate is asked for at one position and over two samples or more."""
    if p.ndim != 1:
        raise ValueError(f"an estimate is made for one position at a time, got p of shape {p.shape}")
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer):
        raise ValueError(f"the number of samples must be an integer of at least 2, got {samples!r}")
    if samples < 2:
        raise ValueError(f"an estimate needs at least 2 samples for its standard error, got {samples}")


def require(law: Law, kinds: type | tuple[type, ...], *, rule: str) -> None:
    """Raise :class:`UnsupportedLaw` unless the law is of one of the kinds."""
    allowed = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(law, allowed):
        names = " or ".join(kind.__name__ for kind in allowed)
        raise UnsupportedLaw(f"{rule} verifies drafts of the law {names}, got {type(law).__name__}")


def draw_residual(residual: Array, *, fallback: Array, chance: Chance, level: int) -> int:
    """A token from the residual, or from the fallback if rounding left the residual empty.

    In exact arithmetic an empty residual is never asked for; in floats it is with a probability of the
    order of rounding (p equal to q but for the last digits), and then the target itself is the right law.
    """
    weights = positive_part(residual)
    return chance.draw(weights if np.any(weights > 0) else fallback, stream=f"residual/{level}")


def ratio_capped(numerator: Any, denominator: Any) -> Any:
    """``min(1, numerator / denominator)`` without dividing where the answer is one.

    The denominator is the probability that the draft was drawn with.

    The one is of the numbers' own kind, so that fractions stay fractions in what follows.

    Raises
    ------
    ValueError
        If the denominator is zero: such a draft was not drawn from the recorded law.

    Examples
    --------
    >>> ratio_capped(0.2, 0.4), ratio_capped(0.5, 0.4)
    (0.5, 1.0)
    """
    if not denominator > 0:
        raise ValueError(
            "a draft has probability 0 under the law it is said to come from; "
            "record the law that it was drawn from"
        )
    return denominator * 0 + 1 if numerator >= denominator else numerator / denominator


def mean_of(samples: Array) -> Estimate:
    """Mean and standard error over axis 0."""
    count = samples.shape[0]
    if count < 2:
        raise ValueError(f"an estimate needs at least 2 samples for its standard error, got {count}")
    error = samples.std(axis=0, ddof=1) / np.sqrt(count)
    return Estimate(samples.mean(axis=0), error, count)


class ClosedForm:
    """For couplings whose acceptance is known in closed form: an estimate is not needed."""

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        """Not needed: this rule's acceptance has a closed form for every law it takes."""
        raise ValueError(f"{type(self).__name__} has a closed form; call acceptance instead of estimate")
