"""Top-down verification: the joint law of the first tokens, exactly, with p and q that depend on the context.

One round is completed with samples of the target; what comes out has to be the target's joint law, as a
dictionary of fractions. Marginals of single tokens would not show a bonus from the wrong context.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from tests.theory.audit import assert_frequencies
from tests.theory.strategies import F, floats
from tests.theory.walks.tables import Table
from theory.chance import Enumerated, Sampled
from theory.couplings import GreedyDraft, KSeq, Maximal, OptimalPlan, Recursive, SampleAndMatch, SpecHub
from theory.laws import HubPair, Iid, Point, TopKPlusSample, WithoutReplacement
from theory.proof import joint_law, target_law
from theory.tree import DraftTree, grow_levels
from theory.walks import TopDown, Verified

SEEDS = (1, 2, 3)


def iid(k):
    return lambda q: Iid(q, k)


def wor(k):
    return lambda q: WithoutReplacement(q, k)


def greedy(k):
    return lambda q: TopKPlusSample(q, k)


def point(k):
    return lambda q: Point.top(q, k)


def assert_joint(coupling, branching, *, seed=1, zeros=False, length=None, walk=None, grown=None):
    """The joint law of the first tokens is the target's."""
    target, draft = Table(seed), Table(seed + 100, zeros=zeros)
    length = length or len(branching) + 1
    law = joint_law(
        walk=walk or TopDown(coupling),
        grow=grown or (lambda chance: grow_levels(draft=draft, branching=branching, chance=chance)),
        target=target,
        length=length,
    )
    expected = target_law(target=target, length=length)
    assert sum(law.values()) == sum(expected.values()) == 1
    assert law == expected, "the joint law is not the target's"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("zeros", [False, True], ids=["positive", "zeros"])
@pytest.mark.parametrize(
    "coupling", [Maximal(), Recursive(), SampleAndMatch(), KSeq()], ids=lambda rule: type(rule).__name__
)
class TestChains:
    def test_depth_two(self, coupling, zeros, seed):
        assert_joint(coupling, [iid(1)] * 2, seed=seed, zeros=zeros)

    def test_tokens_beyond_the_round(self, coupling, zeros, seed):
        assert_joint(coupling, [iid(1)], seed=seed, zeros=zeros, length=3)


@pytest.mark.parametrize("coupling", [Maximal(), SampleAndMatch()], ids=lambda rule: type(rule).__name__)
def test_chains_of_depth_three(coupling):
    assert_joint(coupling, [iid(1)] * 3)


def test_no_drafts_at_all():
    assert_joint(Recursive(), [], length=2)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("coupling", "law"),
    [
        (Recursive(), iid(2)),
        (Recursive(), iid(3)),
        (Recursive(), wor(2)),
        (Recursive(), wor(3)),
        (Recursive(), greedy(2)),
        (Recursive(), point(2)),
        (Recursive(), HubPair),
        (SampleAndMatch(), iid(2)),
        (SampleAndMatch(), wor(2)),
        (SampleAndMatch(), point(3)),
        (KSeq(), iid(2)),
        (KSeq(), iid(3)),
        (GreedyDraft(), greedy(2)),
        (GreedyDraft(), greedy(3)),
        (SpecHub(), HubPair),
    ],
)
def test_stars(coupling, law, seed):
    assert_joint(coupling, [law], seed=seed)


@pytest.mark.parametrize(
    ("coupling", "branching"),
    [
        (Recursive(), [iid(2), iid(2)]),
        (Recursive(), [wor(2), wor(2)]),
        (Recursive(), [iid(2), wor(2)]),
        (Recursive(), [wor(2), greedy(2)]),
        (Recursive(), [point(3), point(2)]),
        (SampleAndMatch(), [iid(2), wor(1)]),
        (KSeq(), [iid(2), iid(1)]),
        (GreedyDraft(), [greedy(2), greedy(2)]),
        (SpecHub(), [HubPair, HubPair]),
    ],
)
def test_two_level_trees(coupling, branching):
    """I.i.d. siblings may be equal: each has children of its own, and the first of them is walked."""
    assert_joint(coupling, branching)


