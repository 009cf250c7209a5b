"""What each algorithm grows: against literal transcriptions, brute force, and exact references."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.theory.shapes.dynamic.algorithms import (
    FLAT,
    MEDIUM,
    NO_CHANCE,
    SHARP,
    law_of_trees,
    mixed,
    path_mass,
    prefixes_of,
)
from tests.theory.strategies import fractions
from tests.theory.walks.tables import Table
from theory.chance import Enumerated
from theory.laws import WithoutReplacement
from theory.shapes import Profile, TreeShape
from theory.shapes.dynamic import (
    Beam,
    Chain,
    DySpec,
    DySpecThreshold,
    Eagle2,
    Expansion,
    Expectimax,
    Medusa,
    OptTree,
    Reference,
    SquaredMass,
    StochasticBeam,
    TokenRecycling,
    by_draft,
    expected,
    heads,
)
from theory.shapes.dynamic.rows import BlockRow
from theory.tree import DraftTree
from theory.walks.growers import Heaviest

F = Fraction


# --- rows -----------------------------------------------------------------------------------------------


def test_draws_in_blocks_have_the_rows_law():
    q = fractions([1 + (7 * token) % 5 for token in range(130)])
    law = Enumerated().law(lambda chance: BlockRow(q).draw(chance, stream="draft"))
    assert [law[token] for token in range(130)] == q.tolist()


def test_second_draws_in_blocks_are_without_replacement():
    q = fractions([0, 3, 1] * 22)

    def second(chance):
        row = BlockRow(q)
        row.remove(1)
        return row.draw(chance, stream="draft")

    law, right = Enumerated().law(second), WithoutReplacement(q, 2).conditional((1,))
    assert all(law.get(token, 0) == right[token] for token in range(66))


def test_little_mass_left_keeps_its_digits():
    q = np.full(4096, 1e-20)
    q[1000] = 1 - q.sum() + 1e-20
    row = BlockRow(q, squares=True)
    row.remove(1000)
    assert row.left == pytest.approx(4095e-20, rel=1e-12)
    assert row.squares == pytest.approx(4095e-40, rel=1e-12)


def test_an_exhausted_row_has_nothing_left():
    q = np.array([0.1, 0.2, 0.7])
    row = BlockRow(q)
    for token in (2, 0, 1):
        row.remove(token)
    assert row.left == 0
    assert q.tolist() == [0.1, 0.2, 0.7]


@pytest.mark.parametrize("bad", [np.ones((2, 3)) / 3, np.empty(0)])
def test_a_draft_of_another_shape_is_refused(bad):
    with pytest.raises(ValueError, match="one distribution a prefix"):
        DySpec().grow(draft=lambda prefix: bad, budget=2, chance=NO_CHANCE)


# --- DySpec ---------------------------------------------------------------------------------------------


class Transcribed:
    """DySpec's algorithm 1 to the letter (its errors mended): residuals renormalised, values multiplied."""

    def __init__(self, *, squares):
        self.squares = squares

    def grow(self, *, draft, budget, chance):
        tokens, parents, drawn = [-1], [-1], {0: ()}
        slots = [(F(1), (), 0, draft(()))]
        for _ in range(budget):
            keys = [v * sum(r * r for r in residual) if self.squares else v for v, _, _, residual in slots]
            value, prefix, node, residual = slots.pop(max(range(len(keys)), key=keys.__getitem__))
            token = chance.draw(residual, stream="draft")
            child = len(tokens)
            tokens.append(token)
            parents.append(node)
            drawn[child], drawn[node] = (), (*drawn[node], token)
            slots.append((value * residual[token], (*prefix, token), child, draft((*prefix, token))))
            rest = residual.copy()
            rest[token] = 0
            if rest.sum():
                slots.append((value * (1 - residual[token]), prefix, node, rest / rest.sum()))
        return DraftTree(tuple(tokens), tuple(parents), tuple(self._laws(draft, tokens, parents, drawn)))

    def _laws(self, draft, tokens, parents, drawn):
        prefixes = [()]
        for node in range(1, len(tokens)):
            prefixes.append((*prefixes[parents[node]], tokens[node]))
        for node, prefix in enumerate(prefixes):
            yield WithoutReplacement(draft(prefix), len(drawn[node])) if drawn[node] else None


