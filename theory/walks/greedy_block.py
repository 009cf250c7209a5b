r"""Greedy block verification: the most accepted tokens in this round, paid for by a changed next round.

Couple the drafted block :math:`X \sim Q` of length gamma with a block :math:`Y \sim P` of the target such
that their common prefix is as long as possible. No coupling can make X and Y both pass through a node v
with more than :math:`\min(P(v), Q(v))`; on a tree all these can be reached together, by filling deficits as
deep as possible. So the expected number of accepted tokens is

.. math:: E[\tau] = \sum_{v,\; 1 \le |v| \le \gamma} \min\bigl(P(v), Q(v)\bigr),

more than block verification has. **Descent of X, then back:** with the joint ratio :math:`R_i = P(x^i) /
Q(x^i)`, *not* capped on the way, token gamma is kept with probability :math:`\min(1, R_\gamma)`. What was
refused below :math:`x^i` has mass :math:`\bar S = \sum_x (Q - P)_+` and fills the deficits :math:`S =
\sum_x (P - Q)_+` of the other children: keep i with probability :math:`\min(1, S / \bar S)`, which in units
of Q is 1 if :math:`R_i \ge 1` and else :math:`S_i / (S_i + 1 - R_i)`, and correct from :math:`(R_i\,p -
q)_+`.

**The price.** After a correction the emitted tokens u stop at a node with :math:`P(u) > Q(u)`, reached by
drafts from outside of u. Drafts that pass *through* u serve :math:`\min(P, Q)` of what lies below it, so
what is left for the others is :math:`\propto (P - Q)_+`. Hence until the block's gamma tokens are complete
the target of the next rounds is

.. math:: p'(y \mid u) \propto \bigl(P(u y) - Q(u y)\bigr)_+ ,

with P and Q counted from the start of the block (:meth:`GreedyBlock.following`); it is again treated as a
model, so a second correction inside the block changes it once more. A round completed with the *unchanged*
target is biased; over any number of rounds with the changed one the joint law is the target's.

Lossless: yes
Complexity: O(gamma V) a round; the next round needs the draft's distributions along the block
Source: Sun et al. 2024, arXiv 2403.10444, appendix (greedy block verification); derived here
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from theory.chance import Chance
from theory.couplings.base import draw_residual, ratio_capped
from theory.laws import Tokens
from theory.simplex import Array, residual
from theory.tree import DraftTree
from theory.walks.base import Model, chain_nodes, keep_probability, law_at, shifted
from theory.walks.top_down import Verified


@dataclass(frozen=True)
class GreedyBlock:
    """Verify a chain with uncapped joint ratios; the next rounds use :meth:`following`.

    Lossless: yes, if every next round's target is the one that ``following`` returns. Takes chains whose
    laws are the draft's own distributions.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.laws import Iid
    >>> q, p = np.array([0.5, 0.25, 0.25]), np.array([0.0, 1.0, 0.0])
    >>> chain = DraftTree.chain((0, 1), laws=[Iid(q, 1), Iid(q, 1)])
    >>> GreedyBlock().verify(tree=chain, target=lambda prefix: p, chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1,), path=(), bonus=False)
    """

    lossless: ClassVar[bool] = True

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; asks ``accept/d`` from the deepest d up, then ``residual/d`` or ``bonus``.

        Raises
        ------
        UnsupportedTree
            If a node has two children.
        """
        nodes = chain_nodes(tree, walk="GreedyBlock")
        rows = [target(tree.prefix(node)) for node in (0, *nodes)]
        ratios = _joint_ratios(tree, rows)
        accepted = len(nodes)
        if chance.flip(ratio_capped(ratios[-1], 1), stream=f"accept/{accepted}"):
            return Verified(
                (*tree.prefix(accepted), chance.draw(rows[-1], stream="bonus")), nodes, bonus=True
            )
        while True:
            accepted -= 1
            left = residual(
                ratios[accepted] * rows[accepted], law_at(tree, accepted, over=rows[accepted]).conditional(())
            )
            if chance.flip(keep_probability(left.sum(), ratios[accepted]), stream=f"accept/{accepted}"):
                token = draw_residual(left, fallback=rows[accepted], chance=chance, level=accepted)
                return Verified((*tree.prefix(accepted), token), nodes[:accepted], bonus=False)

    def following(self, *, depth: int, target: Model, draft: Model, emitted: Tokens) -> Model:
        """The target of the next round, a model over prefixes that start after the emitted tokens.

        Parameters
        ----------
        depth
            Length of the drafted chain of the round that has just ended.
        target, draft
            That round's models, over prefixes counted from its start; the chain was drawn from the draft.
        emitted
            What the round emitted.

        Notes
        -----
        One call costs a product of probabilities along its prefix.
        """
        missing = depth - len(emitted)
        if missing <= 0:
            return shifted(target, emitted)

        def changed(tokens: Tokens) -> Array:
            prefix = (*emitted, *tokens)
            return target(prefix) if len(tokens) >= missing else _deficit(target, draft, prefix)

        return changed


def _deficit(target: Model, draft: Model, prefix: Tokens) -> Array:
    """``(P(u y) - Q(u y))_+`` over y, normalised; the target itself where nothing is left."""
    mass_p, mass_q = _mass(target, prefix), _mass(draft, prefix)
    p = target(prefix)
    owed = residual(mass_p * p, mass_q * draft(prefix))
    total = owed.sum()
    return owed / total if total > 0 else p


def _mass(model: Model, prefix: Tokens) -> Any:
    mass: Any = 1
    for depth, token in enumerate(prefix):
        mass = mass * model(prefix[:depth])[token]
    return mass


def _joint_ratios(tree: DraftTree, rows: list[Array]) -> list[Any]:
    ratios: list[Any] = [1]
    for node, p in enumerate(rows[:-1]):
        token = tree.tokens[node + 1]
        ratios.append(ratios[-1] * p[token] / law_at(tree, node, over=p).conditional(())[token])
    return ratios
