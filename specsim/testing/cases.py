"""Cases: what one run of an audit is made on - a node with its drafts' law, or a tree with two models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsim.testing.families import Family
from specsim.testing.tables import TableModel
from theory.chance import Chance
from theory.laws import Law, Tokens
from theory.proof import target_law
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks import Grower, Levels, Model


@dataclass(frozen=True, eq=False)
class NodeCase:
    """One node: the target's distribution and the law of the drafts.

    Attributes
    ----------
    p
        Target distribution, shape ``(V,)``.
    law
        The law of the drafts.
    title
        How reports call the law.
    drafters
        The draft distributions that the law is made of.
    family
        The family it is of, if it was made by one.
    """

    p: Array
    law: Law
    title: str
    drafters: tuple[Array, ...] = ()
    family: Family | None = None

    @classmethod
    def of(cls, family: Family, k: int, *, p: Array, drafters: tuple[Array, ...]) -> NodeCase:
        """A case of k drafts of a family; the arrays become read-only."""
        for array in (p, *drafters):
            array.flags.writeable = False
        return cls(p, family.make(drafters, k), family.title(k), drafters, family)

    @property
    def q(self) -> Array:
        """The distribution of the first draft alone."""
        return self.drafters[0] if self.drafters else self.law.conditional(())

    @property
    def length(self) -> int:
        """How many tokens are compared."""
        return 1

    def expected(self) -> dict[Tokens, Any]:
        """The law that a lossless rule has."""
        return {(token,): mass for token, mass in enumerate(self.p) if mass > 0}

    def describe(self) -> list[str]:
        """The case in words, one line a distribution."""
        names = ["q"] if len(self.drafters) == 1 else [f"q{i}" for i in range(len(self.drafters))]
        rows = [("p", self.p), *zip(names, self.drafters, strict=True)]
        return [*(f"{name} = {show(row)}" for name, row in rows), f"drafts: {self.title}"]

    def check_name(self) -> str:
        """What comparing this case's laws checks."""
        return f"law of the emitted token ({self.title})"


@dataclass(frozen=True)
class Level:
    """The children of every node at one depth: a family of laws and their number."""

    family: Family
    k: int

    def law(self, q: Array) -> Law:
        """The law of the children of a node with the draft distribution q."""
        return self.family.make((q,), self.k)


@dataclass(frozen=True)
class Drafting:
    """How a round's tree is drafted.

    Attributes
    ----------
    title
        How reports call it.
    depth
        Most drafts on a path.
    grow
        Draws a tree.
    support
        The fewest tokens of positive probability that the draft's distributions need.
    """

    title: str
    depth: int
    grow: Grower
    support: int = 1

    @classmethod
    def by_levels(cls, levels: Sequence[Level]) -> Drafting:
        """Full trees: every node of a depth gets children of that depth's law."""
        title = " / ".join(level.family.title(level.k) for level in levels)
        support = max(level.family.support(level.k) for level in levels)
        return cls(title, len(levels), Levels(tuple(level.law for level in levels)), support)


@dataclass(frozen=True, eq=False)
class TreeCase:
    """A tree to be drafted and verified, for some rounds, with models that depend on the context.

    Attributes
    ----------
    target, draft
        The models.
    drafting
        How a round's tree is drafted.
    rounds
        How many rounds are played before the tokens that are missing are drawn from the target.
    """

    target: TableModel
    draft: TableModel
    drafting: Drafting
    rounds: int = 1

    @property
    def length(self) -> int:
        """How many tokens are compared: one more than the tree is deep, so that no bonus is cut off."""
        return self.drafting.depth + 1

    def grow(self, chance: Chance, *, draft: Model) -> DraftTree:
        """Draw one round's tree from a model that starts at the round's context."""
        return self.drafting.grow(draft=draft, chance=chance)

    def expected(self) -> dict[Tokens, Any]:
        """The joint law that a lossless rule has."""
        return target_law(target=self.target, length=self.length)

    def describe(self) -> list[str]:
        """The case in words: contexts with the same p and q share a line."""
        drafting = f"drafts: {self.drafting.title}" + (f"; {self.rounds} rounds" if self.rounds > 1 else "")
        lines: dict[str, list[str]] = {}
        for prefix in self.target.rows:
            line = f"p = {show(self.target(prefix))}, q = {show(self.draft(prefix))}"
            lines.setdefault(line, []).append(f"({' '.join(map(str, prefix))})")
        if len(lines) == 1:
            return [f"in every context: {next(iter(lines))}", drafting]
        most = max(lines, key=lambda line: len(lines[line]))
        rest = [f"after {' '.join(where)}: {line}" for line, where in lines.items() if line != most]
        return [*rest, f"in every other context: {most}", drafting]

    def check_name(self) -> str:
        """What comparing this case's laws checks."""
        after = "" if self.rounds == 1 else f" after {self.rounds} rounds"
        return f"joint law of {self.length} tokens{after} ({self.drafting.title})"


Case = NodeCase | TreeCase


def show(row: Array) -> str:
    """A distribution as text: fractions as they are, floats to 12 digits.

    Examples
    --------
    >>> show(np.array([0.25, 0.75]))
    '(0.25, 0.75)'
    """
    return f"({', '.join(show_number(value) for value in row)})"


def show_number(value: Any) -> str:
    """A probability as text.

    Examples
    --------
    >>> show_number(0.1 + 0.2)
    '0.3'
    """
    return f"{value:.12g}" if isinstance(value, float | np.floating) else str(value)
