r"""Trees grown slot by slot: the engine under DySpec and its corrected index.

A *slot* is the place of one more child below a node v. Let :math:`\varphi_v` be the draft's probability of
v's path and S the siblings drawn so far. DySpec's hypothesis: a drawn token is accepted with the
probability that it had when it was drawn. Then (the ratios telescope)

* the slot is tried with probability :math:`\varphi_v (1 - q(S))`, its **reach**;
* a token y in it is accepted, in all, with probability :math:`\varphi_v q(y)`, which is y's path
  probability: the
  reach of y's own first slot.

So a slot needs no renormalised residual, only the mass its row has left. An index orders the slots:

* ``reach`` (the published one), :math:`\varphi_v (1 - q(S))`;
* ``gain``, the expected acceptance of the token that is to be drawn there: the reach times the sum of
  squares of
  the normalised residual, :math:`\varphi_v \sum_{y \notin S} q(y)^2 / (1 - q(S))`.

Losslessness: slots are chosen by earlier draws and the draft's rows, before the token is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Literal

from theory.chance import Chance
from theory.shapes.dynamic.base import Workbench
from theory.shapes.dynamic.rows import BlockRow
from theory.tree import DraftTree
from theory.walks.base import Model

Index = Literal["reach", "gain"]


@dataclass
class Slots:
    """A tree in the making, its nodes' rows and path probabilities."""

    draft: Model
    squares: bool = False
    bench: Workbench = field(default_factory=Workbench)
    reached: list[Any] = field(default_factory=lambda: [1])
    rows: dict[int, BlockRow] = field(default_factory=dict)

    def row(self, node: int) -> BlockRow:
        """The row of a node; the draft is asked once."""
        if node not in self.rows:
            self.rows[node] = BlockRow(self.draft(self.bench.prefixes[node]), squares=self.squares)
        return self.rows[node]

    def reach(self, node: int) -> Any:
        """Probability that the node's next slot is tried."""
        return self.reached[node] * self.row(node).share

    def gain(self, node: int) -> Any:
        """Expected acceptance of the next token below a node; 0 where no mass is left."""
        row = self.row(node)
        left = row.left
        return self.reached[node] * row.squares / (left * row.whole) if left > 0 else 0 * left

    def extend(self, node: int, chance: Chance) -> int:
        """Draw one more child of a node."""
        row = self.row(node)
        token = row.draw(chance, stream=f"draft/{len(self.bench.prefixes[node])}")
        self.reached.append(self.reached[node] * (row.q[token] / row.whole))
        return self.bench.add(node, token)

    def tree(self) -> DraftTree:
        """The tree as it is, with the laws its tokens were drawn from."""
        return self.bench.drawn(lambda node: self.rows[node].q)


def grow_greedily(
    *, draft: Model, budget: int, chance: Chance, index: Index, max_depth: int | None = None
) -> DraftTree:
    """Draw from the slot of largest index, again and again; O(budget (log budget + sqrt V)) and a pass a row.

    A new node enters the heap with its path probability, which is its reach and a bound of its gain: the
    draft is asked for its row only if it comes to the top. Ties go to the node that was made first.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.0, 1.0, 0.0])
    >>> grow_greedily(draft=lambda prefix: q, budget=2, index="gain",
    ...               chance=Sampled(np.random.default_rng(0))).tokens
    (-1, 1, 1)
    """
    slots = Slots(draft, squares=index == "gain")
    worth = slots.gain if index == "gain" else slots.reach
    cap = budget if max_depth is None else max_depth
    heap: list[tuple[Any, int, bool]] = [(-1, 0, False)] if cap > 0 else []
    while heap and slots.bench.size < budget:
        negative, node, known = heappop(heap)
        if not known:
            _push(heap, worth(node), node)
        elif negative < 0:
            child = slots.extend(node, chance)
            _push(heap, worth(node), node)
            if len(slots.bench.prefixes[child]) < cap:
                heappush(heap, (-slots.reached[child], child, False))
    return slots.tree()


def _push(heap: list[tuple[Any, int, bool]], worth: Any, node: int) -> None:
    if worth > 0:
        heappush(heap, (-worth, node, True))
