"""The four objectives, and what they have to do with each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.theory.shapes.dynamic.algorithms import ALL, CHOSEN
from tests.theory.strategies import fractions
from tests.theory.walks.rounds_audit import models
from theory.chance import Sampled
from theory.couplings import Recursive, SampleAndMatch
from theory.shapes import Profile
from theory.shapes.dynamic import (
    Chain,
    Expansion,
    by_draft,
    by_position,
    by_target,
    expected,
    ranking,
    with_verifier,
)
from theory.walks import TopDown, Traversal

RECURSIVE, NAIVE = TopDown(Recursive()), TopDown(SampleAndMatch())


@pytest.mark.parametrize("name", CHOSEN)
def test_chosen_trees_are_worth_the_targets_mass(name):
    """Point masses under recursive rejection: accepted exactly as often as the target goes there."""
    target, draft = models(3)
    value = with_verifier(algorithm=CHOSEN[name], walk=RECURSIVE, target=target, draft=draft, budget=3)
    oracle = expected(
        lambda tree: by_target(tree, target=target), algorithm=CHOSEN[name], draft=draft, budget=3
    )
    assert value == oracle


@pytest.mark.parametrize("name", ["chain", "SpecInfer", "RSD-S", "DySpec", "fused with DySpec"])
def test_naive_matching_is_worth_the_targets_mass(name):
    target, draft = models(4)
    value = with_verifier(algorithm=ALL[name], walk=NAIVE, target=target, draft=draft, budget=2)
    assert value == expected(
        lambda tree: by_target(tree, target=target), algorithm=ALL[name], draft=draft, budget=2
    )


def test_a_draft_equal_to_the_target_is_believed():
    """Chosen trees: the draft's estimate is the truth where the draft is the target."""
    target, _ = models(5)
    oracle = with_verifier(
        algorithm=CHOSEN["OPT-Tree"], walk=RECURSIVE, target=target, draft=target, budget=3
    )
    grow = CHOSEN["OPT-Tree"]
    assert oracle == expected(
        lambda tree: by_draft(tree, draft=target), algorithm=grow, draft=target, budget=3
    )


def test_a_drawn_chain_can_beat_every_estimate():
    """p = q: everything is accepted, though the estimates see only the sum of squares."""
    row = fractions([1, 2, 3])
    value = with_verifier(
        algorithm=Chain(), walk=RECURSIVE, target=lambda prefix: row, draft=lambda prefix: row, budget=2
    )
    believed = expected(
        lambda tree: by_draft(tree, draft=lambda prefix: row),
        algorithm=Chain(),
        draft=lambda prefix: row,
        budget=2,
    )
    assert (value, believed) == (3, 1 + Fraction(14, 36) + Fraction(14, 36) ** 2)


def test_by_position_is_the_shapes_value():
    chance = Sampled(np.random.default_rng(0))
    tree = Expansion((2,)).grow(draft=lambda prefix: np.array([1.0, 0, 0]), budget=2, chance=chance)
    assert by_position(tree, profile=Profile.positional([0.5, 0.25])) == 1.75
    assert by_draft(tree, draft=lambda prefix: np.array([1.0, 0, 0])) == 2


def test_the_best_tree_depends_on_the_rule():
    """Pairs are ranked together; ties of a chain between rules for chains stay ties."""
    pairs = {
        ("chain", "recursive"): (Chain(), RECURSIVE),
        ("chain", "naive"): (Chain(), NAIVE),
        ("chain", "traversal"): (Chain(), Traversal()),
        ("two drafts", "recursive"): (Expansion((2,)), RECURSIVE),
        ("two drafts", "naive"): (Expansion((2,)), NAIVE),
    }
    rows = ranking(pairs, models=[models(1), models(2)], budget=2)
    assert [row.value for row in rows] == sorted((row.value for row in rows), reverse=True)
    values = {(row.tree, row.verifier): row.value for row in rows}
    assert values["chain", "traversal"] >= values["chain", "recursive"] > values["chain", "naive"]
    with pytest.raises(ValueError, match="at least one pair"):
        ranking(pairs, models=[], budget=2)
