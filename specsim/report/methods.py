"""What is compared: the laws of drafts, the rules that verify them, and their names in files and tables.

A *method* is a rule under a drafting law with a number of drafts; the bound counts as a rule, so that it
has the same columns. With one draft several laws and rules are the same thing (sampling once with or without
replacement; every lossless rule that tests against p is the maximal coupling), so one draft is a group of its
own, ``single``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: The rule name under which bounds are listed.
BOUND = "bound"

#: Rules of each law, in the order of the tables; the bound comes last.
RULES: dict[str, tuple[str, ...]] = {
    "single": ("maximal", "sample-and-match", BOUND),
    "iid": ("recursive", "k-seq", "sample-and-match", BOUND),
    "without-replacement": ("recursive", "sample-and-match", BOUND),
    "top-k-plus-sample": ("greedy-draft", "recursive", BOUND),
    "hub-pair": ("spec-hub", BOUND),
    "point": ("recursive", BOUND),
}

LAW_TITLES = {
    "single": "One sampled draft",
    "iid": "i.i.d. (with replacement)",
    "without-replacement": "Without replacement",
    "top-k-plus-sample": "Top k−1 and a sample",
    "hub-pair": "Hub pair",
    "point": "Top k, no chance",
}

_RULE_TITLES = {
    "maximal": "maximal coupling",
    "recursive": "recursive rejection",
    "k-seq": "K-SEQ (SpecTr)",
    "sample-and-match": "sample and match",
    "greedy-draft": "greedy-draft rule",
    "spec-hub": "SpecHub",
    BOUND: "best possible",
}
_PAPER_NAMES = {"iid": "SpecInfer", "without-replacement": "RSD"}


@dataclass(frozen=True, slots=True)
class Method:
    """A rule (or the bound) under a drafting law, with ``k`` drafts.

    Examples
    --------
    >>> Method("iid", "recursive", 4).title
    'recursive (SpecInfer)'
    """

    law: str
    rule: str
    k: int

    @property
    def title(self) -> str:
        """The rule's name for people."""
        if self.rule == "recursive" and self.law in _PAPER_NAMES:
            return f"recursive ({_PAPER_NAMES[self.law]})"
        return _RULE_TITLES[self.rule]

    @property
    def bound(self) -> Method:
        """The bound of the same law and number of drafts."""
        return Method(self.law, BOUND, self.k)


def methods(ks: Sequence[int]) -> tuple[Method, ...]:
    """Every method for the given numbers of drafts, in the order of the tables.

    Examples
    --------
    >>> [m.rule for m in methods([1]) if m.law == "single"]
    ['maximal', 'sample-and-match', 'bound']
    >>> {m.law for m in methods([4])} == {"iid", "without-replacement", "top-k-plus-sample", "point"}
    True
    """
    return tuple(
        Method(law, rule, k) for law, rules in RULES.items() for rule in rules for k in ks_of(law, ks)
    )


def ks_of(law: str, ks: Sequence[int]) -> tuple[int, ...]:
    """The numbers of drafts at which a law is looked at, among those asked for."""
    if law == "single":
        return tuple(k for k in ks if k == 1)
    if law == "hub-pair":
        return tuple(k for k in ks if k == 2)
    return tuple(k for k in ks if k > 1 or law == "point")
