"""GGUF files: tiny ones written here by the package ``gguf``, and broken ones."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from plain_llama import Shape, logits, random_weights

from specsim.models import ModelError, load
from specsim.models.gguf_file import GGUFFile
from specsim.models.tokenizer import byte_tokenizer

TEXT = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
SHAPE = Shape(layers=2, heads=4, kv_heads=2, rope_base=500.0, epsilon=1e-5)
VOCABULARY, HIDDEN, FEED = 260, 32, 64

NAMES = {
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
    "model.layers.": "blk.",
}


def gguf_name(name: str) -> str:
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


def interleave(rows: np.ndarray, heads: int) -> np.ndarray:
    """From half to interleaved rotary order, one row at a time."""
    size = len(rows) // heads
    out = np.empty_like(rows)
    for head in range(heads):
        for pair in range(size // 2):
            out[head * size + 2 * pair] = rows[head * size + pair]
            out[head * size + 2 * pair + 1] = rows[head * size + size // 2 + pair]
    return out


def tokens() -> tuple[list[str], list[int]]:
    vocabulary = byte_tokenizer(vocabulary_size=256).backend.get_vocab()
    plain = sorted(vocabulary, key=lambda token: vocabulary[token])
    return [*plain, "<|im_start|>", "<|im_end|>", "<|endoftext|>", "he"], [1] * 256 + [3, 3, 3, 1]


def write(
    path: Path,
    *,
    architecture: str = "llama",
    kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32,
    tied: bool = True,
    extra: dict[str, np.ndarray] | None = None,
    entries: dict[str, object] | None = None,
    pre: str = "smollm",
) -> dict[str, np.ndarray]:
    """A tiny GGUF model; returns the weights that the file really holds, under Hugging Face names."""
    weights = random_weights(
        seed=1,
        vocabulary=VOCABULARY,
        hidden=HIDDEN,
        feed=FEED,
        shape=SHAPE,
        bias=architecture == "qwen2",
        tied=tied,
    )
    writer = gguf.GGUFWriter(path, architecture)
    _write_entries(writer, pre)
    for key, value in (entries or {}).items():
        {str: writer.add_string, int: writer.add_uint32}[type(value)](key, value)
    held = {name: _add(writer, name, array, architecture, kind) for name, array in weights.items()}
    for name, array in (extra or {}).items():
        writer.add_tensor(name, array)
    for write_part in (
        writer.write_header_to_file,
        writer.write_kv_data_to_file,
        writer.write_tensors_to_file,
    ):
        write_part()
    writer.close()
    return held


def _write_entries(writer: gguf.GGUFWriter, pre: str) -> None:
    writer.add_block_count(SHAPE.layers)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(SHAPE.heads)
    writer.add_head_count_kv(SHAPE.kv_heads)
    writer.add_rope_freq_base(SHAPE.rope_base)
    writer.add_layer_norm_rms_eps(SHAPE.epsilon)
    names, types = tokens()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges(["h e"])
    writer.add_eos_token_id(257)
    writer.add_chat_template("{{'<|im_start|>system\nBe brief.<|im_end|>\n'}}")


def _add(
    writer: gguf.GGUFWriter,
    name: str,
    array: np.ndarray,
    architecture: str,
    kind: gguf.GGMLQuantizationType,
) -> np.ndarray:
    heads = {"q_proj": SHAPE.heads, "k_proj": SHAPE.kv_heads}.get(name.split(".")[-2])
    turned = interleave(array, heads) if heads and architecture == "llama" else array
    if turned.ndim == 1 or kind == gguf.GGMLQuantizationType.F32:
        writer.add_tensor(gguf_name(name), turned)
        return array
    blocks = gguf.quants.quantize(turned, kind)
    writer.add_tensor(gguf_name(name), blocks, raw_dtype=kind)
    held = gguf.quants.dequantize(blocks, kind)
    if not (heads and architecture == "llama"):
        return held
    back = np.argsort(interleave(np.arange(len(array)), heads))
    return held[back]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("kind", ["F32", "Q8_0"])
def test_a_file_equals_plain_numpy(tmp_path: Path, architecture: str, kind: str, tied: bool) -> None:
    path = tmp_path / "tiny.gguf"
    weights = write(path, architecture=architecture, kind=gguf.GGMLQuantizationType[kind], tied=tied)
    model = load(path)
    expected = logits(SHAPE, weights, TEXT)[-1]
    np.testing.assert_allclose(model.next_token_logits(TEXT), expected, rtol=0, atol=3e-5)
    head = model.head_quantised()
    assert (head is None) == (kind == "F32")
    if head is not None:
        np.testing.assert_array_equal(head.dense(), model.head())
    assert model.config.tied == tied
    assert model.metadata()["quantisation"] == f"{kind} x {15 + (not tied)}"


def test_the_tokenizer_of_a_file(tmp_path: Path) -> None:
    write(tmp_path / "tiny.gguf")
    tokenizer = load(tmp_path / "tiny.gguf").tokenizer
    assert tokenizer.encode("he<|im_end|>") == [259, 257]
    assert tokenizer.end_tokens == (257, 258)
    assert tokenizer.decode(tokenizer.chat([("user", "he")])) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhe<|im_end|>\n<|im_start|>assistant\n"
    )


def test_scaled_frequencies_are_used(tmp_path: Path) -> None:
    factors = np.array([1, 2, 4, 8], dtype=np.float32)
    write(tmp_path / "plain.gguf")
    write(tmp_path / "scaled.gguf", extra={"rope_freqs.weight": factors})
    scaled = load(tmp_path / "scaled.gguf")
    assert scaled.config.rope_factors == (1.0, 2.0, 4.0, 8.0)
    difference = scaled.next_token_logits(TEXT) - load(tmp_path / "plain.gguf").next_token_logits(TEXT)
    assert np.abs(difference).max() > 1e-2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "gpt2"}, "architecture 'gpt2'; supported are llama, qwen2"),
        ({"entries": {"llama.rope.scaling.type": "yarn"}}, "scales rotary positions by 'yarn'"),
        ({"entries": {"llama.expert_count": 8}}, "mixture of experts"),
        ({"entries": {"llama.rope.dimension_count": 4}}, "rotates 4 of 8 coordinates"),
        ({"entries": {"split.count": 3}}, "one of 3 pieces"),
        ({"extra": {"blk.0.attn_sinks": np.ones(4, np.float32)}}, r"can't use: \['blk.0.attn_sinks'\]"),
        ({"pre": "tekken"}, "pre-tokeniser 'tekken'; supported are 'gpt2' with 'smollm', 'qwen2'"),
    ],
)
def test_what_is_not_supported(tmp_path: Path, change: dict, message: str) -> None:
    write(tmp_path / "tiny.gguf", **change)
    with pytest.raises(ModelError, match=message):
        load(tmp_path / "tiny.gguf")


def test_bytes_that_are_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write(path)
    good = path.read_bytes()
    broken = {
        "is empty": b"",
        "doesn't begin with the bytes 'GGUF'": b"FUGG" + good[4:],
        "has GGUF version 1;": good[:4] + struct.pack("<I", 1) + good[8:],
        "has GGUF version 50331648;": good[:4] + struct.pack(">I", 3) + good[8:],
        "is truncated: its header needs byte": good[:1000],
        "is truncated: tensor output_norm.weight ends at byte|is truncated: tensor .* ends": good[:-40],
        "unknown metadata type 200": _with_first_type(good, 200),
    }
    for message, content in broken.items():
        path.write_bytes(content)
        with pytest.raises(ModelError, match=message):
            load(path)


def _with_first_type(content: bytes, kind: int) -> bytes:
    at = 24 + 8 + struct.unpack_from("<Q", content, 24)[0]
    return content[:at] + struct.pack("<I", kind) + content[at + 4 :]


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    """Cut anywhere, a file either says so or (in its last padding) still holds everything."""
    path = tmp_path / "tiny.gguf"
    write(path)
    good = path.read_bytes()
    ends = max(tensor.start + tensor.size for tensor in GGUFFile.open(path).tensors.values())
    cuts = np.random.default_rng(0).integers(0, ends, size=60)
    for cut in [*cuts.tolist(), ends - 1]:
        path.write_bytes(good[:cut])
        with pytest.raises(ModelError, match=r"truncated|empty"):
            GGUFFile.open(path)


def test_what_a_file_lacks(tmp_path: Path) -> None:
    write(tmp_path / "tiny.gguf")
    file = GGUFFile.open(tmp_path / "tiny.gguf")
    with pytest.raises(ModelError, match=r"tiny.gguf has no metadata entry 'llama.nonsense'"):
        file.require("llama.nonsense")
    with pytest.raises(ModelError, match=r"tiny.gguf has no tensor 'nonsense'"):
        file.array("nonsense")
