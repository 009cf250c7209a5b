"""Directories of ordinary weights: ``config.json``, safetensors files (whole or sharded), ``tokenizer.json``.

The classes ``LlamaForCausalLM`` and ``Qwen2ForCausalLM`` load. Query and key rows are in half rotary order
already. Whatever a configuration asks for that the forward pass doesn't do is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from specsim.models.config import Array, LlamaConfig, Params, assemble
from specsim.models.errors import ModelError
from specsim.models.rope import llama3_factors

#: Model classes that load, and whether query, key and value have biases unless the configuration says.
CLASSES = {"LlamaForCausalLM": False, "Qwen2ForCausalLM": True}

_LAYER = {
    "attention_norm": "input_layernorm.weight",
    "query": "self_attn.q_proj.weight",
    "key": "self_attn.k_proj.weight",
    "value": "self_attn.v_proj.weight",
    "output": "self_attn.o_proj.weight",
    "feed_norm": "post_attention_layernorm.weight",
    "gate": "mlp.gate_proj.weight",
    "up": "mlp.up_proj.weight",
    "down": "mlp.down_proj.weight",
    "query_bias": "self_attn.q_proj.bias",
    "key_bias": "self_attn.k_proj.bias",
    "value_bias": "self_attn.v_proj.bias",
}
_TOP = {"embedding": "model.embed_tokens.weight", "norm": "model.norm.weight", "head": "lm_head.weight"}

#: Tensors that older files carry and that the configuration determines.
_DERIVED = "rotary_emb.inv_freq"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, or ``ModelError`` saying where it's broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent.name} has no {path.name}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name} isn't valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path.name} must hold an object, found a {type(content).__name__}")
    return content


def read_config(directory: Path) -> LlamaConfig:
    """The shape of the model in a directory.

    Raises
    ------
    ModelError
        If the class or a feature isn't supported, or an entry is missing.
    """
    raw = read_json(directory / "config.json")
    classes = raw.get("architectures") or ["none"]
    if classes[0] not in CLASSES:
        raise ModelError(f"config.json names the class {classes[0]}; supported are {', '.join(CLASSES)}")
    _refuse_unsupported(raw)
    try:
        config = _config(raw, bias=CLASSES[classes[0]])
    except KeyError as missing:
        raise ModelError(f"config.json has no entry {missing}") from None
    return _with_scaling(config, raw)


def _config(raw: Mapping[str, Any], *, bias: bool) -> LlamaConfig:
    heads = raw["num_attention_heads"]
    return LlamaConfig(
        vocabulary=raw["vocab_size"],
        hidden=raw["hidden_size"],
        feed_forward=raw["intermediate_size"],
        layers=raw["num_hidden_layers"],
        heads=heads,
        kv_heads=raw.get("num_key_value_heads") or heads,
        head_size=raw.get("head_dim") or raw["hidden_size"] // heads,
        context=raw["max_position_embeddings"],
        rope_base=float(_rope(raw).get("rope_theta", raw.get("rope_theta", 10000.0))),
        epsilon=float(raw["rms_norm_eps"]),
        tied=bool(raw.get("tie_word_embeddings", False)),
        attention_bias=bool(raw.get("attention_bias", bias)),
        architecture=raw.get("model_type", "llama"),
    )


def _rope(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return raw.get("rope_parameters") or raw.get("rope_scaling") or {}


def _refuse_unsupported(raw: Mapping[str, Any]) -> None:
    expected = {"hidden_act": "silu", "mlp_bias": False, "use_sliding_window": False}
    for key, value in expected.items():
        if raw.get(key, value) != value:
            raise ModelError(f"config.json asks for {key} = {raw[key]!r}; only {value!r} is supported")
    if any(kind != "full_attention" for kind in raw.get("layer_types") or []):
        raise ModelError("config.json has layers of other than full attention, which isn't supported")


def _with_scaling(config: LlamaConfig, raw: Mapping[str, Any]) -> LlamaConfig:
    rope = _rope(raw)
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return config
    if kind != "llama3":
        raise ModelError(f"config.json scales rotary positions by {kind!r}; only 'llama3' is supported")
    factors = llama3_factors(
        config,
        factor=rope["factor"],
        low=rope["low_freq_factor"],
        high=rope["high_freq_factor"],
        original_context=rope["original_max_position_embeddings"],
    )
    fields = {name: getattr(config, name) for name in LlamaConfig.__dataclass_fields__}
    return LlamaConfig(**(fields | {"rope_factors": factors}))


def weight_files(directory: Path) -> dict[str, Path]:
    """The file that holds each tensor, by the index of a sharded model or the one file of a whole one."""
    index = directory / "model.safetensors.index.json"
    if index.exists():
        places = read_json(index).get("weight_map", {})
        files = {name: directory / Path(file).name for name, file in places.items()}
    else:
        single = sorted(directory.glob("*.safetensors"))
        if len(single) != 1:
            raise ModelError(
                f"{directory.name} has {len(single)} safetensors files and no index; "
                "expected one file, or model.safetensors.index.json"
            )
        with _open(single[0]) as file:
            files = dict.fromkeys(file.keys(), single[0])
    missing = sorted({path.name for path in files.values() if not path.exists()})
    if missing:
        raise ModelError(f"{directory.name} lacks the files {missing} that its index names")
    return {name: path for name, path in files.items() if not name.endswith(_DERIVED)}


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise ModelError(f"{path.name} can't be read as safetensors ({error})") from None


def read_params(directory: Path, config: LlamaConfig) -> Params:
    """The weights as float32.

    Raises
    ------
    ModelError
        If files or tensors are missing, superfluous or of a wrong shape.
    """
    files = weight_files(directory)
    top = {key: name for key, name in _TOP.items() if key != "head" or not config.tied}
    known = {*_TOP.values()} | {
        f"model.layers.{i}.{name}" for i in range(config.layers) for name in _LAYER.values()
    }
    unknown = sorted(files.keys() - known)
    if unknown:
        raise ModelError(f"{directory.name} has tensors that this package can't use: {unknown[:5]}")
    return assemble(
        config,
        top=_read(files, top, prefix=""),
        layers=_layers(files, config),
        source=directory.name,
    )


def _layers(files: Mapping[str, Path], config: LlamaConfig) -> Iterator[dict[str, Array]]:
    for number in range(config.layers):
        yield _read(files, _LAYER, prefix=f"model.layers.{number}.")


def _read(files: Mapping[str, Path], names: Mapping[str, str], *, prefix: str) -> dict[str, Array]:
    arrays = {}
    for key, name in names.items():
        if prefix + name in files:
            with _open(files[prefix + name]) as file:
                arrays[key] = _float32(file, prefix + name)
    return arrays


def _float32(file: Any, name: str) -> Array:
    try:
        stored = file.get_tensor(name)
    except SafetensorError as error:
        raise ModelError(f"tensor {name} can't be read ({error})") from None
    if stored.dtype.name not in ("float16", "bfloat16", "float32", "float64"):
        raise ModelError(f"tensor {name} is {stored.dtype}; only floating-point weights are supported")
    return np.asarray(stored, dtype=np.float32)
