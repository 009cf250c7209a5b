r"""The threshold rule of a serving engine's tree kernel (SGLang, ``target_only``).

Children of a node come in a fixed order. One uniform number u serves the whole node; walking along the
children with :math:`c_j = p_{x_1} + \dots + p_{x_j}`, child j is taken as soon as

.. math:: u \le c_j / t \quad\text{or}\quad p_{x_j} \ge s ,

with the thresholds t (``cumulative``, the kernel's ``threshold_acc``) and s (``single``,
``threshold_single``). If none is taken the token comes from p with the children removed. With t = 1 and s =
1 (and, for s, no token of probability one, where both agree) a child is taken with its own probability p:
the rule is then lossless.

Given that the children before were not taken, u is uniform above :math:`\min(1, c_{j-1} / t)`, so child j
is taken with probability :math:`(\min(1, c_j / t) - \min(1, c_{j-1} / t)) / (1 - \min(1, c_{j-1} / t))`, or
for certain by the single threshold.

Lossless: no
Complexity: O(k), O(V) for a residual draw
Source: SGLang, sgl-kernel, tree_speculative_sampling_target_only
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, checked, draw_residual, ratio_capped, require
from theory.laws import Law, Point, Tokens
from theory.lossy.base import live_residual
from theory.simplex import Array


@dataclass(frozen=True)
class EngineThreshold(ClosedForm):
    """Take the first child that passes a cumulative or a single threshold.

    Lossless: no. (With thresholds of one: yes.) Takes ``Point``, the engine's trees of top tokens.

    Parameters
    ----------
    single
        Take a child of at least this target probability for certain, in (0, 1].
    cumulative
        Divide the children's cumulative probability by this, in (0, 1].

    Examples
    --------
    >>> p = np.array([0.5, 0.3, 0.2])
    >>> EngineThreshold(cumulative=Fraction(4, 5)).output(p=p, law=Point([1, 0])).round(4)
    array([0.625, 0.375, 0.   ])
    """

    single: Any = Fraction(1)
    cumulative: Any = Fraction(1)
    lossless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("single", "cumulative"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}; 1 is no relaxation")

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the first child that passes, or a token of the rest; O(V)."""
        require(law, Point, rule="EngineThreshold")
        for slot, (token, taken) in enumerate(zip(drafts, self._chances(p, drafts), strict=True)):
            if chance.flip(taken, stream=f"accept/{level}"):
                return Resolution(token, slot)
        return Resolution(draw_residual(_without(p, drafts), fallback=p, chance=chance, level=level), None)

    def _chances(self, p: Array, drafts: Tokens) -> list[Any]:
        """Probability of each child to be taken, given that those before it were not."""
        out: list[Any] = []
        mass, before = p[0] * 0, p[0] * 0
        for token in drafts:
            mass = mass + p[token]
            passed = ratio_capped(mass, self.cumulative)
            certain = p[token] >= self.single or before >= 1
            out.append(1 if certain else (passed - before) / (1 - before))
            before = passed
        return out

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that a child is taken; one position, O(k), exact."""
        target, law = checked(p, law)
        require(law, Point, rule="EngineThreshold")
        assert isinstance(law, Point)
        missed: Any = 1
        for taken in self._chances(target, _tokens(law)):
            missed = missed * (1 - taken)
        return 1 - missed

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """Law of the emitted token, shape ``(V,)``; O(V), exact."""
        target, law = checked(p, law)
        require(law, Point, rule="EngineThreshold")
        assert isinstance(law, Point)
        drafts = _tokens(law)
        out, missed = target * 0, target.sum()
        for token, taken in zip(drafts, self._chances(target, drafts), strict=True):
            out[token] = missed * taken
            missed = missed * (1 - taken)
        rest = live_residual(_without(target, drafts), fallback=target)
        result: Array = out + missed * rest / rest.sum()
        return result


def _tokens(law: Point) -> Tokens:
    return tuple(int(token) for token in law.tokens)


def _without(p: Array, drafts: Tokens) -> Array:
    out = p.copy()
    out[np.array(drafts, dtype=np.intp)] = 0
    return out
