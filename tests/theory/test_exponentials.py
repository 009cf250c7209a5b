"""The weights of a softmax: machine code agrees with numpy, and rows it can't take go through numpy."""

from __future__ import annotations

import numpy as np
import pytest

from theory import compiled_exponentials, exponentials, kernels
from theory.exponentials import LARGE, LEAST, plain
from theory.warp import Warp

needs_numba = pytest.mark.skipif(not kernels.COMPILED, reason="pip install 'specsim[fast]'")


def scores(*shape: int, spread: float = 4.0, precision: type = np.float64) -> np.ndarray:
    return (spread * np.random.default_rng(7).normal(size=shape)).astype(precision)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_both_ways_agree(precision: type, temperature: float) -> None:
    logits = scores(2, 1500, precision=precision)  # not a whole number of blocks
    peak = logits.max(axis=-1)
    both = compiled_exponentials.of_rows(logits, peak, temperature), plain(logits, peak, temperature)
    np.testing.assert_allclose(*both, rtol=1e-15, atol=0)
    assert np.all(both[0].max(axis=-1) == 1)


def test_over_the_whole_range_of_normal_floats() -> None:
    logits = np.linspace(LEAST, 0.0, 5001)
    found = compiled_exponentials.of_rows(logits, np.float64(0.0), 1.0)
    np.testing.assert_allclose(found, np.exp(logits), rtol=1e-15, atol=0)


@needs_numba
def test_large_vocabularies_take_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(compiled_exponentials, "of_rows", lambda *a: seen.append(a) or plain(*a))
    for size in (LARGE - 1, LARGE):
        Warp().probabilities(scores(size))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("logits", "temperature"),
    [
        (np.array([-np.inf, 0.0, 1.0]), 1.0),
        (np.array([-709.0, 0.0, -1.0]), 1.0),
        (np.array([-20.0, 0.0, -1.0]), 0.01),
        (np.array([-1e308, 1e308, 0.0]), 1.0),
    ],
)
def test_rows_with_weights_that_are_no_normal_floats_go_through_numpy(
    logits: np.ndarray, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_exponentials, "of_rows", None)
    row = np.concatenate([logits, np.full(LARGE, logits.max())])
    found = exponentials.exponentials(row, row.max(), temperature)
    assert np.array_equal(found[: logits.size], plain(logits, logits.max(), temperature))


@pytest.mark.parametrize("warp", [Warp(), Warp(temperature=0.7, top_k=50), Warp(temperature=1.3, top_p=0.9)])
def test_a_warp_is_the_same_without_machine_code(warp: Warp, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = scores(2, LARGE, precision=np.float32)
    found = warp.probabilities(logits)
    monkeypatch.setattr(kernels, "COMPILED", False)
    np.testing.assert_allclose(found, warp.probabilities(logits), rtol=1e-14, atol=0)
    assert found.dtype == np.float64
    assert np.abs(found.sum(axis=-1) - 1).max() < 1e-12


def test_single_precision_is_widened_before_it_is_calculated_with() -> None:
    logits = scores(300, precision=np.float32)
    wide = Warp(temperature=0.9).probabilities(logits.astype(np.float64))
    assert np.array_equal(Warp(temperature=0.9).probabilities(logits), wide)
