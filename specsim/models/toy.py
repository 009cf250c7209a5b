"""A random model that needs no file: the whole machinery at a size for tests and examples."""

from __future__ import annotations

import numpy as np

from specsim.models.config import Array, LlamaConfig, assemble, layer_shapes, top_shapes
from specsim.models.model import Model, Source
from specsim.models.tokenizer import byte_tokenizer


def toy_config(*, vocabulary: int = 256, layers: int = 4) -> LlamaConfig:
    """The shape of a toy model: 32 numbers wide, 4 query heads on 2 key-value heads."""
    return LlamaConfig(
        vocabulary=vocabulary,
        hidden=32,
        feed_forward=64,
        layers=layers,
        heads=4,
        kv_heads=2,
        context=512,
        architecture="toy",
    )


def random_arrays(
    shapes: dict[str, tuple[int, ...]], *, rng: np.random.Generator, gain: float = 1.0
) -> dict[str, Array]:
    """Weights that keep the size of a stream: norms near one, matrices scaled by their inputs."""
    return {
        name: 1 + 0.1 * rng.standard_normal(shape)
        if name.endswith("norm")
        else gain * rng.standard_normal(shape) / np.sqrt(shape[-1])
        for name, shape in shapes.items()
    }


def toy_model(*, seed: int, config: LlamaConfig | None = None) -> Model:
    """A model of random weights, with a tokenizer of bytes.

    Parameters
    ----------
    seed
        Seed of the weights.
    config
        Its shape; :func:`toy_config` by default. Needs a vocabulary of at least 256.

    Examples
    --------
    >>> toy_model(seed=1).metadata()["layers"]
    4
    """
    config = config or toy_config()
    if config.vocabulary < 256:
        raise ValueError(f"the byte tokenizer needs a vocabulary of at least 256, got {config.vocabulary}")
    rng = np.random.default_rng(seed)
    top = random_arrays(top_shapes(config), rng=rng, gain=2.0)
    layers = [random_arrays(layer_shapes(config), rng=rng) for _ in range(config.layers)]
    return Model(
        name="toy",
        config=config,
        params=assemble(config, top=top, layers=layers, source="toy"),
        tokenizer=byte_tokenizer(vocabulary_size=config.vocabulary),
        source=Source(description=f"random weights, seed {seed}", sha256="", licence="none needed"),
    )
