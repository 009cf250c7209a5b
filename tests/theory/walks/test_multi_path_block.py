"""Multi-path block verification: any selection with a known law, budgets below it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.theory.strategies import F
from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, best_expected_length, models
from theory.bounds import optimal_acceptance
from theory.couplings.selections import Picked, PooledClip, PriorityOrder, UniformSlot
from theory.laws import Iid
from theory.walks import Levels, MultiPathBlock, Scheme, expected_length, named

SELECTIONS = {
    "clipped": PooledClip(),
    "priority": PriorityOrder(),
    "uniform": UniformSlot(),
    "fixed": PriorityOrder((2, 0, 1)),
}
CHEAP = ("priority", "fixed")


@pytest.mark.parametrize("kind", ["zeros", "twisted"])
@pytest.mark.parametrize("name", CHEAP)
def test_lossless(name, kind):
    assert_rounds(named.multi_path_block(2, 2, SELECTIONS[name]), *models(4, kind=kind), rounds=1, length=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["positive", "zeros", "twisted"])
@pytest.mark.parametrize("name", SELECTIONS)
def test_lossless_on_more_tables(name, kind, seed):
    assert_rounds(
        named.multi_path_block(2, 2, SELECTIONS[name]), *models(seed, kind=kind), rounds=1, length=3
    )


@pytest.mark.slow
def test_three_paths():
    assert_rounds(named.greedy_multi_path_block(3, 2), *models(3, kind="zeros"), rounds=1, length=3)


@pytest.mark.parametrize("name", SELECTIONS)
def test_two_rounds_of_a_star(name):
    assert_rounds(
        named.multi_path_block(2, 1, SELECTIONS[name]), *models(1, kind="zeros"), rounds=2, length=3
    )


@pytest.mark.parametrize("law", [named.without_replacement, named.top], ids=["without replacement", "top"])
def test_other_laws(law):
    """A strict order has a known law for any drafts; trees need not be paths."""
    scheme = Scheme(Levels((law(2), law(2 if law is named.top else 1))), MultiPathBlock(PriorityOrder()))
    assert_rounds(scheme, *models(3, kind="zeros"), rounds=1, length=3)


@pytest.mark.parametrize("name", SELECTIONS)
def test_one_path_is_block_verification(name):
    for seed in (1, 2):
        target, draft = models(seed, kind="twisted")
        single = expected_length(
            scheme=named.multi_path_block(1, 3, SELECTIONS[name]), target=target, draft=draft
        )
        assert single == expected_length(scheme=named.block(3), target=target, draft=draft)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_level_with_the_clipped_law_is_the_optimum(seed):
    target, draft = models(seed, kind="zeros")
    for count in (2, 3):
        best = optimal_acceptance(p=target(()), law=Iid(draft(()), count)).value
        scheme = named.optimal_transport_block(count, 1)
        assert expected_length(scheme=scheme, target=target, draft=draft) == best
        ordered = expected_length(scheme=named.greedy_multi_path_block(count, 1), target=target, draft=draft)
        assert ordered <= best


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", SELECTIONS)
def test_below_the_linear_program(name, seed):
    target, draft = models(seed)
    scheme = named.multi_path_block(2, 2, SELECTIONS[name])
    length = float(expected_length(scheme=scheme, target=target, draft=draft))
    assert length <= best_expected_length(scheme, target, draft) + 1e-9


def test_a_bad_selection_is_lossless_and_short():
    """Falling p / q favours what the draft misses too much here: two paths accept less than one."""
    target, draft = models(1)
    one = expected_length(scheme=named.block(2), target=target, draft=draft)
    ordered = named.greedy_multi_path_block(2, 2)
    assert expected_length(scheme=ordered, target=target, draft=draft) < one
    assert_rounds(ordered, target, draft, rounds=1, length=3)


@pytest.mark.slow
def test_the_clipped_selection_is_longer_there():
    target, draft = models(1)
    scheme = named.optimal_transport_block(2, 2)
    one = expected_length(scheme=named.block(2), target=target, draft=draft)
    clipped = expected_length(scheme=scheme, target=target, draft=draft)
    assert float(one) < float(clipped) <= best_expected_length(scheme, target, draft) + 1e-9


def test_a_fair_choice_among_iid_paths_gains_nothing():
    target, draft = models(2)
    fair = expected_length(scheme=named.multi_path_block(2, 2, UniformSlot()), target=target, draft=draft)
    assert fair == expected_length(scheme=named.block(2), target=target, draft=draft)


@dataclass(frozen=True)
class Mislabelled:
    """Picks the best draft but says that the pick has the law of any draft."""

    optimal = False

    def law(self, *, p, law):
        return law.conditional(()) + p * 0

    def pick(self, *, p, drafts, law, chance, level=0):
        slot = PriorityOrder().pick(p=p, drafts=drafts, law=law, chance=chance).slot
        return Picked(slot, self.law(p=p, law=law))


def test_a_wrong_law_of_the_selection_is_refuted():
    with pytest.raises(AssertionError, match="the joint law is not the target's"):
        assert_on_tables(named.multi_path_block(2, 2, Mislabelled()), length=3)


def test_an_order_of_the_budgeted_target_is_the_order_of_the_target():
    p, q = models(1)[0](()), models(1)[1](())
    law = Iid(q, 2)
    assert PriorityOrder().law(p=p * F(1, 3), law=law).tolist() == PriorityOrder().law(p=p, law=law).tolist()
