"""Fewest rounds on recorded ranks: bounds against all trees, certificates, and what averages lose."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.theory.shapes import brute
from theory.shapes import (
    NotOptimal,
    RankTrace,
    TreeShape,
    clairvoyant_rounds,
    count_rounds,
    fewest_rounds,
    rounds_bound,
)
from theory.shapes.rounds_bound import _dual


def text(rng, length, ranks=3, stay=0.85):
    """Ranks of a text with easy and hard passages."""
    laws = ([0.85, 0.08, 0.03, 0.04], [0.35, 0.3, 0.15, 0.2])
    hard, out = 0, []
    for _ in range(length):
        hard = hard if rng.random() < stay else 1 - hard
        drawn = int(rng.choice(4, p=laws[hard]))
        out.append(drawn if drawn < ranks else -1)
    return out


def replay(shape: TreeShape, texts) -> int:
    """Rounds, one token after the other."""
    choices, rounds = set(shape.choices()), 0
    for ranks in texts:
        place = 0
        while place < len(ranks):
            path: tuple[int, ...] = ()
            while place < len(ranks) and (*path, ranks[place]) in choices:
                path, place = (*path, ranks[place]), place + 1
            place, rounds = place + 1, rounds + 1
    return rounds


@pytest.mark.parametrize("seed", range(6))
def test_bounds_enclose_the_best_of_all_trees(seed):
    rng = np.random.default_rng(seed)
    texts = [text(rng, 25), text(rng, 14)]
    trace = RankTrace(texts, max_depth=4, max_children=3)
    for nodes in (0, 1, 3, 5):
        trees = [s for size in range(nodes + 1) for s in brute.shapes(size)]
        rounds = {shape: count_rounds(shape, trace) for shape in trees}
        assert all(rounds[shape] == replay(shape, texts) for shape in trees if shape.depth <= 4)
        inside = [rounds[s] for s in trees if s.depth <= 4 and max(s.counts) <= 3]
        found, bound = fewest_rounds(trace, nodes=nodes), rounds_bound(trace, nodes=nodes)
        bound.verify()
        assert max(found.clairvoyant, bound.lower) <= min(inside) <= found.rounds <= found.start_rounds
        assert found.rounds == replay(found.shape, texts)
        assert found.shape.size <= nodes


def test_re_weighting_beats_averages_and_the_bound_is_close():
    rng = np.random.default_rng(5)
    trace = RankTrace([text(rng, 300), text(rng, 300)], max_depth=6, max_children=3)
    found, bound = fewest_rounds(trace, nodes=8), rounds_bound(trace, nodes=8)
    bound.verify()
    assert found.rounds < found.start_rounds
    assert found.clairvoyant < bound.lower <= found.rounds <= 1.1 * bound.lower
    assert found.tokens_per_round == trace.tokens / found.rounds


def test_exact_cases():
    sure = RankTrace([[0] * 12], max_depth=5, max_children=1)
    assert fewest_rounds(sure, nodes=3).rounds == rounds_bound(sure, nodes=3).lower == 3
    assert fewest_rounds(sure, nodes=99).rounds == rounds_bound(sure, nodes=99).lower == 2
    never = RankTrace([[-1] * 7, [2]], max_depth=5, max_children=1)
    assert fewest_rounds(never, nodes=3).shape.size == 0
    assert fewest_rounds(never, nodes=3).rounds == rounds_bound(never, nodes=3).lower == 8
    # a text without tokens has no rounds
    assert count_rounds(TreeShape((-1,)), RankTrace([[], [0]], max_depth=1, max_children=1)) == 1


def test_a_node_behind_an_unused_sibling_is_paid_for():
    trace = RankTrace([[1] * 20], max_depth=2, max_children=2)
    assert [clairvoyant_rounds(trace, nodes=n) for n in (1, 2, 3, 4)] == [20, 10, 10, 7]
    assert fewest_rounds(trace, nodes=2).rounds == 10
    assert fewest_rounds(trace, nodes=4).shape.parents == (-1, 0, 0, 2, 2)


def test_forged_bounds_fail():
    rng = np.random.default_rng(2)
    bound = rounds_bound(RankTrace([text(rng, 60)], max_depth=4, max_children=3), nodes=5)
    with pytest.raises(NotOptimal, match="multipliers prove"):
        dataclasses.replace(bound, lower=bound.lower + 1).verify()
    with pytest.raises(NotOptimal, match="must not be negative"):
        dataclasses.replace(bound, multipliers=bound.multipliers - 1).verify()


def test_any_multipliers_prove_something_and_never_too_much():
    rng = np.random.default_rng(2)
    trace = RankTrace([text(rng, 60)], max_depth=4, max_children=3)
    fewest = min(count_rounds(shape, trace) for size in range(6) for shape in brute.shapes(size))
    for scale in (0.001, 0.01, 0.1):
        multipliers = rng.exponential(scale, trace.along.shape)
        for price in rng.random(10):
            assert _dual(trace, multipliers, price, 5) <= fewest


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RankTrace([], max_depth=1, max_children=1), "at least one rank"),
        (lambda: RankTrace([[]], max_depth=1, max_children=1), "at least one rank"),
        (lambda: RankTrace([[-2]], max_depth=1, max_children=1), "at least 0, or -1"),
        (lambda: RankTrace([[0]], max_depth=0, max_children=1), "caps are at least 1"),
        (lambda: fewest_rounds(RankTrace([[0]], max_depth=1, max_children=1), nodes=-1), "at least 0"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
