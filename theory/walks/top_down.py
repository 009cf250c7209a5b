r"""Top-down verification: resolve the root, then the accepted child, and so on.

At each node the coupling emits one token of the target's distribution there. If the token is a child, walk
on from that child; if it is not, it is the correction and the walk ends. A leaf emits a bonus token from
the target. Every emitted token has the target's law given the ones before it, so the walk is lossless
whenever its coupling is.

Lossless: as its coupling
Complexity: one coupling a level
Source: Leviathan et al. 2023 for chains; Miao et al. 2023 (SpecInfer) for trees
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from theory.chance import Chance
from theory.couplings.base import Coupling
from theory.laws import Tokens
from theory.simplex import Array
from theory.tree import DraftTree


@dataclass(frozen=True)
class Verified:
    """What a walk emitted in one round.

    Attributes
    ----------
    tokens
        All emitted tokens: the accepted drafts, then one more (a correction or the bonus).
    path
        The accepted nodes, from below the root.
    bonus
        Whether the last token is a bonus (the walk reached a leaf), not a correction.
    """

    tokens: Tokens
    path: tuple[int, ...]
    bonus: bool

    @property
    def accepted_length(self) -> int:
        """Number of accepted drafts, the last token not counted."""
        return len(self.path)


@dataclass(frozen=True)
class TopDown:
    """Walk from the root along accepted children.

    Parameters
    ----------
    coupling
        The rule of each node.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.couplings import Recursive
    >>> from theory.laws import Point
    >>> tree = DraftTree.star((1,), law=Point([1]))
    >>> certain = np.array([0.0, 1.0, 0.0])
    >>> TopDown(Recursive()).verify(
    ...     tree=tree, target=lambda prefix: certain, chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1, 1), path=(1,), bonus=True)
    """

    coupling: Coupling

    @property
    def lossless(self) -> bool:
        """Whether the coupling is."""
        return self.coupling.lossless

    def verify(self, *, tree: DraftTree, target: Callable[[Tokens], Array], chance: Chance) -> Verified:
        """One round of verification.

        Parameters
        ----------
        tree
            The drafts.
        target
            The target's next-token distribution after a prefix of drafted tokens.
        chance
            Randomness; a node of depth d asks the streams ``accept/d``, ``residual/d`` and ``bonus``.
        """
        node, path, emitted = 0, list[int](), list[int]()
        while tree.children(node):
            children = tree.children(node)
            law = tree.laws[node]
            assert law is not None
            drafts = tuple(tree.tokens[child] for child in children)
            resolution = self.coupling.resolve(
                p=target(tuple(emitted)), drafts=drafts, law=law, chance=chance, level=len(path)
            )
            emitted.append(resolution.token)
            if resolution.slot is None:
                return Verified(tuple(emitted), tuple(path), bonus=False)
            node = children[resolution.slot]
            path.append(node)
        emitted.append(chance.draw(target(tuple(emitted)), stream="bonus"))
        return Verified(tuple(emitted), tuple(path), bonus=True)
