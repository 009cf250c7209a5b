"""Optimal shapes drafted and verified, exactly: lossless, and worth what the positional model says."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.theory.walks.rounds_audit import assert_rounds, models
from theory.chance import Enumerated
from theory.couplings import Recursive
from theory.laws import Iid, WithoutReplacement
from theory.shapes import Profile, TreeShape, best_first, max_plus, to_nested
from theory.walks import Scheme, TopDown
from theory.walks.growers import FixedShape, support

F = Fraction
P = np.array([F(1, 2), F(1, 3), F(1, 6)])
Q = np.array([F(1, 4), F(1, 4), F(1, 2)])


def verified(shape: TreeShape, law_of):
    """Law of the accepted nodes where target and draft are the same after every prefix."""
    grow, walk = FixedShape(to_nested(shape), law_of), TopDown(Recursive())

    def once(chance):
        tree = grow(draft=lambda prefix: Q, chance=chance)
        return walk.verify(tree=tree, target=lambda prefix: P, chance=chance).path

    return Enumerated().law(once)


def profile_of(law_of, ranks: int) -> Profile:
    """Acceptance probability of each rank, exactly, from a star."""
    law = verified(TreeShape((-1, *[0] * ranks)), law_of)
    return Profile.positional(np.array([law.get((rank + 1,), F(0)) for rank in range(ranks)]))


@pytest.mark.parametrize("law_of", [Iid, WithoutReplacement])
def test_without_context_the_positional_model_is_exact(law_of):
    """Sequoia's assumption holds where p and q never change: the value is the expected length of a round."""
    profile = profile_of(law_of, 2)
    for shape in (max_plus(profile, nodes=3).shape(), TreeShape((-1, 0, 0, 1)), TreeShape((-1, 0, 0, 2))):
        law = verified(shape, law_of)
        assert sum(mass * (1 + len(path)) for path, mass in law.items()) == shape.value(profile)


def test_recursive_acceptance_without_replacement_can_rise():
    """The profile of a rule need not fall along the ranks: then only dynamic programming is exact."""
    p, q = np.array([F(0), F(1, 2), F(1, 2)]), np.array([F(8, 10), F(1, 10), F(1, 10)])
    walk = TopDown(Recursive())

    def once(chance):
        grow = FixedShape(((), ()), WithoutReplacement)
        tree = grow(draft=lambda prefix: q, chance=chance)
        return walk.verify(tree=tree, target=lambda prefix: p, chance=chance).path

    law = Enumerated().law(once)
    assert law[(2,)] > law[(1,)]


def as_many_as_there_are(q, count):
    """Without replacement, and no more drafts than tokens that q can draw."""
    return WithoutReplacement(q, min(count, support(q)))


@pytest.mark.parametrize("nodes", [2, 3])
def test_optimal_shapes_are_lossless(nodes):
    """Drafted without replacement and verified top-down, with target and draft that depend on the context."""
    shape = best_first(Profile.positional([0.5, 0.3]), nodes=nodes).shape()
    scheme = Scheme(FixedShape(to_nested(shape), as_many_as_there_are), TopDown(Recursive()))
    assert scheme.lossless
    for seed in (1, 2, 3):
        target, draft = models(seed, kind="zeros")
        assert_rounds(scheme, target, draft, rounds=1, length=3)


def test_budgets_beyond_the_vocabulary():
    """A star of five over three tokens: the shape asks for more than there is, and fewer are drawn."""
    scheme = Scheme(FixedShape(((),) * 5, as_many_as_there_are), TopDown(Recursive()))
    target, draft = models(3, kind="zeros")
    assert_rounds(scheme, target, draft, rounds=1, length=1)
    empty = Scheme(FixedShape((), as_many_as_there_are), TopDown(Recursive()))
    assert_rounds(empty, target, draft, rounds=2, length=2)
