r"""Optimal acceptance for drafts of independent, different drafters, at full vocabulary.

With drafters :math:`q_1, \dots, q_n` the containment is :math:`Q(H) = \prod_j q_j(H)`, a product of
non-negative additive functions and so supermodular: :math:`p(H) - Q(H)` is submodular. There is no order of
the tokens of which every minimiser is a prefix; but there is a **threshold set**. Extend the objective to
:math:`x \in [0, 1]^V` by :math:`F(x) = p \cdot x - \prod_j q_j \cdot x`. Along each coordinate its second
derivative is :math:`\le 0`, so the minimum over the cube is attained at a corner, a set; and there the
first-order conditions of a minimum over a cube hold: with :math:`s_j = q_j(H)` and
:math:`g_j = \prod_{i \ne j} s_i`

.. math:: p_x \le \sum_j g_j q_{j,x} \;\text{ for } x \in H, \qquad
          p_x \ge \sum_j g_j q_{j,x} \;\text{ for } x \notin H .

So the optimum is known once the n masses s are, and they are found by **branch and bound** over boxes
:math:`l \le s \le u`. In a box :math:`g` lies between its values at l and at u, which decides for most tokens
whether they belong to H; the decided tokens tighten the box, and so on. With :math:`l \le s \le u`

.. math:: \prod_j s_j \le \prod_j l_j + \sum_j c_j (s_j - l_j), \qquad
          c_j = \prod_{i < j} u_i \prod_{i > j} l_i

(a telescoping sum; in any order of the drafters; for two drafters these are McCormick's envelopes). The
right side is additive in H, so :math:`p(H)` minus it has the minimum
:math:`\sum_x \min(p_x - c \cdot q_x, 0)` plus a constant: a lower bound for the box in one pass over the
tokens that are still open. Its gap falls with the square of the box's width. A box is done when its bound
is no better than the best set known, or when so few tokens are open that all their subsets can be tried.

This is a submodular minimisation with a certificate: the set proves the upper end to anybody
(:meth:`theory.bounds.Bound.verify`), the boxes together the lower one. Brute force over all subsets, max-flow
and linear programs agree with it in the tests.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cache

import numpy as np

from theory.simplex import Array

_TOLERANCE = 1e-12  # boxes that promise less than this are not opened
_SLACK = 2e-13  # allowance for rounding in sums of probabilities
_FEW = 8  # so many open tokens are decided by trying all subsets
_BOXES = 20_000  # boxes looked at before the search is given up; the ends stay right


@dataclass(frozen=True, eq=False)
class _Box:
    """Masses between two corners, and what they decide.

    Attributes
    ----------
    low, high
        Corners, shape ``(n,)``.
    tokens
        The tokens that may be in H or not.
    p, q
        Of the tokens that must be in H: p's mass, and that of each drafter.
    sure
        Slopes below which the tokens are that must be in H.
    """

    low: Array
    high: Array
    tokens: Array
    p: float
    q: Array
    sure: Array


@dataclass
class _Best:
    """The best set so far: all tokens below the slopes ``sure``, and some more."""

    value: float
    sure: Array
    more: Array


def optimum(p: Array, drafters: Array) -> tuple[float, float, Array]:
    r"""Ends of :math:`1 + \min_H [p(H) - \prod_j q_j(H)]`, and a set that attains the upper one.

    Parameters
    ----------
    p
        Checked target, float64, shape ``(V,)``.
    drafters
        Checked distributions, float64, shape ``(n, V)``, one row a drafter.

    Returns
    -------
    tuple
        Lower end, upper end (mostly about 1e-12 apart; further where the search was given up) and the set, a
        boolean mask.

    Notes
    -----
    Cost: a few dozen passes over the vocabulary for two drafters, some hundred for three or four.

    Examples
    --------
    >>> q = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    >>> lower, upper, inside = optimum(np.array([0.1, 0.3, 0.6]), q)
    >>> round(upper, 9), bool(upper - lower < 2e-12), inside.tolist()
    (1.0, True, [False, False, False])
    """
    return _Search(p, drafters).run()


class _Search:
    """Branch and bound over the masses of the drafters."""

    def __init__(self, p: Array, drafters: Array) -> None:
        self.p, self.q = p, np.ascontiguousarray(drafters)
        empty = np.empty(0, dtype=np.intp)
        self.best = _Best(0.0, np.zeros(self.q.shape[0]), empty)
        self.floor = 0.0
        self.heap: list[tuple[float, int, _Box]] = []
        self.count = 0

    def run(self) -> tuple[float, float, Array]:
        drafters, size = self.q.shape
        self._descend()
        none = np.zeros(drafters)
        self._consider(_Box(none, self.q.sum(axis=1), np.arange(size), 0.0, none, none))
        while self.heap and self.count < _BOXES:
            bound, _, box = heapq.heappop(self.heap)
            if bound >= self.best.value - _TOLERANCE:
                self.floor = min(self.floor, bound)
                break
            for half in _halves(box):
                self._consider(half)
        open_ends = [bound for bound, _, _ in self.heap[:1]]
        lower = min(self.best.value, self.floor, *open_ends) - _SLACK
        inside = self._mask()
        upper = float(self.p[inside].sum() - np.prod(self.q[:, inside].sum(axis=1)))
        return min(max(1.0 + lower, 0.0), 1.0 + upper), 1.0 + upper, inside

    def _mask(self) -> Array:
        inside: Array = self.p < self.best.sure @ self.q
        inside[self.best.more] = True
        return inside

    def _descend(self) -> None:
        """Sets that are thresholds of their own masses, from a few starts: a first best set."""
        for start in (1.0, 0.5):
            slopes = _slopes(np.full(self.q.shape[0], start))
            for _ in range(20):
                inside = self.p < slopes @ self.q
                weight = inside.astype(np.float64)
                mass = self.q @ weight
                value = float(weight @ self.p - np.prod(mass))
                if value < self.best.value:
                    self.best = _Best(value, slopes, np.empty(0, dtype=np.intp))
                new = _slopes(mass)
                if np.all(abs(new - slopes) < 1e-4):
                    break
                slopes = new

    def _consider(self, box: _Box) -> None:
        """Bound a box, look for better sets in it, and keep it if it may hold one."""
        self.count += 1
        decided = self._decided(box)
        if decided is None:
            return
        if decided.tokens.size <= _FEW:
            self._try_all(decided)
            return
        bound = self._bounded(decided)
        if bound < self.best.value - _TOLERANCE:
            heapq.heappush(self.heap, (bound, self.count, decided))
        else:
            self.floor = min(self.floor, bound)

    def _decided(self, box: _Box) -> _Box | None:
        """The box with fewer open tokens and tighter corners; None if it holds no minimiser."""
        while True:
            p, q = self.p[box.tokens], self.q[:, box.tokens]
            # one comparison must not be decided by its rounding
            slopes = _slopes(box.low) * (1 - 1e-14)
            sure = p < slopes @ q
            never = p > (_slopes(box.high) @ q) * (1 + 1e-14)
            mass = box.q + q[:, sure].sum(axis=1)
            stay = ~(sure | never)
            reach = mass + q[:, stay].sum(axis=1)
            low, high = np.maximum(box.low, mass - _SLACK), np.minimum(box.high, reach + _SLACK)
            if np.any(low > high):
                return None
            new = _Box(low, high, box.tokens[stay], box.p + float(p[sure].sum()), mass, slopes)
            shrunk = float((high - low).sum()) < 0.8 * float((box.high - box.low).sum())
            box = new
            if not shrunk or new.tokens.size <= _FEW:
                return box

    def _bounded(self, box: _Box) -> float:
        """A lower bound for all sets of a box; the sets it is computed from may improve the best."""
        slopes = _secants(box.low, box.high)
        gains = self.p[box.tokens] - slopes @ self.q[:, box.tokens]
        additive = np.minimum(gains, 0).sum(axis=1) + box.p - slopes @ box.q
        bounds = additive + slopes @ box.low - np.prod(box.low)
        chosen = box.tokens[gains[-1] < 0]
        self._offer(box, chosen)
        return float(bounds.max()) - _SLACK

    def _offer(self, box: _Box, chosen: Array) -> None:
        mass = box.q + self.q[:, chosen].sum(axis=1)
        value = float(box.p + self.p[chosen].sum() - np.prod(mass))
        if value < self.best.value:
            self._keep(value, box, chosen)

    def _keep(self, value: float, box: _Box, chosen: Array) -> None:
        self.best = _Best(value, box.sure, chosen)

    def _try_all(self, box: _Box) -> None:
        """All subsets of the open tokens."""
        subsets = _subsets(box.tokens.size)
        values = box.p + subsets @ self.p[box.tokens]
        values = values - np.prod(box.q + subsets @ self.q[:, box.tokens].T, axis=1)
        least = int(np.argmin(values))
        if values[least] < self.best.value:
            self._keep(float(values[least]), box, box.tokens[subsets[least] > 0])


def _slopes(mass: Array) -> Array:
    """For each drafter the product of the others' masses."""
    out = np.ones_like(mass)
    for j in range(mass.size):
        out[j] = np.prod(np.delete(mass, j))
    return out


def _secants(low: Array, high: Array) -> Array:
    """Slopes c of additive upper bounds of the product over a box, rows: two orders and their mean."""
    size = low.size
    forward = [np.prod(high[:j]) * np.prod(low[j + 1 :]) for j in range(size)]
    backward = [np.prod(low[:j]) * np.prod(high[j + 1 :]) for j in range(size)]
    orders = np.array([forward, backward])
    return np.vstack([orders, orders.mean(axis=0)])


def _halves(box: _Box) -> list[_Box]:
    """The box cut in the middle of its longest edge."""
    edge = int(np.argmax(box.high - box.low))
    middle = (box.low[edge] + box.high[edge]) / 2
    lower, upper = box.high.copy(), box.low.copy()
    lower[edge] = upper[edge] = middle
    return [
        _Box(box.low, lower, box.tokens, box.p, box.q, box.sure),
        _Box(upper, box.high, box.tokens, box.p, box.q, box.sure),
    ]


@cache
def _subsets(size: int) -> Array:
    """All subsets as rows of zeros and ones."""
    rows = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    out: Array = rows.astype(np.float64)
    return out
