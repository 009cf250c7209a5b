"""The server: laws of conservation, limits of queueing theory, and the corners of continuous batching."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.clocks import Affine
from specsim.serving import (
    Allocation,
    BrokenLaw,
    Fixed,
    ForSlo,
    Goodput,
    NoDrafts,
    Server,
    Tetris,
    Workload,
    serve,
)
from specsim.serving.batch import accepted_prefixes
from theory.speedup import block_efficiency

COST = Affine(0.02, per_token=1e-4, per_cached=1e-7)
DRAFT = Affine(0.002)
SCHEDULERS = (NoDrafts(), Fixed(3), Goodput(4), Allocation(4), Tetris(20), ForSlo(20, 0.05))


def run(load, *, seed=0, **settings):
    server = Server(**{"target": COST, "draft": DRAFT, "pace": 0.05, **settings})
    return serve(load, server, rng=np.random.default_rng(seed))


def burst(count, *, prompt=10, output=20, acceptance=0.7):
    return Workload(
        np.zeros(count), np.full(count, prompt), np.full(count, output), np.full(count, acceptance)
    )


@st.composite
def workloads(draw):
    count = draw(st.integers(1, 12))
    gaps = [draw(st.floats(0, 0.3)) for _ in range(count)]
    return Workload(
        np.cumsum(gaps),
        [draw(st.integers(1, 40)) for _ in range(count)],
        [draw(st.integers(0, 25)) for _ in range(count)],
        [draw(st.floats(0, 1)) for _ in range(count)],
    )


@settings(max_examples=100)
@given(workloads(), st.sampled_from(SCHEDULERS), st.integers(1, 5), st.integers(20, 90), st.integers(1, 50))
def test_conservation(load, scheduler, slots, memory, chunk):
    """A log checks itself: tokens, requests, time, Little's law. Preemption and refusal are frequent here."""
    log = run(load, scheduler=scheduler, slots=slots, memory=memory, chunk=chunk)
    log.check()
    assert log.emitted == load.output[load.prompt + load.output <= memory].sum()
    assert 0 <= log.accepted <= log.drafted


@settings(max_examples=60)
@given(workloads(), st.sampled_from(SCHEDULERS))
def test_one_seed_one_log(load, scheduler):
    one, other = (run(load, scheduler=scheduler, slots=3, memory=70) for _ in range(2))
    assert np.array_equal(one.finish, other.finish, equal_nan=True)
    assert (one.drafted, one.accepted, one.steps, one.end) == (
        other.drafted,
        other.accepted,
        other.steps,
        other.end,
    )


def test_a_request_by_hand():
    """A prompt of 10 in chunks of 4, then 3 tokens: the first at the end of the third step."""
    cost = Affine(1.0, per_token=0.5, per_cached=0.25)
    log = run(burst(1, output=3), target=cost, chunk=4)
    reading = [1 + 0.5 * 4, 1 + 0.5 * 4 + 0.25 * 4, 1 + 0.5 * 2 + 0.25 * 8]
    decoding = [1 + 0.5 + 0.25 * 10, 1 + 0.5 + 0.25 * 11]
    assert log.steps == 5
    assert log.first[0] == pytest.approx(sum(reading))
    assert log.finish[0] == pytest.approx(sum(reading) + sum(decoding))
    assert log.tpot[0] == pytest.approx(sum(decoding) / 2)


def test_drafts_cost_their_steps():
    cost, draft = Affine(1.0), Affine(0.1, per_token=0.01)
    log = run(burst(2, output=4, acceptance=1.0), target=cost, draft=draft, scheduler=Fixed(3), chunk=100)
    # one step reads both prompts, one drafts two tokens for each (they need three more) and verifies
    assert log.steps == 2
    assert log.end == pytest.approx(1 + 1 + 2 * 0.1 + 4 * 0.01)
    assert (log.drafted, log.accepted) == (4, 4)


def test_tokens_a_step_are_the_block_efficiency():
    """Long requests of one acceptance: means over 60,000 verifications, within 5 standard errors."""
    log = run(burst(50, output=2000, acceptance=0.6), scheduler=Fixed(3), slots=50, memory=10**7)
    verifications = log.drafted / 3
    tau = float(block_efficiency(acceptance=0.6, length=3))
    spread = 1.3 / np.sqrt(verifications)
    assert abs(1 + log.accepted / verifications - tau) < 5 * spread + 0.01


@pytest.mark.slow
def test_the_wait_is_that_of_an_m_d_1_queue():
    """One slot, one token, one step each: rho^2 / (2 (1 - rho)) waiting, within 5 % at 40,000 requests."""
    service, load = 0.1, 0.7
    count = 40_000
    arrivals = np.cumsum(np.random.default_rng(3).exponential(service / load, count))
    work = Workload(arrivals, np.full(count, 5), np.ones(count, dtype=int), np.zeros(count))
    log = run(work, target=Affine(service), slots=1)
    assert log.busy == pytest.approx(count * service)
    waiting = log.latency.mean() - service
    assert waiting == pytest.approx(service * load / (2 * (1 - load)), rel=0.05)


