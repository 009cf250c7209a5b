r"""Shapes in the forms that others use, both ways.

* nested tuples, a node being the tuple of its children (:class:`theory.walks.growers.FixedShape`);
* choice lists, the ranks from the root to each node (Medusa, EAGLE);
* growmaps as plain data (Sequoia): ``roots``, ``branches``, ``Successors``, ``mask``, ``depth``, ``size``,
  where the size counts the root; no pickle is read or written;
* graphs of networkx, edges from parent to child, siblings by the edge attribute ``rank``;
* draft trees (:class:`theory.tree.DraftTree`), of which the tokens and laws are left out.

Only trees without gaps have a shape: a second choice needs the first. Everything that a form says twice is
checked against itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.shapes.shape import TreeShape
from theory.tree import DraftTree
from theory.walks.growers import Shape

if TYPE_CHECKING:
    import networkx


def from_nested(nested: Shape) -> TreeShape:
    """The shape of nested tuples; ``()`` is a leaf.

    Examples
    --------
    >>> from_nested((((),), ())).parents
    (-1, 0, 0, 1)
    """
    waiting, parents = [nested], [-1]
    # the list grows while it is walked
    for node, shape in enumerate(waiting):
        if not isinstance(shape, (tuple, list)):
            raise ValueError(f"a nested shape is made of tuples, got {shape!r}")
        waiting += shape
        parents += [node] * len(shape)
    return TreeShape(tuple(parents))


def to_nested(shape: TreeShape) -> Shape:
    """Nested tuples.

    Examples
    --------
    >>> to_nested(TreeShape((-1, 0, 0, 1)))
    (((),), ())
    """
    built: list[Shape] = [()] * len(shape.parents)
    for node in range(shape.size, -1, -1):
        built[node] = tuple(built[child] for child in shape.children(node))
    return built[0]


def from_choices(choices: Iterable[Sequence[int]]) -> TreeShape:
    """The shape of a choice list, in any order; ranks count from 0.

    Parameters
    ----------
    choices
        The ranks from the root to each node but the root, such as ``[[0], [0, 0], [1]]``.

    Raises
    ------
    ValueError
        If a choice comes twice, is empty, or comes without its parent or its earlier siblings.

    Examples
    --------
    >>> from_choices([[0], [0, 0], [1]]).parents
    (-1, 0, 0, 1)
    """
    given = [tuple(int(rank) for rank in choice) for choice in choices]
    known = set(given)
    if len(known) < len(given) or () in known:
        raise ValueError("each node but the root has one choice, a list of at least one rank")
    for *path, rank in known:
        before = (*path, rank - 1) if rank else tuple(path)
        if rank < 0 or (before and before not in known):
            raise ValueError(
                f"the choice {[*path, rank]} comes without {list(before)}: a shape holds with every node its "
                "parent and its earlier siblings"
            )
    order = sorted(known, key=lambda choice: (len(choice), choice))
    number = {(): 0} | {choice: place for place, choice in enumerate(order, start=1)}
    return TreeShape((-1, *(number[choice[:-1]] for choice in order)))


def to_choices(shape: TreeShape) -> list[list[int]]:
    """The choice list, breadth first.

    Examples
    --------
    >>> to_choices(TreeShape((-1, 0, 0, 1)))
    [[0], [1], [0, 0]]
    """
    return [list(choice) for choice in shape.choices()]


def from_growmap(growmap: Mapping[str, Any]) -> TreeShape:
    """The shape of a Sequoia growmap given as plain data (lists; as its JSON files hold it).

    Parameters
    ----------
    growmap
        ``Successors``, the children of each node, is needed; ``size``, ``roots``, ``branches``, ``depth`` and
        ``mask`` are checked against it where they are there.

    Raises
    ------
    ValueError
        If there are no successors, they are no tree, or another entry says something else.

    Examples
    --------
    >>> from_growmap({"Successors": [[1, 2], [3], [], []], "size": 4}).parents
    (-1, 0, 0, 1)
    """
    if "Successors" not in growmap:
        raise ValueError(f"a growmap has the entry Successors; this one has {sorted(growmap)}")
    successors = [[int(child) for child in children] for children in growmap["Successors"]]
    parents = [-1] * len(successors)
    listed = [child for children in successors for child in children]
    if sorted(listed) != list(range(1, len(successors))):
        raise ValueError("Successors must name every node but the first exactly once")
    for node, children in enumerate(successors):
        for child in children:
            parents[child] = node
    if listed != sorted(listed):
        raise ValueError("the nodes of a growmap are numbered breadth first; these are not")
    shape = TreeShape(tuple(parents))
    expected = to_growmap(shape)
    for name in ("size", "roots", "branches", "depth", "mask"):
        if name in growmap and np.asarray(growmap[name], dtype=object).tolist() != expected[name]:
            raise ValueError(f"the growmap's {name} does not agree with its Successors")
    return shape


def to_growmap(shape: TreeShape) -> dict[str, Any]:
    """A growmap as plain lists and numbers, ready for JSON.

    Examples
    --------
    >>> growmap = to_growmap(TreeShape((-1, 0, 0, 1)))
    >>> growmap["roots"], growmap["branches"], growmap["Successors"], growmap["size"]
    ([[0], [1, 2], [3]], [[2], [1, 0], [0]], [[1, 2], [3], [], []], 4)
    """
    ends = np.cumsum(shape.level_sizes).tolist()
    levels = [list(range(start, stop)) for start, stop in zip([0, *ends], ends, strict=False)]
    return {
        "roots": levels,
        "branches": [[shape.counts[node] for node in level] for level in levels],
        "Successors": [list(shape.children(node)) for node in range(len(shape.parents))],
        "mask": shape.ancestor_mask().astype(int).tolist(),
        "depth": list(shape.depths),
        "size": len(shape.parents),
    }


def from_graph(graph: networkx.DiGraph) -> TreeShape:
    """The shape of a rooted tree of networkx; siblings by the edge attribute ``rank``, else by insertion.

    Raises
    ------
    ValueError
        If the graph is not one tree with edges away from its root.

    Examples
    --------
    >>> import networkx as nx
    >>> from_graph(nx.DiGraph([("a", "b"), ("a", "c"), ("b", "d")])).parents
    (-1, 0, 0, 1)
    """
    import networkx as nx

    if len(graph) == 0 or not nx.is_arborescence(graph):
        raise ValueError("the graph must be one tree with its edges from parents to children")
    order = [next(node for node, degree in graph.in_degree() if degree == 0)]
    parents = [-1]
    # the list grows while it is walked
    for place, node in enumerate(order):
        edges = list(graph.out_edges(node, data="rank", default=0))
        children = [child for _, child, _ in sorted(edges, key=lambda edge: edge[2])]
        order += children
        parents += [place] * len(children)
    return TreeShape(tuple(parents))


def to_graph(shape: TreeShape) -> networkx.DiGraph:
    """A graph of networkx with the node attribute ``depth`` and the edge attribute ``rank``.

    Examples
    --------
    >>> to_graph(TreeShape((-1, 0, 0, 1))).edges(data="rank")
    OutEdgeDataView([(0, 1, 0), (0, 2, 1), (1, 3, 0)])
    """
    import networkx as nx

    graph: networkx.DiGraph = nx.DiGraph()
    for node, depth in enumerate(shape.depths):
        graph.add_node(node, depth=depth)
    for node in range(1, len(shape.parents)):
        graph.add_edge(shape.parents[node], node, rank=shape.ranks[node])
    return graph


def from_draft_tree(tree: DraftTree) -> TreeShape:
    """The shape of a draft tree.

    Examples
    --------
    >>> from_draft_tree(DraftTree.empty()).parents
    (-1,)
    """
    return TreeShape.of(tree.parents)
