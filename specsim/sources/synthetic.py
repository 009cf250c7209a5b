r"""Synthetic pairs: a target p and a draft q over one vocabulary, from named families.

=============== ====================================================================== ==================
family          the pair                                                               1 - TV(p, q)
=============== ====================================================================== ==================
``zipf``        Zipf logits with correlated Gaussian noise                             by noise, correlation
``dirichlet``   p Dirichlet; q a mixture of p and another Dirichlet draw               by mixing
``sharpened``   q is p at a lower temperature                                          by temperature
``flattened``   q is p at a higher temperature                                         by temperature
``peaked``      one token holds most of the mass, the tails run in opposite order      near the mass
``uniform``     q uniform, p Dirichlet                                                 by concentration
``disjoint``    no token has positive probability under both                           0
``identical``   q is p                                                                 1
=============== ====================================================================== ==================

Which token has which rank is random in all of them, so nothing can lean on the order of token ids.

Every family gives float64 pairs at any vocabulary (:meth:`Family.pair`), and for small ones exact fractions
(:meth:`Family.exact_pair`).

Examples
--------
>>> pair = family("zipf", noise=0.5).pair(vocabulary=1000, rng=np.random.default_rng(0))
>>> pair.p.shape, pair.q.dtype.name
((1000,), 'float64')
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from specsim.sources.family_base import Family, check_real
from specsim.sources.pair import Pair, unknown
from theory.simplex import Array, Warp, normalise


def _zipf_logits(exponent: float, vocabulary: int, rng: np.random.Generator) -> Array:
    """Minus exponent times the log of a random rank."""
    ranks = rng.permutation(vocabulary) + 1.0
    logits: Array = -exponent * np.log(ranks)
    return logits


@dataclass(frozen=True)
class Zipf(Family):
    r"""Zipf logits :math:`-s \log \text{rank}`, with correlated Gaussian noise for target and draft.

    Token ranks are shared. The noise of the draft is :math:`\rho` times that of the target plus
    :math:`\sqrt{1 - \rho^2}` times fresh noise; so correlation 1 gives q = p.

    Parameters
    ----------
    exponent
        s, at least 0; language is near 1.
    noise
        Standard deviation of the noise, in nats, at least 0.
    correlation
        :math:`\rho` in [-1, 1].

    Examples
    --------
    >>> pair = Zipf(correlation=1.0).pair(vocabulary=5, rng=np.random.default_rng(0))
    >>> bool(np.all(pair.p == pair.q))
    True
    """

    exponent: float = 1.0
    noise: float = 1.0
    correlation: float = 0.8
    name: ClassVar[str] = "zipf"

    def __post_init__(self) -> None:
        check_real(self, "exponent", 0, 100)
        check_real(self, "noise", 0, 100)
        check_real(self, "correlation", -1, 1)

    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        base = _zipf_logits(self.exponent, vocabulary, rng)
        shared, fresh = rng.standard_normal((2, vocabulary))
        mixed = self.correlation * shared + np.sqrt(1 - self.correlation**2) * fresh
        warp = Warp()
        return warp.probabilities(base + self.noise * shared), warp.probabilities(base + self.noise * mixed)


@dataclass(frozen=True)
class Dirichlet(Family):
    r"""p and r two Dirichlet draws, and :math:`q = m p + (1 - m) r`; so TV(p, q) = (1 - m) TV(p, r).

    Parameters
    ----------
    concentration
        Parameter of the symmetric Dirichlet, in (0, 1e6): small is peaked, 1 is uniform on the simplex.
    mixing
        m in [0, 1]; 1 gives q = p up to rounding.

    Examples
    --------
    >>> pair = Dirichlet(mixing=0.9).pair(vocabulary=50, rng=np.random.default_rng(0))
    >>> bool(np.minimum(pair.p, pair.q).sum() >= 0.9)
    True
    """

    concentration: float = 0.3
    mixing: float = 0.5
    name: ClassVar[str] = "dirichlet"

    def __post_init__(self) -> None:
        check_real(self, "concentration", 0, 1e6, open_ends=True)
        check_real(self, "mixing", 0, 1)

    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        p, other = rng.dirichlet(np.full(vocabulary, self.concentration), size=2)
        return p, self.mixing * p + (1 - self.mixing) * other


@dataclass(frozen=True)
class Tempered(Family):
    """p from Zipf logits with noise, q the same at another temperature; see the two that follow."""

    temperature: float
    exponent: float = 1.0
    noise: float = 1.0
    between: ClassVar[tuple[float, float]]

    def __post_init__(self) -> None:
        check_real(self, "temperature", *self.between, open_ends=True)
        check_real(self, "exponent", 0, 100)
        check_real(self, "noise", 0, 100)

    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        logits = _zipf_logits(self.exponent, vocabulary, rng) + self.noise * rng.standard_normal(vocabulary)
        return Warp().probabilities(logits), Warp(temperature=self.temperature).probabilities(logits)


@dataclass(frozen=True)
class Sharpened(Tempered):
    r"""Zipf logits with noise; q is p at a lower temperature, :math:`q \propto p^{1/\tau}`.

    Parameters
    ----------
    temperature
        :math:`\tau` in (1e-6, 1).
    exponent, noise
        Of the logits of p, as in :class:`Zipf`.

    Examples
    --------
    >>> pair = Sharpened().pair(vocabulary=50, rng=np.random.default_rng(0))
    >>> bool(pair.q.max() > pair.p.max())
    True
    """

    temperature: float = 0.5
    name: ClassVar[str] = "sharpened"
    between: ClassVar[tuple[float, float]] = (1e-6, 1)


@dataclass(frozen=True)
class Flattened(Tempered):
    r"""Zipf logits with noise; q is p at a higher temperature, :math:`q \propto p^{1/\tau}`.

    Parameters
    ----------
    temperature
        :math:`\tau` in (1, 1e6).
    exponent, noise
        Of the logits of p, as in :class:`Zipf`.

    Examples
    --------
    >>> pair = Flattened().pair(vocabulary=50, rng=np.random.default_rng(0))
    >>> bool(pair.q.max() < pair.p.max())
    True
    """

    temperature: float = 2.0
    name: ClassVar[str] = "flattened"
    between: ClassVar[tuple[float, float]] = (1, 1e6)


@dataclass(frozen=True)
class Peaked(Family):
    """One token holds most of the mass of both; the tails are Zipf in opposite orders.

    The peak makes one draft look good enough; whatever further drafts add has to come from a tail that the
    draft ranks the wrong way round.

    Parameters
    ----------
    mass
        Probability of the peak under p, in (0, 1).
    draft_mass
        Probability of the peak under q, in (0, 1).
    tail_exponent
        Zipf exponent of the tails, at least 0; 0 makes both flat, and equal.

    Examples
    --------
    >>> pair = Peaked().pair(vocabulary=4, rng=np.random.default_rng(0))
    >>> np.sort(pair.p).round(4).tolist(), int(pair.p.argmax()) == int(pair.q.argmax())
    ([0.0182, 0.0273, 0.0545, 0.9], True)
    """

    mass: float = 0.9
    draft_mass: float = 0.9
    tail_exponent: float = 1.0
    name: ClassVar[str] = "peaked"
    smallest: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_real(self, "mass", 0, 1, open_ends=True)
        check_real(self, "draft_mass", 0, 1, open_ends=True)
        check_real(self, "tail_exponent", 0, 100)

    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        tail = normalise(np.arange(1.0, vocabulary) ** -self.tail_exponent)
        order = rng.permutation(vocabulary)
        p, q = np.empty(vocabulary), np.empty(vocabulary)
        p[order] = np.append(self.mass, (1 - self.mass) * tail)
        q[order] = np.append(self.draft_mass, (1 - self.draft_mass) * tail[::-1])
        return p, q


@dataclass(frozen=True)
class Concentrated(Family):
    """A family whose only parameter is the concentration of its Dirichlet draws; see those that follow."""

    concentration: float = 1.0

    def __post_init__(self) -> None:
        check_real(self, "concentration", 0, 1e6, open_ends=True)


@dataclass(frozen=True)
class Uniform(Concentrated):
    """q uniform over the whole vocabulary, p a Dirichlet draw: the draft that knows nothing.

    Parameters
    ----------
    concentration
        Of p, in (0, 1e6).

    Examples
    --------
    >>> pair = Uniform().exact_pair(vocabulary=3, rng=np.random.default_rng(0), denominator=10)
    >>> pair.q.tolist()
    [Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)]
    """

    name: ClassVar[str] = "uniform"

    def exact_pair(self, *, vocabulary: int, rng: np.random.Generator, denominator: int = 1000) -> Pair:
        """p rounded to the denominator; q exactly uniform, whatever the denominator is."""
        rounded = super().exact_pair(vocabulary=vocabulary, rng=rng, denominator=denominator)
        return Pair(rounded.p, np.array([Fraction(1, vocabulary)] * vocabulary, dtype=object))

    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        p = rng.dirichlet(np.full(vocabulary, self.concentration))
        return p, np.full(vocabulary, 1 / vocabulary)


@dataclass(frozen=True)
class Disjoint(Concentrated):
    """A random half of the tokens belongs to p, the rest to q; Dirichlet on each. Nothing is accepted.

    Parameters
    ----------
    concentration
        Of both, in (0, 1e6).

    Examples
    --------
    >>> pair = Disjoint().pair(vocabulary=7, rng=np.random.default_rng(0))
    >>> float(np.minimum(pair.p, pair.q).sum())
    0.0
    """

    name: ClassVar[str] = "disjoint"
    smallest: ClassVar[int] = 2

    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        order, half = rng.permutation(vocabulary), vocabulary // 2
        p, q = np.zeros(vocabulary), np.zeros(vocabulary)
        p[order[:half]] = rng.dirichlet(np.full(half, self.concentration))
        q[order[half:]] = rng.dirichlet(np.full(vocabulary - half, self.concentration))
        return p, q


@dataclass(frozen=True)
class Identical(Concentrated):
    """q is p, a Dirichlet draw: every draft can be accepted.

    Parameters
    ----------
    concentration
        In (0, 1e6).

    Examples
    --------
    >>> pair = Identical().exact_pair(vocabulary=4, rng=np.random.default_rng(0), denominator=12)
    >>> pair.p.tolist() == pair.q.tolist()
    True
    """

    name: ClassVar[str] = "identical"

    def _draw(self, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
        p = rng.dirichlet(np.full(vocabulary, self.concentration))
        return p, p.copy()


_KINDS: tuple[type[Family], ...] = (
    Zipf,
    Dirichlet,
    Sharpened,
    Flattened,
    Peaked,
    Uniform,
    Disjoint,
    Identical,
)
_REGISTRY = MappingProxyType({kind.name: kind for kind in _KINDS})


def families() -> tuple[str, ...]:
    """Names of all families.

    Examples
    --------
    >>> families()[:3]
    ('zipf', 'dirichlet', 'sharpened')
    """
    return tuple(_REGISTRY)


def family(name: str, **parameters: float) -> Family:
    """The family of a name, with its parameters or their defaults.

    Parameters
    ----------
    name
        One of :func:`families`.
    parameters
        Fields of the family's class.

    Raises
    ------
    ValueError
        For an unknown name or parameter (the message lists the known ones), or a value out of range.

    Examples
    --------
    >>> family("dirichlet", mixing=0.25)
    Dirichlet(concentration=0.3, mixing=0.25)
    >>> family("zipff")
    Traceback (most recent call last):
        ...
    ValueError: there is no family 'zipff'; did you mean 'zipf'? Known: zipf, dirichlet, sharpened, \
flattened, peaked, uniform, disjoint, identical
    """
    if name not in _REGISTRY:
        raise ValueError(unknown("family", name, families()))
    kind: Any = _REGISTRY[name]
    known = tuple(field.name for field in fields(kind))
    for parameter in parameters:
        if parameter not in known:
            raise ValueError(unknown(f"parameter of the family {name!r} called", parameter, known))
    made: Family = kind(**parameters)
    return made
