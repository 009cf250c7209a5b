"""Growth laws against exact counts and built trees; theorems and their counter-examples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from theory.shapes import NotOptimal, Profile, best_first, growth_law, power_law, value_by_counts
from theory.shapes.growth_law import BoundedGrowth, LogarithmicGrowth
from theory.shapes.templates import k_ary
from theory.shapes.theorems import (
    chain_limit,
    chains_limit,
    k_ary_limit,
    positional_counterexample,
    power_law_guarantee,
    reach_counterexample,
)

F = Fraction
FULL = ([0.6, 0.25, 0.15], [0.7, 0.2, 0.05, 0.05], [0.4, 0.3, 0.2, 0.1])
SHORT = ([0.5, 0.2, 0.1], [0.7, 0.2, 0.05, 0.03], [0.9, 0.05], [0.6, 0.1, 0.1, 0.05])


@pytest.mark.parametrize("p", [*FULL, *SHORT, [0.5, 0.5], [0.3, 0.3, 0.3], [0.8], [0.5, 0.0]])
def test_counting_equals_building(p):
    run = best_first(Profile.positional(p), nodes=3000)
    for nodes in (0, 1, 2, 10, 137, 1000, 3000):
        assert value_by_counts(p, nodes=nodes) == pytest.approx(run.value(nodes), rel=1e-12)


@pytest.mark.parametrize("p", FULL)
def test_logarithmic_law_to_three_digits_and_more(p):
    law = growth_law(p)
    assert isinstance(law, LogarithmicGrowth)
    for nodes, error in ((10**6, 5e-4), (10**12, 5e-5), (10**18, 2e-5)):
        assert law.value(nodes) == pytest.approx(value_by_counts(p, nodes=nodes), rel=error)
    assert law.nodes(float(law.value(12345))) == pytest.approx(12345)
    more = round(10**9 * law.factor_for_one_more)
    assert value_by_counts(p, nodes=more) - value_by_counts(p, nodes=10**9) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("p", SHORT)
def test_bounded_law_to_three_digits_and_more(p):
    law = growth_law(p)
    assert isinstance(law, BoundedGrowth)
    rest = law.limit - value_by_counts(p, nodes=10**6)
    assert law.value(10**6) == pytest.approx(law.limit - rest, rel=5e-4)
    # and the constant itself: what is left, over many decades
    for nodes in (10**9, 10**12):
        rest = law.limit - value_by_counts(p, nodes=nodes)
        assert law.constant * nodes**-law.exponent == pytest.approx(rest, rel=5e-3)
    assert law.nodes(float(law.value(777))) == pytest.approx(777)
    with pytest.raises(ValueError, match="no tree is worth"):
        law.nodes(law.limit)


@pytest.mark.slow
def test_power_law_with_256_ranks_at_a_million_nodes():
    p = power_law(exponent=1, ranks=256)
    p /= p.sum()
    run = best_first(Profile.positional(p), nodes=10**6)
    assert growth_law(p).value(10**6) == pytest.approx(run.value(10**6), rel=1e-4)


def test_a_lattice_oscillates_about_its_law():
    """Halves: complete binary trees, G = log2(n + 1) at full levels; the law is inside the oscillation."""
    law = growth_law([0.5, 0.5])
    differences = [value_by_counts([0.5, 0.5], nodes=n) - law.value(n) for n in range(2**16, 2**17, 777)]
    assert max(differences) > 0 > min(differences)
    assert max(np.abs(differences)) < 0.09
    assert value_by_counts([0.5, 0.5], nodes=2**60 - 2) == pytest.approx(60, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: growth_law([0.5]), "at least two positive"),
        (lambda: growth_law([0.9, 0.9]), "exclude each other"),
        (lambda: value_by_counts([0.5, 0.6], nodes=3), "exclude each other|does not rise"),
        (lambda: value_by_counts([0.2, 0.6], nodes=3), "does not rise"),
        (lambda: value_by_counts([1.0], nodes=3), "certainty"),
        (lambda: value_by_counts([0.5], nodes=-1), "at least 0"),
        (lambda: power_law(exponent=0, ranks=3), "exponent must be above 0"),
        (lambda: power_law_guarantee(nodes=3, exponent=0), "exponent above 0"),
        (lambda: chain_limit([1.0]), "no finite value"),
        (lambda: k_ary_limit([0.5], children=2), "has 1 ranks"),
        (lambda: reach_counterexample([F(1, 2)], [[F(1)]]), "sum to one"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((ValueError, NotOptimal), match=message):
        make()


# --- theorems ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0.5, 1, 2])
def test_sequoias_guarantee_holds_and_is_weak(exponent):
    """Power-law rejection: the optimum stays above the bound, which has the theorem's order."""
    p = power_law(exponent=exponent, ranks=400)
    run = best_first(Profile.positional(p), nodes=4000)
    for nodes in (1, 10, 100, 1000, 4000):
        assert power_law_guarantee(nodes=nodes, exponent=exponent) <= run.value(nodes)
    for nodes in (10**6, 10**9):
        order = exponent * np.log(nodes) / np.log(np.log(nodes))
        assert power_law_guarantee(nodes=nodes, exponent=exponent) > 0.2 * order


def test_sequoias_theorem_fails_for_finitely_many_ranks():
    p = power_law(exponent=1, ranks=4)
    law = growth_law(p)
    assert isinstance(law, BoundedGrowth)
    assert law.limit == pytest.approx(5)
    assert power_law_guarantee(nodes=10**9, exponent=1) > law.limit


def test_limits_of_simple_shapes():
    p = [F(3, 5), F(1, 5), F(1, 10)]
    profile = Profile.positional(np.array(p))
    assert chain_limit(p) == F(5, 2)
    for chains in (1, 2, 3):
        assert chains_limit(p, chains=chains) - chain_limit(p) <= 1
    assert k_ary_limit(p, children=2) == 5
    big = k_ary(2**12 - 2, children=2).value(profile)
    assert 0 < k_ary_limit(p, children=2) - big == F(4, 5) ** 12 * 5


def test_positions_on_average_are_not_paths():
    """Exact gaps by budget: none while the chain is best for both, then up to where the tree comes back."""
    gaps = [positional_counterexample(nodes=nodes).gap for nodes in range(1, 9)]
    assert gaps[:4] == [0, 0, 0, 0]
    assert all(gap > F(1, 20) for gap in gaps[4:])


def test_the_most_reached_slot_is_not_the_most_accepted():
    flat, sharp = [F(1, 5)] * 5, [F(1), F(0)]
    result = reach_counterexample([F(3, 5), F(2, 5)], [flat, flat])
    assert (result.reached, result.optimum, result.gap) == (F(229, 125), 2, F(21, 250))
    # where all slots are equally sharp there is nothing to lose
    assert reach_counterexample([F(3, 5), F(2, 5)], [sharp, sharp]).gap == 0


def test_too_many_count_vectors_are_refused(monkeypatch):
    monkeypatch.setattr("theory.shapes.compositions._MOST", 10_000)
    with pytest.raises(ValueError, match="more than 10000 count vectors; ask for fewer nodes or ranks"):
        value_by_counts(power_law(exponent=1, ranks=20), nodes=10**6)