@pytest.mark.parametrize(("algorithm", "squares"), [(DySpec(), False), (SquaredMass(), True)])
@pytest.mark.parametrize("budget", [1, 2, 3, 4])
def test_slots_are_the_published_algorithm(algorithm, squares, budget):
    assert law_of_trees(algorithm, mixed, budget) == law_of_trees(Transcribed(squares=squares), mixed, budget)


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_greedy_values_are_those_of_the_reference(budget):
    """Expected path probability of the drawn trees == the recursion's value of the index."""
    reference = Reference(mixed)
    for algorithm, index in ((DySpec(), lambda s: s.reach), (SquaredMass(), lambda s: s.gain)):
        found = expected(
            lambda tree: by_draft(tree, draft=mixed), algorithm=algorithm, draft=mixed, budget=budget
        )
        assert found == 1 + reference.value(index, budget)
    best = expected(
        lambda tree: by_draft(tree, draft=mixed), algorithm=Expectimax(), draft=mixed, budget=budget
    )
    assert best == 1 + reference.best(budget)


def _believed(algorithm, budget):
    return expected(lambda tree: by_draft(tree, draft=mixed), algorithm=algorithm, draft=mixed, budget=budget)


def test_no_index_beats_expectimax_and_squared_mass_beats_reach():
    for seed in range(6):
        reference = Reference(Table(seed))
        for budget in (1, 2, 3):
            best = reference.best(budget)
            assert reference.value(lambda slot: slot.reach, budget) <= best
            assert reference.value(lambda slot: slot.gain, budget) <= best
    reference = Reference(mixed)
    assert reference.value(lambda s: s.reach, 4) < reference.value(lambda s: s.gain, 4) <= reference.best(4)


def test_one_token_is_the_same_for_all():
    reference = Reference(mixed)
    assert reference.best(1) == sum(q * q for q in MEDIUM)


@pytest.mark.parametrize("threshold", [F(1, 2), F(1, 5), F(59, 100)])
def test_the_threshold_takes_every_slot_that_reaches_it(threshold):
    """All slots of reach at least t, at equality too, and none below."""
    grow = DySpecThreshold(threshold).grow
    trees = Enumerated().law(lambda chance: tuple(prefixes_of(grow(draft=mixed, budget=99, chance=chance))))
    for tree in trees:
        for node in ((), *tree):
            left, reached = F(1), path_mass(mixed, node)
            for child in (prefix for prefix in tree if prefix[:-1] == node and prefix):
                assert reached * left >= threshold
                left -= mixed(node)[child[-1]]
            assert left == 0 or reached * left < threshold


def test_thresholds():
    with pytest.raises(ValueError, match=r"threshold must be in \(0, 1\]"):
        DySpecThreshold(0)
    certain = fractions([0, 1, 0])
    tree = DySpecThreshold(1).grow(draft=lambda prefix: certain, budget=5, chance=NO_CHANCE)
    assert tree.tokens == (-1, 1, 1, 1, 1, 1)


@pytest.mark.parametrize("algorithm", [DySpec(), SquaredMass(), DySpecThreshold(), StochasticBeam(8)])
def test_large_vocabularies(algorithm):
    """Rows of heavy tails in many blocks: siblings differ, budgets are used, laws are of the rows."""
    rng = np.random.default_rng(3)
    weights = np.arange(1.0, 3001) ** -rng.uniform(1.5, 4.0, size=(16, 1))
    rows = rng.permuted(weights / weights.sum(axis=1, keepdims=True), axis=1)

    def draft(prefix):
        return rows[sum(prefix) % 16]

    tree = algorithm.grow(draft=draft, budget=64, chance=NO_CHANCE)
    assert tree.size == 64
    assert len({tree.prefix(node) for node in range(65)}) == 65
    for node, law in enumerate(tree.laws):
        if law is not None:
            assert np.array_equal(law.q, draft(tree.prefix(node)))


def test_floats_and_fractions_grow_alike():
    def floats(prefix):
        return mixed(prefix).astype(float)

    for algorithm in (DySpec(), SquaredMass(), StochasticBeam(2), DySpecThreshold()):
        exact, rounded = law_of_trees(algorithm, mixed, 3), law_of_trees(algorithm, floats, 3)
        assert exact.keys() == rounded.keys()
        assert all(abs(float(exact[tree]) - rounded[tree]) < 1e-12 for tree in exact)


