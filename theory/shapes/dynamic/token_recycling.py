r"""Token Recycling: a static template filled from an adjacency matrix.

Row t of the matrix lists candidates that followed token t lately, best first. The children of a node are
the first entries of its token's row; the root stands for the last committed token. The budget keeps the
first nodes of the template, breadth first. Negative entries are empty, and a token that comes again in a
row adds nothing: those children are left out with all below them.

Lossless: yes, with top-down recursive rejection (chosen tokens are point masses).
Complexity: O(1) a node; the draft is asked for nothing but its vocabulary.
Source: Luo et al. 2024 (Token Recycling), arXiv 2408.08696
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.chance import Chance
from theory.shapes.dynamic.base import Workbench, check_budget
from theory.shapes.shape import TreeShape
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.base import Model


@dataclass(frozen=True, eq=False)
class TokenRecycling:
    """A template filled from successors.

    Parameters
    ----------
    matrix
        Candidates after each token, shape ``(V, ranks)``, integers; negative where there is none.
    template
        The shape.
    last
        The committed token that the root stands for.

    Raises
    ------
    ValueError
        If the matrix is no table of token ids, or ``last`` is none.

    Examples
    --------
    >>> from theory.chance import Sampled
    >>> follow = TokenRecycling(np.array([[1, 2], [2, -1], [0, 1]]), TreeShape((-1, 0, 0, 1, 1)), last=0)
    >>> tree = follow.grow(
    ...     draft=lambda prefix: np.full(3, 1 / 3), budget=9, chance=Sampled(np.random.default_rng(0)))
    >>> [tree.prefix(node) for node in range(1, 4)]
    [(1,), (2,), (1, 2)]
    """

    matrix: Array
    template: TreeShape
    last: int

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix)
        if matrix.ndim != 2 or matrix.dtype.kind not in "iu":
            raise ValueError(
                f"the matrix holds token ids, shape (V, ranks), got {matrix.dtype} of shape {matrix.shape}"
            )
        if matrix.size and matrix.max() >= len(matrix):
            raise ValueError(f"the matrix has rows for {len(matrix)} tokens, but names token {matrix.max()}")
        if not 0 <= self.last < len(matrix):
            raise ValueError(f"last must be a token in 0..{len(matrix) - 1}, got {self.last}")
        object.__setattr__(self, "matrix", matrix)

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Fill the template; chance is not asked."""
        bench, number = Workbench(), {0: 0}
        shape, most = self.template, min(self.template.size, check_budget(budget))
        taken: set[tuple[int, int]] = set()
        for node in range(1, most + 1):
            parent, rank = number.get(shape.parents[node]), shape.ranks[node]
            if parent is None or rank >= self.matrix.shape[1]:
                continue
            token = int(self.matrix[bench.tokens[parent] if parent else self.last, rank])
            if token >= 0 and (parent, token) not in taken:
                taken.add((parent, token))
                number[node] = bench.add(parent, token)
        return bench.chosen(len(self.matrix))
