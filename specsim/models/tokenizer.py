"""One tokenizer, built from whatever a model's source carries.

From GGUF metadata (byte-level BPE with the pre-tokenisers ``smollm`` and ``qwen2``), from a
``tokenizer.json``, or from the JSON of the package ``glassllm`` (BPE over characters, spaces marked).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

from specsim.models.chat import END, ChatML
from specsim.models.errors import ModelError

#: Types of GGUF tokens that are recognised whole: control tokens, and added by the user.
_CONTROL, _USER = 3, 4

#: Names of tokens that end a text whatever a file says.
_END_NAMES = (END, "<|endoftext|>")

_QWEN2_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GLASS_PIECES = r"\n|▁*[^▁\n]+|▁+"
_GLASS_SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>")
_GLASS_SPACE = "▁"


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """Text to token ids and back.

    Parameters
    ----------
    backend
        The ``tokenizers`` object that does the work.
    vocabulary_size
        Ids are in ``[0, vocabulary_size)``.
    bos, eos
        Ids of the tokens that begin and end a text, or None.
    end_tokens
        Ids after which a generation stops.
    template
        How conversations are written, or None for a model that wasn't tuned on any.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> tokenizer = toy_model(seed=0).tokenizer
    >>> tokenizer.decode(tokenizer.encode("draft, then verify"))
    'draft, then verify'
    """

    backend: tokenizers.Tokenizer
    vocabulary_size: int
    bos: int | None
    eos: int | None
    end_tokens: tuple[int, ...]
    template: ChatML | None

    def encode(self, text: str) -> list[int]:
        """Token ids of a text.

        Special tokens written out in the text become special tokens. A begin token is put in front if the
        model's own tokenizer does so.
        """
        return list(self.backend.encode(text).ids)

    def decode(self, tokens: Sequence[int], *, special: bool = True) -> str:
        """The text of token ids; without special tokens if ``special`` is False."""
        return str(self.backend.decode(list(tokens), skip_special_tokens=not special))

    def chat(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of a conversation (pairs of role and content), ready for the assistant's answer.

        Raises
        ------
        ValueError
            If the model has no chat template (``template is None``), or a message is malformed.
        """
        if self.template is None:
            raise ValueError("this model has no chat template; give it plain text with encode()")
        rendered = self.template.render(messages)
        return list(self.backend.encode(rendered, add_special_tokens=False).ids)


def _byte_level_pieces(regex: str | None) -> pre_tokenizers.PreTokenizer:
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex is None)
    if regex is None:
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level])
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), behavior="isolated"), level])


#: Pre-tokeniser and normaliser by the name in a GGUF file.
_PRE: dict[str, Callable[[], tuple[Any, Any]]] = {
    "smollm": lambda: (_byte_level_pieces(None), None),
    "qwen2": lambda: (_byte_level_pieces(_QWEN2_PIECES), normalizers.NFC()),
}


def from_gguf(metadata: Mapping[str, Any], *, source: str) -> Tokenizer:
    """The tokenizer in a GGUF file's metadata.

    Parameters
    ----------
    metadata
        The file's entries.
    source
        The file's name, for messages.

    Raises
    ------
    ModelError
        If the tokenizer's kind isn't supported, or its entries are missing.
    """
    kind, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre")
    if kind != "gpt2" or pre not in _PRE:
        raise ModelError(
            f"{source} has a tokenizer of model {kind!r} and pre-tokeniser {pre!r}; supported are "
            f"'gpt2' with {', '.join(map(repr, _PRE))}"
        )
    for key in ("tokens", "merges", "token_type"):
        if f"tokenizer.ggml.{key}" not in metadata:
            raise ModelError(f"{source} has no metadata entry 'tokenizer.ggml.{key}'")
    tokens = metadata["tokenizer.ggml.tokens"]
    try:
        backend = _byte_level(tokens, metadata["tokenizer.ggml.merges"], pre)
        _add_whole(backend, tokens, metadata["tokenizer.ggml.token_type"])
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{source}: its tokens and merges don't make a tokenizer ({error})") from None
    return _finish(backend, len(tokens), metadata)


def _byte_level(tokens: Sequence[str], merges: Sequence[str], pre: str) -> tokenizers.Tokenizer:
    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = [(left, right) for left, right in (merge.split(" ", 1) for merge in merges)]
    backend = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    pieces, normaliser = _PRE[pre]()
    backend.pre_tokenizer = pieces
    if normaliser is not None:
        backend.normalizer = normaliser
    backend.decoder = decoders.ByteLevel()
    return backend