# --- chosen trees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1, 2, 5, 9, 20])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_opt_tree_is_the_heaviest(budget, seed):
    draft = Table(seed)
    heaviest = Heaviest(nodes=budget, top_k=3, depth=budget)(draft=draft, chance=NO_CHANCE)
    found = OptTree().grow(draft=draft, budget=budget, chance=NO_CHANCE)
    assert by_draft(found, draft=draft) == by_draft(heaviest, draft=draft)
    wide = Eagle2(top_k=budget, steps=budget).grow(draft=draft, budget=budget, chance=NO_CHANCE)
    assert by_draft(wide, draft=draft) == by_draft(heaviest, draft=draft)
    narrow = Eagle2(top_k=2, steps=2).grow(draft=draft, budget=budget, chance=NO_CHANCE)
    assert by_draft(narrow, draft=draft) <= by_draft(heaviest, draft=draft)


def test_opt_tree_stops_where_a_level_does_not_pay():
    q = fractions([1, 1, 2])
    grow = OptTree(delta=F(1, 5)).grow
    assert grow(draft=lambda prefix: q, budget=3, chance=NO_CHANCE).depth == 1
    assert OptTree().grow(draft=lambda prefix: q, budget=5, chance=NO_CHANCE).depth == 2
    assert OptTree(max_depth=0).grow(draft=lambda prefix: q, budget=5, chance=NO_CHANCE).size == 0
    with pytest.raises(ValueError, match="delta must be at least 0"):
        OptTree(delta=-1)


def test_ties_go_to_the_earlier_token_and_the_shallow_node():
    q = fractions([1, 1, 1])
    tree = OptTree().grow(draft=lambda prefix: q, budget=4, chance=NO_CHANCE)
    assert prefixes_of(tree) == [(0,), (1,), (2,), (0, 0)]


def test_budgets_past_all_tokens():
    """More than a level of the vocabulary can hold: the next level takes the rest."""
    q = fractions([1, 0, 1])
    assert Beam(7).grow(draft=lambda prefix: q, budget=9, chance=NO_CHANCE).depths.count(1) == 2
    assert OptTree(max_depth=1).grow(draft=lambda prefix: q, budget=9, chance=NO_CHANCE).size == 2
    assert DySpec(max_depth=2).grow(draft=lambda prefix: q, budget=99, chance=NO_CHANCE).size == 6


def test_token_recycling_leaves_out_what_is_empty_or_repeated():
    follow = TokenRecycling(np.array([[1, 1], [-1, 0], [0, 1]]), TreeShape((-1, 0, 0, 1, 1, 2)), last=0)
    tree = follow.grow(draft=lambda prefix: FLAT, budget=9, chance=NO_CHANCE)
    assert prefixes_of(tree) == [(1,), (1, 0)]
    with pytest.raises(ValueError, match="names token 3"):
        TokenRecycling(np.array([[3], [0]]), TreeShape((-1, 0)), last=0)
    with pytest.raises(ValueError, match="last must be a token"):
        TokenRecycling(np.array([[1], [0]]), TreeShape((-1, 0)), last=2)
    with pytest.raises(ValueError, match="the matrix holds token ids"):
        TokenRecycling(np.array([[1.0]]), TreeShape((-1, 0)), last=0)


def test_medusa_has_as_many_levels_as_heads():
    draft = heads([SHARP, FLAT])
    tree = Medusa(Profile.by_depth([[0.6, 0.2], [0.5, 0.1]])).grow(draft=draft, budget=99, chance=NO_CHANCE)
    assert (tree.size, tree.depth) == (6, 2)
    with pytest.raises(ValueError, match="there are 2 heads"):
        draft((0, 0))


def test_expansions_leave_out_what_is_not_paid_for():
    assert Expansion((2, 2)).grow(draft=mixed, budget=5, chance=NO_CHANCE).size == 2
    assert Chain().grow(draft=mixed, budget=4, chance=NO_CHANCE).depth == 4
    with pytest.raises(ValueError, match="every factor must be an integer of at least 1"):
        Expansion((2, 0))
