"""Optimal multi-draft decoding: greedy drafts (top tokens and one sample) with the rule that suits them best.

For i.i.d. drafts the best rule is the clip law, :class:`~theory.couplings.Clipped`; it fills the same slot.
"""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Clipped, GreedyDraft
from theory.laws import Law, TopKPlusSample
from theory.simplex import Array
from theory.walks import TopDown, named
from theory.walks.growers import support

#: Drafts of a node, by level: all but the last of a node are top tokens.
BRANCHING = (3, 2, 1, 1)


def greedy_drafts(k: int) -> named.LawOf:
    """The ``k - 1`` top tokens and one sample of the rest, fewer where the support is smaller."""

    def law(q: Array) -> Law:
        return TopKPlusSample(q, min(k, support(q)))

    return law


def system(target: LanguageModel, draft: LanguageModel, *, branching: tuple[int, ...]) -> System:
    """Greedy drafts, optimally verified at every node."""
    scheme = named.full_tree(branching, greedy_drafts, TopDown(GreedyDraft()))
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="optimal-multi-draft")


def with_replacement(target: LanguageModel, draft: LanguageModel, *, branching: tuple[int, ...]) -> System:
    """I.i.d. drafts, optimally verified at every node."""
    scheme = named.full_tree(branching, named.iid, TopDown(Clipped()))
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="optimal-multi-draft-iid")


def world(worlds: Worlds) -> System:
    """On table worlds: two children, then one."""
    return system(worlds.target, worlds.draft, branching=(2, 1))


def real(bench: Bench) -> System:
    """On a real model."""
    return system(bench.target, bench.draft, branching=BRANCHING)


SYSTEM = Published(
    name="optimal-multi-draft",
    title="Optimal multi-draft decoding",
    source="Hu et al. 2025 (arXiv 2502.18779)",
    claim="Greedy drafts with the rule that is best for them beat recursive rejection without replacement.",
    lossless=True,
    world=world,
    real=real,
)
