"""What growers announce: each level in one piece, and the tree is the same."""

from __future__ import annotations

import numpy as np
import pytest

from theory.ahead import announce
from theory.chance import Sampled
from theory.laws import Iid
from theory.shapes.dynamic import Beam, DySpecThreshold, Eagle2, OptTree
from theory.tree import grow_levels


class Draft:
    """Rows that depend on the prefix, and a record of what was announced."""

    def __init__(self) -> None:
        self.announced: list[tuple[tuple[int, ...], ...]] = []

    def ahead(self, prefixes) -> None:
        self.announced.append(prefixes)

    def __call__(self, prefix) -> np.ndarray:
        return np.roll([0.5, 0.3, 0.15, 0.05], sum(prefix))


def levels(*, draft, budget, chance):
    return grow_levels(draft=draft, branching=[lambda q: Iid(q, 2)] * 2, chance=chance)


GROWERS = {
    "levels": levels,
    "beam": Beam(2).grow,
    "eagle2": Eagle2(top_k=2, steps=2).grow,
    "opt": OptTree(max_depth=2).grow,
    "dyspec": DySpecThreshold(0.1).grow,
}


@pytest.mark.parametrize("name", GROWERS)
def test_an_announcement_changes_nothing_and_is_level_by_level(name: str) -> None:
    draft = Draft()
    told = GROWERS[name](draft=draft, budget=6, chance=Sampled(np.random.default_rng(0)))
    mute = GROWERS[name](draft=draft.__call__, budget=6, chance=Sampled(np.random.default_rng(0)))
    assert told.tokens == mute.tokens
    assert told.parents == mute.parents
    assert draft.announced
    for level in draft.announced:
        assert len({len(prefix) for prefix in level}) <= 1
    assert max(len(level) for level in draft.announced) > 1


def test_drafts_that_do_not_care_are_left_alone() -> None:
    announce(lambda prefix: None, [()])