def test_an_optimal_plan_at_every_node():
    assert_joint(OptimalPlan(), [iid(2)])
    assert_joint(OptimalPlan(), [wor(2)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("coupling", "branching"),
    [
        (Recursive(), [iid(1)] * 3),
        (KSeq(), [iid(1)] * 3),
        (Recursive(), [iid(2), iid(1), iid(1)]),
        (Recursive(), [wor(3), wor(2)]),
        (OptimalPlan(), [iid(1), iid(1)]),
        (KSeq(), [iid(2), iid(2)]),
    ],
)
def test_larger_trees(coupling, branching):
    assert_joint(coupling, branching, seed=2)


def two_rounds(coupling, branching, *, seed, length):
    """The joint law over two consecutive rounds: the second starts from all that the first emitted."""
    target, draft = Table(seed), Table(seed + 100)

    def program(chance):
        tokens = ()
        for _ in range(2):
            tree = grow_levels(draft=draft.after(tokens), branching=branching, chance=chance)
            verified = TopDown(coupling).verify(tree=tree, target=target.after(tokens), chance=chance)
            tokens = (*tokens, *verified.tokens)
        while len(tokens) < length:
            tokens = (*tokens, chance.draw(target(tokens), stream="completion"))
        return tokens[:length]

    return Enumerated().law(program), target_law(target=target, length=length)


@pytest.mark.parametrize(
    "coupling", [Maximal(), KSeq(), SampleAndMatch()], ids=lambda rule: type(rule).__name__
)
def test_two_rounds_of_a_chain(coupling):
    law, expected = two_rounds(coupling, [iid(1)], seed=1, length=4)
    assert law == expected


def test_two_rounds_of_a_star():
    law, expected = two_rounds(Recursive(), [wor(2)], seed=2, length=4)
    assert law == expected


@pytest.mark.slow
def test_two_rounds_of_a_longer_chain():
    law, expected = two_rounds(Recursive(), [iid(1)] * 2, seed=1, length=5)
    assert law == expected


class TestNegativeControls:
    """Walks that are wrong in ways that single-token marginals with one p do not show."""

    def test_a_bonus_from_the_wrong_context(self):
        @dataclass(frozen=True)
        class WrongBonus(TopDown):
            """Draws the bonus from the target's row one token too early."""

            def verify(self, *, tree, target, chance):
                verified = super().verify(tree=tree, target=target, chance=chance)
                if not verified.bonus or not verified.path:
                    return verified
                bonus = chance.draw(target(verified.tokens[:-2]), stream="wrong bonus")
                return Verified((*verified.tokens[:-1], bonus), verified.path, bonus=True)

        for branching in ([iid(1)], [iid(1)] * 2, [wor(2)]):
            with pytest.raises(AssertionError, match="the joint law is not the target's"):
                assert_joint(None, branching, walk=WrongBonus(Recursive()))

    def test_one_row_of_the_target_for_all_positions(self):
        @dataclass(frozen=True)
        class OneRow(TopDown):
            def verify(self, *, tree, target, chance):
                return super().verify(tree=tree, target=lambda prefix: target(()), chance=chance)

        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_joint(None, [iid(1)] * 2, walk=OneRow(Recursive()))

    @pytest.mark.parametrize(
        ("drawn", "recorded"), [(iid(2), wor(2)), (wor(2), iid(2)), (greedy(2), iid(2)), (point(2), wor(2))]
    )
    def test_a_law_other_than_the_one_that_drew(self, drawn, recorded):
        draft = Table(102)

        def grow(chance):
            tree = grow_levels(draft=draft, branching=[drawn], chance=chance)
            return DraftTree(tree.tokens, tree.parents, (recorded(draft(())), None, None))

        with pytest.raises((AssertionError, ValueError), match=r"the joint law is not the target's|law"):
            assert_joint(Recursive(), [drawn], seed=2, grown=grow)

    def test_a_law_recorded_for_another_context(self):
        draft = Table(101)

        def grow(chance):
            tree = grow_levels(draft=draft, branching=[iid(1)] * 2, chance=chance)
            return DraftTree(tree.tokens, tree.parents, (tree.laws[0], tree.laws[0], None))

        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_joint(Recursive(), [iid(1)] * 2, grown=grow)

    def test_an_extra_draft_submitted_after_a_look_at_the_first(self):
        """Deciding by the drawn token whether to draft on is no bias in a chain; dropping that token is."""
        draft = Table(101)

        def grow(chance, keep):
            law = Iid(draft(()), 1)
            (token,) = law.sample(chance)
            if token == 0 and not keep:
                return DraftTree.empty()
            return DraftTree.chain((token,), laws=[law])

        assert_joint(Recursive(), [iid(1)], grown=lambda chance: grow(chance, keep=True))
        with pytest.raises(AssertionError, match="the joint law is not the target's"):
            assert_joint(Recursive(), [iid(1)], grown=lambda chance: grow(chance, keep=False))


class TestWhatARoundSays:
    def test_paths_tokens_and_bonus(self):
        """On every path: accepted tokens lie on the path of the tree, and the last one decides 'bonus'."""
        target, draft = Table(1), Table(101)

        def program(chance):
            tree = grow_levels(draft=draft, branching=[iid(2), wor(2)], chance=chance)
            return tree, TopDown(Recursive()).verify(tree=tree, target=target, chance=chance)

        for path in Enumerated().paths(program):
            tree, verified = path.outcome
            node = verified.path[-1] if verified.path else 0
            assert verified.path == tree.path(node)
            assert verified.tokens[:-1] == tree.prefix(node)
            assert verified.accepted_length == len(verified.path) == len(verified.tokens) - 1
            assert verified.bonus == (not tree.children(node))
            if not verified.bonus:
                assert verified.tokens[-1] not in [tree.tokens[child] for child in tree.children(node)]
            streams = [stream for stream, _, _ in path.choices if not stream.startswith("draft")]
            assert (streams[-1] == "bonus") == verified.bonus
            assert {stream for stream in streams if stream.startswith("accept")} <= {"accept/0", "accept/1"}

    def test_expected_length_of_a_chain_is_the_sum_of_shared_masses(self):
        """Top-down acceptance of two drafts: overlap at the root, then along each accepted token."""
        target, draft = Table(3), Table(103)

        def program(chance):
            tree = grow_levels(draft=draft, branching=[iid(1)] * 2, chance=chance)
            return TopDown(Maximal()).verify(tree=tree, target=target, chance=chance).accepted_length

        first = np.minimum(target(()), draft(()))
        second = [np.minimum(target((x,)), draft((x,))).sum() for x in range(3)]
        assert Enumerated().expectation(program) == first.sum() + sum(
            a * b for a, b in zip(first, second, strict=True)
        )

    def test_a_walk_is_lossless_as_its_coupling(self):
        class Lossy:
            lossless = False

        assert TopDown(Recursive()).lossless
        assert not TopDown(Lossy()).lossless  # type: ignore[arg-type]

    def test_sampled_rounds_have_the_joint_law(self):
        """The same walk in floats, simulated: false alarm 1e-9, cells of 1/9 are resolved to 0.06."""
        target, draft = Table(1), Table(101)
        chance = Sampled(np.random.default_rng(0))
        counts = Counter()
        for _ in range(3000):
            tree = grow_levels(draft=lambda s: floats(draft(s)), branching=[wor(2)], chance=chance)
            tokens = (
                TopDown(Recursive())
                .verify(tree=tree, target=lambda s: floats(target(s)), chance=chance)
                .tokens
            )
            while len(tokens) < 2:
                tokens = (*tokens, chance.draw(floats(target(tokens)), stream="completion"))
            counts[tokens] += 1
        expected = target_law(target=target, length=2)
        assert_frequencies(counts, expected)
        shifted = {(a, b): expected[a, (b + 1) % 3] for a, b in expected}
        with pytest.raises(AssertionError):
            assert_frequencies(counts, shifted)
        assert sum(expected.values()) == F(1)
