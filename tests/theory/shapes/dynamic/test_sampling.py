"""Sequoia's sampling, stochastic beams, and retrieved trees."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from tests.theory.shapes.dynamic.algorithms import (
    FLAT,
    NO_CHANCE,
    law_of_trees,
    mixed,
    path_mass,
    prefixes_of,
)
from tests.theory.strategies import fractions
from theory.chance import Enumerated
from theory.laws import WithoutReplacement
from theory.shapes import Profile
from theory.shapes.dynamic import (
    Chain,
    DySpec,
    Expansion,
    Fused,
    Sequoia,
    StochasticBeam,
    UniformFallback,
    fuse,
    prune,
    tree_of_paths,
)
from theory.tree import DraftTree

F = Fraction


# --- Sequoia's sampling -----------------------------------------------------------------------------------


def test_the_fallback_is_uniform_and_covers_everything():
    law = UniformFallback(fractions([2, 1, 0, 0]), 4)
    drawn = law.enumerate()
    assert sum(drawn.values()) == 1
    assert {frozenset(tokens) for tokens in drawn} == {frozenset(range(4))}
    assert law.conditional((1, 0)).tolist() == [0, 0, F(1, 2), F(1, 2)]
    with pytest.raises(ValueError, match="at most V different tokens"):
        UniformFallback(FLAT, 4)


def test_cover_property():
    """All of the vocabulary as children: the target's token is always among them."""
    from theory.couplings import Recursive
    from theory.shapes.dynamic import with_verifier
    from theory.walks import TopDown

    p, q = fractions([0, 0, 1]), fractions([3, 1, 0])
    flat = Sequoia(Profile.by_depth([[F(1, 3)] * 3]))
    value = with_verifier(
        algorithm=flat,
        walk=TopDown(Recursive()),
        target=lambda prefix: p,
        draft=lambda prefix: q,
        budget=3,
    )
    assert value == 2


# --- stochastic beams ---------------------------------------------------------------------------------------


def test_levels_of_a_stochastic_beam_are_samples_without_replacement():
    """At every level the kept prefixes are drawn without replacement from all of that length."""
    for level in (1, 2):
        found = law_of_level(mixed, width=2, depth=2, level=level)
        sequences = list(product(range(3), repeat=level))
        mass = np.array([path_mass(mixed, sequence) for sequence in sequences])
        sets: dict[frozenset, Fraction] = {}
        for drawn, weight in WithoutReplacement(mass, 2).enumerate().items():
            key = frozenset(sequences[place] for place in drawn)
            sets[key] = sets.get(key, F(0)) + weight
        assert found == sets


def law_of_level(draft, *, width, depth, level):
    def program(chance):
        tree = StochasticBeam(width).grow(draft=draft, budget=width * depth, chance=chance)
        return frozenset(prefix for prefix in prefixes_of(tree) if len(prefix) == level)

    return Enumerated().law(program)


def gumbel_beam(draft, *, width, depth, rng):
    """Stochastic beam search as published: children's Gumbels given that their maximum is the parent's."""
    beam, kept = [(0.0, 0.0, ())], []
    for _ in range(depth):
        found = []
        for perturbed, log_mass, prefix in beam:
            logs = log_mass + np.log(draft(prefix).astype(float))
            gumbels = rng.gumbel(logs)
            top = gumbels.max()
            shifted = -np.log(np.exp(-perturbed) - np.exp(-top) + np.exp(-gumbels))
            found += [(shifted[token], logs[token], (*prefix, token)) for token in range(logs.size)]
        beam = sorted(found, reverse=True)[:width]
        kept += [prefix for _, _, prefix in beam]
    return frozenset(kept)


def test_the_sequential_form_has_the_law_of_gumbel_beams():
    """Statistical: 3000 published beams against the enumerated law of trees; false alarms at most 1e-9.

    The bound is on every tree's frequency, Hoeffding with a union over them; the control (a
    chain below each first token) must fail it.
    """
    rng, samples = np.random.default_rng(4), 3000
    law = law_of_trees(StochasticBeam(2), mixed, 4)
    limit = np.sqrt(np.log(2 * (len(law) + 3) / 1e-9) / (2 * samples))
    assert _largest_difference(law, lambda: gumbel_beam(mixed, width=2, depth=2, rng=rng), samples) < limit
    assert _largest_difference(law, lambda: separate_chains(mixed, rng=rng), samples) > limit


def separate_chains(draft, *, rng):
    """Each of two different first tokens is followed by one token of its own: RSD-C, not RSD-S."""
    level = sorted(range(3), key=lambda t: -rng.gumbel(np.log(float(draft(())[t]))))[:2]
    below = [(first, int(rng.choice(3, p=draft((first,)).astype(float)))) for first in level]
    return frozenset([(token,) for token in level] + below)


def _largest_difference(law, draw, samples):
    """Over all trees, and over the number of parents that the second level has."""
    found: dict[object, float] = {}
    for tree, weight in law.items():
        for key in (tree, _second_parents(tree)):
            found[key] = found.get(key, 0.0) - float(weight)
    for _ in range(samples):
        tree = draw()
        for key in (tree, _second_parents(tree)):
            found[key] = found.get(key, 0.0) + 1 / samples
    return max(map(abs, found.values()))


def _second_parents(tree):
    return len({prefix[0] for prefix in tree if len(prefix) == 2})


# --- retrieval --------------------------------------------------------------------------------------------


def test_fusion_follows_the_longest_common_prefix():
    left = tree_of_paths([(0, 1, 2), (2,)], vocabulary=3)
    right = tree_of_paths([(0, 1, 0), (2, 2), (1,)], vocabulary=3)
    both = fuse(left, right)
    assert set(prefixes_of(both)) == set(prefixes_of(left)) | set(prefixes_of(right))
    assert both.size == 7
    assert fuse(left, right, budget=5).size == 5
    assert fuse(left, right, budget=0).size == 4
    assert fuse(DraftTree.empty(), right).size == right.size
    assert fuse(left, DraftTree.empty()).parents == left.parents


def test_only_chosen_trees_are_pruned_or_merged():
    drawn = DySpec().grow(draft=mixed, budget=3, chance=NO_CHANCE)
    for refused in (
        lambda: prune(drawn, draft=mixed, keep=1),
        lambda: fuse(drawn, drawn),
        lambda: Fused(Chain(), drawn),
    ):
        with pytest.raises(ValueError, match="selecting after a draw changes its law"):
            refused()


def test_siblings_that_were_drawn_are_not_retrieved_again():
    found = tree_of_paths([(0,), (1,), (2,)], vocabulary=3)
    for tree in law_of_trees(Fused(Expansion((1,)), found), mixed, 9):
        assert tree == {(0,), (1,), (2,)}
