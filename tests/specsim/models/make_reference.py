"""Make the reference values of packaged models from an independent implementation (torch and transformers).

Run it in an environment that has torch, transformers, gguf and accelerate (and specsim's ``models`` extra)::

    python tests/specsim/models/make_reference.py

It writes ``data/<model>.npz`` and ``data/reference.json`` beside itself. The functions are also what
the live comparison in ``test_reference.py`` calls.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"

PROMPTS = (
    "The quick brown fox jumps over the lazy dog. Speculative decoding drafts several tokens with a small "
    "model and verifies them",
    "def fibonacci(n: int) -> int:\n    if n < 2:\n        return n\n    return fib",
    "Q: A train travels 120 km in 1.5 hours. What is its average speed?\nA: The average speed is 120 / 1.5 =",
)

STRINGS = (
    *PROMPTS,
    "",
    " leading and trailing  ",
    "tabs\tand\n\n\nnewlines \r\n",
    "1234567890 3.14159 1,000,000",
    "don't won't I'll they've she'd I'M",
    "Ünïcödé naïve façade — “quotes” … 東京 Привет 😀👩‍👩‍👧",
    "x = [i**2 for i in range(10)]  # comment\n\tif x: return {'a': 1}",
    "<|im_start|>user\nHi<|im_end|>\n",
    "e\u0301 versus \u00e9",
)

CONVERSATIONS = (
    (("user", "What is 2 + 2?"),),
    (("system", "You are terse."), ("user", "Name a colour.")),
    (("user", "Hi"), ("assistant", "Hello! How can I help?"), ("user", "Tell me a joke.")),
)

SHAPE = {"hidden_size": 2048, "num_attention_heads": 32, "head_dim": 64}
LLAMA3 = {
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}

POSITIONS = 8
COLUMNS = 512
TOP = 20


def columns(vocabulary: int) -> np.ndarray:
    """The fixed subset of the vocabulary whose logits are kept."""
    return np.sort(np.random.default_rng(20240229).choice(vocabulary, size=COLUMNS, replace=False))


def positions(count: int) -> np.ndarray:
    """The positions of a prompt whose logits are kept: evenly spread, the last one included."""
    return np.unique(np.linspace(0, count - 1, POSITIONS).round().astype(int))


def open_reference(gguf: Path) -> tuple[Any, Any]:
    """Tokenizer and float32 model of transformers, from a GGUF file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
    return tokenizer, model.eval()


def reference_logits(model: Any, ids: list[int]) -> np.ndarray:
    """All logits of a text, float32, shape (T, V)."""
    import torch

    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].float().numpy()


def summarise(logits: np.ndarray) -> dict[str, np.ndarray]:
    """What is kept of a prompt's logits."""
    kept = logits[positions(len(logits))]
    top = np.argsort(-kept, axis=1, kind="stable")[:, :TOP]
    exact = logits.astype(np.float64)
    peak = exact.max(axis=1)
    return {
        "positions": positions(len(logits)),
        "subset": kept[:, columns(logits.shape[1])],
        "top": top,
        "top_logits": np.take_along_axis(kept, top, axis=1),
        "log_normaliser": peak + np.log(np.exp(exact - peak[:, None]).sum(axis=1)),
    }


def write_logits(name: str) -> Any:
    """Write one model's values; returns the reference's tokenizer."""
    from specsim.models import fetch

    tokenizer, model = open_reference(fetch(name))
    arrays = {"columns": columns(model.config.vocab_size)}
    for number, prompt in enumerate(PROMPTS):
        ids = tokenizer(prompt).input_ids
        arrays[f"tokens_{number}"] = np.array(ids, dtype=np.int32)
        kept = summarise(reference_logits(model, ids))
        arrays |= {f"{part}_{number}": array for part, array in kept.items()}
    np.savez_compressed(DATA / f"{name}.npz", **arrays)
    return tokenizer


def main() -> None:
    DATA.mkdir(exist_ok=True)
    write_logits("qwen2.5-coder-0.5b")
    tokenizer = write_logits("smollm2-135m")
    facts = tokens(tokenizer) | {"llama3_frequencies": llama3_frequencies()}
    (DATA / "reference.json").write_text(json.dumps(facts) + "\n", "utf-8")


def tokens(tokenizer: Any) -> dict[str, Any]:
    """Token ids of all strings and conversations, by the reference."""
    chats = []
    for conversation in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in conversation]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        chats.append(tokenizer(text, add_special_tokens=False).input_ids)
    return {"strings": [tokenizer(text).input_ids for text in STRINGS], "chats": chats}


def llama3_frequencies() -> list[float]:
    """Rotary frequencies of the shape of Llama 3.2 1B, as transformers scales them."""
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rope = {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3}
    config = LlamaConfig(max_position_embeddings=131072, rope_parameters=rope, **SHAPE)
    frequencies, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    return [float(x) for x in frequencies]


if __name__ == "__main__":
    main()
