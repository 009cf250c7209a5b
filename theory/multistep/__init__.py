"""More than one step: the best that one round of a drafted tree can do, and what known rules reach.

See :mod:`theory.multistep.problem` for the program and its certificates, and ``docs/multistep.md``.
"""

from theory.multistep.columns import ColumnSolution, solve_by_columns
from theory.multistep.lengths import (
    foresight_length,
    path_levels,
    pooled_ways,
    priority_ways,
    selected_length,
    surviving_length,
    top_down_length,
    traversal_length,
)
from theory.multistep.planned import Planned
from theory.multistep.priorities import PathProblem
from theory.multistep.problem import MultistepProblem, dual_bound, primal_value
from theory.multistep.program import NotSolved, solve
from theory.multistep.solution import MultistepSolution
from theory.multistep.trees import Tree, nested, path_trees, scheme_trees

__all__ = [
    "ColumnSolution",
    "MultistepProblem",
    "MultistepSolution",
    "NotSolved",
    "PathProblem",
    "Planned",
    "Tree",
    "dual_bound",
    "foresight_length",
    "nested",
    "path_levels",
    "path_trees",
    "pooled_ways",
    "primal_value",
    "priority_ways",
    "scheme_trees",
    "selected_length",
    "solve",
    "solve_by_columns",
    "surviving_length",
    "top_down_length",
    "traversal_length",
]
