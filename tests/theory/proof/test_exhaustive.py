"""The provers themselves, against hand-made programs and against the tests' own auditor."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import outcomes
from tests.theory.strategies import F, floats, fractions, problems
from tests.theory.walks.tables import Table
from theory.chance import Enumerated
from theory.couplings import Maximal, Recursive
from theory.couplings.base import Resolution
from theory.laws import Iid
from theory.proof import enumerated_acceptance, joint_law, output_law, resolve_fresh, target_law
from theory.tree import DraftTree, grow_levels
from theory.walks import TopDown

P, Q = fractions([1, 2, 5]), fractions([4, 3, 1])


class AlwaysAccept:
    """Lossy: emits its first draft."""

    lossless = False

    def resolve(self, *, p, drafts, law, chance, level=0):
        return Resolution(drafts[0], 0)


@given(problem=problems(law="iid", sizes=(3,), drafts=(1, 2)))
@settings(max_examples=50)
def test_two_auditors_agree(problem):
    """These enumerate the draws of the drafts; the tests' own sums over tuples."""
    p, law = problem
    joint = outcomes(Recursive(), p, law)
    assert output_law(coupling=Recursive(), p=p, law=law).tolist() == p.tolist()
    expected = sum(weight for (_, drafted), weight in joint.items() if drafted)
    assert enumerated_acceptance(coupling=Recursive(), p=p, law=law) == expected


def test_a_lossy_rule_shows_its_law():
    law = Iid(Q, 2)
    assert output_law(coupling=AlwaysAccept(), p=P, law=law).tolist() == Q.tolist()
    assert enumerated_acceptance(coupling=AlwaysAccept(), p=P, law=law) == 1


def test_tokens_that_never_come_have_probability_zero():
    p, law = fractions([1, 0, 0]), Iid(fractions([0, 1, 0]), 1)
    result = output_law(coupling=Maximal(), p=p, law=law)
    assert result.tolist() == [1, 0, 0]
    assert enumerated_acceptance(coupling=Maximal(), p=p, law=law) == 0


def test_floats_stay_floats():
    result = output_law(coupling=Maximal(), p=floats(P), law=Iid(floats(Q), 1))
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, P.astype(float), atol=1e-15)


def test_fresh_rounds_draw_and_resolve_in_streams_of_their_own():
    law = Iid(Q, 2)
    for path in Enumerated().paths(lambda chance: resolve_fresh(Recursive(), P, law, chance)):
        streams = [stream for stream, _, _ in path.choices]
        assert streams[:2] == ["draft", "draft"]
        assert set(streams[2:]) <= {"accept/0", "residual/0"}


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_target_law_is_the_chain_rule(length):
    model = Table(5, zeros=True)
    law = target_law(target=model, length=length)
    assert sum(law.values()) == 1
    for tokens in product(range(3), repeat=length):
        weight = F(1)
        for depth in range(length):
            weight *= model(tokens[:depth])[tokens[depth]]
        assert law.get(tokens, 0) == weight


def test_joint_law_completes_a_round_and_cuts_nothing():
    target, draft = Table(1), Table(2)

    def grow(chance):
        return grow_levels(draft=draft, branching=[lambda q: Iid(q, 1)] * 2, chance=chance)

    long = joint_law(walk=TopDown(Maximal()), grow=grow, target=target, length=4)
    assert long == target_law(target=target, length=4)
    lossy = joint_law(walk=TopDown(AlwaysAccept()), grow=grow, target=target, length=3)
    assert lossy != target_law(target=target, length=3)
    assert {tokens[:2] for tokens in lossy} == set(product(range(3), repeat=2))
    assert (
        sum(weight for tokens, weight in lossy.items() if tokens[:2] == (0, 1))
        == draft(())[0] * draft((0,))[1]
    )


def test_a_length_that_cuts_an_emitted_token_is_refused():
    """'At least the tree's depth plus one', says the documentation: a shorter one hides the bonus."""
    with pytest.raises(ValueError, match="length"):
        joint_law(
            walk=TopDown(Maximal()),
            grow=lambda chance: DraftTree.chain((0, 1), laws=[Iid(Q, 1)] * 2),
            target=Table(1),
            length=2,
        )
