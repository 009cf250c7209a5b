r"""Retrieval trees beside a draft: pruning and fusion (RASD).

**Pruning.** A retrieved tree is a set of continuations. RASD keeps those whose first token is among the
draft's likeliest. :func:`prune` does so for trees of point masses only: dropping tokens *after they were
drawn* changes their law, and the recorded one would be wrong (the tests have a counter-example).

**Fusion by the longest prefix.** Both trees are laid over each other: a retrieved path follows the first
tree as far as their tokens agree and branches off there. Where retrieved tokens join drawn ones as
siblings, they come last and those that were drawn already are left out. So each is, given the earlier
siblings, a point mass; which tokens join depends on tokens drawn before, never on ones that are still to
come. The recorded law says just that: the first tree's law, then point masses. It is the law *given* the
drawn siblings (what recursive rejection asks for).

Lossless: yes, with top-down recursive rejection.
Complexity: O(nodes)
Source: Quan et al. 2025 (RASD), arXiv 2503.03434
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.chance import Chance
from theory.laws import Law, Point, Tokens
from theory.shapes.dynamic.base import TreeAlgorithm, Workbench, check_budget, check_count
from theory.simplex import top_tokens
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.growers import support
from theory.walks.joined import Joined


@dataclass(frozen=True)
class Fused:
    """A drawn tree and a retrieved one, merged by their longest common prefixes.

    Parameters
    ----------
    algorithm
        Draws the first tree from the whole budget less ``reserve``.
    retrieved
        Tree of point masses, best nodes first among siblings; it fills what budget is left, breadth first.
    keep
        Prune the retrieved tree to paths whose first token is among the draft's ``keep`` likeliest; None
        for all.
    reserve
        Tokens of the budget that are kept for the retrieved tree, at least 0.

    Examples
    --------
    >>> from theory.chance import Sampled
    >>> from theory.shapes.dynamic import Chain
    >>> found = tree_of_paths([(1, 1, 2), (1, 0)], vocabulary=3)
    >>> q = np.array([0.0, 1.0, 0.0])
    >>> grow = Fused(Chain(), found, keep=2, reserve=2).grow
    >>> tree = grow(draft=lambda prefix: q, budget=4, chance=Sampled(np.random.default_rng(0)))
    >>> [tree.prefix(node) for node in range(1, tree.size + 1)]
    [(1,), (1, 1), (1, 0), (1, 1, 2)]
    """

    algorithm: TreeAlgorithm
    retrieved: DraftTree
    keep: int | None = None
    reserve: int = 0

    def __post_init__(self) -> None:
        _check_points(self.retrieved)
        check_count(self.reserve, name="reserve", least=0)
        if self.keep is not None:
            check_count(self.keep, name="keep", least=0)

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw the first tree, prune the other, merge."""
        budget = check_budget(budget)
        drawn = self.algorithm.grow(draft=draft, budget=max(0, budget - self.reserve), chance=chance)
        found = self.retrieved if self.keep is None else prune(self.retrieved, draft=draft, keep=self.keep)
        return fuse(drawn, found, budget=budget)


def fuse(drawn: DraftTree, found: DraftTree, *, budget: int | None = None) -> DraftTree:
    """The first tree and what the second adds to it, up to ``budget`` nodes in all.

    The first tree is kept whole, also where it is larger than the budget.

    Raises
    ------
    ValueError
        If the second tree was drawn (has a law that is no :class:`~theory.laws.Point`).

    Examples
    --------
    >>> left, right = tree_of_paths([(0, 1)], vocabulary=3), tree_of_paths([(0, 2)], vocabulary=3)
    >>> fuse(left, right).parents
    (-1, 0, 1, 1)
    """
    _check_points(found)
    bench = Workbench(
        list(drawn.tokens), list(drawn.parents), [drawn.prefix(n) for n in range(drawn.size + 1)]
    )
    # where a token was drawn twice, the first copy is the one that verification goes on from
    place: dict[Tokens, int] = {}
    for node, prefix in enumerate(bench.prefixes):
        place.setdefault(prefix, node)
    for node in _breadth_first(found):
        prefix = found.prefix(node)
        if prefix in place or prefix[:-1] not in place:
            continue
        if budget is not None and bench.size >= budget:
            break
        place[prefix] = bench.add(place[prefix[:-1]], prefix[-1])
    size = _vocabulary(found)
    return bench.tree(
        lambda node, tokens: _law(drawn.laws[node] if node <= drawn.size else None, tokens, size)
    )


def _law(own: Law | None, tokens: Tokens, vocabulary: int | None) -> Law:
    """The law of a merged node's children: the first tree's, then point masses."""
    first = 0 if own is None else own.k
    if own is not None and first == len(tokens):
        return own
    rest = Point(np.array(tokens[first:]), vocabulary)
    if own is None:
        return rest
    return Point(np.array(tokens), vocabulary) if isinstance(own, Point) else Joined((own, rest))


def prune(tree: DraftTree, *, draft: Model, keep: int) -> DraftTree:
    """The paths of a retrieved tree whose first token is among the draft's ``keep`` likeliest.

    Raises
    ------
    ValueError
        If the tree was drawn.

    Examples
    --------
    >>> found = tree_of_paths([(0, 1), (2,)], vocabulary=3)
    >>> prune(found, draft=lambda prefix: np.array([0.1, 0.3, 0.6]), keep=1).tokens
    (-1, 2)
    """
    _check_points(tree)
    q = draft(())
    allowed = set(top_tokens(q, min(keep, support(q))).tolist())
    paths = [tree.prefix(node) for node in _breadth_first(tree)]
    return tree_of_paths([path for path in paths if path[0] in allowed], vocabulary=q.size)


def tree_of_paths(paths: list[Tokens], *, vocabulary: int) -> DraftTree:
    """The tree of given continuations, a node a prefix, in the order of their coming.

    Examples
    --------
    >>> tree_of_paths([(0, 1), (0, 2)], vocabulary=3).parents
    (-1, 0, 1, 1)
    """
    bench = Workbench()
    place: dict[Tokens, int] = {(): 0}
    for path in paths:
        for end in range(1, len(path) + 1):
            if path[:end] not in place:
                place[path[:end]] = bench.add(place[path[: end - 1]], path[end - 1])
    return bench.chosen(vocabulary)


def _breadth_first(tree: DraftTree) -> list[int]:
    return sorted(range(1, tree.size + 1), key=lambda node: tree.depths[node])


def _vocabulary(tree: DraftTree) -> int | None:
    return next((law.size for law in tree.laws if isinstance(law, Point)), None)


def _check_points(tree: DraftTree) -> None:
    for node, law in enumerate(tree.laws):
        if law is not None and not isinstance(law, Point):
            raise ValueError(
                f"node {node} of the retrieved tree has the law {type(law).__name__}; only chosen tokens "
                "(Point) may be pruned or merged, as selecting after a draw changes its law"
            )
