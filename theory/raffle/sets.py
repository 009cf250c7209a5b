r"""The law of a raffle by listing the drafted sets: exact for fractions, any law, small vocabularies.

.. math:: y_x = \sum_{D \ni x} w_D\, \frac{a_x\, 1\{x \in D'\}}{\sum_{i \in D'} a_i} ,

where :math:`w_D` is the probability of the drafted set D and D' are its tokens of the better level, or all of
D if it has none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.laws import Law, Tokens
from theory.simplex import Array
from theory.transport import drafted_sets


def in_the_draw(drafts: Tokens, first: Array) -> list[int]:
    """Slots that take part: first copies of the tokens of the better level, or of all if there is none.

    Examples
    --------
    >>> in_the_draw((2, 0, 2, 1), np.array([True, False, True]))
    [0, 1]
    """
    slots = [slot for slot, token in enumerate(drafts) if drafts.index(token) == slot]
    better = [slot for slot in slots if first[drafts[slot]]]
    return better or slots


@dataclass(frozen=True, eq=False)
class RaffleSets:
    """Laws of raffles over one law of drafts, for any tickets.

    Parameters
    ----------
    sets
        Every drafted set with its probability.
    first
        Whether a token is on the better level, shape ``(V,)``.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import WithoutReplacement
    >>> law = WithoutReplacement(np.array([F(1, 2), F(1, 4), F(1, 4)]), 2)
    >>> raffle = RaffleSets.of(law, np.array([False, False, True]))
    >>> [str(mass) for mass in raffle.law(np.array([F(2), F(1), F(1)]))]
    ['5/18', '5/36', '7/12']
    """

    sets: dict[Tokens, object]
    first: Array

    @classmethod
    def of(cls, law: Law, first: Array) -> RaffleSets:
        """The drafted sets of a law; raises ValueError where they are too many."""
        return cls(drafted_sets(law), first)

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """Which tokens take part in the draw of each set, shape ``(D, V)``, and weights, ``(D,)``."""
        table = np.zeros((len(self.sets), self.first.size), dtype=bool)
        for row, drafts in enumerate(self.sets):
            table[row, [drafts[slot] for slot in in_the_draw(drafts, self.first)]] = True
        return table, np.array(list(self.sets.values()))

    def law(self, tickets: Array) -> Array:
        """The law of the winner, shape ``(V,)``; O(sets V), exact for fractions.

        Parameters
        ----------
        tickets
            Tickets of each token, shape ``(V,)``, positive where the draft is.
        """
        table, weights = self._table
        shares = np.where(table, tickets, tickets[0] * 0)
        total: Array = (shares * (weights / shares.sum(axis=1))[:, None]).sum(axis=0)
        return total
