r"""Worlds: where text can be sampled for the occasion, and what is known of it afterwards.

A *run* is a batch of texts that grow by one token a step. It gives the target's law of the next tokens, a
student's law, and in the end a :class:`~specsim.training.network.Batch` with what the target knows of the
whole. :class:`TableWorld` is exact and small; :class:`ModelWorld` is a language model with prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models import Model
from specsim.models.config import Array
from specsim.models.steps import check_context, check_tokens, round_up
from specsim.sources.tables import TableModel
from specsim.training.batched import append_tokens, begin_batch
from specsim.training.corpus import Corpus, Windows
from specsim.training.network import Batch, Network, Params, apply
from specsim.training.vocabulary import SubVocabulary


class Run(Protocol):
    """A batch of texts that grow together."""

    @property
    def finished(self) -> bool:
        """Whether they are as long as they get."""

    def law(self) -> Array:
        """The target's law of the next tokens, shape ``(B, V)``."""

    def student_law(self, network: Network, params: Params) -> Array:
        """A student's law of the next tokens, shape ``(B, V)``; one pass over the texts."""

    def append(self, tokens: Array) -> None:
        """Let every text grow by a token, shape ``(B,)``."""

    def score(self) -> Batch:
        """What the target knows of the texts; what was appended counts."""


class World(Protocol):
    """Opens runs."""

    def open(self, batch: int, rng: np.random.Generator) -> Run:
        """So many texts, their prompts chosen by the generator."""


def draw_rows(law: Array, rng: np.random.Generator) -> Array:
    """One token from each row of a law ``(B, V)``: one uniform number a row.

    Examples
    --------
    >>> draw_rows(np.array([[0.0, 1.0], [1.0, 0.0]]), np.random.default_rng(0)).tolist()
    [1, 0]
    """
    cumulative = np.cumsum(np.asarray(law, dtype=np.float64), axis=1)
    marks = rng.random(len(law)) * cumulative[:, -1]
    pairs = zip(cumulative, marks, strict=True)
    return np.array([np.searchsorted(row, mark, side="right") for row, mark in pairs])


def _student(network: Network, params: Params, tokens: Array, lengths: Array, width: int) -> Array:
    """A student's law after each of some texts ``(B, width)`` of given lengths, over its own vocabulary."""
    columns = np.arange(width)
    batch = Batch.of(
        tokens,
        valid=jnp.asarray(columns < lengths[:, None]),
        weight=jnp.zeros(tokens.shape, jnp.float32),
    )
    logits = apply(network, params, batch).require("logits")
    rows = np.asarray(jax.nn.softmax(logits[jnp.arange(len(lengths)), lengths - 1]))
    return rows.astype(np.float64)


@dataclass(frozen=True, eq=False)
class TableWorld:
    """Texts of a table model, each from one token that the model drew.

    Parameters
    ----------
    target
        The model; floats or fractions.
    width
        Tokens a text, the first included; at least 2.

    Examples
    --------
    >>> target = TableModel({(): [0.5, 0.5], (0,): [0.0, 1.0], (1,): [1.0, 0.0]})
    >>> run = TableWorld(target, width=3).open(2, np.random.default_rng(0))
    >>> run.append(run.law().argmax(axis=1)); run.append(run.law().argmax(axis=1))
    >>> run.score().weight.tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
    """

    target: TableModel
    width: int

    def __post_init__(self) -> None:
        if self.width < 2:
            raise ValueError(f"width must be at least 2, got {self.width}")

    @cached_property
    def rows(self) -> dict[tuple[int, ...], Array]:
        """The model's rows as floats."""
        return {prefix: np.asarray(row, dtype=np.float64) for prefix, row in self.target.rows.items()}

    def law(self, tokens: Array) -> Array:
        """The target's law after each text of an array ``(B, t)``."""
        return np.stack([self.rows[self.target.context(text.tolist())] for text in tokens])

    def describe(self, tokens: Array) -> Batch:
        """A batch of texts ``(B, T)`` with the target's law at every column."""
        laws = np.stack([self.law(tokens[:, : end + 1]) for end in range(tokens.shape[1])], axis=1)
        with np.errstate(divide="ignore"):
            return Batch.of(tokens, log_p=jnp.asarray(np.log(laws), dtype=jnp.float32))

    def open(self, batch: int, rng: np.random.Generator) -> Run:
        first = draw_rows(np.tile(self.rows[()], (batch, 1)), rng)
        return _TableRun(self, first[:, None])


