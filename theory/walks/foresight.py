r"""Foresight block verification: of several i.i.d. paths pick the one of the best *whole* path, then a block.

Selections that go level by level (:mod:`theory.walks.multi_path_block`) break ties inside of a pool by a
fair draw, and below the picked token only the paths that share it are left. Here the draw inside of a pool
is made by what the paths hold further down: every path has a score, uniform whatever the path
(:mod:`theory.walks.scores`), and the path of the least score is picked. So the law of the picked path's
*first* token is the same optimal one, and its *later* tokens have better laws: at a node that n paths
contended for the next token is the best of n, not the best of those few that share a prefix.

The picked path is a chain whose conditional laws y are known exactly, from the target's and the draft's
rows along that path alone. It is then verified as a block (:mod:`theory.walks.block`), with budgets
:math:`b \leftarrow \min(1, b\,p_x / y_x)`; the law y at a node is made for the target :math:`b\,p`.

On two levels it never accepts less than the same with level-by-level selection (``docs/multistep.md``), on
one level it is the optimal rule for i.i.d. drafts, with one path block verification. The pieces multiply:
at most as many as there are different pools of a token over a level's cuts. Near work: GBV (Thomas & Pal
2026) picks a path in a strict order of tokens; UniVer (arXiv 2605.04543), SpecTr-GBV (arXiv 2604.25925) and
Layer Verification combine optimal transport of a level with budgets.

Lossless: yes
Complexity: O(V log V + knots^2) a node, times the pieces of its score's law; made for small vocabularies
Source: derived here; block budgets by Sun et al. 2024, path selection by Thomas & Pal 2026, arXiv 2602.16961
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from theory.chance import Chance
from theory.couplings.base import draw_residual, ratio_capped
from theory.laws import Iid, Tokens
from theory.simplex import Array, residual
from theory.tree import DraftTree
from theory.walks.base import Model, UnsupportedTree, keep_probability, law_at
from theory.walks.scores import Cut, NodePlan, ScoreLaw
from theory.walks.top_down import Verified


@dataclass(frozen=True, eq=False)
class _Node:
    """A prefix as it is when its path is the picked one."""

    p: Array
    budget: Any
    plan: NodePlan | None


@dataclass(frozen=True)
class Foresight:
    """Pick the best of i.i.d. paths by nested scores and verify it as a block.

    Lossless: yes. Takes i.i.d. paths that start together: any number of i.i.d. children of the root, and
    below each a chain, all chains of one length.

    Examples
    --------
    >>> from theory.chance import Sampled
    >>> q, p = np.array([0.5, 0.25, 0.25]), np.array([0.0, 1.0, 0.0])
    >>> tree = DraftTree((-1, 0, 1, 1, 1), (-1, 0, 0, 1, 2), (Iid(q, 2), Iid(q, 1), Iid(q, 1), None, None))
    >>> Foresight().verify(tree=tree, target=lambda prefix: p, chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1, 1, 1), path=(2, 4), bonus=True)
    """

    lossless: ClassVar[bool] = True

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; asks ``select/d`` for the cuts and the score, then as :class:`~theory.walks.Block`.

        Raises
        ------
        UnsupportedTree
            If the tree is not one of i.i.d. paths that start together.
        """
        paths = _paths(tree)
        nodes: dict[Tokens, _Node] = {}
        cuts: dict[Tokens, Cut] = {}
        scored = [_interval(tree, path, target, chance, nodes, cuts) for path in paths]
        chosen = paths[_least(scored, chance, stream=f"select/{tree.depth}")]
        along = [nodes[tree.prefix(node)] for node in (0, *chosen)]
        return _block(tree, chosen, along, chance)


def _paths(tree: DraftTree) -> list[tuple[int, ...]]:
    """The paths from the root's children to the leaves."""
    leaves = [node for node in range(1, len(tree.tokens)) if not tree.children(node)]
    paths = [tree.path(leaf) for leaf in leaves] or [()]
    below = [len(tree.children(node)) for node in range(1, len(tree.tokens))]
    if any(count > 1 for count in below) or len({len(path) for path in paths}) > 1:
        raise UnsupportedTree(
            "Foresight verifies i.i.d. paths of one length that start together, but the tree branches below "
            "the root or its paths differ in length; use MultiPathBlock or Traversal for other trees"
        )
    if len(paths) > 1 and not isinstance(tree.laws[0], Iid):
        raise UnsupportedTree(
            f"Foresight verifies i.i.d. paths, but the root's children are of {type(tree.laws[0]).__name__}"
        )
    return paths