def _add_whole(backend: tokenizers.Tokenizer, tokens: Sequence[str], types: Sequence[int]) -> None:
    for token, kind in zip(tokens, types, strict=True):
        if kind == _CONTROL:
            backend.add_special_tokens([AddedToken(token, normalized=False, special=True)])
        elif kind == _USER:
            backend.add_tokens([AddedToken(token, normalized=False)])


def _finish(backend: tokenizers.Tokenizer, size: int, metadata: Mapping[str, Any]) -> Tokenizer:
    bos, eos = metadata.get("tokenizer.ggml.bos_token_id"), metadata.get("tokenizer.ggml.eos_token_id")
    if metadata.get("tokenizer.ggml.add_bos_token", False) and bos is not None:
        name = backend.id_to_token(bos)
        backend.post_processor = processors.TemplateProcessing(
            single=[name, "$A"], special_tokens=[(name, bos)]
        )
    return Tokenizer(
        backend=backend,
        vocabulary_size=size,
        bos=bos,
        eos=eos,
        end_tokens=_ends(backend, eos, metadata.get("tokenizer.ggml.eot_token_id")),
        template=ChatML.from_template(metadata.get("tokenizer.chat_template", "")),
    )


def _ends(backend: tokenizers.Tokenizer, *known: int | None) -> tuple[int, ...]:
    named = [backend.token_to_id(name) for name in _END_NAMES]
    return tuple(sorted({token for token in (*known, *named) if token is not None}))


def from_directory(directory: Path) -> Tokenizer:
    """The tokenizer of a directory of ordinary weights.

    Reads ``tokenizer.json``; begin, end and chat template come from ``tokenizer_config.json``,
    ``generation_config.json`` and ``chat_template.jinja`` where they are.

    Raises
    ------
    ModelError
        If there is no readable ``tokenizer.json``.
    """
    path = directory / "tokenizer.json"
    if not path.exists():
        raise ModelError(f"{directory.name} has no tokenizer.json")
    try:
        backend = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"tokenizer.json can't be read ({error})") from None
    backend.no_truncation()
    backend.no_padding()
    settings = _settings(directory / "tokenizer_config.json")
    bos, eos = (_named(backend, settings.get(name)) for name in ("bos_token", "eos_token"))
    return Tokenizer(
        backend=backend,
        vocabulary_size=backend.get_vocab_size(with_added_tokens=True),
        bos=bos,
        eos=eos,
        end_tokens=_ends(backend, eos, *_generation_ends(directory)),
        template=ChatML.from_template(_template(directory, settings)),
    )


def _settings(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name} isn't valid JSON: {error}") from None
    return dict(content)


def _named(backend: tokenizers.Tokenizer, token: Any) -> int | None:
    name = token.get("content") if isinstance(token, dict) else token
    found: int | None = None if name is None else backend.token_to_id(name)
    return found


def _generation_ends(directory: Path) -> list[int]:
    ends = _settings(directory / "generation_config.json").get("eos_token_id") or []
    return ends if isinstance(ends, list) else [ends]


def _template(directory: Path, settings: Mapping[str, Any]) -> str:
    path = directory / "chat_template.jinja"
    if path.exists():
        return path.read_text(encoding="utf-8")
    written = settings.get("chat_template")
    return written if isinstance(written, str) else ""


def from_glassllm(path: Path) -> Tokenizer:
    """The tokenizer of a glassllm model: NFC text, spaces as a mark, BPE over characters.

    Raises
    ------
    ModelError
        If the file isn't such a tokenizer.
    """
    content = _settings(path) if path.exists() else {}
    if content.get("version") != 1 or not {"alphabet", "merges"} <= content.keys():
        raise ModelError(f"{path.name} isn't a glassllm tokenizer (version 1 with alphabet and merges)")
    merges = [(left, right) for left, right in content["merges"]]
    tokens = [*_GLASS_SPECIAL, *content["alphabet"], *(left + right for left, right in merges)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    backend = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>"))
    backend.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", _GLASS_SPACE)])
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(_GLASS_PIECES), behavior="isolated")
    backend.decoder = decoders.Sequence([decoders.Replace(_GLASS_SPACE, " "), decoders.Fuse()])
    bos, eos = (vocabulary[name] for name in _GLASS_SPECIAL[2:])
    return Tokenizer(backend, len(tokens), bos, eos, end_tokens=(eos,), template=None)


def byte_tokenizer(*, vocabulary_size: int) -> Tokenizer:
    """A tokenizer of bytes: one id for each byte that UTF-8 may need, no merges, 256 ids in all."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(alphabet)}
    backend = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return Tokenizer(backend, vocabulary_size, bos=None, eos=None, end_tokens=(), template=None)
