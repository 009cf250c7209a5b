"""Monte Carlo tree search: against a transcription, against its limits, and without loss."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from tests.theory.shapes.dynamic.algorithms import MEDIUM, NO_CHANCE, mixed, prefixes_of
from tests.theory.walks.rounds_audit import assert_rounds, models
from tests.theory.walks.tables import Table
from theory.couplings import Recursive
from theory.shapes.dynamic import Mcts, OptTree, WithBudget, by_draft
from theory.walks import Scheme, TopDown, Traversal


def transcribed(draft, *, iterations, length, sequences, extend, width, budget, c=32.0, b=8.0):
    """With dictionaries over paths instead of nodes."""
    visits, value = {}, {}

    def successors(path):
        q = draft(path)
        order = sorted(range(q.size), key=lambda t: (-q[t], t))[:width]
        return [((*path, t), float(q[t])) for t in order if q[t] > 0]

    for _ in range(iterations):
        path, reached, worth, trail = (), 1.0, 0.0, [()]
        for _ in range(length):

            def index(child, path=path):
                name, score = child
                n, here = visits.get(name, 0), visits.get(path, 0)
                mean = value[name] / n if n else 0.0
                return mean + (c + log((here + b + 1) / b)) * score * sqrt(here) / (1 + n)

            path, score = max(successors(path), key=index)
            reached *= min(1.0, score)
            worth += reached
            trail.append(path)
        for name in trail:
            visits[name] = visits.get(name, 0) + 1
            value[name] = value.get(name, 0.0) + worth
    ends = [path for path in visits if len(path) == length]

    def rank(path):
        order = [[t for (*_, t), _ in successors(path[:n])].index(path[n]) for n in range(length)]
        return -visits[path], order

    kept = []
    for path in sorted(ends, key=rank)[:sequences]:
        for _ in range(extend):
            path = successors(path)[0][0]
        for end in range(1, len(path) + 1):
            if path[:end] not in kept and len(kept) < budget:
                kept.append(path[:end])
    return kept


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [3, 12])
def test_the_search_is_the_described_one(seed, budget):
    numbers = {"iterations": 40, "length": 3, "sequences": 5, "extend": 1, "width": 2}
    draft = Table(seed)
    tree = Mcts(**numbers).grow(draft=draft, budget=budget, chance=NO_CHANCE)
    assert prefixes_of(tree) == transcribed(draft, budget=budget, **numbers)


def test_floats_and_fractions_search_alike():
    def floats(prefix):
        return mixed(prefix).astype(float)

    exact, rounded = (Mcts().grow(draft=draft, budget=20, chance=NO_CHANCE) for draft in (mixed, floats))
    assert prefixes_of(exact) == prefixes_of(rounded)


def test_no_tree_of_the_search_beats_the_heaviest_nodes():
    """By the draft's own law best-first is the optimum; the search comes near, and one walk is far."""
    for seed in range(5):
        draft = Table(seed)
        best, searched, one = (
            by_draft(algorithm.grow(draft=draft, budget=12, chance=NO_CHANCE), draft=draft)
            for algorithm in (OptTree(), Mcts(), Mcts(iterations=1))
        )
        assert one <= searched <= best


def test_scores_need_not_be_probabilities():
    """Scores to 3, some of 0 or none at all: the tree is that of the live ones."""
    table = {(): [(4, 3.0), (2, 0.5), (1, 0.0)], (4,): [(0, 2.0)], (2,): []}
    tree = Mcts(length=2).search(lambda path: table.get(path, []), budget=9, vocabulary=5)
    assert sorted(prefixes_of(tree)) == [(2,), (4,), (4, 0)]
    assert Mcts().search(lambda path: [], budget=9, vocabulary=5).size == 0


@pytest.mark.parametrize("budget", [0, 1, 64, 1000])
def test_budgets(budget):
    tree = Mcts().grow(draft=lambda prefix: MEDIUM, budget=budget, chance=NO_CHANCE)
    assert tree.size <= budget
    assert budget < 64 or tree.depth == 5


@pytest.mark.parametrize("walk", [TopDown(Recursive()), Traversal()], ids=["top-down", "traversal"])
@pytest.mark.parametrize("kind", ["positive", "twisted"])
def test_lossless(walk, kind):
    target, draft = models(3, kind=kind)
    scheme = Scheme(WithBudget(Mcts(iterations=12, length=2, width=2), 4), walk)
    assert_rounds(scheme, target, draft, rounds=2, length=3)


def test_bad_input():
    with pytest.raises(ValueError, match="iterations must be an integer of at least 1"):
        Mcts(iterations=0)
    with pytest.raises(ValueError, match="extend must be an integer of at least 0"):
        Mcts(extend=-1)
    with pytest.raises(ValueError, match="constant must be at least 0 and base positive"):
        Mcts(base=0.0)
    with pytest.raises(ValueError, match="the budget must be an integer of at least 0"):
        Mcts().search(lambda path: [], budget=-1, vocabulary=3)
    assert np.isfinite(Mcts().constant)
