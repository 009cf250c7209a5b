r"""The greedy oracle in the model of types: it knows which draft will be rejected, and stops before it.

A round drafts what will be accepted, up to the limit, and the rejected position becomes the bonus token's.
No draft is wasted, so drafts and rounds together are the tokens: :math:`\text{time} = d N + R (b - d)` for
R rounds and N tokens. If :math:`d < b` fewer rounds are better, and a round that reaches as far as it can
never needs more of them later (:mod:`theory.stopping.recorded`): so **here the greedy oracle is
clairvoyant**, the upper bound of every policy. If :math:`d \ge b`, not drafting at all is.
"""

from __future__ import annotations

import numpy as np

from theory.stopping.confidence import Confidence
from theory.stopping.evaluation import Evaluated, evaluate, figures_of, fixed_stops


def greedy_oracle_rate(problem: Confidence) -> Evaluated:
    """Exact figures of the greedy oracle, which is clairvoyant in this model; O(S^2 limit).

    Examples
    --------
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.5], shares=[1.0],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=50)
    >>> round(greedy_oracle_rate(problem).rate, 6)  # 2 tokens in 1.1
    1.818182
    """
    if problem.times.draft_time >= problem.times.base:
        return evaluate(problem, fixed_stops(problem, 0))
    types, moves, rates = problem.types, problem.moves, problem.acceptance
    rounds = np.hstack([np.zeros((types, 2)), moves])
    for _ in range(problem.limit):
        accepted = rates[:, None] * (rounds + np.array([1.0, 1.0, *np.zeros(types)]))
        rejected = np.hstack([np.zeros((types, 2)), np.diag(1 - rates)])
        rounds = moves @ (accepted + rejected)
    return figures_of(problem, rounds)
