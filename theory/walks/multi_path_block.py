r"""Multi-path block verification: select a path, verify it as a block against the law of the selection.

Paths that share their tokens so far are one node. At a node of budget b with the drafts of all paths
through it, a *selection* (:mod:`theory.couplings.selections`) picks one of the drafts; the law y of the
picked token is known exactly. The picked token x is handed the budget :math:`\min(1, b\,p_x / y_x)`
together with all paths that carry it. If control returns, the node ends the round with probability :math:`S
/ (S + 1 - b)`, :math:`S = \sum (b\,p - y)_+`, and corrects from :math:`(b\,p - y)_+ / S`; else it returns
control to its parent.

Lossless for every selection, good or bad: given the picked token, how many paths carry it and what follows
on them does not depend on the coins below, the child's promise holds for any number of paths, and the rest
is the budget step of :mod:`theory.walks.base`.

With one path this is block verification; at depth one it is single-draft rejection of the selected token, so
with the clipped selection it is the optimal rule for i.i.d. drafts. A strict order of the tokens gives greedy
multi-path block verification (Thomas & Pal 2026), the clipped law its combination with optimal transport
(UniVer, SpecTr-GBV and Layer Verification 2026 combine the two as well). Paths that were not selected are
not tried again.

Lossless: yes
Complexity: one selection a level of the selected path, O(V) each besides
Source: Thomas & Pal 2026, arXiv 2602.16961; budgets after Sun et al. 2024; derived here for any selection
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from theory.chance import Chance
from theory.couplings.base import draw_residual, ratio_capped
from theory.couplings.selections import Selection
from theory.simplex import residual
from theory.tree import DraftTree
from theory.walks.base import Model, keep_probability
from theory.walks.joined import children_of_all, of_token
from theory.walks.top_down import Verified


@dataclass(frozen=True)
class MultiPathBlock:
    """Verify one selected path of a tree as a block.

    Lossless: yes. Takes trees whose levels the selection takes.

    Parameters
    ----------
    selection
        Which of a node's drafts to go on with.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.couplings.selections import PriorityOrder
    >>> from theory.laws import Point
    >>> tree = DraftTree.star((2, 1), law=Point([2, 1]))
    >>> p = np.array([0.0, 1.0, 0.0])
    >>> MultiPathBlock(PriorityOrder()).verify(
    ...     tree=tree, target=lambda prefix: p, chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1, 1), path=(2,), bonus=True)
    """

    selection: Selection
    lossless: ClassVar[bool] = True

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; asks ``select/d`` going down, ``accept/d`` and ``residual/d`` or ``bonus`` going up."""
        found = self._end_below(tree, target, chance, (0,), 1)
        # budget one: the root never returns control
        assert found is not None
        return found

    def _end_below(
        self, tree: DraftTree, target: Model, chance: Chance, nodes: tuple[int, ...], budget: Any
    ) -> Verified | None:
        """End the round at or below a prefix with probability ``budget``, or return None."""
        prefix, path, level = tree.prefix(nodes[0]), tree.path(nodes[0]), tree.depths[nodes[0]]
        p = target(prefix)
        children, law = children_of_all(tree, nodes, over=p)
        if law is None:
            if not chance.flip(budget, stream=f"accept/{level}"):
                return None
            return Verified((*prefix, chance.draw(p, stream="bonus")), path, bonus=True)
        drafts = tuple(tree.tokens[child] for child in children)
        picked = self.selection.pick(p=budget * p, drafts=drafts, law=law, chance=chance, level=level)
        token, y = drafts[picked.slot], picked.law
        following = of_token(tree, children, token)
        found = self._end_below(tree, target, chance, following, ratio_capped(budget * p[token], y[token]))
        if found is not None:
            return found
        owed = residual(budget * p, y)
        if not chance.flip(keep_probability(owed.sum(), budget), stream=f"accept/{level}"):
            return None
        token = draw_residual(owed, fallback=p, chance=chance, level=level)
        return Verified((*prefix, token), path, bonus=False)
