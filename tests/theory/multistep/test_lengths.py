"""Closed forms of expected lengths against enumeration of the rules in fractions, and the optimum."""

from __future__ import annotations

import pytest

from tests.theory.multistep.instances import pair
from tests.theory.walks.rounds_audit import models
from theory.couplings import Canonical, Recursive
from theory.couplings.selections import PooledClip
from theory.multistep import (
    MultistepProblem,
    foresight_length,
    path_levels,
    pooled_ways,
    priority_ways,
    selected_length,
    solve,
    surviving_length,
    top_down_length,
    traversal_length,
)
from theory.walks import Foresight, SurvivingPrefixes, TopDown, Traversal, expected_length, named

COUNT, LENGTH = 2, 2
RULES = {
    "top-down": (named.specinfer((2, 1)), lambda m: top_down_length(**m, levels=path_levels(2, 2))),
    "traversal": (named.traversal((2, 1)), lambda m: traversal_length(**m, levels=path_levels(2, 2))),
    "priority": (
        named.greedy_multi_path_block(2, 2),
        lambda m: selected_length(**m, count=2, length=2, ways=priority_ways),
    ),
    "clipped": (
        named.optimal_transport_block(2, 2),
        lambda m: selected_length(**m, count=2, length=2, ways=pooled_ways),
    ),
    "surviving": (
        named.paths(2, 2, SurvivingPrefixes(Canonical(PooledClip()))),
        lambda m: surviving_length(**m, count=2, length=2, ways=pooled_ways),
    ),
    "foresight": (named.paths(2, 2, Foresight()), lambda m: foresight_length(**m, count=2, length=2)),
    "without replacement": (
        named.full_tree((2, 1), named.without_replacement, Traversal()),
        lambda m: traversal_length(**m, levels=(named.without_replacement(2), named.without_replacement(1))),
    ),
    "without replacement, top-down": (
        named.full_tree((2, 1), named.without_replacement, TopDown(Recursive())),
        lambda m: top_down_length(**m, levels=(named.without_replacement(2), named.without_replacement(1))),
    ),
}


#: Enumeration of these takes seconds.
LARGE = ("clipped", "surviving", "foresight")


@pytest.mark.parametrize("name", [name for name in RULES if name not in LARGE])
def test_closed_forms(name):
    target, draft = models(2, kind="twisted")
    scheme, closed = RULES[name]
    found = closed({"target": target, "draft": draft})
    assert found == expected_length(scheme=scheme, target=target, draft=draft)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3])
@pytest.mark.parametrize("name", RULES)
def test_closed_forms_on_more_tables(name, seed):
    target, draft = models(seed, kind="zeros")
    scheme, closed = RULES[name]
    found = closed({"target": target, "draft": draft})
    assert found == expected_length(scheme=scheme, target=target, draft=draft)


@pytest.mark.parametrize("seed", range(5))
def test_no_rule_is_above_the_optimum(seed):
    both = pair(seed)
    upper = solve(MultistepProblem.paths(**both, count=COUNT, length=LENGTH)).upper
    values = {name: closed(both) for name, (_, closed) in RULES.items() if "without" not in name}
    assert all(value <= upper + 1e-12 for value in values.values())
    assert values["foresight"] >= values["clipped"] - 1e-12
    assert values["clipped"] >= values["surviving"] - 1e-12
