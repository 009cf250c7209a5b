"""Edges of the laws: numbers that are exactly zero, the last digits, single tokens, kinds of results."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.strategies import Correlated, F, floats, fractions
from theory.laws import HubPair, Iid, Point, TopKPlusSample, WithoutReplacement
from theory.laws.base import check_tokens, masks_beside, rows, set_by_set
from theory.laws.draw_many import _next_places, draw_without_replacement
from theory.laws.fits import fitted
from theory.laws.iid import at_least_once

Q = fractions([4, 3, 2, 1])


class TestAtLeastOnce:
    @pytest.mark.parametrize("k", [*range(9), 31, 32])
    def test_fractions(self, k):
        assert at_least_once(Q, k).tolist() == [1 - (1 - x) ** k for x in Q]

    def test_small_probabilities_keep_their_digits(self):
        for k in (1, 2, 3, 7):
            shown = at_least_once(np.array([1e-20, 0.3, 1.0, 0.0]), k)
            np.testing.assert_allclose(shown, [k * 1e-20, 1 - 0.7**k, 1.0, 0.0], rtol=1e-14)


class TestDrawn:
    @pytest.mark.parametrize(
        "law", [WithoutReplacement(Q, 3), HubPair(Q)], ids=lambda law: type(law).__name__
    )
    @pytest.mark.parametrize("drawn", [(0, 7), (4,), (0, -1), (0.5,), ("a",)], ids=str)
    def test_every_drawn_token_is_looked_at(self, law, drawn):
        with pytest.raises(ValueError, match="outside of a vocabulary of 4"):
            law.conditional(drawn)

    def test_the_ends_of_the_vocabulary_are_in_it(self):
        assert WithoutReplacement(Q, 3).conditional((0, 3)).tolist() == [0, F(3, 5), F(2, 5), 0]
        assert WithoutReplacement(Q, 3).conditional((np.int64(3),)).tolist() == [F(4, 9), F(3, 9), F(2, 9), 0]


def test_the_first_draft_is_drawn_from_q_as_it_was_given():
    """A total that misses one by rounding is not mended behind anybody's back."""
    q = floats(np.array([0.5, 0.3, 0.2]) * (1 - 5e-7))
    for law in (Iid(q, 2), WithoutReplacement(q, 2), HubPair(q)):
        assert law.conditional(()).tolist() == q.tolist()


class TestPoint:
    def test_a_vocabulary_of_one_token(self):
        assert Point([0], 1).vocabulary == 1
        assert Point([0], 1).conditional(()).tolist() == [1]
        assert Point([0], np.int64(1)).containment([0]) == 1
        for size in (0, -1):
            with pytest.raises(
                ValueError, match="the vocabulary of a Point must be an integer of at least 1"
            ):
                Point([0], size)

    def test_containments_are_numbers(self):
        """Booleans can't be subtracted."""
        law = Point([[0, 1], [2, 3]], 4)
        held = law.containment([0, 1, 2])
        assert held.tolist() == [1, 0]
        assert held.dtype.kind == "i"
        assert type(Point([0, 1], 4).containment([0, 1])) is int
        assert law.conditional(()).dtype == np.int64


class Prepared:
    """A generator whose uniform numbers are all the same."""

    def __init__(self, value):
        self.value = value

    def random(self, shape):
        return np.full(shape, self.value)


