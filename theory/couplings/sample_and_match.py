r"""Sample and match: draw from the target, and accept if it was drafted (SpecInfer's naive sampling).

The emitted token is always the target's own sample, so the rule is lossless for drafts of any law, made
with or without randomness, as long as they do not look at that sample. Acceptance is
:math:`\sum_x p_x \Pr(x \in \text{drafts})`; for one draft of q it is :math:`\sum p_x q_x`, for a point
mass :math:`p_x`.

Lossless: yes
Complexity: O(V), one draw from p
Source: Miao et al. 2023 (SpecInfer, naive sampling); 'sample matching' of serving engines
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
    check_estimate,
    checked,
    mean_of,
    resolved,
)
from theory.laws import HubPair, Iid, Independent, Law, Point, Tokens, TopKPlusSample, WithoutReplacement
from theory.laws.draw_many import draw_without_replacement
from theory.laws.iid import at_least_once
from theory.simplex import Array, is_exact


@dataclass(frozen=True)
class SampleAndMatch:
    """Emit a sample of p; it is accepted if it was drafted.

    Lossless: yes. Takes any law.

    Examples
    --------
    >>> from theory.laws import Iid
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> round(float(SampleAndMatch().acceptance(p=p, law=Iid(q, 1))), 6)
    0.29
    """

    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit a sample of p; O(V)."""
        return resolved(chance.draw(p, stream=f"residual/{level}"), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Mass of p on the drafted set, in expectation; exact.

        Raises
        ------
        NoClosedForm
            For two or more drafts without replacement, in floats.
        """
        target, law = checked(p, law)
        if isinstance(law, Point):
            return np.take_along_axis(target, law.tokens, axis=-1).sum(axis=-1)
        return (target * _inclusion(law)).sum(axis=-1)

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        """Mean of p(drafted set) over drawn sets; O(samples k V)."""
        target, law = checked(p, law)
        check_estimate(target, samples)
        if isinstance(law, WithoutReplacement) and not is_exact(target):
            sets = draw_without_replacement(law.q, law.k, rng=rng, samples=samples)
            return mean_of(target[sets].sum(axis=1))
        chance = Sampled(rng)
        values = [target[sorted(set(law.sample(chance)))].sum() for _ in range(samples)]
        return mean_of(np.array(values, dtype=np.float64))


def _inclusion(law: Law) -> Array:
    """Probability of each token to be drafted, shape ``(..., V)``."""
    if isinstance(law, Iid):
        return at_least_once(law.q, law.k)
    if isinstance(law, TopKPlusSample | HubPair):
        top = law.top if isinstance(law, TopKPlusSample) else np.expand_dims(law.hub, -1)
        out = law.rest.copy()
        np.put_along_axis(out, top, law.q.dtype.type(1), axis=-1)
        return out
    if isinstance(law, Independent):
        missed: Any = 1
        for q in law.drafters:
            missed = missed * (1 - q)
        result: Array = 1 - missed
        return result
    if isinstance(law, WithoutReplacement):
        if law.k == 1:
            return law.q
        if not is_exact(law.q):
            raise NoClosedForm("sample-and-match has no closed form without replacement; use estimate")
    return _enumerated_inclusion(law)


def _enumerated_inclusion(law: Law) -> Array:
    everything = np.ones(law.vocabulary, dtype=bool)
    shown = []
    for token in range(law.vocabulary):
        others = everything.copy()
        others[token] = False
        shown.append(np.asarray(1 - law.containment(others), dtype=object))
    return np.stack(shown, axis=-1)
