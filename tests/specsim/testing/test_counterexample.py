"""Counterexamples explain themselves: the case, the laws side by side, the paths with every choice."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np

from specsim.testing import Counterexample, TableModel, TreeCase, counterexample
from specsim.testing.cases import Drafting, Level, NodeCase
from specsim.testing.examine import LAW, examine
from specsim.testing.families import FAMILIES
from specsim.testing.forms import as_rule
from tests.specsim.testing import rules_for_tests as rules


def of(rule, case):
    known = as_rule(rule)
    examined = examine(known, case)
    found = examined.found.law
    return Counterexample(known, case, LAW, examined.failure.reason, found, case.expected(), 1)


def node(p, q):
    rows = [np.array([F(entry) for entry in row], dtype=object) for row in (p, q)]
    return NodeCase.of(FAMILIES["iid"], 1, p=rows[0], drafters=(rows[1],))


def test_a_node_step_by_step():
    found = of(rules.residual_is_p, node(["0", "1/2", "1/2"], ["0", "0", "1"]))
    assert found.total_variation == F(1, 4)
    assert (
        found.explain()
        == """\
residual_is_p: not lossless: token 1 has probability 1/4 instead of 1/2 (total variation 1/4)

  p = (0, 1/2, 1/2)
  q = (0, 0, 1)
  drafts: 1 draft, iid

  emitted  expected  found  difference
  token 1  1/2       1/4    -1/4
  token 2  1/2       3/4    +1/4

too much: token 2 should have 1/2 and has 3/4, on these paths:
  1/2 = draft: 2 [1], accept: yes [1/2], emits 2
  1/4 = draft: 2 [1], accept: no [1/2], residual: 2 [1/2], emits 2

too little: token 1 should have 1/2 and has 1/4, on these paths:
  1/4 = draft: 2 [1], accept: no [1/2], residual: 1 [1/2], emits 1"""
    )


def test_a_tree_with_its_contexts_and_its_completion():
    one_hot = [np.array([F(int(i == token)) for i in range(3)], dtype=object) for token in range(3)]
    target = TableModel({(): one_hot[1], (0,): one_hot[0], (1,): one_hot[2], (2,): one_hot[0]})
    draft = TableModel.constant(one_hot[1])
    case = TreeCase(target, draft, Drafting.by_levels([Level(FAMILIES["iid"], 1)]))
    found = of(rules.ChainFromTheFirstRow(), case)
    text = found.explain()
    assert "after () : p" not in text
    assert "after (): p = (0, 1, 0), q = (0, 1, 0)" in text
    assert "after (1): p = (0, 0, 1), q = (0, 1, 0)" in text
    assert "in every other context: p = (1, 0, 0), q = (0, 1, 0)" in text
    assert "tokens 1 1  0         1      +1" in text
    assert "too much: tokens 1 1 should have 0 and has 1, on these paths:" in text
    assert "1 = draft/0: 1 [1], accept: yes [1], bonus: 1 [1], emits 1 1" in text
    assert "too little: tokens 1 2 should have 1 and is never emitted." in text


def test_the_weights_of_the_paths_add_up():
    found = counterexample(rules.swapped, drafts=1)
    text = found.explain()
    for outcome, mass in found.found.items():
        ways = [line for line in text.splitlines() if line.endswith(f"emits {outcome[0]}")]
        if ways:
            assert sum(F(line.split(" = ")[0].strip()) for line in ways) == mass


def test_there_is_none_where_there_is_nothing_to_forget():
    # of two tokens the second follows the first, and that is all that the rule remembers
    options = {"rounds": 2, "laws": "iid", "drafts": 1, "examples": 20}
    assert counterexample(rules.ForgetsAfterARound(), depth=1, **options) is None
