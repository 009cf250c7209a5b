r"""The rule that the linear program finds, as a program against ``chance``.

At prefix s, with the part T of the drafted tree below it, the next token y is drawn by the solution's
shares; it is accepted with probability :math:`\min(1, P(y|s) / F(y|s))`, F the law that the shares have,
and else replaced by a token of :math:`(P - F)_+`, which ends the round. For an optimal solution F is P up
to rounding, so the replacement hardly ever comes; it makes the rule exactly lossless whatever the shares
are.

It knows what no engine knows, the models' rows after *every* prefix, drafted or not: it is the yardstick,
not a rule for use.

Lossless: yes
Complexity: O(V) a token once the program is solved
Source: derived here
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from theory.chance import Chance
from theory.couplings.base import draw_residual, ratio_capped
from theory.multistep.problem import Flows, as_numbers, flows
from theory.multistep.solution import MultistepSolution
from theory.multistep.trees import nested
from theory.simplex import Array, is_exact, residual
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.top_down import Verified


@dataclass(frozen=True, eq=False)
class Planned:
    """Verify one round by a solved program; a walk.

    Lossless: yes, for the target that the problem was made with. Takes the trees of the problem.

    Parameters
    ----------
    solution
        From :func:`~theory.multistep.solve`. Of a problem in fractions the rule is exact.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.laws import Iid
    >>> from theory.multistep import MultistepProblem, solve
    >>> q, p = np.array([0.5, 0.25, 0.25]), np.array([0.0, 1.0, 0.0])
    >>> problem = MultistepProblem.paths(target=lambda s: p, draft=lambda s: q, count=2, length=1)
    >>> tree = DraftTree.star((0, 1), law=Iid(q, 2))
    >>> Planned(solve(problem)).verify(
    ...     tree=tree, target=lambda s: p, chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1, 1), path=(2,), bonus=True)
    """

    solution: MultistepSolution
    lossless: ClassVar[bool] = True

    @cached_property
    def _tables(self) -> tuple[Array, Flows]:
        problem = self.solution.problem
        parts = as_numbers(problem, self.solution.shares, problem.exact)[2]
        return parts, flows(problem, self.solution.shares, exact=problem.exact)

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; level d asks ``select/d``, ``accept/d`` and ``residual/d``, the end ``bonus``.

        Raises
        ------
        ValueError
            If the tree is none of the problem's.
        """
        states = self.solution.problem.states
        nodes: tuple[int, ...] = (0,)
        emitted: tuple[int, ...] = ()
        at = 0
        while at >= 0:
            p = target(emitted)
            key = (at, nested(tree, nodes))
            if key not in states.index:
                raise ValueError(f"the tree below {emitted} is none that the problem's drafts can have")
            token, kept = self._next(states.index[key], at, p, chance, len(emitted))
            found = tuple(c for node in nodes for c in tree.children(node) if tree.tokens[c] == token)
            if not (kept and found):
                return Verified((*emitted, token), tree.path(nodes[0]), bonus=not tree.children(nodes[0]))
            emitted, nodes, at = (*emitted, token), found, int(states.below[at, token])
        return Verified(
            (*emitted, chance.draw(target(emitted), stream="bonus")), tree.path(nodes[0]), bonus=True
        )

    def _next(self, state: int, at: int, p: Array, chance: Chance, level: int) -> tuple[int, Any]:
        parts, found = self._tables
        token = chance.draw(parts[state], stream=f"select/{level}")
        law = found.emitted[at] / found.reached[at]
        if not is_exact(p):
            law = law.astype(float)
        if chance.flip(ratio_capped(p[token], law[token]), stream=f"accept/{level}"):
            return token, True
        return draw_residual(residual(p, law), fallback=p, chance=chance, level=level), False
