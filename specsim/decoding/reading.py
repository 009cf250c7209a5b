r"""What a model has read: the one interface of target and draft, of table worlds and of real models.

A :class:`LanguageModel` *opens* a context and gives a :class:`Reading`: a value that knows the next-token
distribution after every prefix that was read behind the context. Readings are immutable. ``read`` scores more
prefixes in one call, ``commit`` makes some tokens part of the context and forgets every other prefix. So a
rejected draft costs nothing to forget, the rollback of a cache is the use of an older value, and a round can
be replayed over all its outcomes.

Prefixes are tuples of tokens counted from the committed context. Two nodes of a tree that carry the same
tokens are one prefix, and are computed once.

A reading is itself callable, ``reading(prefix)``: it is a :data:`theory.walks.Model`, which is what
every walk of :mod:`theory.walks` takes for a target.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from specsim.clocks import Call
from theory.laws import Tokens
from theory.simplex import Array
from theory.tree import DraftTree


class NotRead(KeyError):
    """A row or a hidden state was asked for whose prefix has not been read."""

    def __init__(self, prefix: Tokens) -> None:
        super().__init__(prefix)
        self.prefix = prefix

    def __str__(self) -> str:
        return f"the prefix {self.prefix} has not been read; read([...]) it first"


class NoHidden(ValueError):
    """A part needs hidden states, and the model has none."""


class Reading(Protocol):
    """A context that was read, and prefixes behind it; see the module's text."""

    @property
    def context(self) -> Tokens:
        """The committed tokens, the prompt's included."""
        ...

    @property
    def work(self) -> tuple[Call, ...]:
        """The forward passes since the last commit, in order; reading the prompt is not among them."""
        ...

    def read(self, prefixes: Iterable[Tokens]) -> Reading:
        """Score prefixes, with whatever of their beginnings is missing, in one forward pass."""
        ...

    def known(self, prefix: Tokens) -> bool:
        """Whether a prefix was read."""
        ...

    def __call__(self, prefix: Tokens, /) -> Array:
        """The distribution of the next token after a read prefix; shape ``(V,)``."""
        ...

    def hidden(self, prefix: Tokens) -> Array:
        """Features at the last token of a read prefix; shape ``(D,)``."""
        ...

    def history(self) -> Array:
        """Features at every token of the context but the last, as it was opened; shape ``(T - 1, D)``."""
        ...

    def top(self, prefix: Tokens, count: int) -> tuple[int, ...]:
        """The likeliest tokens after a read prefix, likeliest first, before temperature and filters."""
        ...

    def commit(self, tokens: Tokens) -> Reading:
        """The reading of the context with some tokens behind it, which need not have been read."""
        ...

    def rewind(self, length: int) -> Reading:
        """The reading of the first ``length`` tokens of the context, at least 1."""
        ...


class LanguageModel(Protocol):
    """Anything that gives next-token distributions."""

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        ...

    def open(self, context: Tokens) -> Reading:
        """Read a context from nothing."""
        ...


class Rows:
    """A draft's rows during one round: a :data:`theory.walks.Model` that reads what it is asked for.

    Growers ask for one prefix at a time; those that know a whole level announce it by
    :func:`theory.ahead.announce`, and it is read in one call.

    Parameters
    ----------
    reading
        Where it starts.

    Attributes
    ----------
    reading
        With all that was read so far.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def __call__(self, prefix: Tokens) -> Array:
        self.ahead((prefix,))
        return self.reading(prefix)

    def ahead(self, prefixes: Iterable[Tokens]) -> None:
        """Read those of the prefixes that are new, in one call."""
        missing = [prefix for prefix in prefixes if not self.reading.known(prefix)]
        if missing:
            self.reading = self.reading.read(missing)


def read_tree(reading: Reading, tree: DraftTree) -> Reading:
    """A reading with every node of a tree, and the root, scored in one call."""
    prefixes = dict.fromkeys(tree.prefix(node) for node in range(len(tree.tokens)))
    missing = [prefix for prefix in prefixes if not reading.known(prefix)]
    return reading.read(missing) if missing else reading


def common_length(left: Tokens, right: Tokens) -> int:
    """How many tokens two texts share at their start.

    Examples
    --------
    >>> common_length((1, 2, 3), (1, 2, 4, 5))
    2
    """
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def follow(reading: Reading, context: Tokens) -> Reading:
    """A reading brought to another context: rewound to what they share, the rest committed.

    At least the last token of the context is committed anew, so that it is read again.
    """
    shared = min(common_length(reading.context, context), len(context) - 1)
    if shared < len(reading.context):
        reading = reading.rewind(shared)
    return reading.commit(context[len(reading.context) :])


Memory = Any
