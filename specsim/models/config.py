r"""The shape of a Llama-family decoder, and the layout of its parameters.

One layout serves every source of weights. ``params`` is a plain pytree of float32 arrays, every matrix
stored as ``(outputs, inputs)``::

    embedding       (V, D)
    head            (V, D)         only if not tied to the embedding
    norm            (D,)
    layers[l]:
      attention_norm  (D,)         query   (H Dh, D)    query_bias  (H Dh,)
      feed_norm       (D,)         key     (K Dh, D)    key_bias    (K Dh,)
      gate, up        (F, D)       value   (K Dh, D)    value_bias  (K Dh,)
      down            (D, F)       output  (D, H Dh)

with ``V`` the vocabulary, ``D`` the hidden size, ``F`` the feed-forward size, ``H`` query heads that share
``K`` key-value heads of ``Dh`` numbers each. The three biases are there only if ``attention_bias``.

Rotary embeddings turn coordinate ``i`` of a head with coordinate ``i + Dh/2`` (the *half* convention).
Some files store the rows of ``query`` and ``key`` for the *interleaved* convention, which turns ``2i`` with
``2i + 1``; :func:`from_interleaved` reorders such rows, so that the forward pass knows one convention only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from specsim.models.errors import ModelError

#: Names of the arrays of one layer, without and with attention biases.
LAYER_NAMES = (
    "attention_norm",
    "query",
    "key",
    "value",
    "output",
    "feed_norm",
    "gate",
    "up",
    "down",
)
BIAS_NAMES = ("query_bias", "key_bias", "value_bias")

Array = NDArray[Any]
Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """Hyperparameters of a Llama-family decoder (Llama, SmolLM, Qwen2 and their like).

    Parameters
    ----------
    vocabulary, hidden, feed_forward, layers
        Sizes V, D, F and the number of layers.
    heads, kv_heads, head_size
        Query heads H, key-value heads K (H is a multiple of K), numbers a head Dh (even).
    context
        The longest sequence the model was made for, in tokens.
    rope_base
        Base of the rotary frequencies.
    rope_factors
        Divisors of the ``head_size / 2`` rotary frequencies, or None for none (Llama 3.1 scaling).
    epsilon
        Added to the mean square in every norm.
    tied
        Whether the output head is the embedding.
    attention_bias
        Whether query, key and value have biases (Qwen2).
    architecture
        The family's name, for reports.

    Raises
    ------
    ModelError
        If a size isn't positive, heads don't divide, or the head size is odd.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=64, hidden=16, feed_forward=32, layers=2, heads=4, kv_heads=2)
    >>> config.head_size, config.group
    (4, 2)
    """

    vocabulary: int
    hidden: int
    feed_forward: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int = 0
    context: int = 2048
    rope_base: float = 10000.0
    rope_factors: tuple[float, ...] | None = None
    epsilon: float = 1e-5
    tied: bool = True
    attention_bias: bool = False
    architecture: str = "llama"

    def __post_init__(self) -> None:
        if self.head_size == 0 and self.heads > 0:
            object.__setattr__(self, "head_size", self.hidden // self.heads)
        _check_sizes(self)
        _check_rope(self)

    @property
    def group(self) -> int:
        """Query heads that share one key-value head."""
        return self.heads // self.kv_heads


def _check_sizes(config: LlamaConfig) -> None:
    sizes = "vocabulary hidden feed_forward layers heads kv_heads head_size context"
    for name in sizes.split():
        if getattr(config, name) < 1:
            raise ModelError(f"{name} must be at least 1, got {getattr(config, name)}")
    if config.heads % config.kv_heads:
        raise ModelError(f"heads must be a multiple of kv_heads, got {config.heads} and {config.kv_heads}")
    if config.head_size % 2:
        raise ModelError(f"head_size must be even for rotary embeddings, got {config.head_size}")


def _check_rope(config: LlamaConfig) -> None:
    if not config.rope_base > 0 or not config.epsilon >= 0:
        raise ModelError(
            f"rope_base must be positive and epsilon at least 0, got {config.rope_base} and {config.epsilon}"
        )
    factors = config.rope_factors
    if factors is not None and len(factors) != config.head_size // 2:
        raise ModelError(
            f"rope_factors needs head_size / 2 = {config.head_size // 2} entries, got {len(factors)}"
        )


def layer_shapes(config: LlamaConfig) -> dict[str, tuple[int, ...]]:
    """Shape of each array of one layer."""
    d, f = config.hidden, config.feed_forward
    q, kv = config.heads * config.head_size, config.kv_heads * config.head_size
    shapes: dict[str, tuple[int, ...]] = {
        "attention_norm": (d,),
        "query": (q, d),
        "key": (kv, d),
        "value": (kv, d),
        "output": (d, q),
        "feed_norm": (d,),
        "gate": (f, d),
        "up": (f, d),
        "down": (d, f),
    }
    if config.attention_bias:
        shapes |= {"query_bias": (q,), "key_bias": (kv,), "value_bias": (kv,)}
    return shapes


def top_shapes(config: LlamaConfig) -> dict[str, tuple[int, ...]]:
    """Shape of each array outside the layers."""
    matrix = (config.vocabulary, config.hidden)
    shapes: dict[str, tuple[int, ...]] = {"embedding": matrix, "norm": (config.hidden,)}
    return shapes if config.tied else shapes | {"head": matrix}


def assemble(
    config: LlamaConfig,
    *,
    top: Mapping[str, Array],
    layers: Iterable[Mapping[str, Array]],
    source: str,
) -> Params:
    """Parameters as float32 arrays of the backend, every shape checked.

    Parameters
    ----------
    config
        The shape they must have.
    top, layers
        numpy arrays by the names of this module's layout; ``layers`` may be a generator, and is read
        one layer at a time.
    source
        Name of the file, for messages.

    Raises
    ------
    ModelError
        If an array is missing, superfluous, or has another shape.
    """
    params: Params = _checked(top, top_shapes(config), source)
    shapes = layer_shapes(config)
    params["layers"] = [
        _checked(layer, shapes, f"{source}, layer {number}") for number, layer in enumerate(layers)
    ]
    if len(params["layers"]) != config.layers:
        raise ModelError(f"{source} has {len(params['layers'])} layers, expected {config.layers}")
    return params


def _checked(arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]], place: str) -> Params:
    if arrays.keys() != shapes.keys():
        missing, extra = sorted(shapes.keys() - arrays.keys()), sorted(arrays.keys() - shapes.keys())
        raise ModelError(f"{place}: missing arrays {missing}, unexpected arrays {extra}")
    for name, array in arrays.items():
        if array.shape != shapes[name]:
            raise ModelError(f"{place}: {name} has shape {array.shape}, expected {shapes[name]}")
    return {name: jnp.asarray(array, dtype=jnp.float32) for name, array in arrays.items()}


def from_interleaved(rows: Array, *, heads: int) -> Array:
    """Reorder the rows of a query or key matrix (or bias) from interleaved to half rotary order.

    Parameters
    ----------
    rows
        Shape ``(heads * Dh, ...)``; within each head rows ``2i`` and ``2i + 1`` turn together.
    heads
        Number of heads in it.

    Examples
    --------
    >>> from_interleaved(np.arange(8), heads=2).tolist()
    [0, 2, 1, 3, 4, 6, 5, 7]
    """
    pairs = rows.reshape(heads, -1, 2, *rows.shape[1:])
    return np.swapaxes(pairs, 1, 2).reshape(rows.shape)


def count_parameters(params: Params) -> int:
    """How many numbers the parameters hold."""
    top = sum(value.size for name, value in params.items() if name != "layers")
    return int(top + sum(value.size for layer in params["layers"] for value in layer.values()))
