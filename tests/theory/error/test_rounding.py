"""Regions of rounded numbers hold what was rounded."""

from __future__ import annotations

import numpy as np
import pytest

from theory.bounds import IidScan
from theory.error import logits_region, optimal_iid_band, probabilities_region


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Rounded to the nearest bfloat16 (ties to even), as float32."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return rounded.astype(np.uint32).view(np.float32)


ROUND = {
    "float16": lambda x: x.astype(np.float16),
    "float32": lambda x: x.astype(np.float32),
    "bfloat16": to_bfloat16,
}


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


@pytest.mark.parametrize("stored", ROUND)
@pytest.mark.parametrize("scale", [1e-6, 0.1, 3.0, 30.0])
def test_logits_are_inside(stored, scale):
    rng = np.random.default_rng(0)
    for temperature in (0.5, 1.0):
        # float32 has few digits less than these
        logits = scale * rng.normal(size=300).astype(np.float64)
        region = logits_region(ROUND[stored](logits), stored=stored, temperature=temperature)
        weights = np.exp((logits - ROUND[stored](logits).astype(float).max()) / temperature)
        assert (region.lower <= weights).all()
        assert (weights <= region.upper).all()


@pytest.mark.parametrize("stored", ROUND)
def test_half_the_width_is_too_little(stored):
    """Negative control: a quarter of a unit does not hold them."""
    logits = 5 * np.random.default_rng(1).normal(size=300)
    region = logits_region(ROUND[stored](logits), stored=stored, units=0.25)
    weights = np.exp(logits - ROUND[stored](logits).astype(float).max())
    assert not ((region.lower <= weights) & (weights <= region.upper)).all()


def test_powers_of_two_and_zero():
    """Below a power of two units are half as wide; the wider one is taken. Zero has the smallest unit."""
    region = logits_region(np.float16([8.0, 0.0]), stored="float16")
    spread = np.log(region.upper / region.lower)
    assert spread[0] == pytest.approx(2.0**-7)
    assert spread[1] == pytest.approx(2.0**-24, rel=1e-3)


def test_impossible_tokens():
    region = logits_region(np.float16([1.0, -np.inf, 2.0]), stored="float16")
    assert region.lower[1] == region.upper[1] == 0


@pytest.mark.parametrize("stored", ROUND)
def test_probabilities_are_inside(stored):
    p = np.random.default_rng(2).dirichlet(np.full(200, 0.1))
    box = probabilities_region(ROUND[stored](p), stored=stored)
    assert (box.lower <= p).all()
    assert (p <= box.upper).all()
    assert box.lower.min() >= 0
    assert (box.upper > 0).all()  # what was rounded to zero need not have been


@pytest.mark.parametrize("stored", ROUND)
def test_bands_from_either(stored):
    rng = np.random.default_rng(3)
    logits = 3 * rng.normal(size=(2, 100))
    p, q = (softmax(each) for each in logits)
    value = IidScan(p, q).optimum(2)[0]
    for known in (
        [logits_region(ROUND[stored](each), stored=stored) for each in logits],
        [probabilities_region(ROUND[stored](each), stored=stored) for each in (p, q)],
    ):
        band = optimal_iid_band(p=known[0], q=known[1], k=2)
        assert band.lower <= value <= band.upper
        assert band.width < {"float16": 0.02, "bfloat16": 0.15, "float32": 1e-5}[stored]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"logits": [1.0], "stored": "float8"}, "stored is one of float16, bfloat16, float32"),
        ({"logits": [0.1], "stored": "float16"}, "holds numbers that float16 cannot hold"),
        ({"logits": [[1.0]], "stored": "float16"}, r"must be numbers of shape \(V,\)"),
        ({"logits": [np.nan], "stored": "float16"}, "logits must be finite or minus infinity"),
        ({"logits": [-np.inf], "stored": "float16"}, "logits must be finite or minus infinity"),
        ({"logits": [1.0], "stored": "float16", "units": 0}, "units must be above 0"),
        ({"logits": [1.0], "stored": "float16", "temperature": 0}, "temperature must be finite and above 0"),
    ],
)
def test_what_is_not_stored(arguments, message):
    with pytest.raises(ValueError, match=message):
        logits_region(**arguments)


def test_numbers_that_nothing_rounds_to():
    with pytest.raises(ValueError, match="no distribution fits this Box"):
        probabilities_region([0.5, 0.25], stored="float16")
