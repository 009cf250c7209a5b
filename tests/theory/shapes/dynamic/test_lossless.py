"""Every dynamic tree verified end to end: the emitted tokens' joint law is the target's, as fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.theory.shapes.dynamic.algorithms import ALL, DRAWN
from tests.theory.strategies import fractions
from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, models
from theory.couplings import Recursive, SampleAndMatch
from theory.laws import WithoutReplacement
from theory.shapes.dynamic import DySpec, WithBudget
from theory.tree import ROOT, DraftTree
from theory.walks import Scheme, TopDown, Traversal

RECURSIVE = TopDown(Recursive())


@pytest.mark.parametrize("kind", ["positive", "twisted"])
@pytest.mark.parametrize("name", ALL)
def test_one_round_has_the_targets_law(name, kind):
    """Three drafts; with zeros and ties, rows of one token, targets equal to the draft or its mirror."""
    scheme = Scheme(WithBudget(ALL[name], 3), RECURSIVE)
    assert_rounds(scheme, *models(2, kind=kind), rounds=1, length=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_four_drafts_have_the_targets_law(name):
    scheme = Scheme(WithBudget(ALL[name], 4), RECURSIVE)
    assert_rounds(scheme, *models(3, kind="zeros"), rounds=1, length=5)


@pytest.mark.parametrize(
    "name", ["DySpec", "squared mass", "RSD-S", "Sequoia", "fused with DySpec", "OPT-Tree"]
)
def test_several_rounds_have_the_targets_law(name):
    scheme = Scheme(WithBudget(ALL[name], 2), RECURSIVE)
    assert_rounds(scheme, *models(5, kind="twisted"), rounds=2, length=4)


@pytest.mark.parametrize("name", ["DySpec", "RSD-S", "SpecInfer", "OPT-Tree"])
def test_naive_matching_is_lossless_on_any_tree(name):
    scheme = Scheme(WithBudget(ALL[name], 3), TopDown(SampleAndMatch()))
    assert_rounds(scheme, *models(2), rounds=1, length=4)


@pytest.mark.parametrize("name", [name for name in ALL if name != "chain"])
def test_traversal_is_lossless(name):
    """Also where a child is there because of a token that traversal has not looked at yet."""
    assert_rounds(Scheme(WithBudget(ALL[name], 3), Traversal()), *models(4), rounds=1, length=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["DySpec", "squared mass", "RSD-S", "fused with DySpec"])
@pytest.mark.parametrize("seed", [1, 2])
def test_traversal_of_four_drafts_is_lossless(name, seed):
    assert_rounds(Scheme(WithBudget(ALL[name], 4), Traversal()), *models(seed), rounds=1, length=5)


@dataclass(frozen=True)
class PicksAfterDrawing:
    """Two siblings are drawn, the likelier one is kept: the recorded law is not the kept token's."""

    def grow(self, *, draft, budget, chance):
        q = draft(())
        drawn = WithoutReplacement(q, 2).sample(chance, stream="draft/0")
        best = max(drawn, key=lambda token: q[token])
        return DraftTree((ROOT, best), (-1, 0), (WithoutReplacement(q, 1), None))


@dataclass(frozen=True)
class StopsByTheToken:
    """Draws a token, and submits it only if it is not token 0."""

    def grow(self, *, draft, budget, chance):
        q = draft(())
        (token,) = WithoutReplacement(q, 1).sample(chance, stream="draft/0")
        return DraftTree.star((token,), law=WithoutReplacement(q, 1)) if token else DraftTree.empty()


@dataclass(frozen=True)
class ForgetsTheSiblings:
    """DySpec's tree with a second sibling accounted as if drawn afresh."""

    def grow(self, *, draft, budget, chance):
        from theory.laws import Iid

        tree = DySpec(max_depth=1).grow(draft=draft, budget=budget, chance=chance)
        law = tree.laws[0]
        return DraftTree(tree.tokens, tree.parents, (Iid(law.q, law.k), *tree.laws[1:]))


@pytest.mark.parametrize("wrong", [PicksAfterDrawing(), StopsByTheToken(), ForgetsTheSiblings()])
def test_negative_controls_fail(wrong):
    with pytest.raises(AssertionError, match="not the target's"):
        assert_on_tables(Scheme(WithBudget(wrong, 2), RECURSIVE), length=3)


@pytest.mark.parametrize("name", ALL)
def test_budgets(name):
    """Zero is the empty tree; no tree is larger than its budget; small supports are no error."""
    from theory.chance import Sampled

    chance = Sampled(np.random.default_rng(1))
    rows = {0: fractions([1, 0, 2]), 1: fractions([0, 1, 0]), 2: fractions([1, 1, 1])}

    def draft(prefix):
        return rows[len(prefix) % 3]

    if name == "Medusa":
        budgets = (0, 1, 2, 4, 6)
    else:
        budgets = (0, 1, 2, 3, 4, 5) if name == "expectimax" else (0, 1, 2, 5, 30)
    for budget in budgets:
        tree = WithBudget(ALL[name], budget)(draft=draft, chance=chance)
        assert tree.size <= budget
        assert (tree.size == 0) == (budget == 0) or name == "SpecInfer" or "RSD-C" in name or "fused" in name
    with pytest.raises(ValueError, match="budget must be an integer of at least 0"):
        WithBudget(ALL[name], -1)
    with pytest.raises(ValueError, match="budget must be an integer of at least 0"):
        ALL[name].grow(draft=draft, budget=-1, chance=chance)


@pytest.mark.parametrize("name", DRAWN)
def test_a_draft_of_one_token(name):
    """Rows of one token: slots without mass are never drawn from."""
    from theory.chance import Sampled

    row = fractions([0, 1, 0])
    tree = WithBudget(DRAWN[name], 3)(draft=lambda prefix: row, chance=Sampled(np.random.default_rng(0)))
    assert tree.size <= 3
    if name in ("DySpec", "squared mass", "expectimax", "chain"):
        assert tree.tokens == (-1, 1, 1, 1)
