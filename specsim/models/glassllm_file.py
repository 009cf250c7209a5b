r"""The weights of the package ``glassllm``: a compressed npz of float16 arrays and a JSON tokenizer.

A Llama-like decoder of 852,608 parameters: tied embedding, grouped queries, SwiGLU, rotary positions in
interleaved order, matrices stored as ``(inputs, outputs)``. Its vocabulary of 1024 makes it a real model in
whose world exact enumeration is feasible.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from specsim.models.config import Array, LlamaConfig, Params, assemble, from_interleaved
from specsim.models.errors import ModelError

_LAYER = {
    "attention_norm": "norm1.gamma",
    "query": "attn.W_Q",
    "key": "attn.W_K",
    "value": "attn.W_V",
    "output": "attn.W_O",
    "feed_norm": "norm2.gamma",
    "gate": "ffn.W1",
    "up": "ffn.W3",
    "down": "ffn.W2",
}


def read(path: Path) -> tuple[LlamaConfig, Params]:
    """Shape and weights of a glassllm npz file.

    Raises
    ------
    ModelError
        If the file isn't such an npz.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise ModelError(f"{path.name} can't be read as npz ({error}); download it again") from None
    if "__config__" not in arrays or "E" not in arrays:
        raise ModelError(f"{path.name} has no '__config__' and 'E'; it isn't a glassllm model")
    try:
        config = _config(json.loads(str(arrays["__config__"])), arrays)
        top = {"embedding": arrays["E"], "norm": arrays["norm_f.gamma"]}
        return config, assemble(config, top=top, layers=_layers(arrays, config), source=path.name)
    except KeyError as missing:
        raise ModelError(f"{path.name} has no entry {missing}") from None


def _config(raw: Mapping[str, Any], arrays: Mapping[str, Array]) -> LlamaConfig:
    return LlamaConfig(
        vocabulary=raw["vocab_size"],
        hidden=raw["d_model"],
        feed_forward=arrays["blocks.0.ffn.W1"].shape[1],
        layers=raw["n_layers"],
        heads=raw["n_heads"],
        kv_heads=raw["n_kv_heads"],
        context=raw["max_len"],
        rope_base=float(raw["rope_base"]),
        epsilon=float(raw["eps"]),
        architecture="glassllm",
    )


def _layers(arrays: Mapping[str, Array], config: LlamaConfig) -> Iterator[dict[str, Array]]:
    for number in range(config.layers):
        layer = {name: arrays[f"blocks.{number}.{stored}"].T for name, stored in _LAYER.items()}
        layer["query"] = from_interleaved(layer["query"], heads=config.heads)
        layer["key"] = from_interleaved(layer["key"], heads=config.kv_heads)
        yield layer
