r"""Judge Decoding along a chain: a judge looks at the text up to each drafted token and may approve of it.

:class:`~theory.lossy.judge.Judge` is the rule at one position, given an approval of every token. Here the
approval is asked for the drafted token alone, as the method computes it: from the target's features *at* that
token, which verification has anyway. At each depth the draft is accepted if the judge's probability exceeds
the threshold, or else by the ordinary test; a rejection emits a token of :math:`(p - q)_+` and ends
the round, and a bonus token follows a chain that was accepted whole.

With a threshold of 1 nothing is approved and the walk is token-level rejection.

Lossless: no
Complexity: one approval and O(1) a token, O(V) for the last one
Source: Bachmann et al. 2025 (Judge Decoding), arXiv 2501.19309
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from theory.chance import Chance
from theory.couplings import Maximal
from theory.laws import Tokens
from theory.tree import DraftTree
from theory.walks.base import Model, chain_nodes, law_at
from theory.walks.top_down import Verified

#: The judge's probability that the last token of a prefix is right, from the target as the walk is given it.
Approval = Callable[[Model, Tokens], Any]


@dataclass(frozen=True)
class JudgedChain:
    """Accept what a judge approves of, or what token-level rejection accepts.

    Parameters
    ----------
    approval
        The judge.
    threshold
        Approve above it, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.laws import Iid
    >>> p, q = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    >>> walk = JudgedChain(lambda target, prefix: 0.9, threshold=0.5)
    >>> tree = DraftTree.chain((0,), laws=[Iid(q, 1)])
    >>> walk.verify(tree=tree, target=lambda prefix: p, chance=Sampled(np.random.default_rng(0))).tokens
    (0, 1)
    """

    approval: Approval
    threshold: Any = 0.5
    lossless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be in [0, 1], got {self.threshold}")

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; streams as of :class:`~theory.walks.TopDown`."""
        nodes, emitted = chain_nodes(tree, walk="JudgedChain"), list[int]()
        for depth, node in enumerate(nodes):
            token = tree.tokens[node]
            if not self.approval(target, (*emitted, token)) > self.threshold:
                p = target(tuple(emitted))
                law = law_at(tree, nodes[depth - 1] if depth else 0, over=p)
                resolution = Maximal().resolve(p=p, drafts=(token,), law=law, chance=chance, level=depth)
                if resolution.slot is None:
                    return Verified((*emitted, resolution.token), nodes[:depth], bonus=False)
            emitted.append(token)
        bonus = chance.draw(target(tuple(emitted)), stream="bonus")
        return Verified((*emitted, bonus), nodes, bonus=True)
