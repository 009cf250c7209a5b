"""Growers, named configurations, and the law of several rounds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.strategies import fractions
from tests.theory.walks.rounds_audit import assert_rounds, models
from theory.chance import Enumerated, Sampled
from theory.couplings import Recursive
from theory.laws import Iid, Point, WithoutReplacement
from theory.proof import target_law
from theory.walks import (
    Block,
    Levels,
    Scheme,
    TopDown,
    Walk,
    emitted,
    expected_length,
    law_of_rounds,
    named,
)
from theory.walks.growers import FixedShape, Heaviest, support


def chance():
    return Sampled(np.random.default_rng(0))


class TestRounds:
    @pytest.mark.parametrize("rounds", [0, 1, 2])
    @pytest.mark.parametrize("scheme", [named.token_level(1), named.block(2)], ids=["token", "block"])
    def test_the_law_is_that_of_the_program(self, scheme, rounds):
        """Round by round against one replay of everything; also where the text is cut inside a round."""
        target, draft = models(1, kind="zeros")
        for length in (1, 3):
            options = {"scheme": scheme, "target": target, "draft": draft, "rounds": rounds, "length": length}
            program = Enumerated().law(lambda chance, options=options: emitted(chance=chance, **options))
            assert program == law_of_rounds(**options) == target_law(target=target, length=length)

    def test_lossy_text_is_seen_over_rounds(self):
        """A negative control for the rounds themselves: the second round forgets what the first committed."""

        class Stale:
            def __call__(self, *, draft, chance):
                return named.token_level(1).grow(draft=lambda prefix: draft((0, *prefix)), chance=chance)

        class Wrong:
            lossless = True

            def verify(self, *, tree, target, chance):
                return TopDown(Recursive()).verify(tree=tree, target=lambda s: target((0, *s)), chance=chance)

        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_rounds(Scheme(Stale(), Wrong()), *models(1), rounds=2, length=3)

    def test_expected_length_of_certain_drafts(self):
        draft = models(1)[1]
        assert expected_length(scheme=named.token_level(3), target=draft, draft=draft) == 3

    def test_schemes_are_lossless_as_their_walks(self):
        assert named.block(2).lossless
        assert isinstance(named.block(2).walk, Walk)


class TestGrowers:
    def test_support_counts_positive_entries(self):
        assert support(fractions([0, 2, 3])) == 2

    def test_levels_record_their_laws(self):
        tree = Levels((named.iid(2), named.top(1)))(draft=models(1)[1], chance=chance())
        assert isinstance(tree.laws[0], Iid)
        assert isinstance(tree.laws[1], Point)

    def test_a_fixed_shape_is_cut_where_the_support_is_small(self):
        q = fractions([1, 0, 0])
        scheme = named.sequoia((((),), ()))
        tree = scheme.grow(draft=lambda prefix: q, chance=chance())
        assert tree.parents == (-1, 0, 1)

    def test_a_fixed_shape_draws_from_the_streams_of_its_levels(self):
        grow = FixedShape((((),), ()), WithoutReplacement)
        path = next(Enumerated().paths(lambda c: grow(draft=models(1)[1], chance=c)))
        assert [stream for stream, _, _ in path.choices] == ["draft/0", "draft/0", "draft/1"]

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_the_heaviest_nodes(self, seed):
        """Against a listing of all candidates: no node left out is heavier than one taken."""
        _, draft = models(seed)
        tree = Heaviest(nodes=5, top_k=2, depth=3)(draft=draft, chance=chance())
        taken = {tree.prefix(node) for node in range(1, 6)}
        masses = candidates(draft, top_k=2, depth=3)
        assert len(taken) == 5
        assert min(masses[s] for s in taken) >= max(mass for s, mass in masses.items() if s not in taken)

    def test_heaviest_asks_for_no_randomness_and_stops_when_nothing_is_left(self):
        q = fractions([0, 1, 0])
        tree = Heaviest(nodes=9, top_k=2, depth=3)(draft=lambda prefix: q, chance=None)  # type: ignore[arg-type]
        assert [tree.prefix(node) for node in range(1, 4)] == [(1,), (1, 1), (1, 1, 1)]
        assert tree.size == 3

    def test_bad_sizes(self):
        with pytest.raises(ValueError, match="must be at least 1, got nodes=0, top_k=2, depth=1"):
            Heaviest(nodes=0, top_k=2, depth=1)
        with pytest.raises(ValueError, match="at least 1 child a level and at least one level"):
            named.full_tree((), named.iid, Block())
        with pytest.raises(ValueError, match="at least 1 child a level and at least one level"):
            named.full_tree((2, 0), named.iid, Block())


def candidates(draft, *, top_k, depth):
    """Masses of all prefixes whose every token is among the top ones."""
    found = {(): 1}
    layer = {(): 1}
    for _ in range(depth):
        layer = {
            (*prefix, int(token)): mass * draft(prefix)[token]
            for prefix, mass in layer.items()
            for token in np.argsort(-draft(prefix), kind="stable")[:top_k]
        }
        found |= layer
    return {prefix: mass for prefix, mass in found.items() if prefix}


class TestNamed:
    def test_naive_and_recursive_sampling_differ_in_length_only(self):
        target, draft = models(1)
        naive = expected_length(scheme=named.specinfer_naive((2, 1)), target=target, draft=draft)
        assert naive < expected_length(scheme=named.specinfer((2, 1)), target=target, draft=draft)

    def test_eagle2_with_all_nodes_is_the_full_tree(self):
        target, draft = models(1)
        full = expected_length(scheme=named.eagle((2, 2)), target=target, draft=draft)
        assert expected_length(scheme=named.eagle2(6, 2, 2), target=target, draft=draft) == full

    def test_sequoia_of_a_full_shape_is_rsd(self):
        target, draft = models(1)
        rsd = expected_length(scheme=named.rsd_constant((2, 1)), target=target, draft=draft)
        assert expected_length(scheme=named.sequoia((((),), ((),))), target=target, draft=draft) == rsd

    def test_larger_point_mass_trees(self):
        for scheme in (named.eagle((3, 2, 1)), named.eagle2(7, 3, 4), named.traversal((3, 2), named.top)):
            target, draft = models(2, kind="zeros")
            assert_rounds(scheme, target, draft, rounds=1, length=5)
