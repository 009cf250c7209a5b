"""PEARL's closed form against its machine of two states, as fractions."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise

import pytest

from theory.speedup import best_pearl_length, block_efficiency, pearl_speedup, pearl_tokens_per_step, speedup

CASES = [(F(a, 10), length) for a in (0, 1, 3, 5, 8, 9) for length in (1, 2, 3, 5)]


@pytest.mark.parametrize(("acceptance", "length"), CASES)
def test_the_stationary_mean_of_the_machine(acceptance, length):
    """From the transitions alone: pre to post with a, post to post with a^gamma; tokens of each step."""
    clean = acceptance**length
    # the stationary share of pre-verifications: pi = pi (1 - a) + (1 - pi) (1 - a^gamma)
    pre = (1 - clean) / (1 - clean + acceptance)
    tokens_pre = 1
    # a post-verification emits its accepted prefix, and a corrected token if that is not all
    tokens_post = block_efficiency(acceptance=acceptance, length=length - 1)
    mean = pre * tokens_pre + (1 - pre) * tokens_post
    assert pearl_tokens_per_step(acceptance=acceptance, length=length) == mean


def test_long_blocks_reach_the_limit_and_never_pass_it():
    acceptance = F(4, 5)
    values = [pearl_tokens_per_step(acceptance=acceptance, length=length) for length in range(1, 60)]
    limit = 1 / (1 - acceptance**2)
    assert all(one < other < limit for one, other in pairwise(values))
    assert limit - values[-1] < F(1, 10_000)


@pytest.mark.parametrize(
    ("acceptance", "ratio", "expected"),
    [(0.8, 2, 1.27), (0.8, 4, 1.26), (0.8, 8, 1.12), (0.8, 16, 0.947), (0.6, 16, 0.85), (0.9, 4, 1.33)],
)
def test_against_the_best_serial_chain(acceptance, ratio, expected):
    """Parallel drafting loses to serial drafting where drafts are cheap (the notes' measured ratios)."""
    times = {"draft_time": 1 / ratio, "target_time": 1.0}
    serial = max(speedup(acceptance=acceptance, length=length, **times) for length in range(60))
    parallel = max(pearl_speedup(acceptance=acceptance, length=length, **times) for length in range(1, 60))
    assert parallel / serial == pytest.approx(expected, abs=0.006)


def test_the_best_gamma_is_next_to_the_ratio_of_times():
    """All gammas up to twice the ratio tried, in fractions; 1,824 instances."""
    for a in range(0, 24):
        for d in range(1, 77):
            acceptance, times = F(a, 24), {"draft_time": F(d, 40), "target_time": F(1)}
            speeds = [pearl_speedup(acceptance=acceptance, length=n, **times) for n in range(1, 80 // d + 5)]
            best = best_pearl_length(acceptance=acceptance, **times)
            assert speeds[best - 1] == max(speeds), (acceptance, times)


def test_two_serial_replicas_have_more_throughput():
    for acceptance, length in CASES:
        for d in (F(1, 50), F(1, 4), F(1), F(3)):
            times = {"draft_time": d, "target_time": F(1), "acceptance": acceptance, "length": length}
            assert pearl_speedup(**times) < 2 * speedup(**times) or acceptance == 0
            assert pearl_speedup(**times) <= 2 * speedup(**times)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"acceptance": 1, "length": 2}, "a run that never ends has no mean"),
        ({"acceptance": 0.5, "length": 0}, "length must be at least 1"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        pearl_tokens_per_step(**arguments)
    with pytest.raises(ValueError, match="times must be positive"):
        pearl_speedup(acceptance=0.5, length=2, draft_time=-1, target_time=1)
    with pytest.raises(ValueError, match="draft_time must be positive"):
        best_pearl_length(acceptance=0.5, draft_time=0, target_time=1)
