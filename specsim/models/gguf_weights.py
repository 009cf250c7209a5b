"""A GGUF file's weights and shape: the architectures ``llama`` and ``qwen2``.

Files of architecture ``llama`` hold query and key rows in interleaved rotary order, files of ``qwen2`` in
half order (see :mod:`specsim.models.config`); both come out in half order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gguf.constants import GGMLQuantizationType

from specsim.models.config import Array, LlamaConfig, Params, assemble, from_interleaved
from specsim.models.errors import ModelError
from specsim.models.gguf_file import GGUFFile
from specsim.models.quantised import QuantisedHead

#: Architectures that load, and whether their query and key rows are interleaved.
ARCHITECTURES = {"llama": True, "qwen2": False}

_LAYER = {
    "attention_norm": "attn_norm.weight",
    "query": "attn_q.weight",
    "key": "attn_k.weight",
    "value": "attn_v.weight",
    "output": "attn_output.weight",
    "feed_norm": "ffn_norm.weight",
    "gate": "ffn_gate.weight",
    "up": "ffn_up.weight",
    "down": "ffn_down.weight",
    "query_bias": "attn_q.bias",
    "key_bias": "attn_k.bias",
    "value_bias": "attn_v.bias",
}
_TOP = {"embedding": "token_embd.weight", "norm": "output_norm.weight", "head": "output.weight"}
_ROPE_FACTORS = "rope_freqs.weight"


def read_config(file: GGUFFile) -> LlamaConfig:
    """The shape of the model in a GGUF file.

    Raises
    ------
    ModelError
        If the architecture or a feature of it isn't supported, or an entry is missing.
    """
    architecture = file.require("general.architecture")
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"{file.path.name} has architecture {architecture!r}; supported are {', '.join(ARCHITECTURES)}"
        )
    _refuse_unsupported(file, architecture)

    def entry(name: str, default: float | None = None) -> Any:
        return _number(file, f"{architecture}.{name}", default)

    heads, hidden = entry("attention.head_count"), entry("embedding_length")
    config = LlamaConfig(
        vocabulary=_rows(file, "token_embd.weight"),
        hidden=hidden,
        feed_forward=entry("feed_forward_length"),
        layers=entry("block_count"),
        heads=heads,
        kv_heads=entry("attention.head_count_kv", heads),
        head_size=entry("attention.key_length", hidden // max(heads, 1)),
        context=entry("context_length"),
        rope_base=float(entry("rope.freq_base", 10000.0)),
        rope_factors=_rope_factors(file),
        epsilon=float(entry("attention.layer_norm_rms_epsilon")),
        tied=_TOP["head"] not in file.tensors,
        attention_bias="blk.0.attn_q.bias" in file.tensors,
        architecture=architecture,
    )
    turned = entry("rope.dimension_count", config.head_size)
    if turned != config.head_size:
        raise ModelError(
            f"{file.path.name} rotates {turned} of {config.head_size} coordinates, which isn't supported"
        )
    return config


def _number(file: GGUFFile, key: str, default: float | None = None) -> Any:
    value = file.metadata.get(key, default) if default is not None else file.require(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(f"{file.path.name}: {key} must be one number, found a {type(value).__name__}")
    return value


def _refuse_unsupported(file: GGUFFile, architecture: str) -> None:
    metadata, name = file.metadata, file.path.name
    if metadata.get("split.count", 1) > 1:
        raise ModelError(f"{name} is one of {metadata['split.count']} pieces; merge them first")
    scaling = metadata.get(f"{architecture}.rope.scaling.type", "none")
    if scaling not in ("none", ""):
        raise ModelError(f"{name} scales rotary positions by {scaling!r}, which isn't supported")
    if metadata.get(f"{architecture}.expert_count", 0):
        raise ModelError(f"{name} is a mixture of experts, which isn't supported")


def _rows(file: GGUFFile, name: str) -> int:
    if name not in file.tensors:
        raise ModelError(f"{file.path.name} has no tensor {name!r}")
    return file.tensors[name].shape[0]


def _rope_factors(file: GGUFFile) -> tuple[float, ...] | None:
    if _ROPE_FACTORS not in file.tensors:
        return None
    return tuple(float(x) for x in file.array(_ROPE_FACTORS))


def read_params(file: GGUFFile, config: LlamaConfig) -> Params:
    """The weights as float32, dequantised layer by layer.

    Raises
    ------
    ModelError
        If tensors are missing, superfluous or of a wrong shape.
    """
    top = {name: file.array(tensor) for name, tensor in _TOP.items() if tensor in file.tensors}
    _refuse_unknown(file, config)
    return assemble(config, top=top, layers=_layers(file, config), source=file.path.name)


def _refuse_unknown(file: GGUFFile, config: LlamaConfig) -> None:
    known = {*_TOP.values(), _ROPE_FACTORS}
    known |= {f"blk.{i}.{tensor}" for i in range(config.layers) for tensor in _LAYER.values()}
    unknown = sorted(file.tensors.keys() - known)
    if unknown:
        raise ModelError(f"{file.path.name} has tensors that this package can't use: {unknown[:5]}")


def _layers(file: GGUFFile, config: LlamaConfig) -> Iterator[dict[str, Array]]:
    interleaved = ARCHITECTURES[config.architecture]
    heads = {"query": config.heads, "key": config.kv_heads} if interleaved else {}
    heads |= {f"{name}_bias": count for name, count in heads.items()}
    for number in range(config.layers):
        prefix = f"blk.{number}."
        arrays = {
            name: file.array(prefix + tensor)
            for name, tensor in _LAYER.items()
            if prefix + tensor in file.tensors
        }
        for name in heads.keys() & arrays.keys():
            arrays[name] = from_interleaved(arrays[name], heads=heads[name])
        yield arrays


def read_quantised_head(file: GGUFFile) -> QuantisedHead | None:
    """The output head as stored, if that is Q8_0."""
    name = _TOP["head"] if _TOP["head"] in file.tensors else _TOP["embedding"]
    if file.tensors[name].kind != GGMLQuantizationType.Q8_0:
        return None
    return QuantisedHead.from_blocks(file.blocks(name))


def quantisation(file: GGUFFile) -> str:
    """How many tensors are stored how, most frequent first.

    Norms (one-dimensional tensors) don't count.
    """
    kinds: dict[str, int] = {}
    for tensor in file.tensors.values():
        if len(tensor.shape) > 1:
            kinds[tensor.kind.name] = kinds.get(tensor.kind.name, 0) + 1
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} x {count}" for name, count in ordered)
