"""What laws refuse, and how they say it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.strategies import F, floats, fractions
from theory.laws import HubPair, Iid, Independent, Point, TopKPlusSample, WithoutReplacement, as_mask
from theory.simplex import NotADistribution

Q = floats([0.5, 0.3, 0.2])
NAN = float("nan")
WITH_K = pytest.mark.parametrize("law", [Iid, WithoutReplacement, TopKPlusSample, Point.top])


@WITH_K
@pytest.mark.parametrize("k", [0, -1, 1.0, 2.5, True, "2", None, F(2)])
def test_number_of_drafts(law, k):
    with pytest.raises(ValueError, match="the number of drafts must be an integer of at least 1, got"):
        law(Q, k)


@WITH_K
@pytest.mark.parametrize(
    ("q", "message"),
    [
        ([0.5, NAN, 0.5], "q has the entry nan at token 1"),
        ([1.5, -0.5, 0.0], r"q has the entry -0\.5 at token 1"),
        ([0.5, 0.4, 0.0], r"q sums to 0\.9, not to 1"),
        ([[0.5, 0.5], [0.5, 0.4]], r"q sums to 0\.9, not to 1 in row \(1,\)"),
        ([F(1, 2), F(1, 3), F(0)], "q sums to 5/6, not to 1"),
        ([F(1, 2), 0.5, F(0)], "an object array holds a float"),
        ([], "q needs a last axis of at least one token"),
        (["a", "b"], "expected an array of numbers"),
    ],
)
def test_drafts_that_are_no_distributions(law, q, message):
    with pytest.raises(NotADistribution, match=message):
        law(q, 1)


@pytest.mark.parametrize("q", [[0.5, 0.4], [NAN, 1.0]])
def test_hub_pairs_and_independent_drafters_check_theirs(q):
    with pytest.raises(NotADistribution, match=r"^q "):
        HubPair(q)
    with pytest.raises(NotADistribution, match=r"^drafter 1 "):
        Independent((floats([0.5, 0.5]), q))


@pytest.mark.parametrize("law", [WithoutReplacement, TopKPlusSample, Point.top])
def test_more_drafts_than_the_support_holds(law):
    with pytest.raises(ValueError, match=r"can't draw 3 different tokens: q has 2 of positive probability"):
        law(floats([0.5, 0.5, 0.0]), 3)
    with pytest.raises(ValueError, match="can't draw 4 different tokens: q has 3"):
        law(fractions([1, 1, 1]), 4)
    assert Iid(floats([1, 0, 0]), 3).k == 3


def test_a_hub_pair_needs_two_live_tokens():
    with pytest.raises(ValueError, match="HubPair can't draw 2 different tokens: q has 1"):
        HubPair(floats([0, 1, 0]))


def test_the_row_that_lacks_support_is_named_with_its_own_support():
    q = floats([[0.5, 0.3, 0.2], [0.5, 0.5, 0], [1, 0, 0]])
    with pytest.raises(ValueError, match=r"in row \(?1,?\)?: q has 2 of positive"):
        WithoutReplacement(q, 3)


def test_a_single_row_that_lacks_support_is_not_numbered():
    """Of fractions as of floats, and of rows that are no whole piece of memory."""
    for q in (fractions([1, 1, 0]), floats([0.5, 0.5, 0]), floats([0.5, 0, 0.5, 0, 0, 0])[::2]):
        WithoutReplacement(q, 2)
        with pytest.raises(ValueError, match="can't draw 3 different tokens: q has 2 of positive"):
            WithoutReplacement(q, 3)


def test_the_row_that_lacks_support_is_named_by_its_index():
    """As in every other message: a tuple, one number an axis."""
    q = floats([[[0.5, 0.5, 0], [0.5, 0.5, 0]], [[0.5, 0.5, 0], [1, 0, 0]]])
    with pytest.raises(ValueError, match=r"in row \(1, 1\): q has 1 of positive"):
        WithoutReplacement(q, 2)


class TestIndependent:
    def test_none(self):
        with pytest.raises(ValueError, match="Independent needs at least one drafter, got none"):
            Independent(())

    def test_kinds(self):
        with pytest.raises(NotADistribution, match="holds fractions and the other floats"):
            Independent((floats([0.5, 0.5]), fractions([1, 1])))

    def test_vocabularies_are_told_apart_by_drafter(self):
        """There is no p here: the message has to speak of drafters."""
        with pytest.raises(ValueError, match=r"drafter 0 .*2.* drafter 1 .*3"):
            Independent((floats([0.5, 0.5]), floats([0.5, 0.25, 0.25])))

    def test_batches(self):
        """Distributions have the shape (V,), says the documentation; a batch would be broadcast unseen."""
        with pytest.raises(ValueError, match="shape"):
            Independent((floats([[0.5, 0.5], [1, 0]]), floats([0.5, 0.5])))


class TestPoint:
    @pytest.mark.parametrize(
        ("tokens", "size", "message"),
        [
            ([], 3, r"Point needs at least one token, got shape \(0,\)"),
            (1, 3, r"Point needs at least one token, got shape \(\)"),
            ([1, 1], 3, "Point holds a token twice"),
            ([[0, 1], [2, 2]], 3, "Point holds a token twice"),
            ([0, 3], 3, "Point holds the token 3, outside of a vocabulary of 3"),
            ([-1, 2], 3, "Point holds the token -1, outside of a vocabulary of 3"),
            ([-1, 2], None, "Point holds the token -1, outside of a vocabulary"),
            ([0.0, 1.0], 3, "Point holds float64 values; token ids are integers"),
            ([True, False], 3, "Point holds bool values; token ids are integers"),
            (["a"], 3, "token ids are integers"),
        ],
    )
    def test_tokens(self, tokens, size, message):
        with pytest.raises(ValueError, match=message):
            Point(tokens, size)

    def test_without_a_vocabulary(self):
        law = Point([0, 4])
        with pytest.raises(ValueError, match=r"made without its vocabulary; use Point\(tokens, vocabulary\)"):
            law.conditional(())
        with pytest.raises(ValueError, match="Point holds the token 4, outside of a vocabulary of 3"):
            law.over(3)
        with pytest.raises(ValueError, match="Point is a law over 5 tokens, but p has 6"):
            law.over(5).over(6)

    @pytest.mark.parametrize("size", [2.5, True, "3"])
    def test_vocabulary_that_is_no_number_of_tokens(self, size):
        with pytest.raises((ValueError, TypeError), match=r"vocabulary|size"):
            Point([0], size)


class TestSets:
    def test_masks_and_ids(self):
        assert as_mask([2, 0], 3).tolist() == [True, False, True]
        assert as_mask(np.array([2, 0]), 3).tolist() == [True, False, True]
        assert as_mask([True, False, True], 3).tolist() == [True, False, True]
        assert as_mask([], 3).tolist() == [False] * 3

    @pytest.mark.parametrize(
        ("inside", "message"),
        [
            (np.array([True, False]), "the mask is over 2 tokens, the law over 3"),
            ([3], "the set holds the token 3, outside of a vocabulary of 3"),
            ([0, -1], "the set holds the token -1, outside of a vocabulary of 3"),
            ([0.5], "the set holds float64 values; token ids are integers"),
            ("ab", "token ids are integers"),
        ],
    )
    def test_sets_that_are_none(self, inside, message):
        for law in (Iid(Q, 2), WithoutReplacement(Q, 2), TopKPlusSample(Q, 2), HubPair(Q), Point([0], 3)):
            with pytest.raises(ValueError, match=message):
                law.containment(inside)

    def test_a_batch_of_ids_is_not_one_set(self):
        """Ids with two axes would be several sets; merging them answers a question nobody asked."""
        with pytest.raises(ValueError, match=r"shape|axis|one set"):
            as_mask(np.array([[0], [1]]), 3)


@pytest.mark.parametrize("drawn", [(7,), (-1,)])
def test_conditionals_after_tokens_outside_of_the_vocabulary(drawn):
    """Minus one is the root of a tree, not the last token."""
    with pytest.raises(ValueError, match="outside of a vocabulary of 3"):
        WithoutReplacement(Q, 2).conditional(drawn)
