r"""The best way to grow a sampled tree under DySpec's hypothesis, exactly, for small budgets.

State: which slots are open (for each node its drawn children). Adding a token to a slot of reach v and
residual R draws y with probability R_y, gains v R_y, and opens the next slot and y's own first slot. The
value of a state with n tokens to go is the best expected gain; slots of the same state are compared by
exact recursion:

.. math:: W(s, n) = \max_{\text{slot}} \sum_y R_y \bigl( v R_y + W(s \cup y, n - 1) \bigr).

It grows like (slots x V)^n: a reference for indices, at budgets up to about five.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theory.chance import Chance
from theory.laws import Tokens
from theory.shapes.dynamic.base import Workbench, check_budget
from theory.tree import DraftTree
from theory.walks.base import Model

#: The drafted prefixes: closed under taking the parent.
_State = frozenset[Tokens]


@dataclass(frozen=True)
class Slot:
    """An open slot: below which prefix, with what reach, residual mass and sum of squares."""

    prefix: Tokens
    reach: Any
    left: Any
    squares: Any

    @property
    def gain(self) -> Any:
        """Expected acceptance of the token drawn here."""
        return self.reach * self.squares / (self.left * self.left)


class Reference:
    """Values of growing, by exact recursion over one draft.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> draft = lambda prefix: np.array([F(1, 5)] * 5 if prefix else [F(3, 5), F(2, 5), 0, 0, 0])
    >>> reference = Reference(draft)
    >>> 1 + reference.best(2), 1 + reference.value(lambda slot: slot.reach, 2)
    (Fraction(2, 1), Fraction(229, 125))
    """

    def __init__(self, draft: Model) -> None:
        self.draft = draft
        self._best: dict[tuple[_State, int], tuple[Any, Slot | None]] = {}
        self._mass: dict[Tokens, Any] = {(): 1}

    def best(self, budget: int) -> Any:
        """Largest expected number of accepted tokens, the root not counted."""
        return self.choose(frozenset([()]), check_budget(budget))[0]

    def value(self, index: Callable[[Slot], Any], budget: int) -> Any:
        """Expected number of accepted tokens of the greedy by an index, ties to the slot that comes first."""
        return self._greedy(index, frozenset([()]), check_budget(budget), {})

    def choose(self, state: _State, budget: int) -> tuple[Any, Slot | None]:
        """The best value from a state, and the slot to draw from."""
        if (state, budget) not in self._best:
            best: tuple[Any, Slot | None] = (0, None)
            for slot in self.slots(state) if budget else []:
                value = self._after(state, slot, lambda after: self.choose(after, budget - 1)[0])
                if best[1] is None or value > best[0]:
                    best = (value, slot)
            self._best[state, budget] = best
        return self._best[state, budget]

    def slots(self, state: _State) -> list[Slot]:
        """Open slots, shallow ones first, each with some mass left."""
        found = []
        for prefix in sorted(state, key=lambda prefix: (len(prefix), prefix)):
            q = self.draft(prefix)
            open_tokens = [y for y in range(q.size) if q[y] > 0 and (*prefix, y) not in state]
            if open_tokens:
                left, squares = sum(q[y] for y in open_tokens), sum(q[y] * q[y] for y in open_tokens)
                found.append(Slot(prefix, self._reached(prefix) * left, left, squares))
        return found

    def _reached(self, prefix: Tokens) -> Any:
        if prefix not in self._mass:
            self._mass[prefix] = self._reached(prefix[:-1]) * self.draft(prefix[:-1])[prefix[-1]]
        return self._mass[prefix]

    def _after(self, state: _State, slot: Slot, worth: Callable[[_State], Any]) -> Any:
        q, total = self.draft(slot.prefix), slot.gain
        for y in range(q.size):
            child = (*slot.prefix, y)
            if q[y] > 0 and child not in state:
                total = total + q[y] / slot.left * worth(state | {child})
        return total

    def _greedy(
        self,
        index: Callable[[Slot], Any],
        state: _State,
        budget: int,
        known: dict[tuple[_State, int], Any],
    ) -> Any:
        slots = self.slots(state) if budget else []
        if not slots:
            return 0
        if (state, budget) not in known:
            slot = max(slots, key=index)
            known[state, budget] = self._after(
                state, slot, lambda after: self._greedy(index, after, budget - 1, known)
            )
        return known[state, budget]


@dataclass(frozen=True)
class Expectimax:
    """Grow by the exact optimum under DySpec's hypothesis. For tiny budgets and vocabularies.

    Lossless: yes, with top-down recursive rejection.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.9, 0.1, 0.0])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> Expectimax().grow(draft=lambda prefix: q, budget=2, chance=chance).depth
    2
    """

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw the tree, one token after the other."""
        budget, reference, bench = check_budget(budget), Reference(draft), Workbench()
        number: dict[Tokens, int] = {(): 0}
        while bench.size < budget:
            slot = reference.choose(frozenset(number), budget - bench.size)[1]
            if slot is None:
                break
            row = draft(slot.prefix).copy()
            row[[prefix[-1] for prefix in number if prefix and prefix[:-1] == slot.prefix]] = 0
            token = chance.draw(row, stream=f"draft/{len(slot.prefix)}")
            number[(*slot.prefix, token)] = bench.add(number[slot.prefix], token)
        return bench.drawn(lambda node: draft(bench.prefixes[node]))
