"""Correlated pairs of table language models: a target and a draft, exact, friendly or adversarial.

In every context the two rows stand in a *relation*:

================ =====================================================================================
relation         rows of target and draft
================ =====================================================================================
``mixed``        the draft is the mean of the target and a fresh random row
``independent``  two random rows
``identical``    equal
``near-equal``   the draft has one unit of mass moved from a token to another
``ties``         few different values, so that entries and ratios p / q repeat
``zeros``        each misses some tokens, chosen apart: supports overlap in part, or not at all
``disjoint``     no token is live under both
``point``        the draft is a point mass
``any``          one of the others, drawn anew for each context
================ =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from specsim.sources.pair import check_rng, check_whole, unknown
from specsim.sources.tables import TableModel, composition, contexts, spread
from theory.simplex import Array, check_same_vocabulary

Relation = Callable[[np.random.Generator, int, int], tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class TablePair:
    """A target and a draft model over one vocabulary; their orders may differ.

    Raises
    ------
    ValueError
        If vocabularies or kinds (floats, fractions) differ.

    Examples
    --------
    >>> uniform = TableModel({(): [0.5, 0.5]})
    >>> TablePair(uniform, TableModel.markov([[0.9, 0.1], [0.5, 0.5]])).vocabulary
    2
    """

    target: TableModel
    draft: TableModel

    def __post_init__(self) -> None:
        check_same_vocabulary(self.target(()), self.draft(()))

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return self.target.vocabulary


def _random_row(rng: np.random.Generator, size: int, denominator: int) -> Array:
    return composition(rng, size, denominator)


def _mixed(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    p, fresh = _independent(rng, size, denominator)
    return p, (p + fresh) / 2


def _independent(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    return _random_row(rng, size, denominator), _random_row(rng, size, denominator)


def _identical(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    p = _random_row(rng, size, denominator)
    return p, p.copy()


def _near_equal(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    p, q = _identical(rng, size, denominator)
    giver, taker = rng.permutation(size)[:2]
    q[giver] -= Fraction(1, denominator)
    q[taker] += Fraction(1, denominator)
    return p, q


def _ties(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    weights = rng.integers(1, 3, (2, size)).tolist()
    p, q = ([Fraction(weight, sum(row)) for weight in row] for row in weights)
    return np.array(p, dtype=object), np.array(q, dtype=object)


def _zeros(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    def row() -> Array:
        live = rng.permutation(size)[: int(rng.integers(1, size))]
        return spread(composition(rng, live.size, denominator), live, size)

    return row(), row()


def _disjoint(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    order, cut = rng.permutation(size), int(rng.integers(1, size))
    p, q = (composition(rng, part.size, denominator) for part in (order[:cut], order[cut:]))
    return spread(p, order[:cut], size), spread(q, order[cut:], size)


def _point(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    p = _random_row(rng, size, denominator)
    return p, spread(np.array([Fraction(1)], dtype=object), rng.permutation(size)[:1], size)


def _any(rng: np.random.Generator, size: int, denominator: int) -> tuple[Array, Array]:
    names = [name for name in _RELATIONS if name != "any"]
    return _RELATIONS[names[rng.integers(len(names))]](rng, size, denominator)


_RELATIONS: MappingProxyType[str, Relation] = MappingProxyType(
    {
        "mixed": _mixed,
        "independent": _independent,
        "identical": _identical,
        "near-equal": _near_equal,
        "ties": _ties,
        "zeros": _zeros,
        "disjoint": _disjoint,
        "point": _point,
        "any": _any,
    }
)


def relations() -> tuple[str, ...]:
    """Names of the ways in which a draft row can follow from a target row.

    Examples
    --------
    >>> relations()[:2]
    ('mixed', 'independent')
    """
    return tuple(_RELATIONS)


def table_pair(
    relation: str = "mixed",
    *,
    vocabulary: int,
    order: int,
    rng: np.random.Generator,
    denominator: int = 12,
) -> TablePair:
    """Draw a target and a draft whose rows stand in a relation in every context; exact.

    Parameters
    ----------
    relation
        One of :func:`relations`; the module's text says what each does.
    vocabulary
        Number of tokens, at least 2.
    order
        Of both models, at least 0.
    rng
        All randomness comes from here.
    denominator
        Random rows are multiples of ``1 / denominator``, at least V. The draft of ``mixed`` has twice that
        denominator, rows of ``ties`` the sum of their weights.

    Returns
    -------
    TablePair
        Models in fractions.

    Raises
    ------
    ValueError
        For an unknown relation (the message lists the known ones) or a number out of range.

    Examples
    --------
    >>> pair = table_pair("disjoint", vocabulary=3, order=1, rng=np.random.default_rng(0))
    >>> [int((pair.target(x) * pair.draft(x)).sum()) for x in ((), (0,), (1,), (2,))]
    [0, 0, 0, 0]
    """
    if relation not in _RELATIONS:
        raise ValueError(unknown("relation", relation, relations()))
    check_rng(rng)
    check_whole("vocabulary of a pair of tables", vocabulary, least=2)
    check_whole("denominator", denominator, least=vocabulary)
    draw = _RELATIONS[relation]
    rows = {prefix: draw(rng, vocabulary, denominator) for prefix in contexts(vocabulary, order)}
    return TablePair(
        TableModel({prefix: target for prefix, (target, _) in rows.items()}),
        TableModel({prefix: draft for prefix, (_, draft) in rows.items()}),
    )
