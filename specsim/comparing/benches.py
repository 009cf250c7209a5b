"""What a comparison runs on, by name: a model with prompts and a corpus, or a small random model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from specsim.decoding.system import System
from specsim.sources import prompts as prompt_source
from specsim.sources.prompts import DOMAINS
from specsim.systems.base import Bench, Published
from theory.laws import Tokens
from theory.simplex import Warp

if TYPE_CHECKING:
    from specsim.models import Model
    from specsim.models.tokenizer import Tokenizer

TOY = "toy"
#: Tokens of the corpus that retrieval systems search.
CORPUS = 20_000


@dataclass(frozen=True)
class Ground:
    """A bench, its prompts, and where texts end."""

    bench: Bench
    prompts: tuple[Tokens, ...]
    end_tokens: tuple[int, ...] = ()


def ground(target: str, *, count: int, temperature: float, draft: str | None = None, seed: int = 0) -> Ground:
    """A model with prompts and a corpus, and a smaller one beside it if one is named.

    Parameters
    ----------
    target
        ``toy``: a random model of four layers, for trying things out; or a name or path that
        :func:`specsim.models.load` takes.
    count
        Prompts; of real models those of the four domains in turn.
    temperature
        Of target and drafts.
    draft
        Name or path of a second model with the same tokens, which drafts where a stand-alone draft is asked
        for; a part of the target's own layers for None.
    seed
        Chooses the prompts.

    Raises
    ------
    ValueError
        If a model is unknown, there are not as many prompts, or the two don't share their tokens.
    """
    if target == TOY:
        if draft is not None:
            raise ValueError(f"the toy has no model beside it, got draft {draft!r}; name a language model")
        return _toy(count, temperature, seed)
    from specsim.models import load

    model = load(target)
    chosen = _chosen(count, seed)
    ids = tuple(tuple(_tokens(model.tokenizer, prompt.text)) for prompt in chosen)
    others = prompt_source.without_recorded(prompt_source.all_texts(), recorded=chosen)
    corpus = list[int]()
    for text in _spread(others):
        corpus += model.tokenizer.encode(f"{text.body}\n{text.answer}\n")
        if len(corpus) >= CORPUS:
            break
    companion = None if draft is None else load(draft)
    if companion is not None:
        _check_tokens(model, companion, [prompt.text for prompt in chosen])
    bench = Bench(model, Warp(temperature=temperature), companion, tuple(corpus[:CORPUS]))
    return Ground(bench, ids, tuple(model.tokenizer.end_tokens))


def _check_tokens(target: Model, draft: Model, texts: Sequence[str]) -> None:
    """Raise unless two models have as many tokens, and read texts as the same ones."""
    sizes = target.config.vocabulary, draft.config.vocabulary
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"{target.name} has {sizes[0]} tokens and {draft.name} {sizes[1]}; a draft must have its "
            "target's tokens"
        )
    for text in texts:
        if target.tokenizer.encode(text) != draft.tokenizer.encode(text):
            raise ValueError(f"{target.name} and {draft.name} read the text {text[:40]!r} as other tokens")


def _tokens(tokenizer: Tokenizer, text: str) -> list[int]:
    """As the user's message where the model has a form for conversations, else as it is."""
    return tokenizer.encode(text) if tokenizer.template is None else tokenizer.chat([("user", text)])


def _chosen(count: int, seed: int) -> list[prompt_source.Prompt]:
    """The first prompts of the domains in turn."""
    each = -(-count // len(DOMAINS))
    columns = [prompt_source.prompts(domain, count=each, seed=seed) for domain in DOMAINS]
    return [column[place] for place in range(each) for column in columns][:count]


def _spread(texts: Sequence[prompt_source.Prompt]) -> Iterable[prompt_source.Prompt]:
    """Every domain in turn."""
    by_domain = [[text for text in texts if text.domain == domain] for domain in DOMAINS]
    for place in range(max(map(len, by_domain), default=0)):
        yield from (column[place] for column in by_domain if place < len(column))


def _toy(count: int, temperature: float, seed: int) -> Ground:
    from specsim.models import toy_model

    rng = np.random.default_rng(seed)
    prompts = tuple(tuple(int(token) for token in rng.integers(3, 200, size=12)) for _ in range(count))
    bench = Bench(toy_model(seed=0), Warp(temperature=temperature), corpus=tuple(range(1, 200)) * 3)
    return Ground(bench, prompts)


def make(published: Iterable[Published], bench: Bench) -> tuple[dict[str, System], dict[str, str]]:
    """The systems that can be made on a bench, and for the others why they can't.

    Trained weights that are missing, or are those of another target, are a reason; programming errors are
    raised.
    """
    made, refused = dict[str, System](), dict[str, str]()
    for one in published:
        try:
            made[one.name] = one.real(bench)
        except (ValueError, OSError) as error:
            refused[one.name] = " ".join(str(error).split())
    return made, refused
