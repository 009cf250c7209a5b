"""A Llama-family forward pass in plain numpy, float64: no cache, no batch, one head after the other.

It shares nothing with the package: rotary turns are multiplications of complex numbers, attention is a loop
over heads and rows, and weights come under the names of Hugging Face checkpoints, as ``(outputs, inputs)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    layers: int
    heads: int
    kv_heads: int
    rope_base: float
    epsilon: float
    interleaved: bool = False


def norm(x: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + epsilon) * weight


def turn(head: np.ndarray, position: int, base: float, interleaved: bool) -> np.ndarray:
    """Turn one head's vector of one token."""
    half = len(head) // 2
    pairs = head.reshape(half, 2) if interleaved else head.reshape(2, half).T
    angle = position * base ** (-np.arange(half) / half)
    turned = (pairs[:, 0] + 1j * pairs[:, 1]) * np.exp(1j * angle)
    result = np.stack([turned.real, turned.imag], axis=1)
    return result.reshape(-1) if interleaved else result.T.reshape(-1)


def attention(shape: Shape, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Causal attention for q of shape (T, H, Dh) and k, v of shape (T, K, Dh)."""
    mixed = np.zeros_like(q)
    for head in range(shape.heads):
        shared = head * shape.kv_heads // shape.heads
        for row in range(len(q)):
            scores = k[: row + 1, shared] @ q[row, head] / np.sqrt(q.shape[-1])
            weights = np.exp(scores - scores.max())
            mixed[row, head] = weights / weights.sum() @ v[: row + 1, shared]
    return mixed


def block(shape: Shape, weights: Mapping[str, np.ndarray], prefix: str, x: np.ndarray) -> np.ndarray:
    def linear(name: str, inputs: np.ndarray) -> np.ndarray:
        product = inputs @ weights[f"{prefix}{name}.weight"].T
        return product + weights.get(f"{prefix}{name}.bias", 0.0)

    inner = norm(x, weights[f"{prefix}input_layernorm.weight"], shape.epsilon)
    q = linear("self_attn.q_proj", inner).reshape(len(x), shape.heads, -1)
    k = linear("self_attn.k_proj", inner).reshape(len(x), shape.kv_heads, -1)
    v = linear("self_attn.v_proj", inner).reshape(len(x), shape.kv_heads, -1)
    for position in range(len(x)):
        for heads in (q, k):
            for head in heads[position]:
                head[:] = turn(head.copy(), position, shape.rope_base, shape.interleaved)
    x = x + linear("self_attn.o_proj", attention(shape, q, k, v).reshape(len(x), -1))
    inner = norm(x, weights[f"{prefix}post_attention_layernorm.weight"], shape.epsilon)
    gate = linear("mlp.gate_proj", inner)
    return x + linear("mlp.down_proj", gate / (1 + np.exp(-gate)) * linear("mlp.up_proj", inner))


def hidden(
    shape: Shape,
    weights: Mapping[str, np.ndarray],
    tokens: Sequence[int],
    layers: Sequence[int] | None = None,
) -> np.ndarray:
    """Hidden states after the final norm, float64, shape (T, D)."""
    exact = {name: np.asarray(array, dtype=np.float64) for name, array in weights.items()}
    x = exact["model.embed_tokens.weight"][list(tokens)]
    for number in range(shape.layers) if layers is None else layers:
        x = block(shape, exact, f"model.layers.{number}.", x)
    return norm(x, exact["model.norm.weight"], shape.epsilon)


def logits(shape: Shape, weights: Mapping[str, np.ndarray], tokens: Sequence[int]) -> np.ndarray:
    """Logits, float64, shape (T, V)."""
    head = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
    return hidden(shape, weights, tokens) @ np.asarray(head, dtype=np.float64).T


def random_weights(
    *, seed: int, vocabulary: int, hidden: int, feed: int, shape: Shape, bias: bool, tied: bool
) -> dict[str, np.ndarray]:
    """A random checkpoint, float32, under Hugging Face names."""
    rng = np.random.default_rng(seed)
    size = hidden // shape.heads
    keys = shape.kv_heads * size

    def matrix(outputs: int, inputs: int) -> np.ndarray:
        return (rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)).astype(np.float32)

    def vector(size: int, centre: float) -> np.ndarray:
        return (centre + 0.2 * rng.standard_normal(size)).astype(np.float32)

    weights = {
        "model.embed_tokens.weight": 2 * matrix(vocabulary, hidden),
        "model.norm.weight": vector(hidden, 1.0),
    }
    if not tied:
        weights["lm_head.weight"] = 2 * matrix(vocabulary, hidden)
    for number in range(shape.layers):
        prefix = f"model.layers.{number}."
        rows = {"q_proj": (hidden, hidden), "k_proj": (keys, hidden), "v_proj": (keys, hidden)}
        for name, (outputs, inputs) in rows.items():
            weights[f"{prefix}self_attn.{name}.weight"] = matrix(outputs, inputs)
            if bias:
                weights[f"{prefix}self_attn.{name}.bias"] = vector(outputs, 0.0)
        weights[f"{prefix}self_attn.o_proj.weight"] = matrix(hidden, hidden)
        weights[f"{prefix}mlp.gate_proj.weight"] = matrix(feed, hidden)
        weights[f"{prefix}mlp.up_proj.weight"] = matrix(feed, hidden)
        weights[f"{prefix}mlp.down_proj.weight"] = matrix(hidden, feed)
        weights[f"{prefix}input_layernorm.weight"] = vector(hidden, 1.0)
        weights[f"{prefix}post_attention_layernorm.weight"] = vector(hidden, 1.0)
    return weights
