"""Acceptance profiles: what is taken, what is refused, conversions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from theory.shapes import Profile, from_conditional, power_law

F = Fraction


def test_kinds():
    positional = Profile.positional([0.5, 0.2])
    assert (positional.kind, positional.depth_limit, positional.ranks) == ("positional", None, 2)
    table = Profile.by_depth([[0.5, 0.2], [0.4, 0.1], [0.3, 0.0]])
    assert (table.kind, table.depth_limit, table.is_monotone) == ("by depth", 3, True)
    ranked = Profile.by_parent_rank([0.5, 0.2], [[0.5, 0.2], [0.1, 0.3]])
    assert (ranked.depth_limit, ranked.is_monotone) == (None, False)
    assert ranked.first_ranks(1).is_monotone
    assert Profile.positional(np.array([F(1, 2)])).is_exact


def test_conditional_rates_become_probabilities():
    rates = np.array([[F(1, 2), F(1, 3), F(1)], [F(0), F(1, 4), F(1, 2)]])
    rows = from_conditional(rates)
    assert rows.tolist() == [[F(1, 2), F(1, 6), F(1, 3)], [0, F(1, 4), F(3, 8)]]
    assert from_conditional([0.9, 0.9]) == pytest.approx([0.9, 0.09])
    assert power_law(exponent=2, ranks=50).sum() == pytest.approx(1 - 51**-2)


def test_profiles_cannot_be_changed():
    profile = Profile.positional([0.5])
    with pytest.raises(ValueError, match="read-only"):
        profile.rows[0, 0] = 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Profile.positional([]), "non-empty list"),
        (lambda: Profile.positional([[0.5]]), "non-empty list"),
        (lambda: Profile.by_depth([0.5]), "non-empty list"),
        (lambda: Profile.by_depth([[0.5], [0.1, 0.2]]), "non-empty list|lists of equal length"),
        (lambda: Profile.positional([1.5]), "row 0, rank 0 is 1.5"),
        (lambda: Profile.positional([0.5, -0.1]), "row 0, rank 1 is -0.1"),
        (lambda: Profile.positional([np.nan]), "rank 0 is nan"),
        (lambda: Profile.positional(["x"]), "are numbers"),
        (lambda: Profile.positional([None]), "got None"),
        (lambda: Profile.positional([True]), "are numbers"),
        (lambda: Profile.positional([0.5, F(1, 2)]), "all floats or all fractions"),
        (lambda: Profile.positional([0.9, 0.9]), r"row 0 sums to 1.8.*go through from_conditional"),
        (lambda: Profile.by_parent_rank([0.5], [[0.5, 0.1]]), r"needs shape \(1, 1\)"),
        (lambda: Profile(np.array([[0.5]]), np.array([[1]])), "states are numbers of rows"),
        (lambda: Profile(np.array([[0.5]]), np.array([[0, 0]])), "need one shape"),
        (lambda: Profile.positional([0.5]).first_ranks(0), "at least 1 child"),
        (lambda: power_law(exponent=1, ranks=0), "ranks at least 1"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_sums_above_one_only_on_request():
    profile = Profile.positional([0.9, 0.9], exclusive=False)
    assert not profile.sums_to_at_most_one
    assert Profile.positional([0.9, 0.1]).sums_to_at_most_one
