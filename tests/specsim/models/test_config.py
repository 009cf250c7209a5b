from __future__ import annotations

import numpy as np
import pytest

from specsim.models import LlamaConfig, ModelError, toy_model
from specsim.models.config import assemble, count_parameters, from_interleaved, layer_shapes, top_shapes

SIZES = {"vocabulary": 8, "hidden": 8, "feed_forward": 8, "layers": 1, "heads": 4, "kv_heads": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"vocabulary": -3}, "vocabulary must be at least 1, got -3"),
        ({"heads": 3}, "heads must be a multiple of kv_heads, got 3 and 2"),
        ({"head_size": 3}, "head_size must be even for rotary embeddings, got 3"),
        ({"rope_base": 0.0}, "rope_base must be positive"),
        ({"rope_factors": (1.0, 2.0, 3.0)}, "rope_factors needs head_size / 2 = 1 entries, got 3"),
    ],
)
def test_impossible_shapes_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        LlamaConfig(**(SIZES | change))


def test_from_interleaved_keeps_every_row_and_pairs_them() -> None:
    rows = np.arange(2 * 6 * 3).reshape(12, 3)
    half = from_interleaved(rows, heads=2)
    for head in range(2):
        for pair in range(3):
            assert (half[6 * head + pair] == rows[6 * head + 2 * pair]).all()
            assert (half[6 * head + 3 + pair] == rows[6 * head + 2 * pair + 1]).all()


def test_assemble_names_what_is_wrong() -> None:
    config = LlamaConfig(**SIZES)
    top = {name: np.zeros(shape) for name, shape in top_shapes(config).items()}
    layer = {name: np.zeros(shape) for name, shape in layer_shapes(config).items()}
    assert count_parameters(assemble(config, top=top, layers=[layer], source="f")) == 64 + 8 + 400
    with pytest.raises(ModelError, match=r"f has 2 layers, expected 1"):
        assemble(config, top=top, layers=[layer, layer], source="f")
    with pytest.raises(ModelError, match=r"f, layer 0: gate has shape \(2, 2\), expected \(8, 8\)"):
        assemble(config, top=top, layers=[layer | {"gate": np.zeros((2, 2))}], source="f")
    with pytest.raises(ModelError, match=r"missing arrays \['norm'\], unexpected arrays \['nrom'\]"):
        assemble(config, top={"embedding": top["embedding"], "nrom": top["norm"]}, layers=[], source="f")


def test_a_toy_needs_a_vocabulary_of_bytes() -> None:
    with pytest.raises(ValueError, match="at least 256, got 8"):
        toy_model(seed=0, config=LlamaConfig(**SIZES))
