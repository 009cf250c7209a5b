"""What every law promises, checked for each of them: sample == enumerate == product of conditionals."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import assert_frequencies, contained, mask_of, product_of_conditionals, subsets
from tests.theory.strategies import (
    LAWS,
    MAKERS,
    Correlated,
    F,
    as_floats,
    floats,
    fractions,
    frozen,
    problems,
)
from theory.chance import Enumerated, Sampled
from theory.laws import HubPair, Iid, Independent, Law, Point, TopKPlusSample, WithoutReplacement

EVERY_LAW = pytest.mark.parametrize("name", LAWS)
Q, OTHER = fractions([4, 0, 3, 2]), fractions([1, 1, 5, 0])


def made(name, k=2):
    return MAKERS[name](Q, k, [OTHER, fractions([1, 2, 3, 4])])


@EVERY_LAW
def test_sampling_enumeration_and_conditionals_agree(name):
    @given(problem=problems(law=name))
    @settings(max_examples=60)
    def check(problem):
        law = problem[1].over(problem[0].size)
        table = product_of_conditionals(law)
        assert sum(table.values()) == 1
        assert law.enumerate() == table
        assert Enumerated().law(law.sample) == table
        assert all(len(drafts) == law.k for drafts in table)
        for drafts in table:
            for rank in range(law.k):
                assert sum(law.conditional(drafts[:rank])) == 1

    check()


@EVERY_LAW
def test_containment_is_the_sum_over_enumeration(name):
    """Every subset; ids and masks; fractions with ==, floats within 1e-9."""

    @given(problem=problems(law=name))
    @settings(max_examples=60)
    def check(problem):
        law = problem[1].over(problem[0].size)
        table, rounded = product_of_conditionals(law), as_floats(law)
        for inside in subsets(law.vocabulary):
            expected = contained(table, inside)
            mask = frozen(mask_of(inside, law.vocabulary))
            assert law.containment(list(inside)) == expected
            assert law.containment(mask) == expected
            assert rounded.containment(mask) == pytest.approx(float(expected), abs=1e-9)

    check()


@EVERY_LAW
def test_containment_at_the_ends(name):
    law = made(name)
    assert law.containment(range(4)) == 1
    assert law.containment([]) == 0
    assert law.containment({0, 2}) == law.containment(frozenset([2, 0])) == law.containment((0, 2, 2))


@EVERY_LAW
def test_history_free_is_true_only_if_earlier_tokens_do_not_matter(name):
    @given(problem=problems(law=name))
    @settings(max_examples=60)
    def check(problem):
        law = problem[1].over(problem[0].size)
        if not law.history_free:
            return
        for rank in range(law.k):
            rows = {tuple(law.conditional(drafts[:rank])) for drafts in product_of_conditionals(law)}
            rows.add(tuple(law.conditional((0,) * rank)))
            assert len(rows) == 1

    check()


def test_history_free_of_each_law():
    assert {name: made(name).history_free for name in LAWS} == {
        "iid": True,
        "without replacement": False,
        "top k plus sample": True,
        "hub pair": False,
        "point": True,
        "independent": True,
        "correlated": False,
    }
    assert WithoutReplacement(Q, 1).history_free
    law = made("without replacement")
    assert tuple(law.conditional((0,))) != tuple(law.conditional((2,)))


@EVERY_LAW
def test_laws_over_another_vocabulary(name):
    law = made(name)
    assert law.over(4) is law
    with pytest.raises(ValueError, match=r"is a law over 4 tokens, but p has 3; target and draft must share"):
        law.over(3)


@EVERY_LAW
def test_laws_are_laws(name):
    assert isinstance(made(name), Law)
    assert made(name).vocabulary == 4
    assert made(name).k == 2


@EVERY_LAW
def test_sampled_drafts_have_the_law(name):
    """False alarm 1e-9; a set of probability w is resolved to 10 sqrt(w (1 - w) / 4000), at most 0.08."""
    law = as_floats(made(name).over(4))
    chance = Sampled(np.random.default_rng(0))
    counts = Counter(law.sample(chance) for _ in range(4000))
    assert_frequencies(counts, product_of_conditionals(made(name)))


def test_another_law_is_refuted():
    """The negative control: i.i.d. pairs held against the law without replacement, and vice versa."""
    chance = Sampled(np.random.default_rng(0))
    one, other = made("iid"), made("without replacement")
    for drawn, claimed in ((one, other), (other, one)):
        counts = Counter(as_floats(drawn).sample(chance) for _ in range(4000))
        with pytest.raises(AssertionError):
            assert_frequencies(counts, product_of_conditionals(claimed))


@EVERY_LAW
def test_every_sibling_is_drawn_from_the_stream_it_was_told(name):
    law = made(name).over(4)
    path = next(Enumerated().paths(lambda chance: law.sample(chance, stream="draft/3")))
    assert {stream for stream, _, _ in path.choices} <= {"draft/3"}


BATCHED = ("iid", "without replacement", "top k plus sample", "hub pair", "point")


def batch(exact):
    rows = [
        [fractions([4, 0, 3, 2]), fractions([1, 1, 5, 0])],
        [fractions([1, 1, 1, 1]), fractions([0, 9, 1, 0])],
    ]
    q = np.array([[row.tolist() for row in pair] for pair in rows], dtype=object)
    return frozen(q if exact else q.astype(float))


@pytest.mark.parametrize("exact", [True, False], ids=["fractions", "floats"])
@pytest.mark.parametrize("name", BATCHED)
class TestBatches:
    def test_containment_with_one_set(self, name, exact):
        q = batch(exact)
        law = MAKERS[name](q, 2, [])
        for inside in subsets(4):
            mask = frozen(mask_of(inside, 4))
            result = law.containment(mask)
            assert result.shape == (2, 2)
            for index in np.ndindex(2, 2):
                assert result[index] == MAKERS[name](q[index], 2, []).containment(mask)

    def test_containment_with_a_set_for_each_row(self, name, exact):
        q = batch(exact)
        masks = frozen(np.random.default_rng(0).random(q.shape) < 0.7)
        result = MAKERS[name](q, 2, []).containment(masks)
        for index in np.ndindex(2, 2):
            assert result[index] == MAKERS[name](q[index], 2, []).containment(masks[index])

    def test_conditionals(self, name, exact):
        """The law of the second sibling, for each row, after the same first token."""
        q = batch(exact)
        law = MAKERS[name](q, 2, [])
        assert law.conditional(()).shape == q.shape
        second = law.conditional((1,))
        for index in np.ndindex(2, 2):
            assert second[index].tolist() == MAKERS[name](q[index], 2, []).conditional((1,)).tolist()

    def test_a_batch_cannot_be_sampled_at_once(self, name, exact):
        with pytest.raises(ValueError, match=r"one vector of weights, got shape|one position|batch"):
            MAKERS[name](batch(exact), 2, []).sample(Sampled(np.random.default_rng(0)))


@pytest.mark.parametrize("exact", [True, False], ids=["fractions", "floats"])
@pytest.mark.parametrize("name", LAWS)
def test_one_law_and_several_sets(name, exact):
    """A mask with more axes than q is several questions at once; or it is refused, but never misread."""
    law = made(name).over(4)
    law = law if exact else as_floats(law)
    masks = frozen(np.array([mask_of(inside, 4) for inside in ((0, 2), (2, 3), (0, 1, 2, 3), ())]))
    try:
        result = law.containment(masks)
    except ValueError as error:
        assert "mask" in str(error)  # noqa: PT017
        return
    assert np.shape(result) == (4,)
    assert list(result) == [law.containment(mask) for mask in masks]


class TestTies:
    def test_top_tokens_take_the_earlier_of_equals(self):
        q = fractions([1, 2, 2, 1, 2])
        assert TopKPlusSample(q, 3).top.tolist() == [1, 2]
        assert TopKPlusSample(floats(q), 3).top.tolist() == [1, 2]
        assert Point.top(q, 4).tokens.tolist() == [1, 2, 4, 0]
        assert HubPair(q).hub == 1
        assert HubPair(floats([[0.5, 0.5, 0], [0.2, 0.4, 0.4]])).hub.tolist() == [0, 1]

    def test_all_equal(self):
        q = fractions([1, 1, 1])
        assert TopKPlusSample(q, 2).enumerate() == {(0, 1): F(1, 2), (0, 2): F(1, 2)}
        assert HubPair(q).enumerate() == {(0, 1): F(1, 6), (0, 2): F(1, 6), (1, 0): F(1, 3), (2, 0): F(1, 3)}
        assert set(WithoutReplacement(q, 3).enumerate().values()) == {F(1, 6)}


class TestEachLaw:
    def test_iid_repeats(self):
        assert Iid(fractions([1, 2]), 2).enumerate() == {
            (0, 0): F(1, 9),
            (0, 1): F(2, 9),
            (1, 0): F(2, 9),
            (1, 1): F(4, 9),
        }

    def test_without_replacement_is_plackett_luce(self):
        q = fractions([1, 2, 3, 4])
        for order, weight in WithoutReplacement(q, 3).enumerate().items():
            left, expected = F(1), F(1)
            for token in order:
                expected, left = expected * q[token] / left, left - q[token]
            assert weight == expected
        assert set(WithoutReplacement(q, 4).enumerate()) == set(permutations(range(4)))

    def test_without_replacement_with_all_of_the_support(self):
        law = WithoutReplacement(fractions([1, 0, 2, 0]), 2)
        assert law.enumerate() == {(0, 2): F(1, 3), (2, 0): F(2, 3)}
        assert law.containment([0, 2]) == 1
        assert law.containment([0, 1, 3]) == 0

    def test_one_draft_is_one_draw_of_q(self):
        q = fractions([1, 2, 3])
        for law in (Iid(q, 1), WithoutReplacement(q, 1), TopKPlusSample(q, 1), Independent((q,))):
            assert law.enumerate() == {(token,): q[token] for token in range(3)}

    def test_hub_pairs_are_top_two_plus_sample_as_sets(self):
        q = fractions([1, 5, 2, 2])
        pairs = Counter()
        for drafts, weight in HubPair(q).enumerate().items():
            assert 1 in drafts
            pairs[frozenset(drafts)] += weight
        assert pairs == {frozenset(d): w for d, w in TopKPlusSample(q, 2).enumerate().items()}

    def test_points_are_certain(self):
        law = Point([3, 1], 5)
        assert law.enumerate() == {(3, 1): 1}
        assert law.conditional((3,)).tolist() == [0, 1, 0, 0, 0]
        assert Point([3, 1]).over(4).vocabulary == 4
        assert Point.top(fractions([1, 3, 2]), 3).tokens.tolist() == [1, 2, 0]
        assert Point.top(floats([[0.2, 0.8], [0.6, 0.4]]), 1).tokens.tolist() == [[1], [0]]

    def test_independent_drafters_keep_their_turn(self):
        law = Independent((fractions([1, 1, 0]), fractions([0, 1, 1])))
        assert law.k == 2
        assert law.conditional((0,)).tolist() == [0, F(1, 2), F(1, 2)]
        assert law.enumerate()[0, 2] == F(1, 4)
        assert Independent([[0.5, 0.5], [0.25, 0.75]]).containment([1]) == 0.375

    def test_inputs_are_never_changed(self):
        """q is read-only throughout; what laws hand out and keep is not the caller's to lose either."""
        q = batch(exact=False)
        before = q.copy()
        for name in BATCHED:
            law = MAKERS[name](q, 2, [])
            law.containment([0, 2])
            law.conditional(())
        assert q.tolist() == before.tolist()

    def test_the_made_up_law_of_these_tests_is_one(self):
        law = made("correlated")
        assert isinstance(law, Correlated)
        assert law.enumerate()[0, 2] == Q[0] * OTHER[2]
