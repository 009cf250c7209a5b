r"""Adapters: a small attention behind an early exit (Kangaroo).

.. math::
    a_t = x_t + \mathrm{Attention}(\mathrm{norm}_1(x))_t, \qquad
    q = \mathrm{softmax}(H\, \mathrm{norm}_2(a_t)),

with x the stream at the exit and H the target's head: one attention with keys and values of its own, two
norms, no feed-forward network. Source: Liu et al., 2024, *Kangaroo*, arXiv 2404.18911, section 3.

An adapter is part of the parameters, under a name: ``params["adapters"][name]`` is a flat dictionary of
``attention_norm``, ``query``, ``key``, ``value``, ``output`` (as in a layer; see
:mod:`specsim.models.config`) and ``norm``, which stands in for the model's final norm. So a view that names
it stays a hashable value.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from specsim.models.config import Array, LlamaConfig, Params, layer_shapes

#: The arrays of an adapter.
NAMES = ("attention_norm", "query", "key", "value", "output", "norm")


def adapter_shapes(config: LlamaConfig) -> dict[str, tuple[int, ...]]:
    """Shape of each array of an adapter.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=8, hidden=4, feed_forward=8, layers=3, heads=1, kv_heads=1)
    >>> adapter_shapes(config)["norm"]
    (4,)
    """
    shapes = layer_shapes(config) | {"norm": (config.hidden,)}
    return {name: shapes[name] for name in NAMES}


def with_adapter(
    params: Params, config: LlamaConfig, *, name: str, weights: Mapping[str, jax.Array | Array]
) -> Params:
    """Parameters that hold an adapter beside the model; the given ones are unchanged, and share all arrays.

    Parameters
    ----------
    params, config
        The model.
    name
        What views call it.
    weights
        Arrays by the names of :data:`NAMES`.

    Raises
    ------
    ValueError
        If an array is missing, superfluous, or has another shape.
    """
    shapes = adapter_shapes(config)
    if weights.keys() != shapes.keys():
        missing, extra = sorted(shapes.keys() - weights.keys()), sorted(weights.keys() - shapes.keys())
        raise ValueError(f"adapter {name!r}: missing arrays {missing}, unexpected arrays {extra}")
    for key, array in weights.items():
        if array.shape != shapes[key]:
            raise ValueError(f"adapter {name!r}: {key} has shape {array.shape}, expected {shapes[key]}")
    arrays = {key: jnp.asarray(array, jnp.float32) for key, array in weights.items()}
    return params | {"adapters": {**params.get("adapters", {}), name: arrays}}


def logit_lens(params: Params, config: LlamaConfig) -> dict[str, jax.Array]:
    """An adapter that changes nothing: its attention adds zero, its norm is the model's final one."""
    shapes = adapter_shapes(config)
    blank = {name: jnp.zeros(shape, jnp.float32) for name, shape in shapes.items()}
    return blank | {"attention_norm": jnp.ones(config.hidden), "norm": params["norm"]}