class TestDrawMany:
    def test_uniforms_of_exactly_zero(self):
        """The lightest tokens in their order: edges belong to the token after them."""
        for q, order in (
            ([0.1, 0.2, 0.3, 0.4], [0, 1, 2, 3]),
            ([0.0, 0.5, 0.5, 0.0, 0.0], [1, 2]),
            ([0.9, 0.05, 0.0, 0.05], [1, 3, 0]),
        ):
            sets = draw_without_replacement(np.array(q), len(order), rng=Prepared(0.0), samples=3)
            assert sets.tolist() == [order] * 3

    def test_uniforms_just_below_one(self):
        rng = np.random.default_rng(0)
        for _ in range(200):
            q = rng.dirichlet(np.full(6, 0.3))
            sets = draw_without_replacement(q, 4, rng=Prepared(np.nextafter(1, 0)), samples=2)
            assert all(len(set(order)) == 4 for order in sets.tolist())
            assert (q[sets] > 0).all()

    def test_rounding_at_the_end_stays_among_the_tokens(self):
        """Without the bound some of these would be placed behind the last token."""
        rng = np.random.default_rng(0)
        for _ in range(100):
            edges = np.concatenate([[0.0], np.cumsum(rng.dirichlet(np.full(32, 2.0)))])
            drawn = np.arange(32)[:, None]
            places = _next_places(edges, drawn, Prepared(np.nextafter(1, 0)))
            assert ((places >= 30) & (places <= 31) & (places != drawn[:, 0])).all()

    @pytest.mark.parametrize("value", [0.25, 0.5, 0.75])
    def test_uniforms_on_an_edge(self, value):
        """The edge between two tokens belongs to the later one, in the order of mass."""
        q = np.full(4, 0.25)
        sets = draw_without_replacement(q, 1, rng=Prepared(value), samples=1)
        assert sets.tolist() == [[int(4 * value)]]

    def test_all_of_the_support(self):
        sets = draw_without_replacement(np.array([0.5, 0.5, 0.0]), 2, rng=Prepared(0.3), samples=2)
        assert {tuple(sorted(order)) for order in sets.tolist()} == {(0, 1)}
        assert sets.shape == (2, 2)


class TestBase:
    def test_batches_are_enumerated_one_by_one_or_refused(self):
        q = np.array([Q.tolist()] * 2, dtype=object)
        law = Correlated(q, np.array([q] * 4, dtype=object))
        with pytest.raises(ValueError, match="its containment is enumerated for one position at a time"):
            law.containment([0, 1])

    def test_masks_that_do_not_go_with_the_batch(self):
        masks = np.ones((3, 4), dtype=bool)
        for law in (Iid, TopKPlusSample, WithoutReplacement):
            with pytest.raises(
                ValueError, match=r"the masks have the batch shape \(3,\) and the law has \(2,\)"
            ):
                law(floats([Q.tolist()] * 2), 2).containment(masks)
        with pytest.raises(ValueError, match=r"the masks have the batch shape \(3,\) and the law has \(2,\)"):
            HubPair(floats([Q.tolist()] * 2)).containment(masks)
        with pytest.raises(ValueError, match=r"the masks have the batch shape \(3,\) and the law has \(2,\)"):
            Point([[0], [1]], 4).containment(masks)

    def test_masks_with_the_batch_of_the_law(self):
        assert masks_beside(np.ones((5, 1, 4), dtype=bool), (2,), 4).shape == (5, 2, 4)

    def test_one_question_and_several(self):
        assert set_by_set(np.array([True, False]), lambda mask: int(mask.sum())) == 1
        masks = np.array([[[True, False]], [[True, True]]])
        assert set_by_set(masks, lambda mask: int(mask.sum())).tolist() == [[1], [2]]
        assert [row.tolist() for row in rows(np.arange(8).reshape(2, 2, 2))] == [
            [0, 1],
            [2, 3],
            [4, 5],
            [6, 7],
        ]

    def test_tokens(self):
        assert check_tokens([], 3, what="it").tolist() == []
        assert check_tokens([0, 2], 3, what="it").dtype == np.intp
        with pytest.raises(ValueError, match="it holds the token 3, outside of a vocabulary of 3"):
            check_tokens([-1, 3], 3, what="it")
        with pytest.raises(ValueError, match="it holds the token -2, outside of a vocabulary of 3"):
            check_tokens([-2, 1], 3, what="it")


class TestFits:
    def test_batches(self):
        p = floats([Q.tolist()] * 2)
        assert fitted(p, Point([[0], [1]])).vocabulary == 4
        with pytest.raises(ValueError, match=r"p has the batch shape \(2,\) and the law \(3,\)"):
            fitted(p, Point([[0], [1], [2]]))
        with pytest.raises(ValueError, match=r"p has the batch shape \(2,\) and the law \(\)"):
            fitted(p, Iid(floats(Q), 1))
