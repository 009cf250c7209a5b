r"""What a walk is, and what budget rules share.

A walk verifies one drafted tree in one round and emits at least one token. It is **lossless** if the
emitted tokens, completed with samples of the target, have the target's joint law - for target and draft
that depend on the context, and after any number of rounds.

Walks that look at whole paths carry a *budget*. A node v is handed a budget :math:`b \in [0, 1]` and keeps
this promise:

    with probability b the round ends at or below v, and what is emitted from v on (completed with samples
    of the target) has the target's law given v; otherwise, with probability 1 - b, control returns to v's
    parent.

The root has budget 1. One step keeps the promise of v if those of its children are kept. Let the next token
tried have the law y, and hand a child x the budget :math:`\min(1, b\,p_x / y_x)`. The round then ends below
child x with mass :math:`\min(b\,p_x, y_x)`, so control returns with probability

.. math:: 1 - \sum_x \min(b\,p_x, y_x) = S + 1 - b, \qquad S = \sum_x (b\,p_x - y_x)_+,

and what v still owes is :math:`(b\,p - y)_+`, of mass S. So v, given that control returned, ends the round
with probability :math:`S / (S + 1 - b)` and emits a token of :math:`(b\,p - y)_+ / S`. At a leaf y is
nothing and S = b: it ends the round with probability b and emits a sample of p.

0/0: if S = 0 and b = 1 then y = p, all children have budget 1 and control never returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from theory.chance import Chance
from theory.laws import Law, Tokens
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.top_down import Verified

#: A model's next-token distribution after a prefix of tokens, counted from the committed context.
Model = Callable[[Tokens], Array]


class UnsupportedTree(ValueError):
    """A walk was given a tree of a shape that it is not made for; the message says which it takes."""


@runtime_checkable
class Walk(Protocol):
    """A rule that verifies a drafted tree; see the module's text."""

    @property
    def lossless(self) -> bool:
        """Whether the emitted tokens have the target's law."""
        ...

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round of verification."""
        ...


@runtime_checkable
class CarryingWalk(Walk, Protocol):
    """A walk whose next rounds need another target than the model's own: see ``following``."""

    def following(self, *, depth: int, target: Model, draft: Model, emitted: Tokens) -> Model:
        """The target of the next round, given the last one's depth, target, draft and emitted tokens."""
        ...


def keep_probability(surplus: Any, budget: Any) -> Any:
    """``S / (S + 1 - b)``: whether a node ends the round once its children have returned control.

    Where the budget is one (or more, for joint ratios that are not capped) the answer is one, also for 0/0.

    Examples
    --------
    >>> keep_probability(0.25, 0.5), keep_probability(0.0, 1)
    (0.3333333333333333, 1)
    """
    return 1 if budget >= 1 else surplus / (surplus + (1 - budget))


def shifted(model: Model, prefix: Tokens) -> Model:
    """The model after a prefix has been committed.

    Examples
    --------
    >>> import numpy as np
    >>> shifted(lambda tokens: np.array([len(tokens)]), (4, 2))((7,)).tolist()
    [3]
    """
    return lambda tokens: model((*prefix, *tokens))


def law_at(tree: DraftTree, node: int, *, over: Array) -> Law:
    """The law that a node's children were drawn from, over the vocabulary of the target's row there.

    The node has children.
    """
    law = tree.laws[node]
    assert law is not None
    return law.over(over.shape[-1])


def chain_nodes(tree: DraftTree, *, walk: str) -> tuple[int, ...]:
    """The nodes of a chain from below the root; raises :class:`UnsupportedTree` where the tree branches."""
    for node in range(len(tree.tokens)):
        if len(tree.children(node)) > 1:
            raise UnsupportedTree(
                f"{walk} verifies chains, but node {node} has {len(tree.children(node))} children; "
                "use Traversal or MultiPathBlock for trees"
            )
    return tuple(range(1, len(tree.tokens)))
