"""Proofs for all p and q: a rule that passed every example is run once more, on symbols.

:mod:`theory.proof.universal` proves the law on every open cell of the simplex: all probabilities positive,
nothing that the rule compares equal. Zeros and ties are what the examples of an audit are full of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from specsim.testing.cases import NodeCase
from specsim.testing.rules import NodeRule, Rule, WalkRule
from specsim.testing.scope import Area, Scope
from specsim.testing.verdict import EXACT, PROVED, Check, Verdict
from theory.couplings import Resolution, UnsupportedLaw
from theory.laws import Law
from theory.walks import Model, Verified
from theory.walks.base import UnsupportedTree


@dataclass(frozen=True)
class _Coupling:
    """A node rule as a coupling."""

    rule: NodeRule

    def __repr__(self) -> str:
        return self.rule.name

    def resolve(self, *, p: Any, drafts: Any, law: Any, chance: Any, level: int = 0) -> Resolution:
        """The rule's answer, as a resolution."""
        answer = self.rule.resolve(p=p, drafts=drafts, law=law, chance=chance)
        if isinstance(answer, Resolution):
            return answer
        return Resolution(answer, drafts.index(answer) if answer in drafts else None)


@dataclass(frozen=True)
class _Walk:
    """A tree rule as a walk."""

    rule: WalkRule

    def __repr__(self) -> str:
        return self.rule.name

    def verify(self, *, tree: Any, target: Any, chance: Any) -> Verified:
        """The rule's answer, as a walk's."""
        answer = self.rule.verify(tree=tree, target=target, chance=chance)
        return answer if isinstance(answer, Verified) else Verified(tuple(answer), (), bonus=False)


class _CarryingWalk(_Walk):
    """A tree rule that changes the next round's target."""

    def following(self, **given: Any) -> Model:
        """The target of the next round."""
        assert self.rule.following is not None
        return self.rule.following(**given)


def with_proofs(rule: Rule, scope: Scope, verdict: Verdict) -> Verdict:
    """An exact verdict, with a proof of each law or tree that was examined; other verdicts as they are.

    The status becomes 'proved (universal)' if all of them are proved. A proof that is not found refutes
    nothing; a note says why.
    """
    if verdict.status != EXACT or not isinstance(rule, NodeRule | WalkRule):
        return verdict
    checks: list[Check] = []
    notes: list[str] = []
    for area in scope.areas(rule):
        try:
            found = _attempt(rule, scope, area)
        except (UnsupportedLaw, UnsupportedTree):
            continue
        except (ValueError, RuntimeError, ArithmeticError, TypeError) as error:
            notes.append(f"no proof for {area.title}: {error}")
            continue
        if found.proved:
            name = f"all p and q over {scope.vocabulary} tokens ({area.title})"
            checks.append(Check(name, "universal", 0, True, 0.0, f"{len(found.cells)} cells"))
        else:
            notes.append(f"no proof for {area.title}: {found}")
    status = PROVED if checks and not notes else verdict.status
    return replace(verdict, status=status, checks=(*verdict.checks, *checks), notes=tuple(notes))


def _attempt(rule: NodeRule | WalkRule, scope: Scope, area: Area) -> Any:
    from theory.proof.universal import prove, prove_joint

    if isinstance(rule, WalkRule):
        if not area.levels:
            raise ValueError("it drafts by itself; see theory.proof.universal.prove_scheme")
        walk: Any = _Walk(rule) if rule.following is None else _CarryingWalk(rule)
        branching = [level.law for level in area.levels]
        return prove_joint(walk, branching=branching, vocabulary=scope.vocabulary, rounds=scope.rounds)
    case = area.portfolio(1, 0)[0]
    assert isinstance(case, NodeCase)
    assert case.family is not None
    family, k, coupling = case.family, case.law.k, _Coupling(rule)

    def law(*drafters: Any) -> Law:
        return family.make(drafters, k)

    given: Any = {"coupling": coupling, "law": law, "drafters": family.drafters(k)}
    return prove(**given, vocabulary=scope.vocabulary)
