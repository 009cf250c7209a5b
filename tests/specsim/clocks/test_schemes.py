"""Execution schemes: their tokens as exact laws, their times by hand."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

from specsim.clocks import (
    Affine,
    Call,
    Constant,
    Hierarchy,
    LayerGroups,
    Parallel,
    Recorder,
    Serial,
    Table,
    early_exit,
    heterogeneous,
    plain,
    schedule,
    skipping,
)
from theory.chance import Enumerated, Sampled
from theory.speedup import block_efficiency, pearl_tokens_per_step, speedup

ONE, TENTH = Constant(1.0), Constant(0.1)


def mean_tokens(scheme, acceptance, rounds):
    """The exact mean of the tokens that some rounds emit."""
    law = Enumerated().law(
        lambda chance: scheme.run(acceptance=acceptance, rounds=rounds, chance=chance).tokens
    )
    return sum(tokens * weight for tokens, weight in law.items())


def seconds(scheme, rounds=1):
    chance = Sampled(np.random.default_rng(0))
    return scheme.run(acceptance=0.5, rounds=rounds, chance=chance).seconds


class TestSerial:
    @pytest.mark.parametrize("length", [0, 1, 3])
    def test_tokens_are_the_block_efficiency(self, length):
        scheme = Serial(TENTH, ONE, levels=(1,) * length)
        acceptance = F(2, 3)
        tau = block_efficiency(acceptance=acceptance, length=length)
        assert mean_tokens(scheme, acceptance, 2) == 2 * tau

    def test_speed_is_the_closed_form(self):
        run = Serial(TENTH, ONE, levels=(1,) * 4).run(
            acceptance=[1.0], rounds=7, chance=Sampled(np.random.default_rng(0))
        )
        expected = speedup(acceptance=1, length=4, draft_time=0.1, target_time=1.0)
        assert run.tokens_a_second == pytest.approx(expected)
        assert run.tokens_a_target_call == 5
        assert run.accepted_a_target_call == 4
        assert run.utilisation == 1

    def test_acceptance_by_depth(self):
        scheme = Serial(TENTH, ONE, levels=(2, 3))
        assert mean_tokens(scheme, (F(1, 2), F(1, 3)), 1) == 1 + F(1, 2) + F(1, 6)

    def test_a_tree_drafts_level_by_level(self):
        draft, target = Affine(1.0, per_token=0.1), Affine(10.0, per_token=1.0)
        # levels of 3 and 5 nodes: steps over the root and over 3 nodes, then 9 tokens
        assert seconds(Serial(draft, target, levels=(3, 5))) == pytest.approx(1.1 + 1.3 + 19)

    def test_context_grows_with_what_is_emitted(self):
        target = Affine(1.0, per_cached=1.0)
        run = Serial(Constant(0.0), target, levels=(1,)).run(
            acceptance=1.0, rounds=3, chance=Sampled(np.random.default_rng(0)), context=10
        )
        assert run.seconds == (1 + 10) + (1 + 12) + (1 + 14)

    def test_overhead_and_transfers(self):
        scheme = Serial(TENTH, ONE, levels=(1,), transfer=0.05, round_time=0.2)
        assert seconds(scheme, rounds=3) == pytest.approx(3 * (0.05 + 0.1 + 0.05 + 1 + 0.2))

    def test_plain_decoding(self):
        run = plain(ONE).run(acceptance=0.5, rounds=5, chance=Sampled(np.random.default_rng(0)))
        assert (run.tokens, run.seconds, run.utilisation) == (5, 5.0, 0.0)


class TestSelfSpeculation:
    def test_an_early_exit_reuses_its_layers(self):
        # 3 drafts and the last token's shallow pass, each 1/10 of the target and the adapter; then the rest
        scheme = early_exit(ONE, layers=30, exit_layer=3, length=3, adapter_time=0.02)
        assert seconds(scheme) == pytest.approx(4 * 0.12 + 0.9)

    def test_skipping_reuses_nothing(self):
        assert seconds(skipping(ONE, kept=0.5, length=3)) == pytest.approx(1.5 + 1)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="exit_layer must be between 1 and 29, got 30"):
            early_exit(ONE, layers=30, exit_layer=30, length=2)
        with pytest.raises(ValueError, match="kept must be in"):
            skipping(ONE, kept=0, length=2)


def test_a_slow_verifier_wants_small_trees():
    """On a CPU, where verifying is not free, the best tree is far smaller than on a flat curve (Dovetail)."""
    cpu = Table((1, 2, 4, 8, 16, 32, 64), (0.046, 0.102, 0.106, 0.119, 0.163, 0.290, 0.343))
    sizes = (1, 2, 4, 8, 16, 32, 60)
    # what a level of so many nodes accepts grows slowly
    tokens = {size: 1 + 0.55 + 0.1 * np.log2(size) for size in sizes}

    def best(target):
        def rate(size):
            return tokens[size] / seconds(
                heterogeneous(Constant(0.004), target, levels=(size,), transfer=0.001)
            )

        return max(sizes, key=rate)

    assert best(Constant(0.046)) == 60
    assert best(cpu) < 8


class TestParallel:
    @pytest.mark.parametrize("length", [1, 2, 3])
    def test_tokens_follow_the_machine(self, length):
        """Exact means over steps: their increments tend to the closed form."""
        acceptance, scheme = F(3, 5), Parallel(TENTH, ONE, length=length)
        means = [mean_tokens(scheme, acceptance, rounds) for rounds in range(1, 7)]
        clean, pre = acceptance**length, F(1)
        expected = F(0)
        for mean in means:
            expected += pre + (1 - pre) * block_efficiency(acceptance=acceptance, length=length - 1)
            assert mean == expected
            pre = pre * (1 - acceptance) + (1 - pre) * (1 - clean)
        limit = pearl_tokens_per_step(acceptance=acceptance, length=length)
        assert abs((means[-1] - means[-2]) / limit - 1) < F(1, 50)

    def test_a_step_takes_the_slower_device(self):
        assert seconds(Parallel(TENTH, ONE, length=4), rounds=6) == pytest.approx(6.0)
        assert seconds(Parallel(Constant(0.5), ONE, length=4), rounds=6) == pytest.approx(12.0)

    def test_both_devices_are_busy(self):
        run = Parallel(TENTH, ONE, length=4).run(
            acceptance=0.5, rounds=10, chance=Sampled(np.random.default_rng(0))
        )
        assert run.timeline.busy == pytest.approx({"target": 10.0, "draft": 4.0})

    def test_acceptance_is_one_number(self):
        with pytest.raises(ValueError, match="give one number"):
            Parallel(TENTH, ONE).run(acceptance=[0.5], rounds=1, chance=Sampled(np.random.default_rng(0)))


class TestHierarchy:
    SCHEME = Hierarchy(Constant(0.01), TENTH, ONE, inner=2, outer=3, inner_acceptance=F(1, 2))

    def test_tokens_are_those_of_the_outer_level(self):
        acceptance = F(4, 5)
        assert mean_tokens(self.SCHEME, acceptance, 1) == block_efficiency(acceptance=acceptance, length=3)

    def test_time_by_hand(self):
        """All inner drafts accepted: one inner round fills a block of three."""
        scheme = Hierarchy(Constant(0.01), TENTH, ONE, inner=2, outer=3, inner_acceptance=1.0)
        assert seconds(scheme, rounds=2) == pytest.approx(2 * (0.02 + 0.1 + 1))
        none = Hierarchy(Constant(0.01), TENTH, ONE, inner=2, outer=3, inner_acceptance=0.0)
        assert seconds(none) == pytest.approx(3 * 0.12 + 1)

    def test_a_small_cache_is_cheap_only_in_long_contexts(self):
        """Two levels beat one where reading the cache dominates (TriForce), and not in a short context."""
        target, small = Affine(1.0, per_cached=1e-4), Constant(0.05)

        def rate(scheme, context):
            chance = Sampled(np.random.default_rng(0))
            return scheme.run(acceptance=0.9, rounds=300, chance=chance, context=context).tokens_a_second

        deep = Hierarchy(small, target, target, inner=2, outer=6, inner_acceptance=0.7, middle_context=1000)
        flat = Serial(small, target, levels=(1,) * 3)
        assert rate(deep, 100_000) > rate(flat, 100_000)
        assert rate(deep, 100) < rate(flat, 100)


class TestLayerGroups:
    def test_time_by_hand(self):
        groups = LayerGroups(
            Constant(1.0), Constant(2.0), layers=8, group=3, devices=2, speedup=1.5, synchronisation=0.1
        )
        recorder = Recorder()
        groups.step(recorder, Call(), ())
        # two outer layers split; two groups of three: attention in two turns, then three MLPs split
        assert schedule(recorder.ops).seconds == pytest.approx(2 * 3 / 1.5 + 2 * (2 * 1.0 + 6 / 1.5 + 0.1))

    def test_one_device_gains_nothing(self):
        groups = LayerGroups(Constant(1.0), Constant(2.0), layers=6, group=2, devices=1, speedup=4.0)
        recorder = Recorder()
        groups.step(recorder, Call(), ())
        assert schedule(recorder.ops).seconds == 6 * 3.0

    def test_in_a_round(self):
        groups = LayerGroups(Constant(0.01), Constant(0.01), layers=10, group=4, devices=4)
        assert seconds(Serial(groups, ONE, levels=(1, 1), device="gpu 0")) == pytest.approx(2 * 0.14 + 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Serial(ONE, ONE, levels=(0,)), "every level of a tree has at least one node"),
        (lambda: Serial(ONE, ONE, transfer=-1), "must not be negative"),
        (lambda: Parallel(ONE, ONE, length=0), "length and batch must be at least 1"),
        (lambda: Hierarchy(ONE, ONE, ONE, inner=0), "must be at least 1"),
        (lambda: LayerGroups(ONE, ONE, layers=1), "2 or more layers"),
        (lambda: LayerGroups(ONE, ONE, layers=3, speedup=0.5), "speedup must be at least 1"),
    ],
)
def test_bad_schemes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_empty_acceptance():
    with pytest.raises(ValueError, match="got none"):
        Serial(ONE, ONE).run(acceptance=[], rounds=1, chance=Sampled(np.random.default_rng(0)))
