r"""Every verification rule of the package by name: harness, museum, docs and systems iterate over this list.

A :class:`Rule` says what it claims (lossless or not), for what shape of draft, where it comes from, what it
costs, and builds itself in a small configuration that can be enumerated at a vocabulary of three tokens.
Options of ``build`` make it larger.

'Lossless' here is a claim about the program that ``build`` returns: the emitted tokens, completed with
samples of the target, have the target's joint law, after one and after several rounds. The tests prove it
by enumeration.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from theory.couplings import (
    Canonical,
    Clipped,
    GreedyDraft,
    GumbelList,
    KSeq,
    OptimalPlan,
    Raffle,
    Recursive,
    SampleAndMatch,
    SpecHub,
)
from theory.couplings.base import Coupling
from theory.couplings.selections import PooledClip, PriorityOrder, Selection, UniformSlot
from theory.laws import HubPair, Independent, Law, Tokens, TopKPlusSample
from theory.lossy import (
    Budgeted,
    EngineThreshold,
    GreedyMatch,
    HubShortcut,
    Judge,
    Lenient,
    Rapid,
    Typical,
    TypicalPath,
)
from theory.simplex import Array
from theory.walks import Block, Foresight, Model, Scheme, SurvivingPrefixes, TopDown, Walk, named
from theory.walks.growers import Shape, support

Kind = Literal["chain", "multi-draft", "tree"]


class UnknownRule(ValueError):
    """A rule was asked for by a name that is not in the list; the message suggests near ones."""


@dataclass(frozen=True)
class Rule:
    """One verification rule.

    Attributes
    ----------
    name
        Its name, unique.
    kind
        ``"chain"``, ``"multi-draft"`` (several drafts of one token) or ``"tree"``.
    lossless
        What it claims.
    build
        Makes the scheme: a small one without arguments, others through its options.
    depth
        Most drafts on a path of the small scheme; it emits at most one token more a round.
    source
        Paper or code it comes from.
    complexity
        Its cost a node or a round.
    targets
        ``"any"``, or ``"temperature 0"`` where the claim holds for targets that are point masses only.
    draft_support
        Least number of tokens of positive probability that the draft's distributions need.
    """

    name: str
    kind: Kind
    lossless: bool
    build: Callable[..., Scheme]
    depth: int
    source: str
    complexity: str
    targets: Literal["any", "temperature 0"] = "any"
    draft_support: int = 1


def blurred(model: Model) -> Model:
    """A smaller model for hierarchies: half of the given one, half uniform.

    Examples
    --------
    >>> import numpy as np
    >>> blurred(lambda prefix: np.array([1.0, 0.0]))(()).tolist()
    [0.75, 0.25]
    """

    def small(prefix: Tokens) -> Array:
        q = model(prefix)
        result: Array = (q + q.sum() / q.size) / 2
        return result

    return small


def _chain(coupling: Callable[[], Coupling]) -> Callable[..., Scheme]:
    return lambda length=2: named.paths(1, length, TopDown(coupling()))


def _star(law: Callable[[int], named.LawOf], coupling: Callable[[], Coupling]) -> Callable[..., Scheme]:
    return lambda k=2: named.full_tree((k,), law, TopDown(coupling()))


def _tree(law: Callable[[int], named.LawOf], walk: Callable[[], Walk]) -> Callable[..., Scheme]:
    return lambda branching=(2, 1): named.full_tree(branching, law, walk())


def _independent(k: int) -> named.LawOf:
    """One drafter is the draft, each further one a blurred version of the one before."""

    def law(q: Array) -> Law:
        drafters = [q]
        for _ in range(k - 1):
            drafters.append((drafters[-1] + q.sum() / q.size) / 2)
        return Independent(tuple(drafters))

    return law


def _top_and_sample(k: int) -> named.LawOf:
    return lambda q: TopKPlusSample(q, min(k, support(q)))


def _hub_pair(k: int) -> named.LawOf:
    return HubPair


def _hierarchy(block: bool) -> Callable[..., Scheme]:
    def build(length: int = 2, inner_length: int = 1) -> Scheme:
        if block:
            return named.two_level(length, inner=named.block(inner_length), small=blurred, walk=Block())
        return named.two_level(length, inner=named.token_level(inner_length), small=blurred)

    return build


def _sequoia(shape: Shape = (((),), ())) -> Scheme:
    return named.sequoia(shape)


def _eagle2(nodes: int = 4, top_k: int = 2, depth: int = 2) -> Scheme:
    return named.eagle2(nodes, top_k, depth)


def _paths(walk: Callable[[], Walk]) -> Callable[..., Scheme]:
    return lambda count=2, length=2: named.paths(count, length, walk())


def _multi_path(selection: Selection) -> Callable[..., Scheme]:
    return lambda count=2, length=2: named.multi_path_block(count, length, selection)


def _judge(length: int = 2, approval: tuple[Any, ...] = (0, Fraction(9, 10), Fraction(2, 5))) -> Scheme:
    return named.paths(1, length, TopDown(Judge(approval)))


_LEVIATHAN = "Leviathan et al. 2023; Chen et al. 2023"
_BLOCK = "Sun et al. 2024, arXiv 2403.10444"
_SPECINFER = "Miao et al. 2023 (SpecInfer)"
_SPECTR = "Sun et al. 2023 (SpecTr)"
_KHISTI = "Khisti et al. 2025, arXiv 2410.18234"
_WENG = "Weng et al. 2025, arXiv 2505.12398"
_TRIFORCE = "Sun et al. 2024 (TriForce), arXiv 2404.11912"
_GBV = "Thomas & Pal 2026, arXiv 2602.16961"
_RSD = "Jeon et al. 2024 (RSD)"

_CHAINS = (
    Rule("token-level rejection", "chain", True, lambda length=2: named.token_level(length), 2, _LEVIATHAN,
         "O(V) a rejection"),
    Rule("block verification", "chain", True, lambda length=2: named.block(length), 2, _BLOCK, "O(gamma V)"),
    Rule("greedy block verification", "chain", True, lambda length=2: named.greedy_block(length), 2,
         f"{_BLOCK}, appendix", "O(gamma V), and the draft's rows along a broken block"),
    Rule("sample-and-match chain", "chain", True, _chain(SampleAndMatch), 2, _SPECINFER, "O(V) a token"),
    Rule("Gumbel coupling", "chain", True, lambda length=2: named.gumbel_chain(length), 2,
         "Daliri et al. 2024, arXiv 2408.07978", "O(V log V) a token"),
    Rule("two-level hierarchy", "chain", True, _hierarchy(False), 2, _TRIFORCE, "both levels' rules"),
    Rule("two-level block hierarchy", "chain", True, _hierarchy(True), 2, f"{_TRIFORCE}; {_BLOCK}",
         "both levels' rules"),
    Rule("greedy match at temperature 0", "chain", True, _chain(GreedyMatch), 2,
         "Stern et al. 2018; Leviathan et al. 2023", "O(V) a token", targets="temperature 0"),
)  # fmt: skip

_STARS = (
    Rule("recursive rejection, i.i.d.", "multi-draft", True, _star(named.iid, Recursive), 1, _SPECINFER,
         "O(kV)"),
    Rule("recursive rejection, without replacement", "multi-draft", True,
         _star(named.without_replacement, Recursive), 1, _RSD, "O(kV)"),
    Rule("recursive rejection, point masses", "multi-draft", True, _star(named.top, Recursive), 1,
         "Cai et al. 2024 (Medusa); Li et al. 2024 (EAGLE)", "O(kV)"),
    Rule("recursive rejection, independent drafters", "multi-draft", True, _star(_independent, Recursive), 1,
         _SPECINFER, "O(kV)"),
    Rule("sample and match", "multi-draft", True, _star(named.iid, SampleAndMatch), 1, _SPECINFER, "O(V)"),
    Rule("K-SEQ", "multi-draft", True, _star(named.iid, KSeq), 1, _SPECTR, "O(V log k)"),
    Rule("SpecHub", "multi-draft", True, _star(_hub_pair, SpecHub), 1, "Sun et al. 2024 (SpecHub)", "O(V)",
         draft_support=2),
    Rule("greedy drafts", "multi-draft", True, _star(_top_and_sample, GreedyDraft), 1, "Hu et al. 2025",
         "O(V)"),
    Rule("optimal plan", "multi-draft", True, _star(named.iid, OptimalPlan), 1, f"{_SPECTR}; Hu et al. 2025",
         "a maximum flow over the drafted sets"),
    Rule("list-level Gumbel coupling", "multi-draft", True, _star(named.iid, GumbelList), 1,
         "Rowan et al. 2025, arXiv 2506.05632", "O(k V^(k+1)) as a law, O(kV) as a race"),
    Rule("canonical, priority order", "multi-draft", True,
         _star(named.without_replacement, lambda: Canonical(PriorityOrder())), 1, _KHISTI, "V containments"),
    Rule("canonical, uniform slot", "multi-draft", True,
         _star(_independent, lambda: Canonical(UniformSlot())), 1,
         _KHISTI, "O(kV)"),
    Rule("clipped", "multi-draft", True, _star(named.iid, Clipped), 1,
         f"Hu et al. 2025 (the optimum); {_KHISTI}", "O(V log V) a plan, then O(k)"),
    Rule("canonical, clipped", "multi-draft", True, _star(named.iid, lambda: Canonical(PooledClip())), 1,
         f"{_KHISTI}; Hu et al. 2025", "O(V^2)"),
    Rule("raffle without replacement", "multi-draft", True, _star(named.without_replacement, Raffle), 1,
         f"{_KHISTI}; Hu et al. 2025; docs/without-replacement-rule.md", "a plan; then O(k)"),
)  # fmt: skip

_TREES = (
    Rule("SpecInfer tree", "tree", True, _tree(named.iid, lambda: TopDown(Recursive())), 2, _SPECINFER,
         "O(kV) a level"),
    Rule("SpecInfer tree, naive sampling", "tree", True,
         _tree(named.iid, lambda: TopDown(SampleAndMatch())), 2,
         _SPECINFER, "O(V) a level"),
    Rule("RSD constant tree", "tree", True, _tree(named.without_replacement, lambda: TopDown(Recursive())), 2,
         _RSD, "O(kV) a level"),
    Rule("Sequoia tree", "tree", True, _sequoia, 2, "Chen et al. 2024 (Sequoia)", "O(kV) a level"),
    Rule("EAGLE tree", "tree", True, lambda branching=(2, 2): named.eagle(branching), 2,
         "Li et al. 2024 (EAGLE); Cai et al. 2024 (Medusa)", "O(kV) a level"),
    Rule("EAGLE-2 tree", "tree", True, _eagle2, 2, "Li et al. 2024 (EAGLE-2)", "O(kV) a level"),
    Rule("SpecTr paths", "tree", True, lambda count=2, length=2: named.spectr(count, length), 2, _SPECTR,
         "O(V log k) a level"),
    Rule("surviving prefixes, recursive", "tree", True, _paths(lambda: SurvivingPrefixes(Recursive())), 2,
         f"{_SPECTR}; {_SPECINFER}", "O(kV) a level"),
    Rule("list-level Gumbel paths", "tree", True,
         lambda count=2, length=2: named.gumbel_lists(count, length), 2,
         "Rowan et al. 2025, arXiv 2506.05632", "O(k V^(k+1)) a level as a law, O(kV) as a race"),
    Rule("traversal, i.i.d.", "tree", True, lambda branching=(2, 1): named.traversal(branching), 2, _WENG,
         "O(nodes V)"),
    Rule("traversal, without replacement", "tree", True,
         lambda branching=(2, 1): named.traversal(branching, named.without_replacement), 2, _WENG,
         "O(nodes V)"),
    Rule("traversal, point masses", "tree", True,
         lambda branching=(2, 2): named.traversal(branching, named.top), 2, _WENG, "O(nodes V)"),
    Rule("multi-path block, priority order", "tree", True, _multi_path(PriorityOrder()), 2, _GBV,
         "V containments a level"),
    Rule("multi-path block, clipped", "tree", True, _multi_path(PooledClip()), 2,
         f"{_GBV}; UniVer, arXiv 2605.04543; SpecTr-GBV, arXiv 2604.25925", "O(V^2) a level"),
    Rule("multi-path block, uniform slot", "tree", True, _multi_path(UniformSlot()), 2, f"{_GBV}; {_KHISTI}",
         "O(kV) a level"),
    Rule("foresight block", "tree", True, _paths(Foresight), 2,
         f"derived here; {_BLOCK}; {_GBV}; UniVer, arXiv 2605.04543; SpecTr-GBV, arXiv 2604.25925",
         "O(V log V + knots^2) a node, times the pieces of its score's law"),
)  # fmt: skip

_LOSSY = (
    Rule("greedy match", "chain", False, _chain(GreedyMatch), 2, "Stern et al. 2018", "O(V) a token"),
    Rule("lenient acceptance", "chain", False, _chain(Lenient), 2, "Zhou et al. 2024 (DistillSpec)",
         "O(V) a rejection"),
    Rule("best for a budget, one draft", "chain", False, _chain(Budgeted), 2,
         "docs/beyond-acceptance.md; Yin et al. 2024, arXiv 2411.00841", "O(V log V) a token"),
    Rule("best for a budget, i.i.d.", "multi-draft", False, _star(named.iid, Budgeted), 1,
         "docs/beyond-acceptance.md; Hu et al. 2025", "O(V log V)"),
    Rule("judge", "chain", False, _judge, 2, "Bachmann et al. 2025 (Judge Decoding)", "O(V) a rejection"),
    Rule("RAPID", "chain", False, _chain(Rapid), 2, "Chen et al. 2025 (RAPID), arXiv 2502.20330",
         "O(V) a token"),
    Rule("typical acceptance", "multi-draft", False, _star(named.top, Typical), 1, "Cai et al. 2024 (Medusa)",
         "O(V)"),
    Rule("SpecHub with its shortcut", "multi-draft", False,
         lambda limit=Fraction(1, 3): named.full_tree((2,), _hub_pair, TopDown(HubShortcut(limit))), 1,
         "Sun et al. 2024 (SpecHub), released code", "O(V)", draft_support=2),
    Rule("engine thresholds", "tree", False,
         _tree(named.top, lambda: TopDown(EngineThreshold(Fraction(1, 2), Fraction(3, 4)))), 2,
         "SGLang, tree_speculative_sampling_target_only", "O(kV) a level"),
    Rule("typical acceptance, longest path", "tree", False, _tree(named.top, TypicalPath), 2,
         "Cai et al. 2024 (Medusa)", "O(nodes V)"),
)  # fmt: skip

#: All rules: chains, multi-draft rules, trees, then the lossy ones.
RULES: tuple[Rule, ...] = (*_CHAINS, *_STARS, *_TREES, *_LOSSY)


def rule(name: str) -> Rule:
    """The rule of that name.

    Raises
    ------
    UnknownRule
        If there is none; the message suggests near names.

    Examples
    --------
    >>> rule("block verification").lossless
    True
    >>> rule("blok verification")
    Traceback (most recent call last):
        ...
    theory.rules.UnknownRule: there is no rule 'blok verification'; did you mean 'block verification'...
    """
    names = {entry.name.lower(): entry for entry in RULES}
    if name.lower() in names:
        return names[name.lower()]
    near = [names[close].name for close in difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "theory.rules.RULES lists them all"
    raise UnknownRule(f"there is no rule {name!r}; {hint}")
