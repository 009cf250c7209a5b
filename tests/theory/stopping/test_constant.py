"""The closed form for constant acceptance, against a search that knows nothing of it."""

from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.speedup import block_efficiency
from theory.stopping import NoBestLength, Times, best_length, finite_plan, stationary_length


def searched(acceptance, times, most):
    """The smallest best length up to ``most``, all of them tried, tokens added up one by one."""
    best = None
    tokens, reached = 1, 1
    for length in range(most + 1):
        rate = tokens / (times.target_time + times.round_time + length * times.draft_time)
        if best is None or rate > best[1]:
            best = (length, rate)
        reached = reached * acceptance
        tokens = tokens + reached
    return best


def most_that_pays(acceptance, times):
    """Beyond it the first draft's chance no longer pays its time, whatever the rate."""
    price = times.draft_time / (times.target_time + times.round_time)
    length, reached = 0, acceptance
    while reached > price:
        length, reached = length + 1, reached * acceptance
    return length


def test_equals_search_exactly_on_more_than_a_thousand_instances():
    instances = [
        (F(a, 24), Times(F(d, 60), F(1), F(o, 4)))
        for a in range(24)
        for d in range(1, 70, 3)
        for o in (0, 1, 3)
    ]
    assert len(instances) >= 1000
    for acceptance, times in instances:
        best = best_length(acceptance=acceptance, times=times)
        length, rate = searched(acceptance, times, most_that_pays(acceptance, times) + 2)
        assert (best.length, best.rate) == (length, rate), (acceptance, times)


def test_stationary_point_is_next_to_the_best_length():
    for a in range(1, 40):
        for d in range(1, 40):
            acceptance, times = a / 40, Times(d / 41, 1.0)
            point = stationary_length(acceptance=acceptance, times=times)
            best = best_length(acceptance=acceptance, times=times)
            assert best.length in (max(0, int(point // 1)), max(0, int(point // 1) + 1))


@pytest.mark.parametrize("acceptance", [0.9, 0.999, 1 - 1e-6, 1e-9])
@pytest.mark.parametrize("draft_time", [0.5, 1e-3, 1e-9])
def test_extremes_satisfy_the_condition_of_a_maximum(acceptance, draft_time):
    times = Times(draft_time, 1.0)
    best = best_length(acceptance=acceptance, times=times)

    def rate(length):
        return block_efficiency(acceptance=acceptance, length=length) / times.of_round(length)

    assert best.rate >= rate(best.length + 1) * (1 - 1e-12)
    assert best.rate >= rate(max(0, best.length - 1)) * (1 - 1e-12)
    assert best.rate >= rate(2 * best.length + 3) * (1 - 1e-12)


@given(st.floats(0, 1), st.floats(0, 3), st.floats(0.01, 10), st.floats(0, 2), st.integers(0, 30))
def test_limit_and_ends(acceptance, draft, target, other, limit):
    times = Times(draft, target, other)
    best = best_length(acceptance=acceptance, times=times, limit=limit)
    _, rate = searched(acceptance, times, limit)
    assert best.rate == pytest.approx(rate, rel=1e-9)
    assert 0 <= best.length <= limit


def test_every_draft_pays():
    for acceptance, times in ((1, Times(F(1, 2), 1)), (F(1, 2), Times(0, 1))):
        with pytest.raises(NoBestLength, match="give a limit"):
            best_length(acceptance=acceptance, times=times)
        assert best_length(acceptance=acceptance, times=times, limit=7).length == 7
    assert best_length(acceptance=1, times=Times(2, 1)).length == 0
    assert best_length(acceptance=0, times=Times(0, 1)).length == 0


def test_bad_input():
    with pytest.raises(ValueError, match="acceptance must be a probability"):
        best_length(acceptance=1.5, times=Times(0.1, 1))
    with pytest.raises(ValueError, match="target_time must be positive"):
        Times(0.1, 0)
    with pytest.raises(ValueError, match="draft_time must be at least 0"):
        Times(-1, 1)
    with pytest.raises(ValueError, match="limit must be a whole number"):
        best_length(acceptance=0.5, times=Times(0.1, 1), limit=-1)


def expected_time(acceptance, lengths, times):
    """Expected time of a given plan, by recursion over what is accepted."""
    total = [0]
    for left in range(1, len(lengths)):
        length = lengths[left]
        time = times.base + length * times.draft_time
        for accepted in range(length + 1):
            chance = acceptance**accepted * ((1 - acceptance) if accepted < length else 1)
            time += chance * total[left - accepted - 1]
        total.append(time)
    return total


def test_finite_plan_is_the_best_of_all_plans():
    from itertools import product

    times = Times(F(1, 5), F(1), F(1, 10))
    for acceptance in (F(1, 3), F(4, 5)):
        plan = finite_plan(acceptance=acceptance, tokens=5, times=times, limit=3)
        every = product(*(range(min(3, left - 1) + 1) for left in range(1, 6)))
        best = min(expected_time(acceptance, (0, *lengths), times)[-1] for lengths in every)
        assert plan.expected_time[-1] == best
        assert expected_time(acceptance, plan.lengths, times) == list(plan.expected_time)


def test_finite_plan_tends_to_the_best_fixed_length():
    times = Times(0.1, 1.0)
    best = best_length(acceptance=0.8, times=times)
    plan = finite_plan(acceptance=0.8, tokens=600, times=times, limit=20)
    step = plan.expected_time[-1] - plan.expected_time[-2]
    assert plan.lengths[-50:] == (best.length,) * 50
    assert 1 / step == pytest.approx(best.rate, rel=1e-9)
    by_depth = finite_plan(acceptance=[0.8] * 20, tokens=600, times=times, limit=20)
    assert by_depth == plan


def test_finite_plan_refuses():
    with pytest.raises(ValueError, match="acceptance must be probabilities"):
        finite_plan(acceptance=[0.5, 2], tokens=3, times=Times(1, 1), limit=2)
    with pytest.raises(ValueError, match="tokens must be a whole number"):
        finite_plan(acceptance=0.5, tokens=-3, times=Times(1, 1), limit=2)
