"""Every dynamic tree in a small configuration, for the tests that go through all of them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tests.theory.strategies import fractions
from theory.chance import Enumerated, Sampled
from theory.shapes import Profile, TreeShape
from theory.shapes.dynamic import (
    Beam,
    Chain,
    ConfidenceWidth,
    DySpec,
    DySpecThreshold,
    Eagle2,
    Expansion,
    Expectimax,
    Fused,
    Medusa,
    OptTree,
    Sequoia,
    SquaredMass,
    StochasticBeam,
    TokenRecycling,
    rsd_constant,
    tree_of_paths,
)
from theory.tree import DraftTree

F = Fraction
HALVES = Profile.positional([F(1, 2), F(1, 4)])
FOUND = tree_of_paths([(1, 1, 2), (1, 0), (0, 2)], vocabulary=3)
MATRIX = np.array([[1, 2], [2, 2], [0, -1]])
TEMPLATE = TreeShape((-1, 0, 0, 1, 1))

#: Name -> algorithm whose tokens are drawn.
DRAWN = {
    "chain": Chain(),
    "SpecInfer": Expansion((2, 1)),
    "RSD-C": rsd_constant((2, 1)),
    "RSD-S": StochasticBeam(2),
    "Sequoia": Sequoia(HALVES),
    "Sequoia, no fallback": Sequoia(HALVES, fallback=False),
    "DySpec": DySpec(),
    "DySpec, depth cap": DySpec(max_depth=1),
    "DySpec, threshold": DySpecThreshold(),
    "SWIFT": ConfidenceWidth(widths=((F(1, 2), 1), (0, 2)), threshold=F(2, 5)),
    "squared mass": SquaredMass(),
    "squared mass, depth cap": SquaredMass(max_depth=2),
    "expectimax": Expectimax(),
    "fused with DySpec": Fused(DySpec(), FOUND, keep=2, reserve=2),
    "fused with i.i.d. paths": Fused(Expansion((2,)), FOUND, reserve=2),
}

#: Name -> algorithm whose tokens are chosen without randomness.
CHOSEN = {
    "greedy chain": Chain(sampled=False),
    "beam": Beam(2),
    "OPT-Tree": OptTree(),
    "OPT-Tree, delta": OptTree(delta=F(1, 4), max_depth=2),
    "EAGLE-2": Eagle2(top_k=2, steps=1),
    "Medusa": Medusa(Profile.by_depth([[F(1, 2), F(1, 4)], [F(1, 3), F(1, 3)]])),
    "Token Recycling": TokenRecycling(MATRIX, TEMPLATE, last=0),
    "fused with a beam": Fused(Beam(1), FOUND, reserve=2),
}

ALL = DRAWN | CHOSEN

NO_CHANCE = Sampled(np.random.default_rng(0))
#: Contexts that differ in sharpness; no ties between slots.
SHARP, MEDIUM, FLAT = fractions([90, 7, 3]), fractions([59, 29, 12]), fractions([34, 33, 31])


def mixed(prefix):
    return (MEDIUM, SHARP, FLAT)[sum((place + 1) * (token + 1) for place, token in enumerate(prefix)) % 3]


def law_of_trees(algorithm, draft, budget):
    return Enumerated().law(
        lambda chance: frozenset(prefixes_of(algorithm.grow(draft=draft, budget=budget, chance=chance)))
    )


def prefixes_of(tree: DraftTree):
    return [tree.prefix(node) for node in range(1, tree.size + 1)]


def path_mass(draft, sequence):
    mass = F(1)
    for place, token in enumerate(sequence):
        mass *= draft(sequence[:place])[token]
    return mass
