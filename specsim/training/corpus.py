r"""Texts in memory with what the target knows of them, and windows of them as a source of batches.

A :class:`Corpus` is made from a dump, from plain texts (nothing is known of them but their tokens), or from
texts that a model is asked about. :class:`Windows` cuts it into stretches of one width and serves them
epoch by epoch, in an order that is a function of seed and epoch. So the cursor of the data is the number of
the step, and a resumed run meets the same batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from specsim.models import Model
from specsim.models.config import Array
from specsim.training.dump import describe
from specsim.training.dump_files import Dump, Text
from specsim.training.network import Batch, generator


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts and rows of arrays that belong to their tokens.

    Parameters
    ----------
    tokens
        All texts' tokens, one text after the other, shape ``(N,)``.
    texts
        Where each text stands.
    rows
        Further arrays of ``N`` rows, by the names of a dump; a ``log_normaliser`` has one column here.
    """

    tokens: Array
    texts: tuple[Text, ...]
    rows: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of_dump(
        cls,
        dump: Dump,
        *,
        names: Sequence[str] = (),
        temperature: float | None = None,
        keep: Callable[[Text], bool] | None = None,
    ) -> Corpus:
        """Read a dump into memory, in the types in which it is stored.

        Parameters
        ----------
        dump
            The dump.
        names
            Which arrays, such as ``("hidden", "layer_4", "top_ids", "top_log_p")``.
        temperature
            Whose normaliser is wanted; one of ``dump.temperatures``. None for none.
        keep
            Which texts to use; None for all.

        Raises
        ------
        DumpError
            If the dump has no such array.
        ValueError
            If it has no such normaliser, or no text is kept.
        """
        rows = {name: dump.read(name) for name in names}
        if temperature is not None:
            rows["log_normaliser"] = dump.read("log_normaliser")[:, _column(dump, temperature)]
        texts = tuple(text for text in dump.texts if keep is None or keep(text))
        if not texts:
            raise ValueError("no text of the dump is kept; keep at least one")
        return cls(dump.read("tokens"), texts, rows)

    @classmethod
    def of_texts(cls, documents: Sequence[Sequence[int] | Array], *, domain: str = "text") -> Corpus:
        """Fixed text of which nothing but the tokens is known.

        Examples
        --------
        >>> Corpus.of_texts([[1, 2, 3], [4, 5]]).texts[1].first
        3
        """
        if not documents or min(map(len, documents)) == 0:
            raise ValueError("a corpus needs at least one text, and no empty one")
        ends = np.cumsum([0, *map(len, documents)]).tolist()
        texts = [
            Text(f"{domain}/{number}", domain, 1.0, ends[number], ends[number + 1], 0)
            for number in range(len(documents))
        ]
        return cls(np.concatenate([np.asarray(d, dtype=np.int32) for d in documents]), tuple(texts))

    def described(
        self, model: Model, *, layers: Sequence[int] = (), top: int = 0, temperature: float = 1.0
    ) -> Corpus:
        """The same texts with what a model knows at every token: a forward pass over each."""
        parts = [
            describe(model, self.of(text), layers, top=top, temperatures=[temperature]) for text in self.texts
        ]
        rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        rows["log_normaliser"] = rows["log_normaliser"][:, 0]
        return Corpus(self.tokens, self.texts, rows)

    def of(self, text: Text) -> Array:
        """The tokens of one text."""
        return self.tokens[text.first : text.last]

    def counts(self, vocabulary: int) -> Array:
        """How often each token occurs in the kept texts' continuations, shape ``(V,)``."""
        parts = [self.tokens[text.first + text.start : text.last] for text in self.texts]
        return np.bincount(np.concatenate(parts), minlength=vocabulary)


def _column(dump: Dump, temperature: float) -> int:
    if temperature not in dump.temperatures:
        known = ", ".join(f"{value:g}" for value in dump.temperatures)
        raise ValueError(f"the dump has normalisers at temperatures {known}, not at {temperature:g}")
    return dump.temperatures.index(temperature)


