"""The engine on table worlds: the whole of several rounds enumerated in fractions."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

from specsim.decoding import (
    Drawn,
    NoDraft,
    Overlapped,
    PolicyChain,
    Routed,
    System,
    as_drafter,
    as_model,
    distortion_of,
    expected_round,
    is_lossless,
    law_of,
)
from specsim.policies import Fixed, TopOne
from tests.specsim.decoding.worlds import sharp, world
from theory.couplings import Maximal, Recursive
from theory.laws import Iid, Point
from theory.lossy import GreedyMatch
from theory.shapes.dynamic import DySpec, WithBudget
from theory.tree import DraftTree
from theory.walks import Block, TopDown, Traversal, expected_length, named
from theory.walks.base import shifted

TARGET, DRAFT = world(1), world(2)

SCHEMES = {
    "token": named.token_level(2),
    "block": named.block(2),
    "specinfer": named.specinfer((2, 1)),
    "rsd": named.rsd_constant((2, 1)),
    "traversal": named.traversal((2, 1)),
    "spectr": named.spectr(2, 2),
    "eagle": named.eagle((2, 1)),
}


def system(name: str, target=TARGET, draft=DRAFT) -> System:
    scheme = SCHEMES[name]
    return System(target=target, drafter=Drawn(draft, scheme.grow), walk=scheme.walk, name=name)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "spectr" else name for name in SCHEMES]
)
def test_two_rounds_of_a_scheme_have_the_targets_joint_law(name: str) -> None:
    assert is_lossless(system(name), (0, 1), rounds=2, length=3)


@pytest.mark.parametrize("name", ["token", "block", "eagle"])
def test_worlds_with_excluded_tokens(name: str) -> None:
    assert is_lossless(system(name, sharp(3), sharp(4)), (2,), rounds=2, length=3)


def test_a_lossy_walk_is_found_out() -> None:
    lossy = System(
        target=TARGET, drafter=Drawn(DRAFT, named.token_level(1).grow), walk=TopDown(GreedyMatch())
    )
    assert not lossy.lossless
    assert not is_lossless(lossy, (0,), rounds=1, length=2)
    assert distortion_of(lossy, (0,), rounds=1, length=2) > F(1, 20)


def test_the_engine_agrees_with_the_rounds_of_theory() -> None:
    scheme = SCHEMES["rsd"]
    ours = expected_round(system("rsd"), (0, 1))
    rows = {"target": shifted(TARGET.rows, (0, 1)), "draft": shifted(DRAFT.rows, (0, 1))}
    assert ours == 1 + expected_length(scheme=scheme, **rows)


def test_plain_decoding_is_the_target() -> None:
    plain = System(target=TARGET, drafter=NoDraft(), walk=TopDown(Maximal()))
    assert is_lossless(plain, (1,), rounds=3, length=3)
    assert expected_round(plain, (1,)) == 1


@pytest.mark.parametrize("block", [1, 2])
def test_overlapped_rounds_keep_the_law(block: int) -> None:
    pearl = System(
        target=TARGET,
        drafter=Drawn(DRAFT, named.token_level(1).grow),
        walk=TopDown(Maximal()),
        plan=Overlapped(block),
    )
    assert is_lossless(pearl, (0,), rounds=3, length=3)


@pytest.mark.parametrize("policy", [Fixed(2), TopOne(F(1, 2))])
def test_policies_keep_the_law(policy: object) -> None:
    drafter = PolicyChain(DRAFT, policy, limit=2)
    assert is_lossless(System(target=TARGET, drafter=drafter, walk=Block()), (0,), rounds=2, length=3)


def test_dynamic_trees_keep_the_law() -> None:
    drafter = Drawn(DRAFT, WithBudget(DySpec(), 3))
    for walk in (TopDown(Recursive()), Traversal()):
        assert is_lossless(System(target=TARGET, drafter=drafter, walk=walk), (0,), rounds=1, length=3)


def hierarchy(length: int, walk=None) -> System:
    middle = world(5)
    inner = System(target=middle, drafter=Drawn(DRAFT, named.token_level(1).grow), walk=TopDown(Maximal()))
    return System(target=TARGET, drafter=as_drafter(inner, length=length), walk=walk or TopDown(Maximal()))


@pytest.mark.parametrize("length", [1, 2])
def test_a_system_as_a_drafter_keeps_the_law(length: int) -> None:
    assert is_lossless(hierarchy(length), (0,), rounds=2, length=3)


def test_a_lossy_system_is_no_drafter_and_no_model() -> None:
    lossy = System(
        target=DRAFT, drafter=Drawn(TARGET, named.token_level(1).grow), walk=TopDown(GreedyMatch())
    )
    with pytest.raises(ValueError, match="the inner system 'system' is lossy"):
        as_drafter(lossy, length=2)
    with pytest.raises(ValueError, match="is lossy"):
        as_model(lossy)


def test_a_lossless_system_is_its_target_as_a_model() -> None:
    assert as_model(system("token")) is TARGET


def test_routing_keeps_the_law_and_names_must_exist() -> None:
    drafters = {"a": Drawn(DRAFT, SCHEMES["token"].grow), "b": Drawn(world(6), SCHEMES["token"].grow)}
    routed = Routed(drafters, lambda prompt: "b" if prompt[0] else "a")
    for prompt in [(0,), (1,)]:
        assert is_lossless(System(target=TARGET, drafter=routed, walk=Block()), prompt, rounds=1)
    wrong = System(target=TARGET, drafter=Routed(drafters, lambda prompt: "c"), walk=Block())
    with pytest.raises(ValueError, match=r"the router chose 'c'; there are \['a', 'b'\]"):
        law_of(wrong, (0,), rounds=1, length=1)


class WrongLaw:
    """Records a law that its tokens do not have: the negative control."""

    def __call__(self, *, draft, chance) -> DraftTree:
        (token,) = Iid(draft(()), 1).sample(chance, stream="draft/0")
        return DraftTree.star((token,), law=Point([token], 3))


def test_a_drafter_that_records_a_wrong_law_is_found_out() -> None:
    wrong = System(target=TARGET, drafter=Drawn(DRAFT, WrongLaw()), walk=TopDown(Recursive()))
    law = law_of(wrong, (0,), rounds=1, length=1)
    assert sum(law.values()) == 1
    # a point mass that is chosen at random and verified as one is lossless, whatever chose it
    assert is_lossless(wrong, (0,), rounds=1, length=2)

    class Shifted(WrongLaw):
        def __call__(self, *, draft, chance) -> DraftTree:
            (token,) = Iid(draft(()), 1).sample(chance, stream="draft/0")
            return DraftTree.star((token,), law=Iid(draft((token,)), 1))

    wrong = System(target=TARGET, drafter=Drawn(DRAFT, Shifted()), walk=TopDown(Recursive()))
    assert not is_lossless(wrong, (0,), rounds=1, length=2)


def test_memories_must_be_hashable() -> None:
    class Forgetful(NoDraft):
        def open(self, target):
            return np.zeros(3)

    with pytest.raises(TypeError, match="memory can't be hashed"):
        law_of(System(target=TARGET, drafter=Forgetful(), walk=Block()), (0,), rounds=1, length=1)


def test_walks_that_carry_a_target_are_refused() -> None:
    scheme = named.greedy_block(2)
    with pytest.raises(ValueError, match="GreedyBlock gives later rounds another target"):
        System(target=TARGET, drafter=Drawn(DRAFT, scheme.grow), walk=scheme.walk)
