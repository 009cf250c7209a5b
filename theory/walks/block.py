r"""Block verification (Sun et al. 2024): a whole chain at once, and the *last* success counts.

Walk down the chain with budgets :math:`w_0 = 1,\; w_i = \min(1, w_{i-1}\, p(x_i) / q(x_i))`. Then, from the
last token back to the root, stop at the first i that passes a coin of probability

.. math:: h_\gamma = w_\gamma, \qquad h_i = \frac{S_i}{S_i + 1 - w_i}, \qquad
          S_i = \sum_x \bigl(w_i\, p(x \mid x^i) - q(x \mid x^i)\bigr)_+ ,

emit the tokens up to i, and one more: from the target if i is the last, else from :math:`(w_i\, p - q)_+ /
S_i`. This is the budget step of :mod:`theory.walks.base` with y = q at every node, so it is lossless. A
coin that fails near the root doesn't matter if a later one passes; a walk that stops at the first failure
is another rule, and a wrong one.

:math:`w_i = R_i / \max(1, \max_{j \le i} R_j)` with :math:`R_i = \prod_{j \le i} p(x_j) / q(x_j)`: the joint
ratio capped by its running maximum (compare the capped prefix ratios of Zhou et al. 2026, arXiv 2601.05724).

It accepts at least as many tokens as token-level rejection on every pair of models, and as many as any rule
can that keeps the target's law in every single round (the linear program of the tests).

Lossless: yes
Complexity: O(gamma V)
Source: Sun et al. 2024, arXiv 2403.10444, algorithm 2 and theorem 2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from theory.chance import Chance
from theory.couplings.base import draw_residual, ratio_capped
from theory.simplex import Array, residual
from theory.tree import DraftTree
from theory.walks.base import Model, chain_nodes, keep_probability, law_at
from theory.walks.top_down import Verified


@dataclass(frozen=True)
class Block:
    """Verify a chain from its end, with budgets.

    Lossless: yes. Takes chains of any laws.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.laws import Iid
    >>> q, p = np.array([0.5, 0.25, 0.25]), np.array([0.0, 1.0, 0.0])
    >>> chain = DraftTree.chain((1, 1), laws=[Iid(q, 1), Iid(q, 1)])
    >>> Block().verify(tree=chain, target=lambda prefix: p, chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1, 1, 1), path=(1, 2), bonus=True)
    """

    lossless: ClassVar[bool] = True

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; asks ``accept/d`` from the deepest d up, then ``residual/d`` or ``bonus``.

        Raises
        ------
        UnsupportedTree
            If a node has two children.
        """
        nodes = chain_nodes(tree, walk="Block")
        rows = [target(tree.prefix(node)) for node in (0, *nodes)]
        budgets = _budgets(tree, rows)
        accepted = len(nodes)
        if chance.flip(budgets[-1], stream=f"accept/{accepted}"):
            return _verified(tree, nodes, chance.draw(rows[-1], stream="bonus"), bonus=True)
        while True:
            # the root keeps for certain, so the loop ends there at the latest
            accepted -= 1
            left = residual(
                budgets[accepted] * rows[accepted],
                law_at(tree, accepted, over=rows[accepted]).conditional(()),
            )
            if chance.flip(keep_probability(left.sum(), budgets[accepted]), stream=f"accept/{accepted}"):
                token = draw_residual(left, fallback=rows[accepted], chance=chance, level=accepted)
                return _verified(tree, nodes[:accepted], token, bonus=False)


def _budgets(tree: DraftTree, rows: list[Array]) -> list[Any]:
    budgets: list[Any] = [1]
    for node, p in enumerate(rows[:-1]):
        token = tree.tokens[node + 1]
        budgets.append(
            ratio_capped(budgets[-1] * p[token], law_at(tree, node, over=p).conditional(())[token])
        )
    return budgets


def _verified(tree: DraftTree, path: tuple[int, ...], token: int, *, bonus: bool) -> Verified:
    return Verified((*(tree.tokens[node] for node in path), token), path, bonus)
