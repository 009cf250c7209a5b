r"""Surviving prefixes: SpecTr's sequence-level selection.

All drafted paths start together. At each level a coupling resolves the next tokens of all surviving paths
as the drafts of *one* node; the paths that carry the emitted token survive. The coupling looks only at this
level's tokens, so given that a path survives its continuation still has the draft's law, and the next level
is again a node with that many drafts. Every emitted token has the target's law given the ones before it, so
the walk is lossless whenever its coupling is.

Unlike a top-down walk it keeps *all* equal siblings: for i.i.d. paths the number of drafts at a level is the
number of paths that agree so far.

Lossless: as its coupling
Complexity: one coupling a level, with as many drafts as there are surviving children
Source: Sun et al. 2023 (SpecTr), algorithm 2
"""

from __future__ import annotations

from dataclasses import dataclass

from theory.chance import Chance
from theory.couplings.base import Coupling
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.joined import children_of_all, of_token
from theory.walks.top_down import Verified


@dataclass(frozen=True)
class SurvivingPrefixes:
    """Walk down along all paths that agree with what was emitted.

    Parameters
    ----------
    coupling
        The rule of each level. It is given i.i.d. drafts where all surviving nodes have i.i.d. children of
        one distribution, else a product law.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.couplings import Recursive
    >>> from theory.laws import Iid, Point
    >>> tree = DraftTree((-1, 1, 1, 0, 2), (-1, 0, 0, 1, 2),
    ...                  (Iid(np.array([0.0, 1.0, 0.0]), 2), Point([0]), Point([2]), None, None))
    >>> rows = {(): [0.0, 1.0, 0.0], (1,): [0.0, 0.0, 1.0], (1, 2): [1.0, 0.0, 0.0]}
    >>> SurvivingPrefixes(Recursive()).verify(
    ...     tree=tree, target=lambda prefix: np.array(rows[prefix]), chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1, 2, 0), path=(2, 4), bonus=True)
    """

    coupling: Coupling

    @property
    def lossless(self) -> bool:
        """Whether the coupling is."""
        return self.coupling.lossless

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; level d asks ``accept/d`` and ``residual/d``, the end ``bonus``."""
        nodes: tuple[int, ...] = (0,)
        emitted: tuple[int, ...] = ()
        while True:
            p = target(emitted)
            children, law = children_of_all(tree, nodes, over=p)
            if law is None:
                token = chance.draw(p, stream="bonus")
                return Verified((*emitted, token), tree.path(nodes[0]), bonus=True)
            resolution = self.coupling.resolve(
                p=p,
                drafts=tuple(tree.tokens[child] for child in children),
                law=law,
                chance=chance,
                level=len(emitted),
            )
            if resolution.slot is None:
                return Verified((*emitted, resolution.token), tree.path(nodes[0]), bonus=False)
            emitted = (*emitted, resolution.token)
            nodes = of_token(tree, children, resolution.token)
