"""Laws of the caller's own cases."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

from specsim.testing import Level, TableModel, law_of
from specsim.testing.families import FAMILIES
from tests.specsim.testing import rules_for_tests as rules
from theory.couplings import Maximal, Recursive
from theory.laws import Iid, Independent, Point
from theory.walks import TopDown

P = np.array([F(3, 5), F(2, 5), F(0)], dtype=object)
Q = np.array([F(4, 5), F(1, 5), F(0)], dtype=object)


def test_a_node_rule_exactly():
    assert law_of(Maximal(), p=P, law=Iid(Q, 1)) == {(0,): F(3, 5), (1,): F(2, 5)}
    # the thread that found it: greedy drafts, judged by the ratio with the softmax
    assert law_of(rules.always_accept, p=P, law=Iid(Q, 1)) == {(0,): F(4, 5), (1,): F(1, 5)}


def test_laws_that_bring_their_own_vocabulary():
    assert law_of(Recursive(), p=P, law=Point([1]))[(0,)] == F(3, 5)
    assert law_of(Recursive(), p=P, law=Independent((Q, P)))[(1,)] == F(2, 5)


def test_a_tree_rule_exactly():
    table = {(): P, (0,): Q, (1,): P, (2,): Q}
    law = law_of(TopDown(Recursive()), target=table, draft=TableModel.constant(Q), levels=[("iid", 2)])
    assert law[(0, 0)] == F(3, 5) * F(4, 5)
    assert sum(law.values()) == 1
    again = law_of(
        TopDown(Recursive()),
        target=TableModel(table),
        draft={(): Q},
        levels=[Level(FAMILIES["iid"], 2)],
        rounds=2,
    )
    assert again == law


def test_floats_are_enumerated_to_rounding():
    law = law_of(Maximal(), p=[0.5, 0.3, 0.2], law=Iid(np.array([0.2, 0.3, 0.5]), 1))
    assert law[(0,)] == pytest.approx(0.5, abs=1e-15)


def test_a_function_of_a_generator():
    def accept(p, q, token, rng):
        return token if rng.random() < p[token] / q[token] else int(rng.choice(3, p=p))

    law = law_of(accept, p=P, law=Iid(Q, 1))
    assert law[(0,)] == pytest.approx(0.6 + 0.2 * 0.6, abs=1e-9)


@pytest.mark.parametrize(
    ("rule", "given", "message"),
    [
        (Maximal(), {"p": P}, "needs p and law for a rule at one node, or target, draft and levels"),
        (Maximal(), {"target": {(): P}, "draft": {(): Q}, "levels": [("iid", 1)]}, "give p and law"),
        (TopDown(Maximal()), {"p": P, "law": Iid(Q, 1)}, "give target, draft and levels"),
    ],
)
def test_the_wrong_case_for_a_rule(rule, given, message):
    with pytest.raises(ValueError, match=message):
        law_of(rule, **given)
