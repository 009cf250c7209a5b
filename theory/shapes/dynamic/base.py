r"""What every dynamic tree shares: the protocol, the budget, and the workbench that trees are built on.

An *algorithm* draws a tree from a draft under a budget: ``grow(draft=, budget=, chance=)``. The budget is the
largest number of drafted tokens, the root not counted; every algorithm takes 0 (the empty tree) and budgets
larger than what the draft's support offers (the tree is then smaller). :class:`WithBudget` fixes the budget
and so makes a grower for :class:`theory.walks.Scheme`.

**Why trees that grow by chance are verified without loss.** Number the draws in the order they are made.
Suppose that whether draw number i is made, and below which node, is decided by the draws before it, and that
a drawn token is never taken back. Recursive rejection from the root down looks at token x of node v only
after v was reached and the earlier siblings were rejected. All of that (and the fact that x is there at all)
was settled before x was drawn, up to accept coins of their own. So given what verification has seen, x has
the law that the node's law records: the draft's row given the earlier siblings. That is all that recursive
rejection needs.

Traversal looks at leaves first, so it may know of a child that is there *because of* a token it has not seen
yet. That does no harm: a node returns control with probability one minus its budget whatever hangs below it
(:mod:`theory.walks.base`), so that control returned says nothing about its later siblings' tokens.

Trees of chosen tokens (top tokens, retrieved ones) have point masses as laws whatever the choice was made by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import index
from typing import Any, Protocol

import numpy as np

from theory.chance import Chance
from theory.laws import Law, Point, Tokens, WithoutReplacement
from theory.simplex import Array, top_tokens
from theory.tree import ROOT, DraftTree
from theory.walks.base import Model
from theory.walks.growers import support


class TreeAlgorithm(Protocol):
    """Draws a tree of at most ``budget`` tokens; see the module's text."""

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """The tree; a node of depth d draws its children from the stream ``draft/d``."""
        ...


@dataclass(frozen=True)
class WithBudget:
    """An algorithm at a fixed budget: a grower for schemes.

    Parameters
    ----------
    algorithm
        How the tree grows.
    budget
        Largest number of drafted tokens, at least 0.

    Examples
    --------
    >>> from theory.chance import Sampled
    >>> from theory.shapes.dynamic import Chain
    >>> q = np.array([0.0, 1.0, 0.0])
    >>> WithBudget(Chain(), 3)(draft=lambda prefix: q, chance=Sampled(np.random.default_rng(0))).tokens
    (-1, 1, 1, 1)
    """

    algorithm: TreeAlgorithm
    budget: int

    def __post_init__(self) -> None:
        check_budget(self.budget)

    def __call__(self, *, draft: Model, chance: Chance) -> DraftTree:
        """One round's tree."""
        return self.algorithm.grow(draft=draft, budget=self.budget, chance=chance)


def check_budget(budget: int) -> int:
    """The budget, or ValueError unless it is an integer of at least 0."""
    return check_count(budget, name="the budget", least=0)


def check_count(value: Any, *, name: str, least: int = 1) -> int:
    """An integer of at least ``least``, or ValueError.

    Examples
    --------
    >>> check_count(3, name="width")
    3
    """
    try:
        number = least - 1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return number


@dataclass
class Workbench:
    """A tree in the making: nodes in the order of their making."""

    tokens: list[int] = field(default_factory=lambda: [ROOT])
    parents: list[int] = field(default_factory=lambda: [-1])
    prefixes: list[Tokens] = field(default_factory=lambda: [()])

    @property
    def size(self) -> int:
        """Number of drafted tokens so far."""
        return len(self.tokens) - 1

    def add(self, parent: int, token: int) -> int:
        """Hang a token below a node; the new node's number."""
        self.tokens.append(int(token))
        self.parents.append(parent)
        self.prefixes.append((*self.prefixes[parent], int(token)))
        return len(self.tokens) - 1

    def tree(self, law_of: Callable[[int, Tokens], Law]) -> DraftTree:
        """The tree, with the law of each node's children from the node and their tokens."""
        below: list[list[int]] = [[] for _ in self.tokens]
        for token, parent in zip(self.tokens[1:], self.parents[1:], strict=True):
            below[parent].append(token)
        laws = [law_of(node, tuple(children)) if children else None for node, children in enumerate(below)]
        return DraftTree(tuple(self.tokens), tuple(self.parents), tuple(laws))

    def chosen(self, vocabulary: int) -> DraftTree:
        """The tree of tokens that were chosen without randomness."""
        return self.tree(lambda node, children: Point(np.array(children), vocabulary))

    def drawn(self, rows: Callable[[int], Array]) -> DraftTree:
        """The tree of tokens that were drawn without replacement from each node's row."""
        return self.tree(lambda node, children: WithoutReplacement(rows(node), len(children)))


@dataclass(frozen=True)
class Candidate:
    """A token that might be kept: the draft's probability of its path, and where it hangs."""

    mass: Any
    prefix: Tokens


def below(draft: Model, node: Candidate, count: int) -> list[Candidate]:
    """The ``count`` likeliest tokens after a node, fewer where the support is smaller; O(V), no full sort.

    A child never weighs more than its parent, whatever rounding does: so the heaviest nodes are a tree.
    """
    q = draft(node.prefix)
    chosen = top_tokens(q, min(count, support(q)))
    return [Candidate(min(node.mass, node.mass * q[t]), (*node.prefix, int(t))) for t in chosen]


def heaviest(candidates: list[Candidate], count: int) -> list[Candidate]:
    """The heaviest candidates; among equals the shallow ones, then the ones that came first."""
    return sorted(candidates, key=lambda node: (-node.mass, len(node.prefix)))[:count]


def planted(candidates: list[Candidate], vocabulary: int) -> DraftTree:
    """The tree of chosen nodes; each one's parent is among them or is the root."""
    bench = Workbench()
    number: dict[Tokens, int] = {(): 0}
    for node in sorted(candidates, key=lambda node: len(node.prefix)):
        number[node.prefix] = bench.add(number[node.prefix[:-1]], node.prefix[-1])
    return bench.chosen(vocabulary)
