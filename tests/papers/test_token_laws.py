"""The checkable claim of each system that needs token laws only, as its reproduction computes it; small."""

from __future__ import annotations

import importlib.util
from argparse import Namespace
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import papers.shared
from theory.bounds import optimal_acceptance
from theory.couplings import KSeq, Recursive, SampleAndMatch
from theory.laws import Iid, WithoutReplacement
from theory.shapes import Profile

PAPERS = Path(papers.shared.__file__).parent
NAMES = (
    "dyspec",
    "eagle2",
    "pearl",
    "rsd",
    "self-speculation",
    "sequoia",
    "smartspec",
    "specdec-plus-plus",
    "specinfer",
    "spectr",
)


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"reproduce_{name.replace('-', '_')}", PAPERS / name / "reproduce.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exact_rows(seed: int, vocabulary: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 9, (2, vocabulary))
    p, q = (np.array([Fraction(int(n), int(row.sum())) for n in row]) for row in counts)
    return p, q


def values(figures: list[papers.shared.Figure]) -> dict[str, float]:
    return {one.name: one.value for one in figures}


@pytest.mark.parametrize("seed", range(20))
def test_specinfer_multi_step_is_no_worse_than_naive(seed: int) -> None:
    p, q = exact_rows(seed)
    for k in (1, 2, 3):
        law = Iid(q, k)
        assert Recursive().acceptance(p=p, law=law) >= SampleAndMatch().acceptance(p=p, law=law)


@pytest.mark.parametrize("seed", range(20))
def test_spectr_k_seq_keeps_its_guarantee(seed: int) -> None:
    p, q = (row.astype(float) for row in exact_rows(seed))
    for k in (2, 4, 8):
        best = optimal_acceptance(p=p, law=Iid(q, k)).value
        assert KSeq().acceptance(p=p, law=Iid(q, k)) >= (1 - (1 - 1 / k) ** k) * best


@pytest.mark.parametrize("seed", range(20))
def test_rsd_two_siblings_without_replacement_are_no_worse(seed: int) -> None:
    p, q = exact_rows(seed)
    without, with_ = (Recursive().acceptance(p=p, law=law(q, 2)) for law in (WithoutReplacement, Iid))
    assert without >= with_


def test_rsd_a_chain_wins_where_drafts_are_good_and_a_tree_where_they_are_poor() -> None:
    rsd = script("rsd")
    rsd.WORLDS, rsd.BUDGET = 4, {name: rsd.BUDGET[name] for name in ("chain (4)", "RSD-C (2, 1)")}
    good, poor = (values([*rsd.on_worlds(weight)]) for weight in (0.95, 0.1))
    assert (
        good["worlds: alignment 0.95: tokens a round, chain (4)"]
        > good["worlds: alignment 0.95: tokens a round, RSD-C (2, 1)"]
    )
    assert (
        poor["worlds: alignment 0.1: tokens a round, RSD-C (2, 1)"]
        > poor["worlds: alignment 0.1: tokens a round, chain (4)"]
    )


def test_sequoia_the_optimal_tree_beats_the_others_at_every_budget() -> None:
    sequoia = script("sequoia")
    sequoia.BUDGETS = (1, 4, 16, 64)
    found = values(
        [*sequoia.on_a_profile(Profile.positional([0.6, 0.2, 0.08, 0.04, 0.02, 0.01, 0.01, 0.01]))]
    )
    for budget in sequoia.BUDGETS:
        here = {name: value for name, value in found.items() if name.startswith(f"budget {budget}:")}
        assert here[f"budget {budget}: tokens a call, optimal tree"] >= max(here.values()) - 1e-12


def test_eagle2_grows_trees_of_the_size_that_is_compared() -> None:
    eagle2 = script("eagle2")
    eagle2.CONTEXTS = 10
    found = values(eagle2.on_a_world("calibrated"))  # asserts that all trees have equal size
    trees = {name: value for name, value in found.items() if "tokens a round" in name}
    assert min(trees.values()) > 1
    assert max(trees.values()) < 1 + eagle2.NODES


def test_dyspec_the_threshold_takes_fewer_draft_calls_than_the_heap() -> None:
    dyspec = script("dyspec")
    target, draft = papers.shared.wavering(0, calibrated=True)
    calls = []
    for name in ("DySpec, threshold 1/14", "DySpec, heap"):
        traces = papers.shared.runs(dyspec.TREES[name](target, draft), [(0, 1)], seeds=2, tokens=10)
        calls.append(papers.shared.draft_calls(traces)[0])
    assert calls[0] < calls[1]


def test_pearl_blocks_of_the_ratio_are_best_and_both_modes_help() -> None:
    pearl = script("pearl")
    for ratio in (2, 4, 8):
        found = values([*pearl.closed_forms(ratio, 0.8)])
        assert found[f"ratio {ratio}, acceptance 0.8: best block"] == ratio
        assert found[f"ratio {ratio}, acceptance 0.8: PEARL over serial"] > 1
    assert values([*pearl.closed_forms(16, 0.6)])["ratio 16, acceptance 0.6: PEARL over serial"] < 1
    full, *without = values([*pearl.ablations(ratio=4, acceptance=0.8)]).values()
    assert full > max(without)


def test_smartspec_lengths_fall_with_the_batch_and_rise_with_the_context() -> None:
    smartspec = script("smartspec")
    by_batch = [smartspec.best(size, 0.6, 512) for size in (1, 64, 1024)]
    by_context = [smartspec.best(256, 0.6, context) for context in (128, 2048, 32768)]
    assert by_batch == sorted(by_batch, reverse=True)
    assert by_batch[0] > by_batch[-1]
    assert by_context == sorted(by_context)
    assert by_context[0] < by_context[-1]


def test_specdec_plus_plus_the_optimum_is_a_threshold_and_gains_with_heterogeneity() -> None:
    process = script("specdec-plus-plus").decision_process
    gains = []
    for spread in (0.0, 0.3):
        found = values([*process(spread)])
        case = f"process: acceptance 0.65 plus and minus {spread}: "
        assert found[case + "states that break a threshold"] == 0
        gains.append(found[case + "optimum over best fixed length"])
    assert gains[0] == pytest.approx(1)
    assert gains[1] > 1.02


def test_self_speculation_needs_the_more_acceptance_the_fewer_layers_are_left_out() -> None:
    needed = script("self-speculation").needed
    half, most = (needed(kept)[0].value for kept in (0.5, 0.7))
    assert 0.5 < half < most


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_runs_give_the_recorded_verdicts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script(name)
    options = Namespace(quick=True, without_model=True)
    monkeypatch.setattr(module, "asked", lambda description: options)
    assert module.main() == 0
