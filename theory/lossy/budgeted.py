r"""The best lossy rule for a budget: attains every point of the Pareto front, with a known output law.

The rule is a lossless one for another target. Let z be the law nearest to p among those that can be had with
acceptance :math:`a = \min(1, \alpha^* + \epsilon)` (:mod:`theory.lossy.front`); run the optimal lossless
rule with z in place of p. The output has law z exactly, :math:`TV(z, p) = a - \alpha^* \le \epsilon`, and
the acceptance is a: no rule with an output that near to p accepts more often. With :math:`\epsilon = 0` the
rule is lossless.

For one draft it accepts x with probability :math:`\min(1, z_x / q_x)`, :math:`z = p\,\mathrm{clip}(q / p,
\mu, \lambda)`: tokens that the draft has at most :math:`\lambda` times too often are always accepted.

Lossless: no
Complexity: O(V log V) for one or i.i.d. drafts; without replacement that of the optimal plan or the raffle
Source: front and rule in docs/beyond-acceptance.md; the linear trade of TV against rejections for one draft
    by Yin et al. 2024, arXiv 2411.00841
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Coupling, Resolution, checked
from theory.couplings.clipped import Clipped
from theory.couplings.maximal import Maximal
from theory.couplings.optimal_plan import OptimalPlan
from theory.laws import Iid, Law, Tokens
from theory.lossy.front import best_acceptance, check_share, front_law
from theory.simplex import Array, is_exact


@dataclass(frozen=True)
class Budgeted(ClosedForm):
    """Spend a budget of total variation on acceptance, in the best way.

    Lossless: no. (With a budget of zero: yes.) Takes ``Iid`` and any law of one draft at any vocabulary,
    ``WithoutReplacement`` at small ones.

    Parameters
    ----------
    budget
        Total variation distance of the output from p that is allowed, in [0, 1]; a fraction keeps results
        exact.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> rule = Budgeted(Fraction(1, 10))
    >>> round(float(rule.acceptance(p=p, law=Iid(q, 1))), 9)
    0.8
    >>> rule.output(p=p, law=Iid(q, 1)).round(9).tolist()
    [0.4, 0.3, 0.3]
    """

    budget: Any = Fraction(1, 10)
    lossless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_share(self.budget, name="budget")

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit a token of the front's law by the optimal rule for it."""
        law = law.over(p.shape[-1])
        output = self.output(p=p, law=law)
        return _optimal(law).resolve(p=output, drafts=drafts, law=law, chance=chance, level=level)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """``min(1, optimum + budget)``, shape ``(...)``; exact."""
        target, law = checked(p, law)
        return best_acceptance(p=target, law=law, budget=self._budget(target))

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """Law of the emitted token of one position, shape ``(V,)``; exact."""
        target, law = checked(p, law)
        return front_law(p=target, law=law, acceptance=self.acceptance(p=target, law=law))

    def _budget(self, p: Array) -> Any:
        # a fraction would turn floats into objects
        return self.budget if is_exact(p) else float(self.budget)


def _optimal(law: Law) -> Coupling:
    """The optimal lossless rule for a law of drafts."""
    if law.k == 1:
        return Maximal()
    return Clipped() if isinstance(law, Iid) else OptimalPlan()
