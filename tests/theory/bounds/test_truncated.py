"""What is known of a distribution: lists, caps, missing markers, and refusals."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.strategies import distributions, floats, fractions
from theory.bounds import Truncated
from theory.bounds.truncated import MISSING, Ends, known_log_probabilities


@given(p=distributions(6), count=st.integers(0, 6))
def test_the_top_of_a_distribution(p, count):
    known = Truncated.of(p, count)
    listed = set(known.tokens.tolist())
    others = [p[token] for token in range(6) if token not in listed]
    assert known.known == {token: p[token] for token in listed}
    assert known.rest == sum(others)
    assert known.exact
    assert max(others, default=0) <= known.largest <= known.rest
    if count:
        assert known.largest == (min(known.rest, min(p[token] for token in listed)) if others else 0)


class TestCaps:
    def test_a_list_that_is_not_the_top_has_none(self):
        assert Truncated([0, 1], [F(1, 2), F(1, 8)], 10).largest == F(3, 8)

    def test_a_given_one(self):
        assert Truncated([0, 1], [F(1, 2), F(1, 8)], 10, cap=F(1, 4)).largest == F(1, 4)

    def test_one_that_rounding_made_too_small(self):
        """Three thirds in floats: the rest is larger than the cap by a rounding."""
        known = Truncated.top([0, 1], [1 / 3, 1 / 3], vocabulary=3)
        assert known.rest > F(1 / 3)
        assert known.largest == known.rest

    def test_a_complete_list_of_floats_leaves_nothing(self):
        known = Truncated.top([0, 1, 2], floats([0.1, 0.2, 0.7]) * (1 + 1e-9), vocabulary=3)
        assert (known.rest, known.largest) == (0, 0)
        assert Truncated.of(floats([0.3, 0.3, 0.4]), 3).rest == 0

    def test_an_empty_list(self):
        known = Truncated.top([], [], vocabulary=4)
        assert (known.rest, known.largest) == (1, 1)


class TestMissing:
    def test_the_marker_is_dropped_and_caps_nothing(self):
        known = Truncated.from_log_probabilities(
            [3, 1, 2], np.log([0.5, 0.2, 1]) * [1, 1, 0] + [0, 0, MISSING], vocabulary=9
        )
        assert known.tokens.tolist() == [3, 1]
        assert float(known.largest) == pytest.approx(0.2)
        assert known.rest > 0

    def test_kept_as_a_probability_it_would_be_refused(self):
        """exp(-9999) is zero, and no other token could hold the rest."""
        with pytest.raises(ValueError, match=r"leaves 0\.3.*, but the other tokens \(6\) hold at most 0\.0"):
            Truncated.top([3, 1, 2], np.exp([np.log(0.5), np.log(0.2), MISSING]), vocabulary=9)

    def test_values_that_are_no_logarithms(self):
        for value in (float("nan"), 0.1, float("inf")):
            with pytest.raises(ValueError, match=r"token 5 has the log-probability .* at most 0"):
                known_log_probabilities([4, 5], [-1.0, value])

    def test_a_certain_token(self):
        tokens, logs = known_log_probabilities([4], [1e-9])
        assert (tokens.tolist(), logs.tolist()) == ([4], [0.0])

    def test_shapes(self):
        with pytest.raises(ValueError, match="give one log-probability a token"):
            known_log_probabilities([4, 5], [-1.0])


class TestRefusals:
    def test_lists(self):
        for arguments, message in (
            (([0, 0], [0.1, 0.2], 5), "lists a token twice"),
            (([0, 5], [0.1, 0.2], 5), "holds the token 5, outside of a vocabulary of 5"),
            (([0, 1], [0.7, 0.4], 5), r"the probabilities sum to 1\.1, to more than 1"),
            (([0, 1], [0.7], 5), "give one probability a token"),
            (([0, 1], [0.7, -0.1], 5), r"probabilities has the entry -0\.1"),
            (([0, 1], [0.7, float("nan")], 5), "probabilities has the entry nan"),
            (([0, 1], fractions([1, 1]) * F(3, 2), 5), r"the probabilities sum to 1\.5"),
            (
                ([0, 1], fractions([1, 1]) / 2, 2),
                r"leaves 0\.5, but the other tokens \(0\) hold at most 0\.0",
            ),
        ):
            with pytest.raises(ValueError, match=message):
                Truncated(*arguments)

    def test_lists_that_are_not_the_top(self):
        with pytest.raises(
            ValueError, match="if the list is not the top of the distribution, give another cap"
        ):
            Truncated.top([0, 1], [0.5, 0.01], vocabulary=4)

    @pytest.mark.parametrize("cap", [-0.1, float("nan"), 1.5])
    def test_caps(self, cap):
        with pytest.raises(ValueError, match=r"cap is the most that an unlisted token can have, in \[0, 1\]"):
            Truncated([0], [0.5], 9, cap=cap)


def test_ends_in_order():
    with pytest.raises(ValueError, match=r"the lower end 0\.6 is above the upper end 0\.5"):
        Ends(0.6, 0.5, True, (0.6, 0.5))
    assert Ends(0.5, 0.5, True, (0.5, 0.5)).kind == "exact"
    assert Ends(0.4, 0.5, True, (0.4, 0.5)).kind == "interval"
