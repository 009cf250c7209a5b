r"""Every cell and every random branch of a program on symbols.

A program is replayed with a prescribed prefix of random answers, in a given cell. A run ends in one of four
ways: it returns an outcome; it asks for a random answer beyond the prefix (a *branch*); it asks for a sign
that the cell leaves open (a *fork*); or the point is outside of the claim's domain. Branches and forks are
followed depth first, which gives for every prefix a decision tree of laws: forks inside, and at each leaf the
law of the outcome given the prefix, a dictionary of rational functions.

At a branch the trees of the alternatives are added up, weighted: they are refined against each other, so
that a leaf of the sum lies in one leaf of each of them. The tree of the empty prefix is the program's law,
cell by cell. Adding up from the inside keeps the functions small: what follows a rejection is often the
same function whatever was rejected.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance, check_draw, check_probability
from theory.proof.symbolic.cells import Cell, Judge
from theory.proof.symbolic.ring import Atom, Ring, Undecided
from theory.proof.symbolic.symbol import NotExact, Symbol, constant

#: Laws of an outcome: probabilities as symbols.
SymbolicLaw = dict[Hashable, Symbol]


#: Errors of a program that count as an outcome; others are errors of whoever called the prover.
FAILURES = (ValueError, ArithmeticError, AssertionError, LookupError)


class EffortExhausted(RuntimeError):
    """A proof reached the limit of its effort; nothing is proved or refuted."""


@dataclass(frozen=True)
class Effort:
    """How hard to try.

    Parameters
    ----------
    merge
        Forget a comparison as soon as both of its outcomes are seen to lead to the same law. The theorem is
        the same and its proof may be much shorter, but the certificate is coarser: its cells no longer fix
        all comparisons, and it can be checked at points only.
    most_runs
        Most runs of the program.
    most_seconds
        Seconds after which no further run starts (a question to z3 is not interrupted); None for no limit.
    steps
        z3's limit of a question while exploring. A question that it does not answer keeps a cell that may be
        empty.
    last_steps
        Its limit of a question that a verdict hangs on.
    """

    merge: bool = False
    most_runs: int = 1_000_000
    most_seconds: float | None = None
    steps: int = 3_000_000
    last_steps: int = 100_000_000


class Branch(BaseException):
    """A program asked for a random answer beyond its prefix."""

    def __init__(self, options: list[tuple[int, Any]]) -> None:
        super().__init__("branch")
        self.options = options


class OutOfDomain(BaseException):
    """The cell is outside of what the claim is about."""


@dataclass(frozen=True)
class Failed:
    """The outcome of a run that ended in an error instead of an outcome."""

    error: str


@dataclass(frozen=True)
class Leaf:
    """A law that holds in a whole cell."""

    law: SymbolicLaw


@dataclass(frozen=True)
class Fork:
    """A decision: the tree where an atom is positive and the tree where it is negative."""

    atom: Atom
    above: Tree
    below: Tree


#: None stands for nothing to prove: the cell is empty or out of the claim's domain.
Tree = Leaf | Fork | None


class SymbolicChance:
    """Answers from a prefix of choices; raises :class:`Branch` at the first question beyond it.

    Parameters
    ----------
    prefix
        Positions among the possible answers, in the order of the questions.
    """

    def __init__(self, prefix: tuple[int, ...]) -> None:
        self._prefix = prefix
        self._asked = 0

    def flip(self, probability: Any, *, stream: str) -> bool:
        """The prescribed answer; a probability of zero or one leaves no choice."""
        chance = check_probability(probability)
        return bool(self._choose([option for option in ((1, chance), (0, 1 - chance)) if option[1] > 0]))

    def draw(self, weights: ArrayLike, *, stream: str) -> int:
        """The prescribed index among those of positive weight."""
        array = check_draw(weights)
        total = array.sum()
        return self._choose([(int(i), array[i] / total) for i in np.flatnonzero(array > 0)])

    def _choose(self, options: list[tuple[int, Any]]) -> int:
        if len(options) == 1:
            return options[0][0]
        if self._asked == len(self._prefix):
            raise Branch(options)
        index = options[self._prefix[self._asked]][0]
        self._asked += 1
        return index


@dataclass
class Explorer:
    """Finds the law of a program in every cell.

    Parameters
    ----------
    ring
        The unknowns.
    judge
        Decides which cells there are.
    program
        A function of a chance, built from the ring's symbols. It is called many times and must make its
        arrays and laws anew each time, so that nothing computed in one cell is seen in another.
    effort
        Limits, and whether forks inside the tree whose two sides have the same laws are dropped.

    Examples
    --------
    >>> from theory.proof.symbolic.points import Pool
    >>> from theory.proof.symbolic.ring import Simplex
    >>> from theory.proof.symbolic.symbol import Unknowns
    >>> ring = Ring([Simplex("p", 2)])
    >>> p = Unknowns(ring)["p"]
    >>> judge = Judge(ring, Pool(ring))
    >>> explorer = Explorer(ring, judge, lambda chance: chance.draw(p, stream="x"))
    >>> explorer.law_tree(judge.everything())
    Leaf(law={0: p1, 1: -p1 + 1})
    """

    ring: Ring
    judge: Judge
    program: Callable[[Chance], Hashable]
    effort: Effort = field(default_factory=Effort)
    runs: int = 0
    started: float = field(default_factory=time.perf_counter)

    def law_tree(self, cell: Cell, prefix: tuple[int, ...] = ()) -> Tree:
        """The decision tree of laws of what follows a prefix, in a cell.

        Raises
        ------
        EffortExhausted
            Past a limit.
        """
        while True:
            event = self._run(cell, prefix)
            if isinstance(event, Leaf):
                return event
            if isinstance(event, Branch):
                return self._branch(cell, prefix, event.options)
            if isinstance(event, OutOfDomain):
                return None
            above, below = self.judge.sides(cell, event.atom)
            if above is not None and below is not None:
                return Fork(event.atom, self.law_tree(above, prefix), self.law_tree(below, prefix))
            remaining = above or below
            if remaining is None:
                return None
            cell = remaining

    def leaves(self, tree: Tree, cell: Cell) -> list[tuple[Cell, SymbolicLaw | None]]:
        """The cells of a tree with their laws; None for cells out of the domain."""
        tree = _descend(tree, cell)
        if tree is None:
            return [(cell, None)]
        if isinstance(tree, Leaf):
            return [(cell, tree.law)]
        above, below = self.judge.sides(cell, tree.atom)
        if above is None and below is None:
            return [(cell, None)]
        return [
            *([] if above is None else self.leaves(tree.above, above)),
            *([] if below is None else self.leaves(tree.below, below)),
        ]

    def within(self, cell: Cell, compute: Callable[[], Any]) -> Any:
        """A computation's value in a cell, or the :class:`Undecided` that it ended with."""
        self.ring.signs = cell.signs
        try:
            return compute()
        except Undecided as event:
            return event
        finally:
            self.ring.signs = None

    def _run(self, cell: Cell, prefix: tuple[int, ...]) -> Leaf | Branch | Undecided | OutOfDomain:
        self._count_run()
        self.ring.signs = cell.signs
        try:
            return self._leaf(self.program(SymbolicChance(prefix)))
        except (Branch, Undecided, OutOfDomain) as event:
            return event
        except FAILURES as error:
            return self._leaf(Failed(f"{type(error).__name__}: {error}"))
        except NotExact:
            raise
        except (TypeError, AttributeError) as error:
            raise NotExact(f"the program can't run on symbols: {error}") from error
        finally:
            self.ring.signs = None

    def _count_run(self) -> None:
        self.runs += 1
        seconds = time.perf_counter() - self.started
        late = self.effort.most_seconds is not None and seconds > self.effort.most_seconds
        if late or self.runs > self.effort.most_runs:
            raise EffortExhausted(
                f"no verdict after {self.runs - 1} runs of the program and {seconds:.1f} seconds; "
                "use a smaller vocabulary, fewer drafts or shallower trees, or raise the limits of Effort"
            )

    def _leaf(self, outcome: Hashable) -> Leaf:
        return Leaf({outcome: constant(self.ring, 1)})

    def _branch(self, cell: Cell, prefix: tuple[int, ...], options: list[tuple[int, Any]]) -> Tree:
        weights = [weight for _, weight in options]
        trees = [self.law_tree(cell, (*prefix, position)) for position in range(len(options))]
        # the outermost forks are the cells of the certificate, and stay
        return self._sum(weights, trees, cell, merge=self.effort.merge and bool(prefix))

    def _sum(self, weights: list[Any], trees: list[Tree], cell: Cell, *, merge: bool) -> Tree:
        """Weighted sum of trees, refined against each other."""
        trees = [_descend(tree, cell) for tree in trees]
        if any(tree is None for tree in trees):
            return None
        fork = next((tree for tree in trees if isinstance(tree, Fork)), None)
        if fork is None:
            return Leaf(_mixture(weights, [tree.law for tree in trees if isinstance(tree, Leaf)]))
        above, below = self.judge.sides(cell, fork.atom)
        over, under = (
            None if side is None else self._sum(weights, trees, side, merge=merge) for side in (above, below)
        )
        if above is None or below is None:
            return over or under
        return over if merge and _same(over, under) else Fork(fork.atom, over, under)


def _same(first: Tree, second: Tree) -> bool:
    """Whether two trees make the same decisions and have the same laws."""
    if isinstance(first, Fork) and isinstance(second, Fork):
        return (
            first.atom is second.atom
            and _same(first.above, second.above)
            and _same(first.below, second.below)
        )
    if not isinstance(first, Leaf) or not isinstance(second, Leaf):
        return False
    law = second.law
    return first.law.keys() == law.keys() and all(first.law[outcome] is law[outcome] for outcome in law)


def _descend(tree: Tree, cell: Cell) -> Tree:
    """The part of a tree that is left when a cell's known signs are taken at its forks."""
    while isinstance(tree, Fork):
        sign = cell.signs.get(tree.atom.number)
        if sign is None:
            return tree
        tree = tree.above if sign > 0 else tree.below
    return tree


def _mixture(weights: list[Any], laws: list[SymbolicLaw]) -> SymbolicLaw:
    total: SymbolicLaw = {}
    for weight, law in zip(weights, laws, strict=True):
        for outcome, probability in law.items():
            share = weight * probability
            total[outcome] = total[outcome] + share if outcome in total else share
    return total
