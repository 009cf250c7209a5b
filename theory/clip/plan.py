r"""A plan: the clip law of one pair (p, q) and k drafts, with all that is needed to draw from it.

It is solved once and asked as often as drafts of the same p and q come. Picking a draft costs one score for
each of the k drafts and no pass over the vocabulary; neither does the acceptance test. Only the residual
after a rejection needs the whole law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.clip.cells import Cells, binned, every_token, ratio_of
from theory.clip.law import ClipLaw, clip_law
from theory.clip.pools import Pools, unsettled
from theory.laws.base import check_k
from theory.simplex import (
    SUM_TOLERANCE,
    Array,
    check_distribution,
    check_same_vocabulary,
    check_weights,
    is_exact,
)

_BITS = 6
#: Rounds of opening bins before all tokens are sorted.
_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class ClipPlan:
    """How to pick one of k i.i.d. drafts with the clip law; made by :meth:`exact` or :meth:`bucketed`.

    Attributes
    ----------
    p, q
        Target weights and draft distribution, shape ``(V,)``, as they were given.
    draft
        q over its total: the law that drafts are drawn from where rounding made q miss one.
    k
        Number of drafts.
    solved
        The law along the order of falling p / q, by cells.
    cells
        Which cell each token is in.
    pools
        What scores drafts get, and how they trade them.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = np.array([F(1, 2), F(1, 3), F(1, 6)]), np.array([F(1, 6), F(1, 3), F(1, 2)])
    >>> plan = ClipPlan.exact(p=p, q=q, k=2)
    >>> [str(mass) for mass in plan.law], str(plan.acceptance), str(plan.loss)
    (['11/36', '1/3', '13/36'], '29/36', '0')
    """

    p: Array
    q: Array
    draft: Array
    k: int
    solved: ClipLaw
    cells: Cells
    pools: Pools

    @classmethod
    def exact(cls, *, p: ArrayLike, q: ArrayLike, k: int, bits: int | None = None) -> Self:
        """The plan that attains the optimum.

        Parameters
        ----------
        p
            Target distribution, shape ``(V,)``; floats or fractions. A walk that carries a budget may pass
            weights of a smaller total.
        q
            Draft distribution, shape ``(V,)``, of p's kind.
        k
            Number of drafts, at least 1.
        bits
            Start from ``2**bits`` bins a doubling of p / q and open those that matter (64 for floats). None
            sorts all tokens if they are fractions.

        Raises
        ------
        ValueError
            If q is not a distribution, p has a negative entry or a total above one, or they differ in
            vocabulary or kind.

        Notes
        -----
        Some ten passes over the vocabulary, and a sort of the tokens in a few opened bins. If nearly every
        bin has to be opened (p is close to the law of the best of k drafts everywhere) it is a sort of all
        tokens and some fifty passes.
        """
        pair = _Pair.checked(p, q)
        if bits is None and is_exact(pair.q):
            return cls._over(pair, check_k(k), every_token(pair.p, pair.draft))
        cells = binned(pair.p, pair.draft, check_k(k), bits=_BITS if bits is None else bits)
        for _ in range(_ROUNDS):
            plan = cls._over(pair, k, cells)
            hidden = unsettled(plan.pools, plan.solved, cells, k)
            if not np.any(hidden):
                return plan
            cells = cells.opened(hidden, p=pair.p, q=pair.draft)
        return cls._over(pair, k, every_token(pair.p, pair.draft))

    @classmethod
    def bucketed(cls, *, p: ArrayLike, q: ArrayLike, k: int, bits: int = 8) -> Self:
        """A plan over bins of p / q that opens none: the cheapest, exactly lossless.

        It accepts less than the optimal rule by at most :attr:`loss`.

        Parameters
        ----------
        p, q, k
            As for :meth:`exact`.
        bits
            ``2**bits`` bins for each doubling of the ratio, see :mod:`theory.clip.cells`.
        """
        pair = _Pair.checked(p, q)
        return cls._over(pair, check_k(k), binned(pair.p, pair.draft, k, bits=bits))

    @classmethod
    def _over(cls, pair: _Pair, k: int, cells: Cells) -> Self:
        solved = clip_law(cells.p, cells.q, k)
        return cls(pair.p, pair.q, pair.draft, int(k), solved, cells, Pools.of(solved, cells, k))

    @cached_property
    def law(self) -> Array:
        """The law y of the picked token, shape ``(V,)``; O(V)."""
        return self._masses(slice(None))

    def masses(self, tokens: Array) -> Array:
        """Entries of :attr:`law` for some tokens, without a pass over the others."""
        # fractions are slow and few: look them up
        return self.law[tokens] if is_exact(self.p) else self._masses(tokens)

    def _masses(self, tokens: Any) -> Array:
        draft = self.draft[tokens]
        slopes = self.pools.slope(self._pool(tokens), ratio_of(self.p[tokens], draft))
        result: Array = draft * slopes
        return result

    def _pool(self, tokens: Any) -> Array:
        pool: Array = self.pools.of_cell[self.cells.cell[tokens]]
        return pool

    def _trading(self, tokens: Any) -> Array:
        return self.pools.trading(self._pool(tokens), ratio_of(self.p[tokens], self.draft[tokens]))

    @cached_property
    def _all_trading(self) -> Array:
        return self._trading(slice(None))

    @cached_property
    def acceptance(self) -> Any:
        r"""Probability that the picked draft is accepted, :math:`\sum_x \min(p_x, y_x)`; O(V)."""
        return np.minimum(self.p, self.law).sum()

    @property
    def loss(self) -> Any:
        """An upper bound of what the picked draft's acceptance lacks to the optimum.

        The optimum for cells bounds the one for tokens from above: a set of cells is a set of tokens.
        """
        return self.solved.optimum - self.acceptance

    def pick(self, drafts: Sequence[int], chance: Chance, *, stream: str) -> int:
        """The slot of the draft to test; its token has the law :attr:`law` if drafts are i.i.d. from q.

        Every draft draws a score, and one of the best is picked by a fair draw; all from ``stream``.
        O(k + the trades of the drafts' pools).
        """
        scores = self._scores(np.asarray(drafts), chance, stream)
        best = min(scores)
        slots = [slot for slot, score in enumerate(scores) if score == best]
        if len(slots) == 1:
            return slots[0]
        return slots[chance.draw(np.ones(len(slots), dtype=self.p.dtype), stream=stream)]

    def _scores(self, tokens: Array, chance: Chance, stream: str) -> list[int]:
        if not np.all(self.draft[tokens] > 0):
            raise ValueError(f"the drafts {tokens.tolist()} hold one of probability 0 under this plan's q")
        trading = self._all_trading[tokens] if is_exact(self.p) else self._trading(tokens)
        return [
            self._partner(pool, chance, stream) if trades > 0 and chance.flip(trades, stream=stream) else pool
            for pool, trades in zip(self._pool(tokens).tolist(), trading.tolist(), strict=True)
        ]

    def _partner(self, pool: int, chance: Chance, stream: str) -> int:
        partners, masses = self.pools.swaps.partners(pool)
        return int(partners[chance.draw(masses, stream=stream)])


@dataclass(frozen=True, eq=False)
class _Pair:
    """A target and a draft that were checked."""

    p: Array
    q: Array
    draft: Array

    @classmethod
    def checked(cls, p: ArrayLike, q: ArrayLike) -> _Pair:
        target, draft = check_weights(p, name="p"), check_distribution(q, name="q")
        check_same_vocabulary(target, draft)
        if target.ndim != 1 or draft.ndim != 1:
            raise ValueError(
                f"a plan is for one position, got p of shape {target.shape} and q of shape {draft.shape}; "
                "make one plan a row"
            )
        total, mass = target.sum(), draft.sum()
        if total > 1 + (0 if is_exact(target) else SUM_TOLERANCE):
            raise ValueError(f"p sums to {total}; target weights sum to at most 1")
        return cls(target, draft, draft if mass == 1 else draft / mass)
