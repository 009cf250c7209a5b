"""The shape type and the forms of others: round trips, and what is refused."""

from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest

from tests.theory.shapes.brute import shapes
from theory.chance import Sampled
from theory.laws import WithoutReplacement
from theory.shapes import (
    Profile,
    TreeShape,
    from_choices,
    from_draft_tree,
    from_graph,
    from_growmap,
    from_nested,
    to_choices,
    to_graph,
    to_growmap,
    to_nested,
)
from theory.shapes.picture import layout
from theory.shapes.shape import canonical
from theory.shapes.templates import PUBLISHED
from theory.walks.growers import FixedShape

ALL = [shape for size in range(7) for shape in shapes(size)]


def test_there_is_one_list_of_parents_a_tree():
    assert [len(set(shapes(size))) for size in range(8)] == [1, 1, 2, 5, 14, 42, 132, 429]


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (to_nested, from_nested),
        (to_choices, from_choices),
        (to_growmap, from_growmap),
        (to_graph, from_graph),
        (lambda shape: json.loads(json.dumps(to_growmap(shape))), from_growmap),
        (lambda shape: shape.counts, TreeShape.from_counts),
        (lambda shape: reversed(to_choices(shape)), from_choices),
    ],
)
def test_round_trips(there, back):
    assert [back(there(shape)) for shape in ALL] == ALL


def test_any_order_of_nodes_becomes_breadth_first():
    rng = np.random.default_rng(0)
    for shape in shapes(6):
        # a random order with parents before children and siblings in order
        order, waiting = [], [0]
        while waiting:
            node = waiting.pop(int(rng.integers(len(waiting))))
            order.append(node)
            later = list(shape.children(node))
            waiting += later[:1]
            parent = shape.parents[node]
            if node and shape.ranks[node] + 1 < shape.counts[parent]:
                waiting.append(node + 1)
        number = {node: place for place, node in enumerate(order)}
        parents = [-1, *(number[shape.parents[node]] for node in order[1:])]
        assert TreeShape.of(parents) == shape
        found, before = canonical(parents)
        assert [parents[node] for node in before[1:]] == [before[parent] for parent in found[1:]]


@pytest.mark.parametrize("shape", ALL[::7])
def test_mask_and_positions_are_those_of_the_draft_tree(shape):
    q = np.full(8, 1 / 8)
    grow = FixedShape(to_nested(shape), WithoutReplacement)
    tree = grow(draft=lambda prefix: q, chance=Sampled(np.random.default_rng(0)))
    assert from_draft_tree(tree) == shape
    assert (shape.ancestor_mask() == tree.ancestor_mask()).all()
    assert tuple(shape.position_ids()) == tree.depths
    assert (shape.position_ids(start=7) == np.array(tree.depths) + 7).all()


def test_mask_is_reachability():
    for shape in ALL[::5]:
        paths = nx.transitive_closure(to_graph(shape), reflexive=True)
        expected = nx.to_numpy_array(paths, nodelist=range(len(shape.parents))).T.astype(bool)
        assert (shape.ancestor_mask() == expected).all()


def test_value_is_the_expected_length_of_the_walk():
    """Simulating the positional process, exactly: all walks with their probabilities."""
    profile = Profile.positional([0.5, 0.25, 0.125])

    def expected(shape, node):
        below = zip(shape.children(node), profile.rows[0], strict=False)
        return 1 + sum(p * expected(shape, child) for child, p in below)

    for shape in shapes(5):
        if max(shape.counts) <= 3:
            assert shape.value(profile) == expected(shape, 0)


def test_published_templates():
    sizes = {name: (shape.size, shape.depth, max(shape.counts)) for name, shape in PUBLISHED.items()}
    assert sizes == {
        "Token Recycling 2.2.2": (80, 6, 8),
        "Medusa 63": (63, 4, 10),
        "EAGLE 25": (25, 5, 4),
        "SpecInfer 1-1-3": (20, 8, 3),
    }
    for shape in PUBLISHED.values():
        # children of later siblings never outnumber those of earlier ones: tops of non-rising profiles
        choices = set(shape.choices())
        assert all(
            (*path[:i], rank - 1, *path[i + 1 :]) in choices
            for path in choices
            for i, rank in enumerate(path)
            if rank
        )


def test_growmaps_number_the_nodes_level_by_level():
    growmap = to_growmap(TreeShape.from_counts([2, 1, 1, 1, 1]))
    assert growmap["roots"] == [[0], [1, 2], [3, 4], [5, 6]]
    assert growmap["branches"] == [[2], [1, 1], [1, 1], [0, 0]]
    assert growmap["mask"][6] == [1, 0, 1, 0, 1, 0, 1]
    assert growmap["size"] == 7


def test_pictures():
    shape = PUBLISHED["EAGLE 25"]
    text = shape._repr_svg_()
    assert (text.count("<circle"), text.count("<line")) == (26, 25)
    places = layout(shape)
    assert len(set(places)) == 26
    for depth in range(6):
        # no two nodes of a level on one spot, and siblings from left to right
        across = [x for x, y in places if y == depth]
        assert across == sorted(across)
    assert TreeShape((-1,))._repr_svg_().count("<circle") == 1
    assert (
        TreeShape.from_counts([2000]).size
        == 2000
        == TreeShape.from_counts([2000])._repr_svg_().count("<line")
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TreeShape(()), "node 0 is the root"),
        (lambda: TreeShape((0,)), "node 0 is the root"),
        (lambda: TreeShape((-1, 1)), "node 1 has parent 1; a parent comes before"),
        (lambda: TreeShape((-1, 0, -1)), "node 2 has parent -1"),
        (lambda: TreeShape((-1, 0, 1, 0)), "not breadth first"),
        (lambda: TreeShape.of([-1, 2, 0]), "node 1 has parent 2"),
        (lambda: TreeShape.from_counts([0, 1]), "counts for 2 nodes, but only 1"),
        (lambda: TreeShape.from_counts([-1]), "numbers of children are at least 0"),
        (lambda: TreeShape((-1, 0, 0)).prefix([0, 2]), "every node's parent and its earlier siblings"),
        (lambda: from_nested(((), 3)), "made of tuples, got 3"),
        (lambda: from_choices([[0], [0]]), "each node but the root has one choice"),
        (lambda: from_choices([[]]), "each node but the root has one choice"),
        (lambda: from_choices([[0], [2]]), r"\[2\] comes without \[1\]"),
        (lambda: from_choices([[0, 0]]), r"\[0, 0\] comes without \[0\]"),
        (lambda: from_choices([[-1]]), "comes without"),
        (lambda: from_growmap({"size": 1}), "has the entry Successors"),
        (lambda: from_growmap({"Successors": [[1], [1]]}), "exactly once"),
        (lambda: from_growmap({"Successors": [[2], [], [1]]}), "breadth first"),
        (lambda: from_growmap({"Successors": [[1], []], "size": 1}), "size does not agree"),
        (lambda: from_growmap({"Successors": [[1], []], "mask": [[1, 0], [0, 1]]}), "mask does not agree"),
        (lambda: from_graph(nx.DiGraph()), "one tree"),
        (lambda: from_graph(nx.DiGraph([(0, 1), (2, 1)])), "one tree"),
        (lambda: TreeShape((-1, 0, 0)).value(Profile.positional([0.5])), "2 children, the profile knows 1"),
        (
            lambda: TreeShape((-1, 0, 1)).value(Profile.by_depth([[0.5]])),
            "depth 2, the profile ends at depth 1",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
