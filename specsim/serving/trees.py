r"""Draft trees in a batch: how many nodes each request gets, and what they bring.

A *menu* lists, for each limit of depth, the nodes of a draft tree in the order of their weights (the
probability that a node is accepted): its first n nodes are the tree of size n, and the best one if the menu
was made by :func:`theory.shapes.best_first` (order-ideal theorem). A tree of size n emits on average one
token and the sum of its n weights, takes as many draft steps as it has levels, and n + 1 tokens of
verification. At most one node of a level is accepted, so j levels or more are accepted with the sum of the
weights on level j: one uniform number a request and step.

A menu from :meth:`Menu.chain` is a chain whose acceptance depends on the depth, as engines measure it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from specsim.clocks import Affine
from specsim.serving.batch import Batch, Plan
from specsim.serving.workload import Counts, Floats

if TYPE_CHECKING:
    from theory.shapes import Profile, TreeShape


@dataclass(frozen=True, eq=False)
class Menu:
    """Nodes by weight, for each limit of depth from 0 on.

    Attributes
    ----------
    weights
        Falling, 0 behind the last node, shape ``(D + 1, N)``.
    depths
        Level of each node, 0 behind the last, shape ``(D + 1, N)``.
    """

    weights: Floats
    depths: Counts

    @classmethod
    def best_first(cls, profile: Profile, *, nodes: int, depth: int) -> Menu:
        """The optimal trees of a profile: all sizes up to ``nodes``, all depths up to ``depth``.

        Raises
        ------
        ValueError
            If a row of the profile rises, or it allows sums above one.

        Examples
        --------
        >>> from theory.shapes import Profile
        >>> menu = Menu.best_first(Profile.positional([0.6, 0.2]), nodes=4, depth=3)
        >>> [round(float(menu.tokens(n)), 3) for n in range(5)]
        [1.0, 1.6, 1.96, 2.176, 2.376]
        """
        from theory.shapes import best_first

        if not profile.exclusive:
            raise ValueError("acceptances of a menu must be of events that exclude each other")
        runs = [best_first(profile, nodes=nodes, max_depth=limit) for limit in range(depth + 1)]
        rows = []
        for run in runs:
            levels = [0]
            for parent in run.parents[1:]:
                levels.append(levels[parent] + 1)
            rows.append((np.array(run.taken, dtype=float), np.array(levels[1:], dtype=np.int64)))
        return cls._of(rows, nodes)

    @classmethod
    def of(cls, shape: TreeShape, profile: Profile) -> Menu:
        """A given tree, its heaviest nodes first; sizes below the whole are its best parts.

        Raises
        ------
        ValueError
            If a node weighs more than its parent or an earlier sibling, so that parts would be no trees.
        """
        weights = np.asarray(profile.weights(shape), dtype=float)[1:]
        depths = np.array(shape.depths[1:], dtype=np.int64)
        parents, ranks = np.array(shape.parents[1:]), np.array(shape.ranks[1:])
        rises = (ranks[1:] > 0) & (parents[1:] == parents[:-1]) & (np.diff(weights) > 1e-12)
        if rises.any():
            raise ValueError("weights rise along siblings: sort the rows of the profile first")
        order = np.argsort(-weights, kind="stable")
        rows = []
        for limit in range(shape.depth + 1):
            kept = order[depths[order] <= limit]
            rows.append((weights[kept], depths[kept]))
        return cls._of(rows, shape.size)

    @classmethod
    def chain(cls, acceptance: Sequence[float]) -> Menu:
        """A chain with an acceptance for each depth."""
        from theory.shapes import Profile

        return cls.best_first(
            Profile.by_depth([[float(value)] for value in acceptance]),
            nodes=len(acceptance),
            depth=len(acceptance),
        )

    @classmethod
    def _of(cls, rows: Sequence[tuple[Floats, Counts]], nodes: int) -> Menu:
        weights, depths = np.zeros((len(rows), nodes)), np.zeros((len(rows), nodes), dtype=np.int64)
        for limit, (values, levels) in enumerate(rows):
            weights[limit, : values.size], depths[limit, : levels.size] = values, levels
        return cls(weights, depths)

    def tokens(self, size: int, *, depth: int | None = None) -> float:
        """Expected tokens of the tree of a size, bonus counted."""
        return 1.0 + float(self.weights[-1 if depth is None else depth, :size].sum())

    def tails(self) -> Floats:
        """Probability that j levels or more are accepted, by limit, size and j - 1: ``(D + 1, N + 1, D)``."""
        limits, nodes = self.weights.shape
        out = np.zeros((limits, nodes + 1, max(1, limits - 1)))
        for level in range(1, limits):
            on_level = np.where(self.depths == level, self.weights, 0.0)
            out[:, 1:, level - 1] = np.cumsum(on_level, axis=1)
        return out


class Trees:
    """Drafts that are trees of menus, one menu a kind of request.

    Parameters
    ----------
    menus
        One for each kind.
    kinds
        Kind of each request; all of the first if left out.

    Raises
    ------
    ValueError
        If there is no menu, or a kind has none.
    """

    def __init__(self, menus: Sequence[Menu], kinds: Counts) -> None:
        if not menus or kinds.min() < 0 or kinds.max() >= len(menus):
            raise ValueError(f"kinds of requests need a menu each, there are {len(menus)}")
        limits = max(menu.weights.shape[0] for menu in menus)
        nodes = max(menu.weights.shape[1] for menu in menus)
        padded = [_padded(menu, limits, nodes) for menu in menus]
        self.weights = np.stack([menu.weights for menu in padded])
        self.depths = np.stack([menu.depths for menu in padded])
        self.deepest = np.maximum.accumulate(self.depths, axis=2)
        self.tails = np.stack([menu.tails() for menu in padded])
        self.kinds = kinds

    def batch(
        self,
        numbers: Counts,
        remaining: Counts,
        cached: int,
        prefill: int,
        target: Affine,
        draft: Affine,
        late: Floats,
    ) -> TreeBatch:
        """What a scheduler sees of these requests."""
        kinds = self.kinds[numbers]
        first = self.weights[kinds, -1, 0]
        return TreeBatch(first, remaining, cached, prefill, target, draft, late, self, kinds)

    def accepted(self, numbers: Counts, remaining: Counts, plan: Plan, rng: np.random.Generator) -> Counts:
        """How many levels of each request's tree are accepted."""
        tails = self.tails[self.kinds[numbers], self.limits(remaining, plan.depth), plan.sizes]
        return np.asarray((rng.random(numbers.size)[:, None] < tails).sum(axis=1), dtype=np.int64)

    def limits(self, remaining: Counts, depth: int | None) -> Counts:
        """Most levels that each request can use."""
        most = self.weights.shape[1] - 1
        return np.minimum(remaining - 1, most if depth is None else min(depth, most))


