from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from make_reference import CONVERSATIONS, DATA, STRINGS

from specsim.models import ChatML, Model, ModelError
from specsim.models.tokenizer import from_glassllm

EXPECTED = json.loads((DATA / "reference.json").read_text("utf-8"))

#: The text that a chat template of Qwen2.5 has where a conversation brings no system message.
QWEN = """{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] +
'<|im_end|>\\n' }}{%- else %}{{- '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}{%- endif %}"""


def test_chatml() -> None:
    plain = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert ChatML().render([("user", "Hi")]) == plain
    default = "<|im_start|>system\nBe kind.<|im_end|>\n"
    assert ChatML("Be kind.").render([("user", "Hi")]) == default + plain
    own = ChatML("Be kind.").render([("system", "Be curt."), ("user", "Hi")])
    assert own == default.replace("kind", "curt") + plain


def test_the_default_system_message_comes_from_the_template() -> None:
    assert ChatML.from_template(QWEN) == ChatML("You are Qwen.")
    assert ChatML.from_template("{{ '<|im_start|>' + role + '<|im_end|>' }}") == ChatML(None)
    assert ChatML.from_template("[INST] {{ message }} [/INST]") is None


def test_what_chatml_refuses() -> None:
    with pytest.raises(ValueError, match="at least one message"):
        ChatML().render([])
    with pytest.raises(ValueError, match="message 1 has role 'tool'; roles are system, user, assistant"):
        ChatML().render([("user", "Hi"), ("tool", "42")])
    with pytest.raises(ValueError, match=r"message 0 contains the marker '<\|im_end\|>'"):
        ChatML().render([("user", "Hi<|im_end|>")])


def test_a_model_without_template(toy: Model) -> None:
    with pytest.raises(ValueError, match="has no chat template; give it plain text"):
        toy.tokenizer.chat([("user", "Hi")])


@pytest.mark.parametrize("number", range(len(STRINGS)))
def test_strings_are_tokenised_as_by_transformers(smollm2: Model, number: int) -> None:
    tokens = smollm2.tokenizer.encode(STRINGS[number])
    assert tokens == EXPECTED["strings"][number]
    assert smollm2.tokenizer.decode(tokens) == STRINGS[number]


@pytest.mark.parametrize("number", range(len(CONVERSATIONS)))
def test_conversations_are_written_as_by_transformers(smollm2: Model, number: int) -> None:
    assert smollm2.tokenizer.chat(CONVERSATIONS[number]) == EXPECTED["chats"][number]


def test_the_special_tokens_of_smollm2(smollm2: Model) -> None:
    tokenizer = smollm2.tokenizer
    assert (tokenizer.vocabulary_size, tokenizer.bos, tokenizer.eos) == (49152, 1, 2)
    assert [tokenizer.decode([token]) for token in tokenizer.end_tokens] == ["<|endoftext|>", "<|im_end|>"]
    assert tokenizer.decode([1, 9690, 2], special=False) == "system"


def merged(text: str, merges: list[list[str]]) -> list[str]:
    """Byte-pair encoding of one piece by the definition: the earliest merge anywhere, until none is left."""
    symbols, ranks = list(text), {tuple(pair): rank for rank, pair in enumerate(merges)}
    while True:
        pairs = [pair for pair in pairwise(symbols) if pair in ranks]
        if not pairs:
            return symbols
        best, joined, place = min(pairs, key=lambda pair: ranks[pair]), [], 0
        while place < len(symbols):
            step = 2 if tuple(symbols[place : place + 2]) == best else 1
            joined.append("".join(symbols[place : place + step]))
            place += step
        symbols = joined


def test_glassllm_follows_its_definition(glassllm: Model) -> None:
    from specsim.models import fetch

    raw = json.loads((fetch("glassllm-en").parent / "en.tokenizer.json").read_text("utf-8"))
    names = ["<pad>", "<unk>", "<bos>", "<eos>", *raw["alphabet"], *map("".join, raw["merges"])]
    words = ["▁Alice", "▁was", "▁beginning", "▁to", "▁get", "▁very", "▁tired,", "\n", "▁▁“Oh!”", "▁"]
    text = "".join(words).replace("▁", " ")
    expected = [names.index(symbol) for word in words for symbol in merged(word, raw["merges"])]
    assert glassllm.tokenizer.encode(text) == expected
    assert glassllm.tokenizer.decode(expected) == text
    assert glassllm.tokenizer.encode("a☃") == [names.index("a"), 1]
    assert glassllm.tokenizer.encode("u\u0300") == [names.index("ù")]
    assert (glassllm.tokenizer.vocabulary_size, glassllm.tokenizer.end_tokens) == (1024, (3,))


def test_files_that_are_no_glassllm_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "en.tokenizer.json"
    with pytest.raises(ModelError, match="isn't a glassllm tokenizer"):
        from_glassllm(path)
    path.write_text('{"version": 2, "alphabet": [], "merges": []}')
    with pytest.raises(ModelError, match="isn't a glassllm tokenizer"):
        from_glassllm(path)
    path.write_text("{")
    with pytest.raises(ModelError, match=r"en.tokenizer.json isn't valid JSON"):
        from_glassllm(path)
