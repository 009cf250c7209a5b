r"""Published methods by name: how each drafts, and which walk and node rule verify it.

Every constructor returns a :class:`~theory.walks.rounds.Scheme`. Numbers of children are capped by the
draft's support where a law draws different tokens. None of these is an algorithm of its own: they fill the
slots of :mod:`theory.walks` and :mod:`theory.couplings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from theory.couplings import (
    GumbelCoupling,
    GumbelList,
    KSeq,
    Maximal,
    Recursive,
    SampleAndMatch,
)
from theory.couplings.base import Coupling
from theory.couplings.selections import PooledClip, PriorityOrder, Selection
from theory.laws import Iid, Law, Point, WithoutReplacement
from theory.simplex import Array
from theory.walks.base import Model, Walk
from theory.walks.block import Block
from theory.walks.greedy_block import GreedyBlock
from theory.walks.growers import FixedShape, Heaviest, Shape, support
from theory.walks.hierarchy import MiddleChain
from theory.walks.multi_path_block import MultiPathBlock
from theory.walks.rounds import Levels, Scheme
from theory.walks.surviving import SurvivingPrefixes
from theory.walks.top_down import TopDown
from theory.walks.traversal import Traversal

LawOf = Callable[[Array], Law]


def iid(k: int) -> LawOf:
    """``k`` i.i.d. children."""
    return lambda q: Iid(q, k)


def without_replacement(k: int) -> LawOf:
    """Up to ``k`` different children, as many as the support has."""
    return lambda q: WithoutReplacement(q, min(k, support(q)))


def top(k: int) -> LawOf:
    """Up to ``k`` top tokens, as point masses."""
    return lambda q: Point.top(q, min(k, support(q)))


def full_tree(branching: Sequence[int], law: Callable[[int], LawOf], walk: Walk) -> Scheme:
    """A full tree: ``branching[d]`` children at depth d, of one kind of law.

    Raises
    ------
    ValueError
        If there is no level, or one has no child.
    """
    if not branching or min(branching) < 1:
        raise ValueError(f"branching lists at least 1 child a level and at least one level, got {branching}")
    return Scheme(Levels(tuple(law(k) for k in branching)), walk)


def paths(count: int, length: int, walk: Walk) -> Scheme:
    """``count`` i.i.d. paths that start together."""
    return full_tree((count, *(1,) * (length - 1)), iid, walk)


def token_level(length: int) -> Scheme:
    """A chain, each token accepted or rejected by itself (Leviathan et al. 2023; Chen et al. 2023)."""
    return paths(1, length, TopDown(Maximal()))


def block(length: int) -> Scheme:
    """A chain verified as a block (Sun et al. 2024)."""
    return paths(1, length, Block())


def greedy_block(length: int) -> Scheme:
    """A chain verified as a block, greedily: later rounds need the walk's ``following`` target."""
    return paths(1, length, GreedyBlock())


def gumbel_chain(length: int) -> Scheme:
    """A chain by drafter-invariant verification (Daliri et al. 2024)."""
    return paths(1, length, TopDown(GumbelCoupling()))


def gumbel_lists(count: int, length: int) -> Scheme:
    """Paths by list-level Gumbel coupling at every level (Rowan et al. 2025)."""
    return paths(count, length, SurvivingPrefixes(GumbelList()))


def specinfer(expansion: Sequence[int]) -> Scheme:
    """SpecInfer's trees with multi-step sampling: i.i.d. children, recursive rejection (Miao et al. 2023)."""
    return full_tree(expansion, iid, TopDown(Recursive()))


def specinfer_naive(expansion: Sequence[int]) -> Scheme:
    """SpecInfer's trees with naive sampling: draw from the target, go on if that was drafted."""
    return full_tree(expansion, iid, TopDown(SampleAndMatch()))


def rsd_constant(branching: Sequence[int]) -> Scheme:
    """RSD-C: constant branching without replacement, recursive rejection (Jeon et al. 2024)."""
    return full_tree(branching, without_replacement, TopDown(Recursive()))


def sequoia(shape: Shape) -> Scheme:
    """Sequoia: a static tree without replacement, recursive rejection (Chen et al. 2024)."""
    return Scheme(FixedShape(shape, lambda q, k: without_replacement(k)(q)), TopDown(Recursive()))


def eagle(branching: Sequence[int]) -> Scheme:
    """EAGLE-1, Medusa and others: trees of top tokens, which are point masses."""
    return full_tree(branching, top, TopDown(Recursive()))


def eagle2(nodes: int, top_k: int, depth: int) -> Scheme:
    """EAGLE-2 and EAGLE-3: the heaviest nodes among top tokens, point masses."""
    return Scheme(Heaviest(nodes, top_k, depth), TopDown(Recursive()))


def spectr(count: int, length: int, coupling: Coupling | None = None) -> Scheme:
    """SpecTr: i.i.d. paths, a rule for i.i.d. drafts (K-SEQ unless given) at each level (Sun et al. 2023)."""
    return paths(count, length, SurvivingPrefixes(coupling or KSeq()))


def traversal(branching: Sequence[int], law: Callable[[int], LawOf] = iid) -> Scheme:
    """Traversal verification of a full tree (Weng et al. 2025)."""
    return full_tree(branching, law, Traversal())


def multi_path_block(count: int, length: int, selection: Selection) -> Scheme:
    """I.i.d. paths, of which a selection picks one that is verified as a block."""
    return paths(count, length, MultiPathBlock(selection))


def greedy_multi_path_block(count: int, length: int) -> Scheme:
    """Greedy multi-path block verification: the paths in a strict order (Thomas & Pal 2026)."""
    return multi_path_block(count, length, PriorityOrder())


def optimal_transport_block(count: int, length: int) -> Scheme:
    """Block verification with the optimal selection for i.i.d. drafts at every node."""
    return multi_path_block(count, length, PooledClip())


def two_level(
    length: int,
    *,
    inner: Scheme,
    small: Callable[[Model], Model],
    walk: Walk | None = None,
    surplus: bool = False,
) -> Scheme:
    """TriForce: a small model speculates for the middle one, whose chain the target verifies.

    Parameters
    ----------
    length
        Tokens of the middle chain.
    inner
        How the small model speculates for the middle one.
    small
        The small model, made from the middle one, which is the scheme's draft.
    walk
        The target's walk over chains; token-level rejection unless given.
    surplus
        Submit all that the inner rounds emitted, not only the first ``length`` tokens.
    """
    return Scheme(MiddleChain(inner, length, small, surplus), walk or TopDown(Maximal()))