class _TableRun:
    def __init__(self, world: TableWorld, tokens: Array) -> None:
        self._world, self._tokens = world, tokens

    @property
    def finished(self) -> bool:
        return bool(self._tokens.shape[1] == self._world.width)

    def law(self) -> Array:
        return self._world.law(self._tokens)

    def student_law(self, network: Network, params: Params) -> Array:
        batch, length = self._tokens.shape
        tokens = np.zeros((batch, self._world.width), dtype=np.int32)
        tokens[:, :length] = self._tokens
        return _student(network, params, tokens, np.full(batch, length), self._world.width)

    def append(self, tokens: Array) -> None:
        self._tokens = np.concatenate([self._tokens, tokens[:, None]], axis=1)

    def score(self) -> Batch:
        return self._world.describe(self._tokens)


@dataclass(frozen=True, eq=False)
class ModelWorld:
    """Continuations of prompts by a language model.

    Parameters
    ----------
    model
        The target.
    prompts
        Token ids; a run takes some at random, with replacement.
    new_tokens
        Appended to each; what follows an end token doesn't count.
    temperature
        Of the target's law; positive.
    vocabulary
        The student's; None for the model's.
    layers, top
        What else is to be known of the texts, as in a dump.

    Notes
    -----
    Cost: a pass a token over all texts, a student's pass over the whole texts a token, and a pass over each
    text at the end.
    """

    model: Model
    prompts: Sequence[Sequence[int]]
    new_tokens: int
    temperature: float = 1.0
    vocabulary: SubVocabulary | None = None
    layers: Sequence[int] = ()
    top: int = 0

    def __post_init__(self) -> None:
        if not self.prompts or self.new_tokens < 1 or not 0 < self.temperature < float("inf"):
            raise ValueError(
                "give at least one prompt, new_tokens of at least 1 and a positive temperature; "
                f"got {len(self.prompts)}, {self.new_tokens} and {self.temperature}"
            )
        for prompt in self.prompts:
            check_context(self.model.config, len(prompt) + self.new_tokens)

    def open(self, batch: int, rng: np.random.Generator) -> Run:
        chosen = rng.integers(len(self.prompts), size=batch)
        return _ModelRun(self, [check_tokens(self.model.config, self.prompts[i]) for i in chosen])


class _ModelRun:
    def __init__(self, world: ModelWorld, contexts: list[Array]) -> None:
        self._world, self._contexts = world, contexts
        self._pads, self._logits, self._cache = begin_batch(world.model, contexts, world.new_tokens)
        self._new: list[Array] = []

    @property
    def finished(self) -> bool:
        return len(self._new) == self._world.new_tokens

    def law(self) -> Array:
        return np.asarray(jax.nn.softmax(self._logits / self._world.temperature), dtype=np.float64)

    def student_law(self, network: Network, params: Params) -> Array:
        texts = self._texts()
        lengths = np.array([len(text) for text in texts])
        width = round_up(max(map(len, self._contexts)) + self._world.new_tokens, 64)
        tokens = np.zeros((len(texts), width), dtype=np.int32)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = text
        q = _student(network, params, tokens, lengths, width)
        return q if self._world.vocabulary is None else self._world.vocabulary.spread(q)

    def append(self, tokens: Array) -> None:
        new = np.asarray(tokens, dtype=np.int32)
        self._new.append(new)
        if not self.finished:
            model = self._world.model
            step, self._cache = append_tokens(
                model.params, model.config, self._cache, jnp.asarray(new[:, None]), self._pads
            )
            self._logits = np.asarray(step)

    def _texts(self) -> list[Array]:
        new = np.stack(self._new, axis=1) if self._new else np.zeros((len(self._contexts), 0), np.int32)
        return [np.concatenate(pair) for pair in zip(self._contexts, new, strict=True)]

    def score(self) -> Batch:
        world, texts = self._world, self._texts()
        corpus = Corpus.of_texts(texts).described(
            world.model, layers=world.layers, top=world.top, temperature=world.temperature
        )
        width = round_up(max(map(len, texts)), 64)
        ends = [self._end(text, len(context)) for text, context in zip(texts, self._contexts, strict=True)]
        stretches = [
            (place.first, place.first + end, len(context))
            for place, end, context in zip(corpus.texts, ends, self._contexts, strict=True)
        ]
        return Windows(corpus, batch=len(texts), width=width).gather(stretches)

    def _end(self, text: Array, start: int) -> int:
        """How many tokens of a text count: up to the first end token, itself included."""
        hits = np.flatnonzero(np.isin(text[start:], list(self._world.model.tokenizer.end_tokens)))
        return int(start + hits[0] + 1) if hits.size else len(text)
