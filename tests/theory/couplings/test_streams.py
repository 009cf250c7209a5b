"""Every question goes to the stream of its kind and of its node's level: no two share random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.theory.audit import product_of_conditionals
from tests.theory.strategies import MAKERS, F, fractions
from theory.chance import Enumerated
from theory.couplings import (
    Canonical,
    Clipped,
    GreedyDraft,
    GumbelCoupling,
    GumbelList,
    KSeq,
    Maximal,
    OptimalPlan,
    Raffle,
    Recursive,
    SampleAndMatch,
    SpecHub,
)
from theory.couplings.selections import PooledClip, PriorityOrder, UniformSlot
from theory.laws import Iid
from theory.lossy import Budgeted, EngineThreshold, GreedyMatch, HubShortcut, Judge, Lenient, Rapid, Typical
from theory.simplex import Array

P, Q, OTHER = fractions([5, 3, 2]), fractions([2, 3, 5]), fractions([1, 1, 1])
TEST, REST, PICK = ("flip", "accept"), ("draw", "residual"), ("draw", "select")

#: Rule, its law and number of drafts, and all that it asks.
ASKED: dict[str, tuple[Any, str, int, set[tuple[str, str]]]] = {
    "Maximal": (Maximal(), "iid", 1, {TEST, REST}),
    "Recursive": (Recursive(), "without replacement", 2, {TEST, REST}),
    "KSeq": (KSeq(), "iid", 2, {TEST, REST}),
    "SampleAndMatch": (SampleAndMatch(), "iid", 2, {REST}),
    "GreedyDraft": (GreedyDraft(), "top k plus sample", 2, {TEST, REST}),
    "SpecHub": (SpecHub(), "hub pair", 2, {TEST, REST}),
    "OptimalPlan": (OptimalPlan(), "iid", 2, {("draw", "accept")}),
    "GumbelCoupling": (GumbelCoupling(), "iid", 1, {TEST, REST}),
    "GumbelList": (GumbelList(), "iid", 2, {REST}),
    "Clipped": (Clipped(), "iid", 2, {TEST, REST, PICK, ("flip", "select")}),
    "Raffle": (Raffle(), "without replacement", 2, {TEST, REST, PICK}),
    "Canonical, pools": (Canonical(PooledClip()), "iid", 2, {TEST, REST, PICK}),
    "Canonical, fair": (Canonical(UniformSlot()), "iid", 2, {TEST, REST, PICK}),
    "Canonical, priority": (Canonical(PriorityOrder()), "iid", 2, {TEST, REST}),
    "Budgeted": (Budgeted(), "iid", 1, {TEST, REST}),
    "Lenient": (Lenient(F(4, 5)), "iid", 1, {TEST, REST}),
    "Judge": (Judge((F(0), F(1, 3), F(0))), "iid", 1, {TEST, REST}),
    "Rapid": (Rapid(1), "iid", 1, {TEST, REST}),
    "EngineThreshold": (EngineThreshold(), "point", 2, {TEST, REST}),
    "HubShortcut": (HubShortcut(F(9, 10)), "hub pair", 2, {TEST, REST}),
    "GreedyMatch": (GreedyMatch(), "iid", 2, set()),
    "Typical": (Typical(F(10), F(10), "target"), "iid", 2, {REST}),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_a_rule_says_of_itself(name):
    rule = ASKED[name][0]
    assert rule.lossless is not type(rule).__module__.startswith("theory.lossy")


class Overheard:
    """A chance that notes what is asked of another."""

    def __init__(self, chance: Any, heard: set[tuple[str, str]]) -> None:
        self.chance, self.heard = chance, heard

    def flip(self, probability: Any, *, stream: str) -> bool:
        self.heard.add(("flip", stream))
        return bool(self.chance.flip(probability, stream=stream))

    def draw(self, weights: Array, *, stream: str) -> int:
        self.heard.add(("draw", stream))
        return int(self.chance.draw(weights, stream=stream))


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("level", [None, 3], ids=["the default level", "level 3"])
def test_streams(name, level):
    rule, law, k, expected = ASKED[name]
    law = MAKERS[law](Q, k, [OTHER, OTHER]).over(3)
    heard: set[tuple[str, str]] = set()
    more = {} if level is None else {"level": level}
    for drafts in product_of_conditionals(law):
        for _ in Enumerated().paths(
            lambda chance, drafts=drafts: rule.resolve(
                p=P, drafts=drafts, law=law, chance=Overheard(chance, heard), **more
            )
        ):
            pass
    assert {(kind, stream.split("/")[0]) for kind, stream in heard} <= expected
    assert {(kind, stream.split("/")[0]) for kind, stream in heard} >= expected - {PICK, ("flip", "select")}
    assert {stream.split("/")[1] for _, stream in heard} <= {str(level or 0)}


@pytest.mark.parametrize("selection", [PooledClip(), UniformSlot()], ids=lambda one: type(one).__name__)
def test_a_selection_asks_its_own_stream_alone(selection):
    for more, expected in (({}, "select/0"), ({"level": 3}, "select/3")):
        heard: set[tuple[str, str]] = set()
        for _ in Enumerated().paths(
            lambda chance, heard=heard, more=more: (
                selection.pick(
                    p=P, drafts=(0, 2, 2), law=Iid(Q, 3), chance=Overheard(chance, heard), **more
                ).slot
            )
        ):
            pass
        assert heard == {("draw", expected)}


def test_a_shared_stream_is_heard():
    """The negative control: a rule that takes its residual from the stream of its test."""

    class Sharing(Maximal):
        def resolve(self, *, p, drafts, law, chance, level=0):
            if chance.flip(F(1, 2), stream=f"accept/{level}"):
                return drafts[0]
            return chance.draw(p, stream=f"accept/{level}")

    heard: set[tuple[str, str]] = set()
    for _ in Enumerated().paths(
        lambda chance: Sharing().resolve(
            p=P, drafts=(0,), law=Iid(np.array(Q), 1), chance=Overheard(chance, heard)
        )
    ):
        pass
    assert ("draw", "accept/0") in heard
