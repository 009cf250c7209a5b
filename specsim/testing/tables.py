"""Table language models: a distribution for every short context, so that context really matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from theory.laws import Tokens
from theory.simplex import Array, check_distribution
from theory.walks.base import Model


def contexts(vocabulary: int, order: int) -> list[Tokens]:
    """Every context of at most ``order`` tokens, the shorter ones first.

    Examples
    --------
    >>> contexts(2, 1)
    [(), (0,), (1,)]
    """
    return [prefix for length in range(order + 1) for prefix in product(range(vocabulary), repeat=length)]


@dataclass(frozen=True, eq=False)
class TableModel:
    """A language model given by a table from contexts to distributions.

    Parameters
    ----------
    rows
        For every context of at most ``order`` tokens a distribution of shape ``(V,)``, floats or fractions.
        A longer context is answered by its last ``order`` tokens.

    Raises
    ------
    ValueError
        If a row is missing or is not a distribution, or rows differ in their vocabulary.

    Examples
    --------
    >>> model = TableModel({(): [0.5, 0.5], (0,): [1.0, 0.0], (1,): [0.25, 0.75]})
    >>> model.order, model((0, 0, 1)).tolist()
    (1, [0.25, 0.75])
    """

    rows: Mapping[Tokens, Array]
    order: int = field(init=False)
    vocabulary: int = field(init=False)

    def __post_init__(self) -> None:
        if () not in self.rows:
            raise ValueError("a table model needs a row for the empty context ()")
        checked = {prefix: _frozen(row, prefix) for prefix, row in self.rows.items()}
        size, order = checked[()].size, max(len(prefix) for prefix in checked)
        for prefix in contexts(size, order):
            if prefix not in checked:
                raise ValueError(f"a table model of order {order} needs a row for the context {prefix}")
        if any(row.size != size for row in checked.values()):
            raise ValueError(f"all rows of a table model are over one vocabulary; the first is over {size}")
        object.__setattr__(self, "rows", checked)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "vocabulary", size)

    @classmethod
    def constant(cls, row: Array) -> TableModel:
        """The model that forgets its context."""
        return cls({(): row})

    def __call__(self, prefix: Tokens) -> Array:
        """The distribution after a prefix; a read-only array, O(1)."""
        return self.rows[prefix if len(prefix) <= self.order else prefix[len(prefix) - self.order :]]


class ScratchModel:
    """A model for one run: its rows are writable copies and stay as the run left them.

    A rule that spoils a row which it reads again later is thereby seen to do so; the model is not touched.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._copies: dict[Tokens, Array] = {}

    def __call__(self, prefix: Tokens) -> Array:
        if prefix not in self._copies:
            self._copies[prefix] = self._model(prefix).copy()
        return self._copies[prefix]

    def spoiled(self) -> tuple[Tokens, ...]:
        """The prefixes whose row differs from the model's."""
        return tuple(key for key, row in self._copies.items() if not np.array_equal(row, self._model(key)))


def _frozen(row: Array, prefix: Tokens) -> Array:
    checked = check_distribution(row, name=f"the row of the context {prefix}").copy()
    checked.flags.writeable = False
    return checked