@dataclass(frozen=True)
class TreeBatch(Batch):
    """A batch whose drafts are trees; ``acceptance`` is that of each tree's heaviest node."""

    trees: Trees
    kinds: Counts

    def room(self) -> Counts:
        """Nodes that the menu has within the levels that a request needs."""
        return np.asarray(np.count_nonzero(self._weights(None), axis=1), dtype=np.int64)

    def gains(self, most: int) -> Floats:
        """Weights of each request's nodes, falling, ``(B, most)``; 0 where there is no node."""
        found = self._weights(None)[:, :most]
        return np.pad(found, ((0, 0), (0, most - found.shape[1])))

    def steps(self, plan: Plan) -> int:
        """Levels of the deepest tree."""
        some = plan.sizes > 0
        limits = self.trees.limits(self.remaining, plan.depth)[some]
        return int(self.trees.deepest[self.kinds[some], limits, plan.sizes[some] - 1].max(initial=0))

    def by_depth(self, most: int) -> Iterator[tuple[int, Floats, Counts]]:
        """For each limit of depth: the weights of all nodes of the menus within it, and whose they are."""
        for depth in range(1, self.trees.weights.shape[1]):
            flat = self._weights(depth)[:, :most]
            width = flat.shape[1]
            order = np.argsort(-flat.ravel(), kind="stable")[: np.count_nonzero(flat)]
            yield depth, flat.ravel()[order], order // width

    def _weights(self, depth: int | None) -> Floats:
        found: Floats = self.trees.weights[self.kinds, self.trees.limits(self.remaining, depth)]
        return found


def _padded(menu: Menu, limits: int, nodes: int) -> Menu:
    """The same with more limits (the last one again) and more nodes (of no weight)."""
    rows = (0, limits - menu.weights.shape[0]), (0, 0)
    columns = (0, 0), (0, nodes - menu.weights.shape[1])
    weights, depths = (np.pad(table, rows, mode="edge") for table in (menu.weights, menu.depths))
    return Menu(np.pad(weights, columns), np.pad(depths, columns))
