"""The judge along a chain: its law at one position is the rule's, and without approval it is lossless."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

from specsim.sources.tables import TableModel
from theory.chance import Enumerated
from theory.laws import Iid
from theory.lossy.judge import Judge
from theory.lossy.judged_chain import JudgedChain
from theory.tree import DraftTree
from theory.walks import Scheme, law_of_rounds, named
from theory.walks.base import UnsupportedTree

RNG = np.random.default_rng(0)
TARGET = TableModel.random(vocabulary=3, order=2, rng=RNG, denominator=12)
DRAFT = TableModel.random(vocabulary=3, order=2, rng=RNG, denominator=12)
APPROVED = (F(1, 5), F(9, 10), F(1, 2))


def by_token(target, prefix):
    return APPROVED[prefix[-1]]


@pytest.mark.parametrize("threshold", [F(0), F(1, 5), F(1, 2), F(1)])
def test_at_one_position_it_is_the_rule(threshold) -> None:
    p, q = TARGET(()), DRAFT(())
    rule, walk = Judge(approval=APPROVED, threshold=threshold), JudgedChain(by_token, threshold)

    def first(chance):
        (token,) = Iid(q, 1).sample(chance)
        tree = DraftTree.chain((token,), laws=[Iid(q, 1)])
        return walk.verify(tree=tree, target=TARGET, chance=chance).tokens[0]

    law = Enumerated().law(first)
    assert [law.get(token, 0) for token in range(3)] == rule.output(p=p, law=Iid(q, 1)).tolist()


def test_without_approval_it_is_lossless_and_else_not() -> None:
    def law(threshold):
        scheme = Scheme(named.token_level(2).grow, JudgedChain(by_token, threshold))
        return law_of_rounds(scheme=scheme, target=TARGET, draft=DRAFT, rounds=2, length=3)

    assert law(F(1)) == TARGET.joint(3)
    assert law(F(1, 2)) != TARGET.joint(3)


def test_it_takes_chains_and_thresholds_in_range() -> None:
    tree = DraftTree.star((0, 1), law=Iid(DRAFT(()), 2))
    with pytest.raises(UnsupportedTree, match="JudgedChain verifies chains"):
        JudgedChain(by_token).verify(tree=tree, target=TARGET, chance=None)
    with pytest.raises(ValueError, match=r"threshold must be in \[0, 1\], got 2"):
        JudgedChain(by_token, 2)
