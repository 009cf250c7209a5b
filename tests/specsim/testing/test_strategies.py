"""The strategies: exact, adversarial, and with every kind of trouble drawn often."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.testing import (
    FAMILIES,
    Level,
    TableModel,
    branchings,
    distributions,
    laws,
    pairs,
    table_models,
    table_pairs,
    tree_cases,
    trees,
)
from specsim.testing.strategies import NEAR

FEW = settings(max_examples=60)


@FEW
@given(st.data(), st.integers(2, 5))
def test_distributions_are_exact_and_have_their_support(data, vocabulary):
    support = data.draw(st.integers(1, vocabulary))
    row = data.draw(distributions(vocabulary, support=support))
    assert row.shape == (vocabulary,)
    assert all(isinstance(entry, F) for entry in row)
    assert sum(row) == 1
    assert np.count_nonzero(row > 0) >= support


def relation(p, q):
    """Which kind of trouble a pair is."""
    distance = sum(abs(p - q)) / 2
    if distance == 0:
        return "equal"
    if distance <= NEAR:
        return "near"
    if not np.any((p > 0) & (q > 0)):
        return "disjoint"
    return "permuted" if sorted(p) == sorted(q) else "other"


def test_every_kind_of_trouble_is_drawn_often():
    seen: Counter[str] = Counter()

    @settings(max_examples=300)
    @given(pairs(3))
    def collect(pair):
        p, q = pair
        seen[relation(p, q)] += 1
        seen["zero in p"] += np.any(p == 0)
        seen["zero in q"] += np.any(q == 0)
        seen["one-hot"] += max(p) == 1 or max(q) == 1
        seen["tie"] += len(set(p)) < 3
        seen["large denominator"] += max(entry.denominator for entry in q) > 1000

    collect()
    kinds = ["equal", "near", "disjoint", "permuted", "other", "zero in p", "zero in q", "one-hot", "tie"]
    for kind in [*kinds, "large denominator"]:
        assert seen[kind] >= 10, f"{kind} came {seen[kind]} times in 300"


@FEW
@given(pairs(4, support=3))
def test_the_draft_of_a_pair_has_its_support(pair):
    assert np.count_nonzero(pair[1] > 0) >= 3


@FEW
@given(laws(3, drafts=2))
def test_laws_have_their_drafts(law):
    assert law.k == 2
    assert sum(law.enumerate().values()) == 1


def test_laws_of_one_kind():
    @FEW
    @given(laws(3, drafts=2, kinds="hub-pair"))
    def check(law):
        assert type(law).__name__ == "HubPair"

    check()


def test_laws_that_do_not_exist():
    with pytest.raises(ValueError, match=r"no law of hub-pair has 3 drafts over 3 tokens"):
        laws(3, drafts=3, kinds="hub-pair")


@FEW
@given(table_models(3, order=2))
def test_table_models_have_a_row_for_every_context(model):
    assert isinstance(model, TableModel)
    assert len(model.rows) == 1 + 3 + 9
    assert sum(model((2, 1, 0))) == 1


def test_contexts_matter():
    different = []

    @settings(max_examples=40)
    @given(table_pairs(3, order=2))
    def collect(models):
        target = models[0]
        different.append(any(not np.array_equal(target(prefix), target(())) for prefix in target.rows))

    collect()
    assert sum(different) >= 10


@FEW
@given(branchings(depth=2, width=2))
def test_branchings_keep_their_depth_and_width(levels):
    assert 1 <= len(levels) <= 2
    assert all(isinstance(level, Level) and 1 <= level.k <= 2 for level in levels)


@settings(max_examples=30)
@given(trees(3, depth=2, width=2))
def test_trees_record_laws_that_could_draw_their_tokens(tree):
    for node, law in enumerate(tree.laws):
        children = tuple(tree.tokens[child] for child in tree.children(node))
        if law is not None:
            assert law.enumerate().get(children, 0) > 0


@settings(max_examples=20)
@given(tree_cases([Level(FAMILIES["without-replacement"], 2)], 3))
def test_tree_cases_give_drafts_the_support_they_need(case):
    assert all(np.count_nonzero(row > 0) >= 2 for row in case.draft.rows.values())
    assert case.length == 2
    assert sum(case.expected().values()) == 1


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="at least 2 tokens and a support of 1 to 3"):
        distributions(3, support=4)
    with pytest.raises(ValueError, match="at least 2 tokens"):
        distributions(1)
