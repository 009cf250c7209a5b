r"""Table language models: context-dependent, over a small vocabulary, exact with fractions.

A model of *order* n holds one row (a distribution over the next token) for every prefix of at most n tokens,
the empty one among them. **A prefix of at most n tokens is its own context; a longer one is known by its last
n tokens.** So the row of a context of n tokens serves both the sequence that consists of just these and every
longer one that ends with them. Order 0 ignores the prefix; where no sequence is longer than the order, every
prefix has a row of its own.

The law of whole sequences is the product of the rows,
:math:`\Pr(x_1 \dots x_L) = \prod_t \text{row}(x_{<t})_{x_t}`,
and can be listed: a world where a decoding scheme is lossless or not with ``==``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from operator import index
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from specsim.sources.pair import check_rng, check_whole
from theory.simplex import Array, check_distribution, check_same_vocabulary, is_exact

Tokens = tuple[int, ...]

#: Most rows of a model and most sequences of a joint law.
SIZE_LIMIT = 200_000


@dataclass(frozen=True, eq=False)
class TableModel:
    """A language model given by its rows; see the module's text for how prefixes find theirs.

    Parameters
    ----------
    rows
        A distribution of shape ``(V,)`` for every prefix of 0 to n tokens; all floats or all fractions. The
        order n is the length of the longest prefix given.

    Raises
    ------
    ValueError
        If a prefix is missing, holds a token outside of the vocabulary, or its row is not a distribution; the
        message names the prefix.

    Examples
    --------
    >>> F = Fraction
    >>> model = TableModel({(): [F(1), F(0)], (0,): [F(1, 2), F(1, 2)], (1,): [F(0), F(1)]})
    >>> model.order, model.vocabulary
    (1, 2)
    >>> model((0, 1, 0)).tolist()
    [Fraction(1, 2), Fraction(1, 2)]
    >>> model.joint(2)
    {(0, 0): Fraction(1, 2), (0, 1): Fraction(1, 2)}
    """

    rows: Mapping[Tokens, ArrayLike]

    def __post_init__(self) -> None:
        if () not in self.rows:
            raise ValueError("a table model needs a row for the empty prefix ()")
        checked = {_tokens(prefix): _checked_row(prefix, row) for prefix, row in self.rows.items()}
        object.__setattr__(self, "rows", MappingProxyType(checked))
        for prefix, row in checked.items():
            _check_alike(checked[()], row, prefix)
        _check_complete(checked)

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return int(np.shape(self.rows[()])[-1])

    @cached_property
    def order(self) -> int:
        """How many of the last tokens matter."""
        return max(len(prefix) for prefix in self.rows)

    @property
    def exact(self) -> bool:
        """Whether the rows are fractions."""
        return is_exact(np.asarray(self.rows[()]))

    def __call__(self, prefix: Sequence[int]) -> Array:
        """The distribution of the next token after a prefix; shape ``(V,)``, read-only.

        Raises
        ------
        ValueError
            For a token outside of the vocabulary.
        """
        _check_inside(prefix, self.vocabulary)
        return np.asarray(self.rows[self.context(prefix)])

    def context(self, prefix: Sequence[int]) -> Tokens:
        """The prefix whose row is used: the whole of it, or its last ``order`` tokens.

        Examples
        --------
        >>> uniform = [0.5, 0.5]
        >>> TableModel({(): uniform, (0,): uniform, (1,): uniform}).context((0, 0, 1))
        (1,)
        """
        tokens = _tokens(prefix)
        return tokens[max(0, len(tokens) - self.order) :]

    def joint(self, length: int, *, prefix: Sequence[int] = ()) -> dict[Tokens, Any]:
        """The law of the next ``length`` tokens after a prefix: every sequence of positive probability.

        Parameters
        ----------
        length
            At least 0.
        prefix
            Where to start.

        Raises
        ------
        ValueError
            If there are more than :data:`SIZE_LIMIT` sequences.

        Notes
        -----
        O(V^length). With fractions the values sum to one exactly.
        """
        check_whole("length", length, least=0)
        start = _tokens(prefix)
        self._check_joint_size(start, length)
        law: dict[Tokens, Any] = {(): Fraction(1) if self.exact else 1.0}
        for _ in range(length):
            law = {
                (*tokens, token): weight * share
                for tokens, weight in law.items()
                for token, share in enumerate(self((*start, *tokens)).tolist())
                if share > 0
            }
        return law

    def _check_joint_size(self, start: Tokens, length: int) -> None:
        """Count sequences by their contexts, before any is made."""
        counts = {self.context(start): 1}
        for _ in range(length):
            step: dict[Tokens, int] = {}
            for context, count in counts.items():
                for token in np.flatnonzero(self(context) > 0).tolist():
                    after = self.context((*context, token))
                    step[after] = step.get(after, 0) + count
            counts = step
            _check_size(sum(counts.values()), f"the joint law of {length} tokens")

    @classmethod
    def from_function(
        cls, function: Callable[[Tokens], ArrayLike], *, vocabulary: int, order: int
    ) -> TableModel:
        """Tabulate a function from contexts of 0 to ``order`` tokens to distributions.

        Examples
        --------
        >>> TableModel.from_function(lambda prefix: [0.5, 0.5], vocabulary=2, order=3).order
        3
        """
        return cls({prefix: function(prefix) for prefix in contexts(vocabulary, order)})

    @classmethod
    def random(
        cls,
        *,
        vocabulary: int,
        order: int,
        rng: np.random.Generator,
        denominator: int | None = None,
        zeros: int = 0,
    ) -> TableModel:
        """A model whose rows are independent and uniform on the simplex.

        Parameters
        ----------
        vocabulary, order
            Number of tokens, at least 1; order at least 0.
        rng
            All randomness comes from here.
        denominator
            Rows are fractions: uniformly random positive multiples of ``1 / denominator``, which is at
            least the number of live tokens. None gives floats.
        zeros
            How many tokens of each row, chosen at random, have probability zero; less than V.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> model = TableModel.random(vocabulary=3, order=2, rng=rng, denominator=10, zeros=1)
        >>> len(model.rows), int((model((2, 1)) == 0).sum())
        (13, 1)
        """
        check_rng(rng)
        check_whole("vocabulary", vocabulary, least=1)
        check_whole("zeros", zeros, least=0)
        if zeros >= vocabulary:
            raise ValueError(f"zeros must be less than the vocabulary of {vocabulary}, got {zeros}")

        def row(_: Tokens) -> Array:
            live = rng.permutation(vocabulary)[zeros:]
            if denominator is None:
                return spread(rng.dirichlet(np.ones(live.size)), live, vocabulary)
            return spread(composition(rng, live.size, denominator), live, vocabulary)

        return cls.from_function(row, vocabulary=vocabulary, order=order)

    @classmethod
    def markov(cls, matrix: ArrayLike, *, initial: ArrayLike | None = None) -> TableModel:
        """A Markov chain: order 1.

        Parameters
        ----------
        matrix
            Shape ``(V, V)``; row x is the law of the token after x.
        initial
            Law of the first token, shape ``(V,)``. None is uniform.

        Examples
        --------
        >>> TableModel.markov([[0.9, 0.1], [0.5, 0.5]])((0, 1)).tolist()
        [0.5, 0.5]
        """
        table = check_distribution(matrix, name="matrix")
        if table.ndim != 2 or table.shape[0] != table.shape[1]:
            raise ValueError(f"the matrix of a Markov chain is square, got shape {table.shape}")
        size = table.shape[0]
        if initial is None:
            initial = np.array([Fraction(1, size)] * size) if is_exact(table) else np.full(size, 1 / size)
        return cls({(): initial} | {(token,): row for token, row in enumerate(table)})

    @classmethod
    def mixture(cls, models: Sequence[TableModel], weights: ArrayLike) -> TableModel:
        """Interpolate models row by row: in each context the weighted mean of their distributions.

        This is the usual interpolation of language models, not the mixture of the laws of whole sequences
        (which would not be a table: it remembers from its prefix which model is likely at work). Its order
        is the largest among the models.

        Parameters
        ----------
        models
            At least one; one vocabulary and one kind.
        weights
            A distribution over the models, of their kind.

        Examples
        --------
        >>> one, other = TableModel({(): [1.0, 0.0]}), TableModel({(): [0.0, 1.0]})
        >>> TableModel.mixture([one, other], [0.75, 0.25])(()).tolist()
        [0.75, 0.25]
        """
        shares = check_distribution(weights, name="weights")
        if shares.shape != (len(models),):
            raise ValueError(f"got {len(models)} models and weights of shape {shares.shape}; give one each")
        for model in models:
            check_same_vocabulary(models[0](()), model(()))
            if model.exact != is_exact(shares):
                raise ValueError("models and weights must be of one kind: all fractions or all floats")
        return cls.from_function(
            lambda prefix: sum(
                (share * model(prefix) for share, model in zip(shares, models, strict=True)),
                start=0 * models[0](()),
            ),
            vocabulary=models[0].vocabulary,
            order=max(model.order for model in models),
        )


def contexts(vocabulary: int, order: int) -> Iterator[Tokens]:
    """Every tuple of 0 to ``order`` tokens, shorter ones first.

    Examples
    --------
    >>> list(contexts(2, 1))
    [(), (0,), (1,)]
    """
    check_whole("vocabulary", vocabulary, least=1)
    check_whole("order", order, least=0)
    _check_size(sum(vocabulary**n for n in range(order + 1)), f"a table of order {order}")
    for length in range(order + 1):
        yield from product(range(vocabulary), repeat=length)


def composition(rng: np.random.Generator, parts: int, total: int) -> Array:
    """Uniformly random positive multiples of ``1 / total`` that sum to one; fractions, shape ``(parts,)``.

    Examples
    --------
    >>> composition(np.random.default_rng(0), 3, 3).tolist()
    [Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)]
    """
    check_whole("denominator", total, least=1)
    if total < parts:
        raise ValueError(f"{parts} tokens of positive probability need a denominator of {parts}, got {total}")
    cuts = np.sort(rng.choice(np.arange(1, total), size=parts - 1, replace=False)).tolist()
    ends = zip([0, *cuts], [*cuts, total], strict=True)
    return np.array([Fraction(high - low, total) for low, high in ends], dtype=object)


def spread(values: Array, tokens: Array, vocabulary: int) -> Array:
    """Values at some tokens and zeros at the others, in the arithmetic of the values.

    Examples
    --------
    >>> spread(np.array([0.25, 0.75]), np.array([2, 0]), 3)
    array([0.75, 0.  , 0.25])
    """
    out = np.full(vocabulary, Fraction(0)) if is_exact(values) else np.zeros(vocabulary)
    out[tokens] = values
    return out


def _tokens(prefix: Iterable[int]) -> Tokens:
    return tuple(index(token) for token in prefix)


def _check_inside(prefix: Sequence[int], vocabulary: int) -> None:
    if len(prefix) and not (min(prefix) >= 0 and max(prefix) < vocabulary):
        raise ValueError(f"the prefix {tuple(prefix)} has a token outside of the vocabulary of {vocabulary}")


def _checked_row(prefix: Sequence[int], values: ArrayLike) -> Array:
    row = check_distribution(values, name=f"the row of the prefix {tuple(prefix)}").copy()
    if row.ndim != 1:
        raise ValueError(f"the row of the prefix {tuple(prefix)} has shape {row.shape}, not (V,)")
    row.flags.writeable = False
    return row


def _check_alike(first: Array, row: Array, prefix: Tokens) -> None:
    if row.shape != first.shape or is_exact(row) != is_exact(first):
        raise ValueError(
            f"the row of the prefix {prefix} has shape {row.shape} and dtype {row.dtype}, that of () has "
            f"{first.shape} and {first.dtype}; rows share one vocabulary and one kind"
        )


def _check_complete(rows: Mapping[Tokens, Array]) -> None:
    vocabulary, order = rows[()].size, max(len(prefix) for prefix in rows)
    for prefix in rows:
        _check_inside(prefix, vocabulary)
    for prefix in contexts(vocabulary, order):
        if prefix not in rows:
            raise ValueError(f"a table of order {order} needs a row for the prefix {prefix} too")


def _check_size(count: int, what: str) -> None:
    if count > SIZE_LIMIT:
        raise ValueError(
            f"{what} has {count} entries or more, the limit is {SIZE_LIMIT}; "
            "use a smaller vocabulary, a lower order or fewer tokens"
        )
