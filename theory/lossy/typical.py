r"""Typical acceptance (Medusa): a draft passes if the target finds it likely enough.

.. math:: p_x > \min\bigl(\epsilon,\; \delta\, e^{-H(p)}\bigr), \qquad H(p) = -\sum_x p_x \log p_x .

No coin is tossed. Among drafts that pass, the likeliest is taken (the first of equals); if none passes a
token is emitted by the ``correction``: the argmax of p (``"greedy"``, as the paper has for the
unconditional first token of a round), a sample of p (``"target"``), or a sample of p restricted to the
tokens above the threshold (``"typical"``). :class:`TypicalPath` is the rule on trees: the longest path all
of whose tokens pass, ties by likelihood.

The comparison is exact for fractions: :math:`\log(p_x / \delta) > \sum_i p_i \log p_i` compares logarithms
of fractions, whose order :mod:`theory.lossy.power_products` decides. (Floats compare in floats; the
released code adds 1e-5 inside the logarithm.)

Lossless: no
Complexity: O(V)
Source: Cai et al. 2024 (Medusa), arXiv 2401.10774, section 2.3.1 and released code (epsilon 0.09, delta 0.3)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, NoClosedForm, Resolution, checked, resolved
from theory.laws import Law, Point, Tokens
from theory.lossy.power_products import sign_of_logarithms
from theory.simplex import Array, entropy, is_exact, top_tokens
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.top_down import Verified

_CORRECTIONS = ("greedy", "target", "typical")


@dataclass(frozen=True)
class Typical(ClosedForm):
    """Accept the likeliest draft above the entropy threshold.

    Lossless: no. Takes any law; the output law has a closed form for ``Point``.

    Parameters
    ----------
    epsilon
        Hard threshold, positive.
    delta
        Factor of the entropy threshold, positive.
    correction
        What is emitted if no draft passes: ``"greedy"``, ``"target"`` or ``"typical"``.

    Examples
    --------
    >>> p = np.array([0.6, 0.3, 0.1])
    >>> Typical().passes(p).tolist(), Typical().output(p=p, law=Point([1])).tolist()
    ([True, True, True], [0.0, 1.0, 0.0])
    """

    epsilon: Any = Fraction(9, 100)
    delta: Any = Fraction(3, 10)
    correction: Literal["greedy", "target", "typical"] = "greedy"
    lossless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and self.delta > 0):
            raise ValueError(f"epsilon and delta must be positive, got {self.epsilon} and {self.delta}")
        if self.correction not in _CORRECTIONS:
            raise ValueError(f"correction must be one of {', '.join(_CORRECTIONS)}, got {self.correction!r}")

    def passes(self, p: Array) -> Array:
        """Whether each token is above the threshold, boolean of shape ``(V,)``."""
        if is_exact(p):
            above = _above_entropy(p, Fraction(self.delta))
            return np.array([bool(high or mass > self.epsilon) for high, mass in zip(above, p, strict=True)])
        threshold = float(self.delta) * math.exp(-float(entropy(p)))
        return (p > threshold) | (p > float(self.epsilon))  # floats: a fraction for each token takes a second

    def corrections(self, p: Array) -> Array:
        """Weights of the token that is emitted if no draft passes, shape ``(V,)``."""
        if self.correction == "target":
            return p
        allowed = self.passes(p)
        if self.correction == "typical" and allowed.any():
            return np.where(allowed, p, p * 0)
        out = p * 0
        out[top_tokens(p, 1)[0]] = 1
        return out

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the likeliest draft that passes, or a correction."""
        token = self._taken(p, drafts)
        if token is None:
            token = chance.draw(self.corrections(p), stream=f"residual/{level}")
        return resolved(token, drafts)

    def _taken(self, p: Array, drafts: Tokens) -> int | None:
        allowed = self.passes(p)
        passing = [token for token in drafts if allowed[token]]
        return max(passing, key=lambda token: p[token]) if passing else None

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the emitted token was drafted, for ``Point``; one position, exact."""
        target, drafts = self._points(p, law)
        if self._taken(target, drafts) is not None:
            return 1
        weights = self.corrections(target)
        return weights[list(drafts)].sum() / weights.sum()

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """Law of the emitted token, shape ``(V,)``, for ``Point``; exact."""
        target, drafts = self._points(p, law)
        taken = self._taken(target, drafts)
        if taken is None:
            weights = self.corrections(target)
            result: Array = weights / weights.sum()
            return result
        out = target * 0
        out[taken] = 1
        return out

    def _points(self, p: ArrayLike, law: Law) -> tuple[Array, Tokens]:
        target, law = checked(p, law)
        if not isinstance(law, Point):
            raise NoClosedForm(
                f"typical acceptance has a closed form for Point drafts, not for {type(law).__name__}; "
                "enumerate it at small vocabulary"
            )
        return target, tuple(int(token) for token in law.tokens)


def _above_entropy(p: Array, delta: Fraction) -> list[bool]:
    """Whether ``p_x > delta * exp(-entropy)``, decided exactly."""
    negative_entropy = [(mass, -mass) for mass in p if mass > 0]
    return [
        mass > 0 and sign_of_logarithms([(mass / delta, Fraction(1)), *negative_entropy]) > 0 for mass in p
    ]


@dataclass(frozen=True)
class TypicalPath:
    """Walk to the deepest node all of whose path passes, ties by likelihood; then the rule's correction.

    Lossless: no. Takes any tree.

    Examples
    --------
    >>> from theory.chance import Sampled
    >>> tree = DraftTree.chain((0, 1), laws=[Point([0]), Point([1])])
    >>> TypicalPath().verify(tree=tree, target=lambda prefix: np.array([0.9, 0.08, 0.02]),
    ...                      chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(0, 0), path=(1,), bonus=False)
    """

    rule: Typical = field(default_factory=Typical)
    lossless: ClassVar[bool] = False

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; asks ``residual/d`` at the node it ends at, or ``bonus`` at a leaf."""
        likelihood: dict[int, Any] = {0: 1}
        for node in range(1, len(tree.tokens)):
            parent, token = tree.parents[node], tree.tokens[node]
            if parent in likelihood:
                p = target(tree.prefix(parent))
                if self.rule.passes(p)[token]:
                    likelihood[node] = likelihood[parent] * p[token]
        best = max(likelihood, key=lambda node: (tree.depths[node], likelihood[node], -node))
        leaf = not tree.children(best)
        stream = "bonus" if leaf else f"residual/{tree.depths[best]}"
        token = chance.draw(self.rule.corrections(target(tree.prefix(best))), stream=stream)
        return Verified((*tree.prefix(best), token), tree.path(best), bonus=leaf)
