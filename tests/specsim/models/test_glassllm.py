from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plain_llama import Shape, hidden, logits

from specsim.models import Full, LayerMask, Model, ModelError, fetch, hidden_states, load

SHAPE = Shape(layers=4, heads=4, kv_heads=2, rope_base=10000.0, epsilon=1e-6, interleaved=True)
NAMES = {
    "input_layernorm": "norm1.gamma",
    "post_attention_layernorm": "norm2.gamma",
    "self_attn.q_proj": "attn.W_Q",
    "self_attn.k_proj": "attn.W_K",
    "self_attn.v_proj": "attn.W_V",
    "self_attn.o_proj": "attn.W_O",
    "mlp.gate_proj": "ffn.W1",
    "mlp.up_proj": "ffn.W3",
    "mlp.down_proj": "ffn.W2",
}


def checkpoint(path: Path) -> dict[str, np.ndarray]:
    """The package's arrays under the names of the plain implementation."""
    with np.load(path) as stored:
        weights = {"model.embed_tokens.weight": stored["E"], "model.norm.weight": stored["norm_f.gamma"]}
        for number in range(4):
            for name, theirs in NAMES.items():
                array = stored[f"blocks.{number}.{theirs}"]
                weights[f"model.layers.{number}.{name}.weight"] = array.T
    return weights


@pytest.mark.parametrize("name", ["glassllm-en", "glassllm-pt"])
def test_real_weights_equal_plain_numpy(glassllm: Model, name: str) -> None:
    model, weights = load(name), checkpoint(fetch(name))
    text = model.tokenizer.encode("“What is the use of a book,” thought Alice, “without pictures?”\n" * 2)
    views = {"target": Full(), "draft": LayerMask(skip=(1,))}
    states = hidden_states(model, text, views)
    expected = logits(SHAPE, weights, text)
    np.testing.assert_allclose(states["target"] @ model.head().T, expected, rtol=0, atol=1e-4)
    skipped = hidden(SHAPE, weights, text, layers=(0, 2, 3))
    np.testing.assert_allclose(states["draft"], skipped, rtol=0, atol=1e-4)


def test_it_has_learnt_its_book(glassllm: Model) -> None:
    """Real weights in the right places: far better than a uniform guess on its training text."""
    text = glassllm.tokenizer.encode(
        "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing "
        "to do: once or twice she had peeped into the book her sister was reading"
    )
    scores = hidden_states(glassllm, text, {"full": Full()})["full"] @ glassllm.head().T
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    loss = -logs[np.arange(len(text) - 1), text[1:]].mean()
    assert loss < 4.5 < np.log(1024)


def test_what_it_says_of_itself(glassllm: Model) -> None:
    said = glassllm.metadata()
    assert said["parameters"] == 852_608
    assert said["licence"] == "MIT (the package)"
    assert said["source"] == "glassllm 0.1.0, model 'en'; package glassllm 0.1.0"
    assert (said["vocabulary"], said["context"], said["quantisation"]) == (1024, 128, "float16")
    assert all(isinstance(value, str | int | float) for value in said.values())


def test_broken_files(tmp_path: Path, glassllm: Model) -> None:
    good = fetch("glassllm-en").read_bytes()
    path = tmp_path / "en.npz"
    for content in (b"", good[:-1000], b"PK" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"en.npz can't be read as npz"):
            load(path)
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(ModelError, match="it isn't a glassllm model"):
        load(path)
    np.savez(path, __config__=np.array("{}"), E=np.zeros(3))
    with pytest.raises(ModelError, match=r"en.npz has no entry"):
        load(path)
