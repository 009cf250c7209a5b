from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest
from make_reference import DATA, LLAMA3
from plain_llama import turn

from specsim.models import LlamaConfig
from specsim.models.rope import angles, frequencies, llama3_factors, rotate

CONFIG = LlamaConfig(vocabulary=8, hidden=32, feed_forward=8, layers=1, heads=4, kv_heads=2, rope_base=100.0)


def turned(heads: np.ndarray, positions: list[int]) -> np.ndarray:
    cosines, sines = angles(jnp.array([positions]), frequencies(CONFIG))
    return np.asarray(rotate(jnp.asarray(heads, jnp.float32), cosines, sines))


def test_rotation_is_a_complex_multiplication() -> None:
    heads = np.random.default_rng(0).standard_normal((1, 3, 4, 8))
    positions = [0, 5, 300]
    ours = turned(heads, positions)
    for place, position in enumerate(positions):
        for head in range(4):
            expected = turn(heads[0, place, head], position, 100.0, interleaved=False)
            np.testing.assert_allclose(ours[0, place, head], expected, rtol=0, atol=5e-5)


def test_scores_depend_on_distance_only() -> None:
    rng = np.random.default_rng(1)
    query, key = rng.standard_normal((2, 1, 1, 1, 8))
    scores = [float((turned(query, [at]) * turned(key, [at - 7])).sum()) for at in (7, 20, 90)]
    np.testing.assert_allclose(scores, scores[0], rtol=0, atol=1e-5)


def test_llama3_factors_match_transformers() -> None:
    config = LlamaConfig(
        vocabulary=8, hidden=2048, feed_forward=8, layers=1, heads=32, kv_heads=8, rope_base=500000.0
    )
    factors = llama3_factors(
        config,
        factor=LLAMA3["factor"],
        low=LLAMA3["low_freq_factor"],
        high=LLAMA3["high_freq_factor"],
        original_context=LLAMA3["original_max_position_embeddings"],
    )
    expected = json.loads((DATA / "reference.json").read_text("utf-8"))["llama3_frequencies"]
    np.testing.assert_allclose(frequencies(config) / factors, expected, rtol=1e-5)


def test_llama3_factors_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="0 < low < high"):
        llama3_factors(CONFIG, factor=8.0, low=4.0, high=1.0, original_context=8192)