def _interval(
    tree: DraftTree,
    path: tuple[int, ...],
    target: Model,
    chance: Chance,
    nodes: dict[Tokens, _Node],
    cuts: dict[Tokens, Cut],
) -> tuple[Any, Any]:
    """What lies behind a path's part of the scale, and its length; fills in nodes and cuts on its way."""
    behind: Any = 0
    width: Any = 1
    budget: Any = 1
    scores = ScoreLaw.whole(len(tree.children(0)) or 1)
    for node, child in zip((0, *path), path, strict=False):
        prefix, token = tree.prefix(node), tree.tokens[child]
        if prefix not in nodes:
            nodes[prefix] = _node(tree, node, target(prefix), budget, scores)
        own = nodes[prefix]
        plan = own.plan
        assert plan is not None
        if prefix not in cuts:
            weights = np.array([weight for weight, _ in plan.cuts], dtype=own.p.dtype)
            cuts[prefix] = plan.cuts[chance.draw(weights, stream=f"select/{len(prefix)}")][1]
        rest, length = plan.pool(cuts[prefix], token)
        behind, width = behind + rest * width, length * width
        budget = ratio_capped(own.budget * own.p[token], plan.law[token])
        scores = plan.below(token)
    leaf = tree.prefix(path[-1]) if path else ()
    nodes[leaf] = _Node(target(leaf), budget, None)
    return behind, width


def _node(tree: DraftTree, node: int, p: Array, budget: Any, scores: ScoreLaw) -> _Node:
    # in the arithmetic of p: point masses come as integers
    q = law_at(tree, node, over=p).conditional(()) + p * 0
    return _Node(p, budget, NodePlan.of(p=budget * p, q=q, scores=scores))


def _least(scored: list[tuple[Any, Any]], chance: Chance, *, stream: str) -> int:
    """Who has the least score, each uniform in its interval; discrete questions only."""
    ends = sorted({end for behind, width in scored for end in (behind, behind + width)})
    cells = []
    for behind, width in scored:
        # an interval too short for floats to tell its ends apart is the cell at its end
        inside = [i for i in range(len(ends) - 1) if behind <= ends[i] < behind + width] or [
            ends.index(behind)
        ]
        lengths = np.array([ends[i + 1] - ends[i] for i in inside]) if len(inside) > 1 else None
        cells.append(inside[0 if lengths is None else chance.draw(lengths, stream=stream)])
    # the least score has most of the scale behind it
    tied = [slot for slot, cell in enumerate(cells) if cell == max(cells)]
    if len(tied) == 1:
        return tied[0]
    # a one of the widths' own kind: fractions stay fractions
    return tied[chance.draw(np.array([scored[slot][1] * 0 + 1 for slot in tied]), stream=stream)]


def _block(tree: DraftTree, path: tuple[int, ...], along: list[_Node], chance: Chance) -> Verified:
    """Verify the picked path from its end, with budgets against the laws it was picked with."""
    accepted = len(path)
    if chance.flip(along[-1].budget, stream=f"accept/{accepted}"):
        bonus = chance.draw(along[-1].p, stream="bonus")
        return Verified((*(tree.tokens[node] for node in path), bonus), path, bonus=True)
    while True:
        # the root keeps for certain, so the loop ends there at the latest
        accepted -= 1
        own = along[accepted]
        assert own.plan is not None
        owed = residual(own.budget * own.p, own.plan.law)
        if chance.flip(keep_probability(owed.sum(), own.budget), stream=f"accept/{accepted}"):
            token = draw_residual(owed, fallback=own.p, chance=chance, level=accepted)
            kept = path[:accepted]
            return Verified((*(tree.tokens[node] for node in kept), token), kept, bonus=False)
