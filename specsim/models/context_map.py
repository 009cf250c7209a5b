r"""A draft that reads another context than its target: a function of the committed text.

RAPID (Chen et al., 2025, arXiv 2502.20330) drafts with the target's own weights on a short context: the
chunks of a long document that a retriever finds for the question, and the recent text. A *context map* is
such a function of the committed tokens. :class:`MappedTree` keeps a growing tree on the mapped context, and
reads again only what the map changes: the longest common beginning of the old and the new mapped context is
kept.

The draft's law is whatever the model says on the mapped context, so drafting with it is as lossless as the
walk that verifies it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from specsim.models.config import Array, LlamaConfig, Params
from specsim.models.growing import GrowingTree
from specsim.models.stages import View

#: The committed tokens to the draft's context, which isn't empty.
ContextMap = Callable[[tuple[int, ...]], Sequence[int]]


@dataclass(frozen=True, slots=True)
class RetrievedChunks:
    """The chunks of a text that share most tokens with its recent part, and that part.

    A text of n tokens is cut at ``m``, the largest multiple of ``refresh`` that leaves at least ``recent``
    tokens behind it. The part before m is cut into chunks; those with the highest score for the recent part,
    as far as the budget goes, are joined in the order of the text, with the rest from m on behind them. So
    the result only grows at its end until m moves.

    The score is the sum of ``log(chunks / chunks with the token)`` over the distinct tokens that a chunk
    shares with the ``recent`` tokens behind m; ties go to earlier chunks.

    Parameters
    ----------
    chunk
        Tokens a chunk.
    budget
        Most tokens of retrieved chunks, at least a chunk.
    recent
        Least number of recent tokens that are kept whole, and which ask.
    refresh
        After how many tokens chunks are chosen anew.

    Examples
    --------
    >>> find = RetrievedChunks(chunk=2, budget=2, recent=2, refresh=2)
    >>> find((1, 2, 3, 4, 5, 6, 3, 9))
    (3, 4, 3, 9)
    """

    chunk: int
    budget: int
    recent: int
    refresh: int

    def __post_init__(self) -> None:
        if self.chunk < 1 or self.budget < self.chunk or self.recent < 1 or self.refresh < 1:
            raise ValueError(
                "needs chunk, recent, refresh >= 1 and a budget of at least a chunk, "
                f"got {self.chunk}, {self.recent}, {self.refresh} and {self.budget}"
            )

    def __call__(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        cut = max(len(tokens) - self.recent, 0) // self.refresh * self.refresh
        chunks = [tokens[start : start + self.chunk] for start in range(0, cut, self.chunk)]
        chunks = [chunk[: cut - number * self.chunk] for number, chunk in enumerate(chunks)]
        scores = self._scores(chunks, set(tokens[cut : cut + self.recent]))
        best = sorted(range(len(chunks)), key=lambda number: (-scores[number], number))
        kept = sorted(best[: self.budget // self.chunk])
        return (*(token for number in kept for token in chunks[number]), *tokens[cut:])

    def _scores(self, chunks: list[tuple[int, ...]], asked: set[int]) -> list[float]:
        seen = Counter(token for chunk in chunks for token in set(chunk))
        weight = {token: float(np.log(len(chunks) / count)) for token, count in seen.items()}
        return [sum(weight[token] for token in sorted(set(chunk) & asked)) for chunk in chunks]


@dataclass(frozen=True, eq=False)
class MappedTree:
    """A growing tree on a mapped context.

    Parameters
    ----------
    mapping
        From committed tokens to the draft's context.
    mapped
        The mapped context that the tree's cache holds.
    tree
        The tree; its nodes hang at the end of the mapped context.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> def last_four(tokens):
    ...     return tokens[-4:]
    >>> draft = MappedTree.open(model.params, model.config, [1, 2, 3, 4, 5], mapping=last_four)
    >>> hidden, draft = draft.extend([6], [-1])
    >>> draft.follow([1, 2, 3, 4, 5, 6]).mapped
    (3, 4, 5, 6)
    """

    mapping: ContextMap
    mapped: tuple[int, ...]
    tree: GrowingTree

    @classmethod
    def open(
        cls,
        params: Params,
        config: LlamaConfig,
        tokens: Sequence[int],
        *,
        mapping: ContextMap,
        view: View | None = None,
    ) -> MappedTree:
        """Read the mapped context of some committed tokens."""
        mapped = _apply(mapping, tokens)
        return cls(mapping, mapped, GrowingTree.open(params, config, mapped, view=view))

    def extend(self, tokens: Sequence[int] | Array, parents: Sequence[int]) -> tuple[jax.Array, MappedTree]:
        """Score new nodes behind the mapped context: as :meth:`GrowingTree.extend`."""
        hidden, tree = self.tree.extend(tokens, parents)
        return hidden, replace(self, tree=tree)

    def follow(self, tokens: Sequence[int]) -> MappedTree:
        """Drop the nodes, and go on from the mapped context of other committed tokens.

        Parameters
        ----------
        tokens
            All tokens committed now.

        Returns
        -------
        MappedTree
            The same as :meth:`open` gives. Cost: one pass over what doesn't begin like the old mapped
            context; nothing if it is the same.
        """
        mapped = _apply(self.mapping, tokens)
        same = _common(self.mapped, mapped)
        tree = self.tree.truncate(same).append(mapped[same:])
        return replace(self, mapped=mapped, tree=tree)


def _apply(mapping: ContextMap, tokens: Sequence[int]) -> tuple[int, ...]:
    mapped = tuple(int(token) for token in mapping(tuple(int(token) for token in tokens)))
    if not mapped:
        raise ValueError("a context map must leave at least one token; this one returned none")
    return mapped


def _common(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """Length of the longest common beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((number for number, (a, b) in pairs if a != b), min(len(first), len(second)))
