"""Real models against transformers: committed values, and a live comparison where torch is installed."""

from __future__ import annotations

import numpy as np
import pytest
from make_reference import DATA, PROMPTS, columns, open_reference, reference_logits, summarise

from specsim.models import (
    LayerMask,
    Model,
    commit,
    decode_step,
    fetch,
    hidden_states,
    load,
    logits,
    prefill,
    tree_step,
)
from specsim.models.registry import cache_directory

#: Largest difference of a logit from transformers' (both float32; measured: see docs/models.md).
TOLERANCE = 5e-4


def our_logits(model: Model, tokens: list[int]) -> np.ndarray:
    hidden, _ = prefill(model.params, model.config, tokens=tokens)
    return np.asarray(logits(model.params, hidden[0]))


def compare(model: Model, number: int) -> None:
    """Hold a prompt's logits against the committed values."""
    with np.load(DATA / f"{model.name}.npz") as stored:
        parts = ("tokens", "positions", "subset", "top", "top_logits", "log_normaliser")
        expected = {name: stored[f"{name}_{number}"] for name in parts}
        np.testing.assert_array_equal(stored["columns"], columns(model.config.vocabulary))
    assert model.tokenizer.encode(PROMPTS[number]) == expected["tokens"].tolist()
    scores = our_logits(model, expected["tokens"].tolist())
    ours = summarise(scores)
    top = np.take_along_axis(scores[expected["positions"]], expected["top"], axis=1)
    np.testing.assert_allclose(top, expected["top_logits"], rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(ours["top"][:, 0], expected["top"][:, 0])
    for name in ("subset", "log_normaliser"):
        np.testing.assert_allclose(ours[name], expected[name], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("number", range(len(PROMPTS)))
def test_logits_are_those_of_transformers(smollm2: Model, number: int) -> None:
    compare(smollm2, number)


def test_the_reference_tells_a_skipped_layer(smollm2: Model) -> None:
    """Negative control: one layer less is a thousand tolerances away."""
    with np.load(DATA / "smollm2-135m.npz") as stored:
        expected, tokens = stored["subset_0"], stored["tokens_0"].tolist()
    view = {"draft": LayerMask(skip=(15,))}
    wrong = hidden_states(smollm2, tokens, view)["draft"] @ smollm2.head().T
    assert np.abs(summarise(wrong)["subset"] - expected).max() > 1000 * TOLERANCE


def test_live_against_transformers(smollm2: Model) -> None:
    pytest.importorskip("torch", reason="torch isn't installed; the committed values are compared instead")
    pytest.importorskip("transformers", reason="transformers isn't installed")
    tokenizer, model = open_reference(fetch("smollm2-135m"))
    for prompt in PROMPTS:
        tokens = tokenizer(prompt).input_ids
        expected = reference_logits(model, tokens)
        np.testing.assert_allclose(our_logits(smollm2, tokens), expected, rtol=0, atol=TOLERANCE)


def test_a_tree_on_real_weights(smollm2: Model) -> None:
    prefix = smollm2.tokenizer.encode("The capital of France is")
    words = [" Paris", " the", " a", ",", " city", " and", " of"]
    tokens = [smollm2.tokenizer.encode(word)[0] for word in words]
    parents = [-1, -1, 0, 0, 1, 2, 4]
    params, config = smollm2.params, smollm2.config
    _, cache = prefill(params, config, tokens=prefix)
    hidden, scored = tree_step(params, config, cache=cache, tokens=tokens, parents=parents)
    scores = np.asarray(logits(params, hidden[0]))
    for path in ([0, 3], [0, 2, 5], [1, 4, 6]):
        whole = our_logits(smollm2, [*prefix, *(tokens[node] for node in path)])
        np.testing.assert_allclose(scores[path], whole[len(prefix) :], rtol=0, atol=1e-3)
    following, _ = decode_step(params, config, cache=commit(scored, path=[1, 4, 6]), tokens=[tokens[0]])
    whole = our_logits(smollm2, [*prefix, *(tokens[node] for node in (1, 4, 6, 0))])
    np.testing.assert_allclose(logits(params, following[0, 0]), whole[-1], rtol=0, atol=1e-3)


def test_the_head_in_8_bits_is_the_head(smollm2: Model) -> None:
    head = smollm2.head_quantised()
    assert head is not None
    assert (head.values.shape, head.scales.shape) == ((49152, 576), (49152, 18))
    assert head.values.nbytes + head.scales.nbytes < 31e6
    np.testing.assert_array_equal(head.dense(), smollm2.head())


def test_it_speaks(smollm2: Model) -> None:
    prompt = smollm2.tokenizer.chat([("user", "What is the capital of France? Answer in one word.")])
    answer = smollm2.generate(prompt, max_new_tokens=12, temperature=0.0)
    assert "Paris" in smollm2.tokenizer.decode(answer)
    assert answer == smollm2.generate(prompt, max_new_tokens=12, temperature=0.0, seed=5)


def test_what_it_says_of_itself(smollm2: Model) -> None:
    said = smollm2.metadata()
    assert said["parameters"] == 134_515_008
    assert said["quantisation"] == "Q4_1 x 210, Q8_0 x 1"
    assert said["sha256"] == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert not any("/" in str(value) for value in said.values())


@pytest.mark.slow
def test_qwen_logits_are_those_of_transformers() -> None:
    """The other architecture, with biases and K-quants. Opt-in: only if the model was fetched before."""
    name = "qwen2.5-coder-0.5b"
    if not (cache_directory() / name).exists():
        pytest.skip(f"{name} isn't in the cache; fetch it (480 MB) to run this test")
    model = load(name)
    for number in range(len(PROMPTS)):
        compare(model, number)
