"""What an audit covers: sizes, laws of the drafts, shapes of trees, and how hard to look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from hypothesis.strategies import SearchStrategy

from specsim.testing.blackbox.portfolio import node_portfolio, tree_portfolio
from specsim.testing.blackbox.statistical import Budget
from specsim.testing.cases import Case, Drafting, Level
from specsim.testing.families import FAMILIES, Family, chosen_families
from specsim.testing.rules import Rule
from specsim.testing.strategies import node_cases, tree_cases

Laws = str | Family | Iterable[str | Family] | None

#: How a law may be found: fully automatic, or by sampling only.
METHODS = ("auto", "sample")


class Options(TypedDict, total=False):
    """The options of an audit; see :func:`specsim.testing.assert_lossless`."""

    vocabulary: int
    drafts: int | Sequence[int] | None
    laws: Laws
    depth: int
    examples: int | None
    rounds: int
    seed: int
    strict: bool
    prove: bool
    shrink: bool
    method: str
    budget: Budget


@dataclass(frozen=True)
class Area:
    """One family of cases: a law of the drafts at a node, or a shape of trees.

    Attributes
    ----------
    title
        How reports call it.
    cases
        Where examples come from.
    portfolio
        Fixed cases to sample, from their number and a seed.
    levels
        The levels of the trees, where it is one of trees and the rule does not draft by itself.
    """

    title: str
    cases: SearchStrategy[Case]
    portfolio: Callable[[int, int], list[Case]]
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True)
class Scope:
    """The options of an audit of one rule, checked."""

    vocabulary: int = 3
    drafts: tuple[int, ...] = (1, 2)
    laws: tuple[Family, ...] = ()
    depth: int = 2
    examples: int | None = None
    rounds: int = 1
    seed: int = 0
    strict: bool = False
    prove: bool = False
    shrink: bool = True
    method: str = "auto"
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        if self.vocabulary < 2:
            raise ValueError(
                f"vocabulary must be at least 2 (3 or more to see all mistakes), got {self.vocabulary}"
            )
        if not self.drafts or min(self.drafts) < 1:
            raise ValueError(f"drafts must be numbers of at least 1, got {self.drafts}")
        for label in ("depth", "examples", "rounds"):
            value = getattr(self, label)
            if value is not None and value < 1:
                raise ValueError(f"{label} must be at least 1, got {value}")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")

    @classmethod
    def of(cls, rule: Rule, options: Options) -> Scope:
        """The options, with the rule's own defaults where the caller gave none."""
        drafts, laws = options.get("drafts"), options.get("laws")
        counts = (drafts,) if isinstance(drafts, int) else tuple(drafts or rule.default_drafts)
        families = chosen_families(rule.default_laws if laws is None else laws)
        rest = {name: value for name, value in options.items() if name not in ("drafts", "laws")}
        return cls(drafts=counts, laws=families, **rest)  # type: ignore[arg-type]

    def areas(self, rule: Rule) -> list[Area]:
        """The families of cases for a rule."""
        if rule.drafting is not None:
            return [self._tree_area(rule.drafting)]
        if rule.at_node:
            pairs = ((family, k) for k in self.drafts for family in self.laws)
            return [self._node_area(family, k) for family, k in pairs if self._fits(family, k)]
        return [self._tree_area(Drafting.by_levels(levels), levels) for levels in self._shapes()]

    def _fits(self, family: Family, k: int) -> bool:
        return family.counts(k) and family.support(k) <= self.vocabulary

    def _node_area(self, family: Family, k: int) -> Area:
        def portfolio(count: int, seed: int) -> list[Case]:
            return node_portfolio(family, k, vocabulary=self.vocabulary, count=count, seed=seed)

        return Area(family.title(k), node_cases(family, k, self.vocabulary), portfolio)

    def _tree_area(self, drafting: Drafting, levels: tuple[Level, ...] = ()) -> Area:
        def portfolio(count: int, seed: int) -> list[Case]:
            return tree_portfolio(drafting, vocabulary=self.vocabulary, count=count, seed=seed)

        cases = tree_cases(drafting, self.vocabulary, rounds=self.rounds)
        return Area(drafting.title, cases, portfolio, levels)

    def _shapes(self) -> list[tuple[Level, ...]]:
        """For each law and number of drafts a star, and a tree that goes on in single drafts below it."""
        shapes: dict[tuple[Level, ...], None] = {}
        for family in self.laws:
            for k in self.drafts:
                if self._fits(family, k) and family.drafters(k) == 1:
                    below = Level(family if family.counts(1) else FAMILIES["iid"], 1)
                    for depth in dict.fromkeys((1, self.depth)):
                        shapes[(Level(family, k), *[below] * (depth - 1))] = None
        return list(shapes)