def test_speculation_helps_when_idle_and_hurts_under_load():
    cost = Affine(0.006, per_token=4e-4)
    slow = Workload.poisson(rate=0.2, requests=60, rng=np.random.default_rng(0))
    full = burst(300, output=100)
    for load, better in ((slow, True), (full, False)):
        plain = run(load, target=cost, slots=128)
        drafted = run(load, target=cost, draft=Affine(3e-4), scheduler=Fixed(6), slots=128)
        assert bool(drafted.latency.mean() < plain.latency.mean()) is better
        chosen = run(load, target=cost, draft=Affine(3e-4), scheduler=Allocation(6), slots=128)
        assert chosen.latency.mean() < 1.02 * min(plain.latency.mean(), drafted.latency.mean())


class TestCorners:
    def test_outputs_of_length_zero(self):
        log = run(burst(3, output=0))
        assert np.isnan(log.first).all()
        assert np.isfinite(log.finish).all()
        assert log.attainment(ttft=0.001, tpot=0.001) == 1.0

    def test_one_token_comes_from_the_prompt(self):
        log = run(burst(1, output=1), scheduler=Fixed(4))
        assert log.steps == 1
        assert (log.drafted, log.first[0]) == (0, log.finish[0])

    def test_too_large_for_the_memory(self):
        log = run(Workload([0, 0], [10, 200], [5, 5], [0.5, 0.5]), memory=100)
        assert log.refused.tolist() == [False, True]
        assert log.meets(ttft=9, tpot=9).tolist() == [True, False]

    def test_a_full_memory_sends_back_the_last(self):
        log = run(burst(2, prompt=40, output=30), memory=100)
        assert log.preempted.tolist() == [0, 1]
        assert log.reread > 0
        assert log.finish[0] < log.finish[1]

    def test_drafts_go_before_requests(self):
        """With room for all tokens, but not for drafts, nobody is sent back."""
        log = run(burst(2, prompt=40, output=10), memory=100, scheduler=Fixed(8))
        assert not log.preempted.any()

    def test_overload_ends(self):
        log = run(burst(500, output=5), slots=4)
        assert log.busy == pytest.approx(log.end)
        assert log.mean_in_system > 100

    def test_a_burst_waits_and_is_served_in_its_order(self):
        """A steady stream, and 40 requests at one moment: they fill the slots, and those behind them wait."""
        steady = np.arange(60) * 0.5
        arrival = np.sort(np.append(steady, np.full(40, 10.0)))
        load = Workload(arrival, np.full(100, 10), np.full(100, 20), np.full(100, 0.7))
        log = run(load, slots=8, scheduler=Fixed(3))
        first = log.first - arrival
        before, among = arrival < 10, (arrival == 10.0)
        assert first[before].max() < 0.1 < first[among].max()
        assert np.all(np.diff(log.first[among]) >= 0)
        assert log.first[arrival > 25].size
        assert (first[arrival > 25] < 0.1).all()

    def test_idle_times_are_skipped(self):
        log = run(Workload([0.0, 1e6], [5, 5], [2, 2], [0.5, 0.5]))
        assert log.steps == 4
        assert log.end > 1e6


def test_prefixes_have_the_law_of_a_chain():
    rng, draws = np.random.default_rng(5), 200_000
    counts = np.bincount(accepted_prefixes(np.full(draws, 0.7), np.full(draws, 3), rng), minlength=4) / draws
    expected = np.array([0.3, 0.7 * 0.3, 0.49 * 0.3, 0.343])
    # six standard deviations of the largest count: a false alarm once in 10^8 or less
    assert np.abs(counts - expected).max() < 6.5 * np.sqrt(0.25 / draws)


def test_broken_laws_are_noticed():
    log = run(burst(3))
    with pytest.raises(BrokenLaw, match="tokens were lost"):
        replace(log, emitted_of=log.emitted_of - 1)
    with pytest.raises(BrokenLaw, match="Little's law"):
        replace(log, presence=log.presence * 1.01)
    with pytest.raises(BrokenLaw, match="before it arrived, or after the end"):
        replace(log, end=log.end / 2)


def test_a_scheduler_that_asks_for_too_much():
    class Greedy:
        def lengths(self, batch):
            return batch.remaining

    with pytest.raises(ValueError, match="a scheduler returns a whole number of drafts for each request"):
        run(burst(1), scheduler=Greedy())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"slots": 0}, "slots, memory and chunk must be at least 1"),
        ({"target": Affine(0.0)}, "positive base time"),
        ({"pace": -1.0}, "pace must be positive"),
    ],
)
def test_bad_servers(settings, message):
    with pytest.raises(ValueError, match=message):
        run(burst(1), **settings)


class TestWorkload:
    def test_arrivals_never_fall(self):
        with pytest.raises(ValueError, match="never fall"):
            Workload([1.0, 0.5], [1, 1], [1, 1], [0.5, 0.5])

    def test_shapes(self):
        with pytest.raises(ValueError, match="one entry for each"):
            Workload([1.0], [1, 1], [1], [0.5])

    def test_poisson_lengths(self):
        load = Workload.poisson(rate=3, requests=20_000, rng=np.random.default_rng(0), prompt=100, output=50)
        assert load.prompt.mean() == pytest.approx(100, rel=0.03)
        assert load.output.mean() == pytest.approx(50, rel=0.03)
        assert load.arrival[-1] / 20_000 == pytest.approx(1 / 3, rel=0.05)
