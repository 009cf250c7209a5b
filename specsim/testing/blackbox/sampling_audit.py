"""Auditing by samples: where a law can't be computed, it is tested."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from specsim.testing.blackbox.statistical import SampledVerdict, sample_portfolio
from specsim.testing.cases import Case
from specsim.testing.counterexample import words
from specsim.testing.scope import Area, Scope
from specsim.testing.verdict import ERROR, REFUTED, STATISTICAL, Check, Verdict
from theory.couplings import UnsupportedLaw
from theory.walks.base import UnsupportedTree


def sampled_verdict(rule: Any, scope: Scope, base: Verdict, why: str) -> Verdict:
    """The verdict from samples; ``why`` says why not from laws."""
    if not hasattr(rule, "sampler"):
        return replace(base, status=ERROR, reason=f"{why}; and the rule can't be sampled")
    rng = np.random.default_rng(scope.seed)
    refused: list[str] = []
    cases: list[Case] = []
    taken: list[str] = []
    for area in scope.areas(rule):
        try:
            cases += _cases(rule, area, scope, rng)
            taken.append(area.title)
        except (UnsupportedLaw, UnsupportedTree) as error:
            refused.append(f"{area.title} ({error})")
    verdict = replace(base, refused=tuple(refused))
    if not cases:
        return replace(verdict, status=ERROR, reason=f"the rule takes none of the laws tried: {refused}")
    budget = scope.budget
    if len(cases) * budget.first > budget.total:
        budget = replace(budget, first=max(1, budget.total // len(cases)))
    found = sample_portfolio(rule, cases, budget, rng=rng)
    check = Check(
        f"sampled outcomes ({'; '.join(taken)}): {why}",
        "statistical",
        len(cases),
        not found.refuted,
        found.detectable,
        _power(found, scope),
    )
    verdict = replace(verdict, status=STATISTICAL, checks=(check,))
    return replace(verdict, status=REFUTED, reason=_reason(found)) if found.refuted else verdict


def _cases(rule: Any, area: Area, scope: Scope, rng: np.random.Generator) -> list[Case]:
    """An area's portfolio, if the rule takes its cases."""
    portfolio = area.portfolio(scope.budget.pairs, scope.seed)
    rule.sampler(portfolio[0])(rng)
    return portfolio


def _power(found: SampledVerdict, scope: Scope) -> str:
    budget = scope.budget
    return (
        f"{found.samples} samples, false alarms at most {budget.alpha:.2g} in all; "
        f"with probability {budget.power} a total variation of {found.detectable:.3g} would have been found "
        f"on the case sampled least ({found.fewest} samples), of {found.strongest:.3g} on the one sampled "
        f"most; log evidence {found.log_wealth:.1f}"
    )


def _reason(found: SampledVerdict) -> str:
    where = ", ".join(found.case.describe())
    if found.impossible is not None:
        return f"not lossless: it emitted {words(found.impossible)}, which has probability zero; on {where}"
    total = sum(found.counts.values())
    seen = ", ".join(f"{words(x)} {count / total:.4f}" for x, count in sorted(found.counts.items()))
    return f"not lossless by {found.samples} samples: on {where} it emitted {seen} (of {total})"
