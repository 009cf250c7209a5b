"""Mistakes that are easily made in verifiers, one at a time; the rule without any of them passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction as F

import pytest

from specsim.testing import audit
from tests.specsim.testing.rules_for_tests import leftover, ratio
from theory.simplex import normalise, residual

NODE = {"drafts": 2, "examples": 25, "shrink": False}
CHAIN = {"laws": "iid", "drafts": 1, "examples": 10, "shrink": False}


@dataclass(frozen=True)
class Recursion:
    """Recursive rejection with at most one mistake."""

    mistake: str = ""

    def resolve(self, *, p, drafts, law, chance, level=0):
        left = p
        for index, token in enumerate(drafts):
            if self.mistake == "duplicates are skipped" and token in drafts[:index]:
                continue
            q = law.conditional(() if self.mistake == "drawn tokens are not removed" else drafts[:index])
            if self.mistake == "the law of all is that of the first":
                q = law.conditional(())
            if self._accepts(left, q, token, chance):
                return token
            if self.mistake != "independent tests":
                rest = leftover(left, q)
                left = rest if self.mistake == "the residual is not normalised" else normalise(rest)
        return chance.draw(
            residual(p, law.conditional(())) if self._first_residual(p, law) else left, stream="rest"
        )

    def _accepts(self, left, q, token, chance):
        accept = ratio(left, q, token)
        if self.mistake == "half the ratio":
            accept = accept / 2
        return chance.flip(accept, stream="accept")

    def _first_residual(self, p, law):
        rest = residual(p, law.conditional(()))
        return self.mistake == "the first residual is used for all" and any(rest > 0)


def test_recursion_without_a_mistake():
    for law in ("iid", "without-replacement", "independent"):
        assert audit(Recursion(), laws=law, **NODE).lossless is True


@pytest.mark.parametrize(
    ("mistake", "law"),
    [
        ("duplicates are skipped", "iid"),
        ("drawn tokens are not removed", "without-replacement"),
        ("the law of all is that of the first", "independent"),
        ("the residual is not normalised", "iid"),
        ("independent tests", "iid"),
        ("half the ratio", "iid"),
        ("the first residual is used for all", "iid"),
    ],
)
def test_recursion(mistake, law):
    verdict = audit(Recursion(mistake), laws=law, **NODE)
    assert verdict.lossless is False, str(verdict)
    assert verdict.counterexample.examples <= 12


@dataclass(frozen=True)
class Blocks:
    """Block verification with at most one mistake."""

    mistake: str = ""
    one: F = field(default=F(1))

    def verify(self, *, tree, target, chance):
        drafted = tree.tokens[1:]
        rows = [target(drafted[:depth]) for depth in range(len(drafted) + 1)]
        drafts = [tree.laws[depth].conditional(()) for depth in range(len(drafted))]
        budgets = [self.one]
        for depth, token in enumerate(drafted):
            joint = budgets[-1] * rows[depth][token] / drafts[depth][token]
            budgets.append(joint if self.mistake == "ratios are not capped" else min(self.one, joint))
        accepted = 0
        for depth in range(1, len(budgets)):
            keeps = chance.flip(self._threshold(rows, drafts, budgets, depth), stream=f"accept/{depth}")
            if keeps:
                accepted = depth
            elif self.mistake == "stops at the first failure":
                break
        if accepted == len(drafted):
            row = rows[-2] if self.mistake == "the bonus is of the row before" else rows[-1]
            return (*drafted, chance.draw(row, stream="bonus"))
        scale = 1 if self.mistake == "the residual is not scaled" else budgets[accepted]
        rest = leftover(scale * rows[accepted], drafts[accepted])
        return (*drafted[:accepted], chance.draw(rest, stream="residual"))

    def _threshold(self, rows, drafts, budgets, depth):
        if depth == len(drafts):
            return min(self.one, budgets[depth])
        if budgets[depth] >= 1:
            return self.one
        surplus = residual(budgets[depth] * rows[depth], drafts[depth]).sum()
        if self.mistake == "the threshold is the budget":
            return budgets[depth]
        return surplus / (surplus + 1 - budgets[depth])


def test_blocks_without_a_mistake():
    assert audit(Blocks(), **CHAIN).lossless is True


@pytest.mark.parametrize(
    "mistake",
    [
        "ratios are not capped",
        "stops at the first failure",
        "the bonus is of the row before",
        "the residual is not scaled",
        "the threshold is the budget",
    ],
)
def test_blocks(mistake):
    verdict = audit(Blocks(mistake), **CHAIN)
    assert verdict.lossless is False, str(verdict)
    assert verdict.counterexample.examples <= 12
