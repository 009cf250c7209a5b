r"""Universal proofs on the borders: zeros, and ties between target and draft.

The open cells of :mod:`theory.proof.universal` leave out distributions with zeros and points where p and q
agree at a token. Continuity covers them for a program that uses its comparisons as min, max and positive
parts; here they are *proved*, without that argument, as theorems of their own. A **stratum** says which
tokens have positive probability under p and under q, and at which of them :math:`p_x = q_x`. On a stratum
the tied probabilities are the same symbols and the others share what is left, so that the same prover runs
on it.

For a rule whose only comparisons are between p and q (the maximal coupling) nothing is left to continuity.
Rules that compare residuals have further ties deeper down, which are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import ClassVar

from theory.couplings.base import Coupling
from theory.proof.certificate import UniversalProof
from theory.proof.claim import Claim, LawMaker, rule_claim
from theory.proof.counterexample import Counterexample, Inconclusive
from theory.proof.symbolic.points import Pool
from theory.proof.symbolic.ring import Ring, Simplex
from theory.proof.universal import prove_claim


@dataclass(frozen=True)
class ClosedProof:
    """A rule is lossless at every pattern of zeros and of ties between p and q.

    Attributes
    ----------
    proofs
        One a stratum.
    refused
        Strata on which the law of the drafts does not exist, such as two drafts without replacement from one
        token.
    seconds
        Wall-clock time of the proof.
    """

    proved: ClassVar[bool] = True
    proofs: tuple[UniversalProof, ...] = field(repr=False)
    refused: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        claim = self.proofs[0].claim
        return (
            f"proved with zeros and ties: {claim.rule}, {claim.law}, V = {claim.vocabulary}, k = {claim.k}; "
            f"{len(self.proofs)} strata, {sum(len(proof.cells) for proof in self.proofs)} cells, "
            f"{self.seconds:.2f} s"
        )


def prove_closed(
    *, coupling: Coupling, law: LawMaker, vocabulary: int
) -> ClosedProof | Counterexample | Inconclusive:
    """Prove or refute that a coupling is lossless on every stratum, the open one included.

    Parameters
    ----------
    coupling
        The rule.
    law
        The law of the drafts, made from one draft distribution.
    vocabulary
        Number of tokens; there are 10 strata for 2 tokens, 74 for 3, 462 for 4.

    Returns
    -------
    ClosedProof, or the first stratum's Counterexample or Inconclusive

    Examples
    --------
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> proof = prove_closed(coupling=Maximal(), law=lambda q: Iid(q, 1), vocabulary=2)
    >>> proof.proved, len(proof.proofs)
    (True, 10)
    """
    started = time.perf_counter()
    proofs, refused = list[UniversalProof](), list[str]()
    for unknowns in strata(vocabulary):
        claim = rule_claim(coupling=coupling, law=law, vocabulary=vocabulary, unknowns=unknowns)
        if not _law_exists(claim):
            refused.append(describe(unknowns))
            continue
        verdict = prove_claim(claim)
        if not isinstance(verdict, UniversalProof):
            return verdict
        proofs.append(verdict)
    return ClosedProof(tuple(proofs), tuple(refused), time.perf_counter() - started)


def strata(vocabulary: int) -> Iterator[tuple[Simplex, Simplex]]:
    """Every pattern of zeros and ties that a target and a draft can have.

    Examples
    --------
    >>> [len(list(strata(vocabulary))) for vocabulary in (1, 2, 3)]
    [1, 10, 74]
    """
    tokens = range(vocabulary)
    supports = [part for size in range(1, vocabulary + 1) for part in combinations(tokens, size)]
    for p in supports:
        for q in supports:
            shared = sorted(set(p) & set(q))
            for size in range(len(shared) + 1):
                for ties in combinations(shared, size):
                    if _possible(set(p) - set(ties), set(q) - set(ties), bool(ties)):
                        tied = Simplex("q", vocabulary, q, equal_to="p" if ties else None, ties=ties)
                        yield Simplex("p", vocabulary, p), tied


def describe(unknowns: tuple[Simplex, Simplex]) -> str:
    """A stratum in words.

    Examples
    --------
    >>> describe((Simplex("p", 3), Simplex("q", 3, (0, 1), equal_to="p", ties=(0,))))
    'p on 123, q on 12, equal at 1'
    """
    p, q = ("".join(str(token + 1) for token in simplex.tokens) for simplex in unknowns)
    ties = "".join(str(token + 1) for token in unknowns[1].ties)
    return f"p on {p}, q on {q}, " + (f"equal at {ties}" if ties else "no ties")


def _possible(p: set[int], q: set[int], tied: bool) -> bool:
    """Whether p and q can share their tied mass and differ at all their other tokens."""
    if not p or not q:
        return not p and not q
    # one token left on both sides, the same one, holds the same rest: a further tie
    return not (len(p) == len(q) == 1 and p == q)


def _law_exists(claim: Claim) -> bool:
    ring = Ring(claim.simplices)
    try:
        claim.make_laws(ring.values_at(Pool(ring).point(0)))
    except ValueError:
        return False
    return True
