"""How drafts may have been drawn: the families of laws that an audit runs through.

A family makes a law of ``k`` drafts from draft distributions. It is named on the command line
(``--law without-replacement``), in verdicts and in the strategies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from theory.laws import HubPair, Iid, Independent, Law, Point, Tokens, TopKPlusSample, WithoutReplacement
from theory.simplex import Array, is_exact


class PointInFractions(Point):
    """A point law in fractions: 64-bit integers would overflow beside fractions of large denominators."""

    def conditional(self, drawn: Tokens) -> Array:
        return np.array([Fraction(int(entry)) for entry in super().conditional(drawn)], dtype=object)


def _point(q: Array, k: int) -> Law:
    law = Point.top(q, k)
    return PointInFractions(law.tokens, law.vocabulary) if is_exact(q) else law


@dataclass(frozen=True)
class Family:
    """One way to draw drafts.

    Attributes
    ----------
    name
        As in options and reports.
    make
        The law from the draft distributions and the number of drafts.
    counts
        Whether there is a law of so many drafts.
    distinct
        Whether the drafts are different tokens, so that q needs as many tokens of positive probability.
    drafters
        How many draft distributions go into a law of k drafts.
    """

    name: str
    make: Callable[[Sequence[Array], int], Law]
    counts: Callable[[int], bool] = lambda k: k >= 1
    distinct: bool = False
    drafters: Callable[[int], int] = lambda k: 1

    def support(self, k: int) -> int:
        """The fewest tokens of positive probability that a draft distribution needs."""
        return k if self.distinct else 1

    def title(self, k: int) -> str:
        """How reports call a law of k drafts."""
        return f"{k} draft{'' if k == 1 else 's'}, {self.name}"


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("iid", lambda q, k: Iid(q[0], k)),
        Family("without-replacement", lambda q, k: WithoutReplacement(q[0], k), distinct=True),
        Family("point", lambda q, k: _point(q[0], k), distinct=True),
        Family("top-k-plus-sample", lambda q, k: TopKPlusSample(q[0], k), lambda k: k >= 2, distinct=True),
        Family("hub-pair", lambda q, k: HubPair(q[0]), lambda k: k == 2, distinct=True),
        Family("independent", lambda q, k: Independent(tuple(q)), lambda k: k >= 2, drafters=lambda k: k),
    )
}


def chosen_families(names: str | Family | Iterable[str | Family] | None) -> tuple[Family, ...]:
    """Families by their names (or families of your own); None or ``"all"`` are all of them.

    Raises
    ------
    ValueError
        For a name that is none.

    Examples
    --------
    >>> [family.name for family in chosen_families("iid")]
    ['iid']
    """
    if names is None or names == "all":
        return tuple(FAMILIES.values())
    wanted = [names] if isinstance(names, str | Family) else list(names)
    return tuple(name if isinstance(name, Family) else _known(name) for name in wanted)


def _known(name: str) -> Family:
    if name not in FAMILIES:
        raise ValueError(f"unknown law {name!r}; the laws are {', '.join(FAMILIES)}, or all")
    return FAMILIES[name]
