"""Several targets at once: exits by brute force's measure, requests neither lost nor doubled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.clocks import Affine
from specsim.serving import (
    AsAsked,
    Exit,
    Fixed,
    LeastWork,
    Load,
    Server,
    ShortestQueue,
    Target,
    Workload,
    pick_exit,
    serve,
    serve_fleet,
)
from theory.speedup import speedup

EXITS = (
    Exit(Affine(0.001), 2.0, "first"),
    Exit(Affine(0.002), 1.4, "second"),
    Exit(Affine(0.004), 1.0, "whole"),
)
COSTS = {"7B": Affine(0.008, 2e-5, 4e-8), "13B": Affine(0.016, 4e-5, 6e-8), "70B": Affine(0.060, 1e-4, 1e-7)}


def fleet(*, slots=8, exits=EXITS, acceptance=0.8, **settings):
    targets = []
    for name, cost in COSTS.items():
        pick = pick_exit(exits, cost, acceptance=acceptance)
        server = Server(cost, scheduler=Fixed(pick.length), slots=slots, **settings)
        targets.append(Target(name, server, exits[pick.exit]))
    return targets


def workload(count, *, rate=30.0, seed=0):
    return Workload.poisson(
        rate=rate, requests=count, rng=np.random.default_rng(seed), acceptance=(4.0, 1.0), output=20
    )


@given(
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 0.5), st.floats(0.2, 4)), min_size=1, max_size=4),
    st.floats(0.01, 2),
)
def test_a_single_requests_exit_is_the_best_by_the_closed_form(acceptance, exits, target_time):
    leaves = [Exit(Affine(cost), power) for cost, power in exits]
    pick = pick_exit(leaves, Affine(target_time), acceptance=acceptance, most=6)

    def rate(leave, length):
        times = {"draft_time": leave.cost.base, "target_time": target_time}
        return speedup(acceptance=acceptance**leave.power, length=length, **times) / target_time

    best = max(rate(leave, length) for leave in leaves for length in range(7))
    assert pick.tokens_a_second == pytest.approx(best, rel=1e-12)
    assert rate(leaves[pick.exit], pick.length) == pytest.approx(best, rel=1e-12)


def test_slower_targets_take_later_exits_and_longer_drafts():
    picks = [pick_exit(EXITS, cost, acceptance=0.8, most=12) for cost in COSTS.values()]
    assert [pick.exit for pick in picks] == sorted(pick.exit for pick in picks)
    assert picks[0].exit < picks[-1].exit
    assert picks[0].length <= picks[-1].length
    # under load verifying costs more, and drafts get shorter
    busy = pick_exit(EXITS, Affine(0.008, 1e-3), acceptance=0.8, size=64)
    assert busy.length < picks[0].length


def test_a_fleet_of_one_is_a_server():
    work = workload(80)
    (target,) = fleet()[:1]
    alone = serve(
        Workload(work.arrival, work.prompt, work.output, work.acceptance**target.exit.power),
        Server(target.server.target, target.exit.cost, target.server.scheduler, slots=8),
        rng=np.random.default_rng(5).spawn(1)[0],
    )
    (log,) = serve_fleet(work, [target], ShortestQueue(), rng=np.random.default_rng(5)).logs.values()
    assert np.array_equal(log.finish, alone.finish)
    assert (log.drafted, log.accepted, log.presence) == (alone.drafted, alone.accepted, alone.presence)


@settings(max_examples=30)
@given(
    st.integers(1, 40),
    st.floats(1, 500),
    st.integers(0, 100),
    st.sampled_from([ShortestQueue(), LeastWork(), None]),
)
def test_everybody_is_served_once(count, rate, seed, router):
    work = workload(count, rate=rate, seed=seed)
    targets = fleet(slots=2, memory=900)
    asked = AsAsked(tuple(np.random.default_rng(seed).integers(0, 3, count).tolist()))
    log = serve_fleet(work, targets, router or asked, rng=np.random.default_rng(seed))
    assert sum(part.workload.size for part in log.logs.values()) == count
    served = work.prompt + work.output <= 900
    assert sum(part.emitted for part in log.logs.values()) == work.output[served].sum()
    if router is None:
        assert tuple(log.targets) == asked.targets
    again = serve_fleet(work, targets, router or asked, rng=np.random.default_rng(seed))
    assert log.targets.tolist() == again.targets.tolist()
    assert all(
        np.array_equal(log.logs[name].finish, again.logs[name].finish, equal_nan=True) for name in log.logs
    )


def test_by_work_is_better_than_by_queue_where_targets_differ():
    work = workload(600, rate=60.0)
    latency = {}
    for router in (ShortestQueue(), LeastWork()):
        log = serve_fleet(work, fleet(), router, rng=np.random.default_rng(0))
        latency[type(router)] = np.concatenate([part.latency for part in log.logs.values()]).mean()
        assert log.throughput > 0
        assert log.goodput(ttft=1e9, tpot=1e9) == pytest.approx(log.throughput)
        assert log.attainment(ttft=1e9, tpot=1e9) == 1.0
    assert latency[LeastWork] < latency[ShortestQueue]


def test_routers_see_loads():
    loads = [Load(4, 8, 100, 0.01), Load(3, 4, 50, 0.1)]
    assert ShortestQueue().choose(0, loads) == 0
    assert LeastWork().choose(0, loads) == 0
    assert AsAsked((1,)).choose(0, loads) == 1


def test_bad_fleets():
    work, one = workload(2), fleet()[0]
    with pytest.raises(ValueError, match="different names"):
        serve_fleet(work, [one, one], ShortestQueue(), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="sends request 0 to target 7 of 1"):
        serve_fleet(work, [one], AsAsked((7, 0)), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="power must be positive"):
        Exit(Affine(0.1), power=0)
    with pytest.raises(ValueError, match="needs exits, an acceptance"):
        pick_exit([], Affine(0.1), acceptance=0.5)
