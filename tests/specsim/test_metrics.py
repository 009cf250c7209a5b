"""Metrics of traces: each definition on rounds written by hand, then against closed forms on a world."""

from __future__ import annotations

import math

import numpy as np
import pytest

from specsim import metrics
from specsim.clocks import Affine, Call, Constant
from specsim.comparing.running import whole_rounds
from specsim.decoding import Drawn, Round, System, Trace, World
from specsim.metrics import Estimate, Undefined
from theory.chance import Sampled
from theory.speedup import block_efficiency
from theory.walks import named


def chain(accepted: int, depth: int, *, cut: bool = False, overlapped: bool = False) -> Round:
    """A round of a chain: as many tokens as accepted, and one more unless it was cut."""
    return Round(
        drafted=depth,
        depth=depth,
        accepted=accepted,
        tokens=tuple(range(accepted + (not cut))),
        bonus=not cut and accepted == depth,
        draft=(Call(),) * depth,
        target=(Call(tokens=depth + 1),),
        overlapped=overlapped,
    )


PLAIN = Trace((0, 1), (chain(0, 0), chain(0, 0)))
MIXED = Trace((0, 1), (chain(2, 3), chain(3, 3), chain(0, 3), chain(1, 3, cut=True)))


def test_each_ratio_of_counts() -> None:
    assert metrics.block_efficiency([MIXED]).value == (3 + 4 + 1 + 1) / 4
    assert metrics.accepted_length([MIXED]).value == 6 / 4
    assert metrics.drafted_length([MIXED]).value == 3
    assert metrics.utilisation([MIXED]).value == 6 / 12
    assert metrics.discard_rate([MIXED]).value == 6 / 9
    assert metrics.verification_rate([MIXED]).value == 4 / 9


def test_positions_that_were_cut_or_never_reached_are_not_judged() -> None:
    values = [estimate.value for estimate in metrics.positional_acceptance([MIXED])]
    # depth 1: all four rounds; depth 2: the last was cut there; depth 3: the first two
    assert values == [3 / 4, 2 / 2, 1 / 2]
    assert metrics.mean_positional_acceptance([MIXED]).value == 6 / 8
    assert metrics.positional_acceptance([PLAIN]) == ()


def test_a_leaf_of_a_tree_that_was_accepted_ends_in_a_bonus_and_judges_nothing_below() -> None:
    leaf = Round(
        drafted=5, depth=3, accepted=1, tokens=(4, 5), bonus=True, draft=(), target=(Call(tokens=6),)
    )
    assert metrics.judged(leaf, 1)
    assert not metrics.judged(leaf, 2)


def test_what_is_undefined_is_said_to_be() -> None:
    with pytest.raises(Undefined, match="utilisation is undefined: its denominator is zero over 1 requests"):
        metrics.utilisation([PLAIN])


def test_modelled_time_adds_up_or_overlaps() -> None:
    clocks = {"draft": Constant(0.3), "target": Affine(1.0, per_token=0.1)}
    assert metrics.round_seconds(chain(2, 3), **clocks) == pytest.approx(0.9 + 1.4)
    assert metrics.round_seconds(chain(2, 3, overlapped=True), **clocks) == pytest.approx(1.4)
    assert metrics.speedup([PLAIN], **clocks).value == 1


def test_plain_decoding_reads_a_growing_cache() -> None:
    cost = Affine(1.0, per_cached=0.5)
    assert metrics.plain_seconds(PLAIN, target=cost) == (1 + 0.5) + (1 + 1.0)


def test_memory_bound_speedup_is_that_of_the_closed_form() -> None:
    trace = Trace((0,), (chain(2, 3),))
    found = metrics.mbsu([trace], draft_time=0.2, target_time=2.0).value
    assert found == pytest.approx(3 / (3 * 0.1 + 1))
    with pytest.raises(ValueError, match="target_time positive"):
        metrics.mbsu([trace], draft_time=0.2, target_time=0)


def test_errors_are_those_of_units() -> None:
    one, two = Trace((0,), (chain(1, 1),)), Trace((1,), (chain(0, 1),))
    assert metrics.block_efficiency([one, two]) == Estimate(1.5, 0.5, 2)
    assert metrics.block_efficiency([one, two, one, two], by=metrics.prompt) == Estimate(1.5, 0.5, 2)
    assert metrics.block_efficiency([one]).error == math.inf


def test_whole_rounds_estimate_the_block_efficiency_without_bias() -> None:
    """250 requests of 12 tokens against the exact value; cutting the last round would be far more errors off.

    |z| < 6.2 has a false-alarm rate below 1e-9.
    """
    p = World(lambda context: np.array([0.6, 0.3, 0.1]))
    q = World(lambda context: np.array([0.3, 0.4, 0.3]))
    scheme = named.token_level(4)
    system = System(p, Drawn(q, scheme.grow), scheme.walk)
    exact = block_efficiency(acceptance=0.7, length=4)
    chance = [Sampled(np.random.default_rng(seed)) for seed in range(250)]
    whole = [whole_rounds(system, (0,), tokens=12, chance=one)[0] for one in chance]
    found = metrics.block_efficiency(whole)
    assert abs(found.value - exact) < 6.2 * found.error
    cut = [_cut(trace, 12) for trace in whole]
    biased = metrics.block_efficiency(cut)
    assert abs(biased.value - exact) > 6.2 * biased.error
    position = metrics.positional_acceptance(whole)
    assert all(abs(one.value - 0.7) < 6.2 * one.error for one in position)


def _cut(trace: Trace, tokens: int) -> Trace:
    last = trace.rounds[-1]
    keep = tokens - sum(len(done.tokens) for done in trace.rounds[:-1])
    assert 1 <= keep <= len(last.tokens)
    shorter = Round(
        drafted=last.drafted,
        depth=last.depth,
        accepted=min(last.accepted, keep),
        tokens=last.tokens[:keep],
        bonus=False,
        draft=last.draft,
        target=last.target,
    )
    return Trace(trace.prompt, (*trace.rounds[:-1], shorter))