def split(corpus: Corpus, *, every: int) -> tuple[Corpus, Corpus]:
    """Texts for training, and every ``every``-th prompt's texts for validation.

    Samples of one prompt stay on one side. ``every`` is at least 2.

    Examples
    --------
    >>> both = split(Corpus.of_texts([[1, 2], [3, 4], [5, 6]]), every=3)
    >>> [len(part.texts) for part in both]
    [2, 1]
    """
    if every < 2:
        raise ValueError(f"every must be at least 2, got {every}")
    prompts = list(dict.fromkeys(text.name.partition("#")[0] for text in corpus.texts))
    kept = set(prompts[every - 1 :: every])
    sides = [
        [text for text in corpus.texts if (text.name.partition("#")[0] in kept) is side]
        for side in (False, True)
    ]
    if not all(sides):
        raise ValueError(f"{len(prompts)} prompts leave one side empty at every={every}")
    return tuple(Corpus(corpus.tokens, tuple(side), corpus.rows) for side in sides)  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Windows:
    """A source: stretches of a corpus' texts.

    Parameters
    ----------
    corpus
        The texts.
    batch, width
        Shape of the batches.
    before
        How many tokens of the prompt come before the continuation at most; None for all.
    learn_prompts
        Whether tokens of the prompt count too; else only those of the continuation.

    Raises
    ------
    ValueError
        If a size is out of range, or no stretch has anything to learn.

    Notes
    -----
    A text longer than ``width`` is cut into stretches that share one token, so that every token is predicted
    once. An epoch that doesn't fill its last batch lends stretches from the next.

    Examples
    --------
    >>> source = Windows(Corpus.of_texts([[1, 2, 3], [4, 5, 6, 7, 8]]), batch=1, width=4)
    >>> source.draw({}, step=0, seed=0)[0].shape, source.windows
    ((1, 4), ((0, 3, 1), (3, 7, 1), (6, 8, 1)))
    """

    corpus: Corpus
    batch: int
    width: int
    before: int | None = None
    learn_prompts: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1 or self.width < 2 or (self.before is not None and self.before < 1):
            raise ValueError(
                f"batch must be at least 1, width at least 2 and before at least 1, "
                f"got {self.batch}, {self.width} and {self.before}"
            )
        if not self.windows:
            raise ValueError("no stretch of the corpus has a token to learn: every text is shorter than 2")

    @cached_property
    def windows(self) -> tuple[tuple[int, int, int], ...]:
        """Each stretch's first row, its end, and its first column that is to be predicted."""
        found = []
        for text in self.corpus.texts:
            begin = (
                text.first if self.before is None else max(text.first, text.first + text.start - self.before)
            )
            learn = begin + 1 if self.learn_prompts else max(begin + 1, text.first + text.start)
            for first in range(begin, text.last - 1, self.width - 1):
                end = min(first + self.width, text.last)
                if end > learn:
                    found.append((first, end, max(learn - first, 1)))
        return tuple(found)

    @property
    def steps_per_epoch(self) -> int:
        """Batches until every stretch has been served once."""
        return -(-len(self.windows) // self.batch)

    def start(self) -> Any:
        """No state: the cursor is the step."""
        return {}

    def draw(
        self, state: Any, *, step: int, seed: int, network: Any = None, params: Any = None
    ) -> tuple[Batch, Any]:
        """The batch of a step; the network isn't asked."""
        places = range(step * self.batch, (step + 1) * self.batch)
        chosen = [self.windows[self._order(seed, *divmod(place, len(self.windows)))] for place in places]
        return self.gather(chosen), state

    def _order(self, seed: int, epoch: int, place: int) -> int:
        key = (seed, epoch)
        if key not in self._orders:
            self._orders.clear()
            self._orders[key] = generator(seed, "epoch", epoch).permutation(len(self.windows))
        return int(self._orders[key][place])

    @cached_property
    def _orders(self) -> dict[tuple[int, int], Array]:
        return {}

    def gather(self, chosen: Sequence[tuple[int, int, int]]) -> Batch:
        """The batch of some stretches."""
        firsts = np.array([first for first, _, _ in chosen])
        ends = np.array([end for _, end, _ in chosen])
        learn = np.array([begin for _, _, begin in chosen])
        columns = np.arange(self.width)
        valid = firsts[:, None] + columns < ends[:, None]
        places = np.where(valid, firsts[:, None] + columns, firsts[:, None])
        counts = (columns + 1 >= learn[:, None]) & (firsts[:, None] + columns + 1 < ends[:, None])
        rows = {"tokens": self.corpus.tokens, **self.corpus.rows}
        return Batch.of_rows(
            {name: _masked(values[places], valid) for name, values in rows.items()}
            | {
                "positions": np.broadcast_to(columns, valid.shape).astype(np.int32),
                "valid": valid,
                "weight": counts.astype(np.float32),
            }
        )

    def everything(self) -> list[Batch]:
        """All stretches in order, for evaluation; stretches without weight fill the last batch."""
        found = []
        for start in range(0, len(self.windows), self.batch):
            chosen = list(self.windows[start : start + self.batch])
            first = chosen[0][0]
            chosen += [(first, first + 1, self.width)] * (self.batch - len(chosen))
            found.append(self.gather(chosen))
        return found


def _masked(values: Array, valid: Array) -> Array:
    kept = np.where(valid.reshape(*valid.shape, *(1,) * (values.ndim - 2)), values, 0)
    return kept.astype(np.int32 if values.dtype.kind in "iu" else np.float32)
