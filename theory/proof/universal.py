r"""Universal proofs: losslessness for all distributions of a vocabulary, from the program itself.

The program that the simulator samples and that enumeration replays is run once more, on symbols. What it
compares splits the simplex into *cells* (:mod:`theory.proof.symbolic.cells`); in each cell all random
branches are followed and the law of the outcome is a rational function of p and q. It must equal the
expected law *as a function*: the difference of normal forms is zero. That is a theorem for every point of
every open cell.

Points between cells, where something compared is equal, and distributions with zeros follow by continuity:
the law is a continuous function of p and q where (1) the program uses comparisons to pick the larger or the
smaller of quantities that are equal at the border, as min, max and positive parts do, and (2) a quotient
that is not defined at the border (a residual that vanishes) belongs to a branch whose probability vanishes
there. Two continuous functions that agree on a dense set are equal. A program that does something of its own
at exact ties is not covered; quantities that it tested with ``==`` are listed in the proof (``equalities``),
ties of p with q and zeros can be proved like the open cells (:mod:`theory.proof.closed`), and
:meth:`UniversalProof.verify` also tries points with ties and zeros, by enumeration.

Examples
--------
>>> from theory.couplings import Maximal
>>> from theory.laws import Iid
>>> proof = prove(coupling=Maximal(), law=lambda q: Iid(q, 1), vocabulary=3)
>>> proof.proved, len(proof.cells)
(True, 6)
>>> print(proof.cells[0])
p1 - q1 > 0, p2 - q2 > 0
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from theory.chance import Chance
from theory.couplings.base import Coupling
from theory.laws import Law
from theory.proof.certificate import ProvenCell, UniversalProof, Verdict, same_law
from theory.proof.claim import Claim, LawMaker, acceptance_claim, joint_claim, k_seq_claim, rule_claim
from theory.proof.counterexample import Counterexample, Inconclusive, condition_texts, counterexample_at
from theory.proof.symbolic import Cell, Effort, Explorer, Judge, Ring, Undecided, Unknowns
from theory.proof.symbolic.explore import OutOfDomain, SymbolicLaw
from theory.proof.symbolic.points import Pool
from theory.proof.symbolic.ring import Simplex
from theory.simplex import Array
from theory.walks.base import Walk
from theory.walks.rounds import Levels, Scheme


def prove(
    *,
    coupling: Coupling,
    law: LawMaker,
    vocabulary: int,
    drafters: int = 1,
    unknowns: Sequence[Simplex] | None = None,
    effort: Effort | None = None,
) -> Verdict:
    """Prove or refute that a coupling is lossless for all distributions over a vocabulary.

    Parameters
    ----------
    coupling
        The rule.
    law
        The law of the drafts, made from the draft distribution, such as ``lambda q: Iid(q, 2)``; from
        several where there are several drafters.
    vocabulary
        Number of tokens; take at least 3, since with 2 a residual has no room to be wrong.
    drafters
        Number of draft distributions.
    unknowns
        The distributions, where they are to have zeros or ties: :class:`~theory.proof.symbolic.Simplex`
        objects named p, q, q', ...
    effort
        How hard to try.

    Returns
    -------
    UniversalProof, Counterexample or Inconclusive

    Examples
    --------
    >>> from theory.couplings import Recursive
    >>> from theory.laws import WithoutReplacement
    >>> prove(coupling=Recursive(), law=lambda q: WithoutReplacement(q, 2), vocabulary=3).proved
    True
    """
    claim = rule_claim(
        coupling=coupling, law=law, vocabulary=vocabulary, drafters=drafters, unknowns=unknowns
    )
    return prove_claim(claim, effort=effort)


def prove_acceptance(*, coupling: Coupling, law: LawMaker, vocabulary: int, drafters: int = 1) -> Verdict:
    """Prove or refute a coupling's closed form of its acceptance probability.

    Examples
    --------
    >>> from theory.couplings import Recursive
    >>> from theory.laws import Iid
    >>> prove_acceptance(coupling=Recursive(), law=lambda q: Iid(q, 2), vocabulary=3).proved
    True
    """
    claim = acceptance_claim(coupling=coupling, law=law, vocabulary=vocabulary, drafters=drafters)
    return prove_claim(claim)


def prove_k_seq(*, vocabulary: int, k: int) -> Verdict:
    """Prove K-SEQ lossless for all distributions and all factors rho that its condition allows.

    Examples
    --------
    >>> prove_k_seq(vocabulary=3, k=2).proved
    True
    """
    return prove_claim(k_seq_claim(vocabulary=vocabulary, k=k))


def prove_joint(
    walk: Walk,
    *,
    branching: Sequence[Callable[[Array], Law]],
    vocabulary: int,
    rounds: int = 1,
    length: int | None = None,
    memory: int | None = None,
    effort: Effort | None = None,
) -> Verdict:
    """Prove or refute that a walk is lossless: the joint law of its first tokens is the target's.

    Target and draft may depend on the context in any way: each context has its own unknowns.

    Parameters
    ----------
    walk
        The verifier, such as ``TopDown(Maximal())``.
    branching
        For each level the law of a node's children, from the draft's distribution there.
    vocabulary
        Number of tokens.
    rounds, length, memory, effort
        See :func:`prove_scheme`.

    Examples
    --------
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> from theory.walks import TopDown
    >>> prove_joint(TopDown(Maximal()), branching=[lambda q: Iid(q, 1)], vocabulary=3).proved
    True
    """
    return prove_scheme(
        Scheme(Levels(tuple(branching)), walk),
        depth=len(branching),
        vocabulary=vocabulary,
        rounds=rounds,
        length=length,
        memory=memory,
        effort=effort,
    )


def prove_scheme(
    scheme: Scheme,
    *,
    depth: int,
    vocabulary: int,
    rounds: int = 1,
    length: int | None = None,
    memory: int | None = None,
    effort: Effort | None = None,
    name: str = "",
) -> Verdict:
    """Prove or refute that a way to draft and verify is lossless: the joint law of its first tokens.

    Parameters
    ----------
    scheme
        How trees are drawn and how they are verified.
    depth
        Most drafts on a path of a tree.
    vocabulary
        Number of tokens.
    rounds
        Number of rounds; what they leave short is completed with samples of the target.
    length
        Number of tokens whose joint law is proved; ``depth + 1`` if left out.
    memory
        How many last tokens the distributions depend on; on all if left out.
    effort
        How hard to try; ``Effort(merge=True)`` for trees with too many cells to list.
    name
        What to call the scheme; the walk's repr if left out.

    Examples
    --------
    >>> from theory.rules import rule
    >>> scheme = rule("block verification").build(length=1)
    >>> prove_scheme(scheme, depth=1, vocabulary=3, name="block").proved
    True
    """
    claim = joint_claim(
        scheme=scheme,
        depth=depth,
        vocabulary=vocabulary,
        rounds=rounds,
        length=length,
        memory=memory,
        name=name,
    )
    return prove_claim(claim, effort=effort)


def prove_claim(claim: Claim, *, effort: Effort | None = None) -> Verdict:
    """Prove or refute any claim.

    Parameters
    ----------
    claim
        What to prove.
    effort
        How hard to try; ``Effort(merge=True)`` for programs with too many cells to list.

    Raises
    ------
    NotExact
        If the program can't run on symbols, because it uses floats.
    EffortExhausted
        If the claim is too large.
    """
    return _Attempt(claim, effort or Effort()).verdict()


@dataclass
class _Attempt:
    """One attempt at a proof."""

    claim: Claim
    effort: Effort
    ring: Ring = field(init=False)
    judge: Judge = field(init=False)
    explorer: Explorer = field(init=False)
    cells: list[ProvenCell] = field(default_factory=list)
    outside: list[Cell] = field(default_factory=list)
    unsettled: list[Cell] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = time.perf_counter()
        self.ring = Ring(self.claim.simplices, self.claim.positives)
        self.judge = Judge(self.ring, Pool(self.ring), steps=self.effort.steps)
        self.values = Unknowns(self.ring)
        self.explorer = Explorer(self.ring, self.judge, self._program, self.effort)

    def verdict(self) -> Verdict:
        everything = self.judge.everything()
        tree = self.explorer.law_tree(everything)
        for cell, law in self.explorer.leaves(tree, everything):
            found = self._settle(cell, law)
            if found is not None:
                return replace(found, seconds=time.perf_counter() - self.started)
        seconds = time.perf_counter() - self.started
        if self.unsettled:
            conditions = tuple(condition_texts(cell.assumed) for cell in self.unsettled)
            return Inconclusive(self.claim, conditions, seconds)
        return UniversalProof(
            claim=self.claim,
            cells=tuple(self.cells),
            outside=tuple(self.outside),
            refutations=tuple(self.judge.refutations),
            equalities=tuple(atom.text for atom in self.ring.ties.values()),
            ring=self.ring,
            merged=self.effort.merge,
            runs=self.explorer.runs,
            seconds=seconds,
        )

    def _program(self, chance: Chance) -> Any:
        if not self.claim.domain(self.values):
            raise OutOfDomain
        return self.claim.program(self.values, chance)

    def _settle(self, cell: Cell, law: SymbolicLaw | None) -> Counterexample | None:
        """Record one cell as proven, outside, or unsettled; or find a counterexample in it."""
        if law is None:
            self.outside.append(cell)
            return None
        expected = self.explorer.within(cell, lambda: self.claim.expected(self.values))
        if isinstance(expected, Undecided):
            sides = [side for side in self.judge.sides(cell, expected.atom) if side is not None]
            found = (self._settle(side, law) for side in sides or [cell])
            return next((each for each in found if each is not None), None)
        if same_law(law, expected):
            self.cells.append(ProvenCell(cell.assumed, cell.signs, self.judge.witness(cell)))
            return None
        return self._refute(cell)

    def _refute(self, cell: Cell) -> Counterexample | None:
        """A point of a cell at which the claim fails, unless the cell turns out to be empty."""
        filled = self.judge.filled(cell, steps=self.effort.last_steps)
        if filled is None:
            self.outside.append(cell)
            return None
        found = counterexample_at(self.claim, self.ring, cell, self.judge.some_points(filled))
        if found is None:
            self.unsettled.append(cell)
        return found
