from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from plain_llama import Shape, logits, random_weights
from safetensors.numpy import save_file

from specsim.models import Full, ModelError, hidden_states, load, toy_model

TEXT = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
SHAPE = Shape(layers=3, heads=4, kv_heads=2, rope_base=500.0, epsilon=1e-5)
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rope_theta": 500.0,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "hidden_act": "silu",
}


def write(folder: Path, config: dict, weights: dict[str, np.ndarray], *, files: int = 1) -> Path:
    """A checkpoint directory, in one file or sharded."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    toy_model(seed=0).tokenizer.backend.save(str(folder / "tokenizer.json"))
    if files == 1:
        save_file(weights, folder / "model.safetensors")
        return folder
    places = {}
    for number, names in enumerate(np.array_split(sorted(weights), files)):
        file = f"model-{number}.safetensors"
        save_file({str(name): weights[str(name)] for name in names}, folder / file)
        places |= {str(name): file for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


def weights_of(*, bias: bool = False, tied: bool = False) -> dict[str, np.ndarray]:
    return random_weights(seed=5, vocabulary=300, hidden=32, feed=48, shape=SHAPE, bias=bias, tied=tied)


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_a_directory_equals_plain_numpy(tmp_path: Path, files: int, tied: bool, kind: str) -> None:
    name = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[kind]
    config = CONFIG | {"architectures": [name], "model_type": kind, "tie_word_embeddings": tied}
    weights = weights_of(bias=kind == "qwen2", tied=tied)
    model = load(write(tmp_path / "tiny", config, weights, files=files))
    expected = logits(SHAPE, weights, TEXT)
    ours = hidden_states(model, TEXT, {"full": Full()})["full"] @ model.head().T
    np.testing.assert_allclose(ours, expected, rtol=0, atol=3e-5)
    np.testing.assert_allclose(model.next_token_logits(TEXT), expected[-1], rtol=0, atol=3e-5)
    assert model.name == "tiny"
    assert len(model.source.sha256) == 64
    assert model.head_quantised() is None
    assert model.tokenizer.decode(model.tokenizer.encode("héllo")) == "héllo"


def test_the_newer_form_of_rotary_settings_and_16_bit_weights(tmp_path: Path) -> None:
    new = {key: value for key, value in CONFIG.items() if key != "rope_theta"}
    new["rope_parameters"] = {"rope_theta": 500.0, "rope_type": "default"}
    halves = {name: array.astype(np.float16) for name, array in weights_of().items()}
    model = load(write(tmp_path / "tiny", new, halves))
    ours = model.next_token_logits(TEXT)
    np.testing.assert_allclose(ours, logits(SHAPE, halves, TEXT)[-1], rtol=0, atol=3e-5)


def test_bfloat16_weights(tmp_path: Path) -> None:
    import ml_dtypes

    rounded = {name: array.astype(ml_dtypes.bfloat16) for name, array in weights_of().items()}
    model = load(write(tmp_path / "tiny", CONFIG, rounded))
    same = {name: array.astype(np.float32) for name, array in rounded.items()}
    ours = model.next_token_logits(TEXT)
    np.testing.assert_allclose(ours, logits(SHAPE, same, TEXT)[-1], rtol=0, atol=3e-5)


def test_llama3_scaling_is_read(tmp_path: Path) -> None:
    scaling = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    model = load(write(tmp_path / "tiny", CONFIG | {"rope_scaling": scaling}, weights_of()))
    factors = model.config.rope_factors
    assert factors is not None
    assert factors[0] == 1.0
    assert factors[-1] == 8.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "class GPT2LMHeadModel; supported are LlamaForCausalLM"),
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu'; only 'silu' is supported"),
        ({"mlp_bias": True}, "mlp_bias = True; only False is supported"),
        ({"use_sliding_window": True}, "use_sliding_window = True"),
        ({"layer_types": ["sliding_attention"] * 3}, "other than full attention"),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, "by 'yarn'; only 'llama3' is supported"),
        ({"num_hidden_layers": 2}, r"can't use: \['model.layers.2"),
        ({"num_hidden_layers": 4}, r"layer 3: missing arrays"),
        ({"intermediate_size": 64}, r"layer 0: gate has shape \(48, 32\), expected \(64, 32\)"),
        ({"attention_bias": True}, r"layer 0: missing arrays \['key_bias', 'query_bias', 'value_bias'\]"),
    ],
)
def test_configurations_that_do_not_fit(tmp_path: Path, change: dict, message: str) -> None:
    folder = write(tmp_path / "tiny", CONFIG | change, weights_of())
    with pytest.raises(ModelError, match=message):
        load(folder)


def test_broken_directories(tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", CONFIG, weights_of(), files=2)
    shard = folder / "model-1.safetensors"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-100])
    with pytest.raises(ModelError, match=r"model-1.safetensors can't be read as safetensors"):
        load(folder)
    shard.unlink()
    with pytest.raises(ModelError, match=r"lacks the files \['model-1.safetensors'\]"):
        load(folder)
    shard.write_bytes(whole)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tiny has no tokenizer.json"):
        load(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer.json can't be read"):
        load(folder)
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    with pytest.raises(ModelError, match=r"config.json has no entry"):
        load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config.json isn't valid JSON"):
        load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"tiny has no config.json"):
        load(folder)


def test_several_files_need_an_index(tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", CONFIG, weights_of(), files=2)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(ModelError, match="tiny has 2 safetensors files and no index"):
        load(folder)


def test_integer_weights_are_refused(tmp_path: Path) -> None:
    weights = weights_of() | {"model.norm.weight": np.ones(32, dtype=np.int8)}
    with pytest.raises(ModelError, match=r"model.norm.weight is int8"):
        load(write(tmp_path / "tiny", CONFIG, weights))


def test_a_tokenizer_larger_than_the_model(tmp_path: Path) -> None:
    weights = random_weights(seed=5, vocabulary=100, hidden=32, feed=48, shape=SHAPE, bias=False, tied=False)
    folder = write(tmp_path / "tiny", CONFIG | {"vocab_size": 100}, weights)
    with pytest.raises(ModelError, match="the tokenizer has 256 tokens and the model only 100"):
        load(folder)


def test_what_is_no_model_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"neither a packaged model .*smollm2-135m.* nor an existing path"):
        load("smolm2")
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"model.bin isn't a kind of file that loads"):
        load(tmp_path / "model.bin")
