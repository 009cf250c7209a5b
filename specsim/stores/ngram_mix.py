r"""An interpolated mixture of n-gram models, and how Superposed Decoding joins it to a model's law.

For a context c let :math:`p_n(x \mid c)` be the share of x among the tokens that followed the last n - 1
tokens of c in the store, for n = 2 to 6. The mixture is

.. math:: g(x \mid c) = \sum_n \lambda_n\, p_n(x \mid c),

where an order whose context never occurred contributes nothing: so g is a measure, not a distribution (the
published weights .01, .04, .15, .18, .12 sum to one half to begin with). Only its shape is used.

**Joining.** With a model's law p over the tokens that are considered, a draft's scores are

.. math:: f(x) = p(x)^{1 - \alpha}\, g(x)^{\alpha},

so a token that the mixture doesn't know has score 0. If the mixture knows none of them (the supports don't
meet), they are :math:`\delta\, p(x)^{1 - \alpha}` instead, with :math:`\delta = e^{-200}`: that draft then
loses to every draft that was joined, and keeps the model's order. Scores aren't normalised, as drafts are
ranked by their products.

Counts come from a store of suffixes, the growing text and the fixed datastore together: no table of n-grams
is made.

Source: Shen et al. 2024 (Superposed Decoding), arXiv 2405.18400
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from specsim.stores.datastore import Array
from specsim.stores.suffix import Suffixes

#: The published weights of n = 2, 3, 4, 5, 6.
WEIGHTS = tuple(Fraction(weight, 100) for weight in (1, 4, 15, 18, 12))


@dataclass(frozen=True)
class NGramMix:
    """The mixture over a store.

    Parameters
    ----------
    store
        Where n-grams are counted.
    weights
        Of the orders 2, 3, ...: fractions (exact) or floats, none negative.

    Raises
    ------
    ValueError
        For no weight or a negative one.

    Examples
    --------
    >>> mix = NGramMix(Suffixes().observe([0, 1, 2, 3, 1, 2, 0, 3]), weights=(Fraction(1, 4), Fraction(1, 2)))
    >>> mix((1, 2))
    {0: Fraction(3, 8), 3: Fraction(3, 8)}
    """

    store: Suffixes
    weights: tuple[Any, ...] = WEIGHTS

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights) < 0:
            raise ValueError(f"give at least one weight, none negative, got {self.weights!r}")

    def __call__(self, context: Sequence[int]) -> dict[int, Any]:
        """The mixture's mass of each token that it knows after a context.

        Cost: the followers of each order's occurrences, those of the last token alone first.
        """
        mass: dict[int, Any] = {}
        for weight, counts in zip(self.weights, self.counts(context), strict=False):
            total = counts.total()
            for token, count in counts.items():
                share = Fraction(count, total) if isinstance(weight, Fraction) else count / total
                mass[token] = mass.get(token, 0) + weight * share
        return {token: mass[token] for token in sorted(mass) if mass[token] > 0}

    def counts(self, context: Sequence[int]) -> list[Counter[int]]:
        """How often each token followed the last 1, 2, ... tokens; up to the longest that occurred."""
        most = min(len(context), len(self.weights))
        out: list[Counter[int]] = [Counter() for _ in range(most)]
        self._count_text(context, out)
        if self.store.datastore is not None:
            for place, stretch in enumerate(self.store.datastore.stretches(context[len(context) - most :])):
                tokens, counts = self.store.datastore.counts(*stretch)
                out[place].update(dict(zip(tokens.tolist(), counts.tolist(), strict=True)))
        return [counter for counter in out if counter]

    def _count_text(self, context: Sequence[int], out: list[Counter[int]]) -> None:
        text = self.store.text
        for place in text.places(context[-1]) if out else ():
            for token in text.slice(place + 1, 1):
                for order in range(text.span(place, context, len(out))):
                    out[order][token] += 1


def joined_scores(
    *, log_p: Array, tokens: Sequence[int], mass: Mapping[int, Any], alpha: float, penalty: float = 200.0
) -> Array:
    """Logarithms of the joined scores of some tokens; see the module's text.

    Parameters
    ----------
    log_p
        Logarithms of the model's probabilities of the tokens, shape ``(n,)``.
    tokens
        The tokens considered.
    mass
        The mixture's masses.
    alpha
        The mixture's exponent, in [0, 1]; at 0 the model's law alone counts, whatever the mixture knows.
    penalty
        Minus the logarithm of delta, at least 0.

    Raises
    ------
    ValueError
        For numbers out of their range.

    Examples
    --------
    >>> log_p = np.log([0.5, 0.5])
    >>> joined_scores(log_p=log_p, tokens=(3, 4), mass={4: 1.0}, alpha=0.5).round(3)
    array([  -inf, -0.347])
    >>> joined_scores(log_p=log_p, tokens=(3, 4), mass={7: 1.0}, alpha=0.5).round(3)
    array([-200.347, -200.347])
    """
    if not 0 <= alpha <= 1 or penalty < 0:
        raise ValueError(
            f"alpha must be in [0, 1] and penalty at least 0, got alpha={alpha}, penalty={penalty}"
        )
    if alpha == 0:
        return np.asarray(log_p, dtype=np.float64)
    own = (1 - alpha) * log_p
    known = np.array([float(mass.get(token, 0)) for token in tokens])
    if not known.any():
        return np.asarray(own - penalty)
    with np.errstate(divide="ignore"):
        return np.asarray(own + alpha * np.log(known))
