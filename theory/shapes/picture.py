r"""A picture of a shape in plain SVG: the root at the top, one row a level, siblings from left to right."""

from __future__ import annotations

from theory.shapes.shape import TreeShape

_STEP, _RISE, _MARGIN, _RADIUS = 16.0, 34.0, 12.0, 4.5
_WIDEST = 960.0


def layout(shape: TreeShape) -> list[tuple[float, float]]:
    """Places of the nodes: leaves side by side, parents over the middle of their children, y the depth.

    Examples
    --------
    >>> layout(TreeShape((-1, 0, 0, 1)))
    [(0.5, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 2.0)]
    """
    across = [0.0] * len(shape.parents)
    for place, leaf in enumerate(_leaves_in_order(shape)):
        across[leaf] = float(place)
    for node in range(shape.size, -1, -1):
        below = shape.children(node)
        if below:
            across[node] = (across[below[0]] + across[below[-1]]) / 2
    return [(x, float(depth)) for x, depth in zip(across, shape.depths, strict=True)]


def _leaves_in_order(shape: TreeShape) -> list[int]:
    """The leaves, depth first."""
    waiting, leaves = [0], []
    while waiting:
        node = waiting.pop()
        below = shape.children(node)
        waiting.extend(reversed(below))
        if not below:
            leaves.append(node)
    return leaves


def svg(shape: TreeShape) -> str:
    """The shape as a standalone SVG element; first children are filled, later siblings lighter.

    Examples
    --------
    >>> text = svg(TreeShape((-1, 0, 0)))
    >>> text.startswith("<svg "), text.count("<circle"), text.count("<line")
    (True, 3, 2)
    """
    places = layout(shape)
    most = max(x for x, _ in places)
    step = min(_STEP, (_WIDEST - 2 * _MARGIN) / max(most, 1))
    radius = min(_RADIUS, max(0.6, step / 2.4))
    width, height = 2 * _MARGIN + step * most, 2 * _MARGIN + _RISE * shape.depth
    points = [(_MARGIN + step * x, _MARGIN + _RISE * y) for x, y in places]
    lines = [
        f'<line x1="{points[parent][0]:.1f}" y1="{points[parent][1]:.1f}" '
        f'x2="{points[node][0]:.1f}" y2="{points[node][1]:.1f}" stroke="#6e6e6e" stroke-width="0.8"/>'
        for node, parent in enumerate(shape.parents[1:], start=1)
    ]
    circles = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_fill(node, rank)}" stroke="#000000" '
        f'stroke-width="0.6"><title>{_title(node, rank, depth)}</title></circle>'
        for node, ((x, y), rank, depth) in enumerate(zip(points, shape.ranks, shape.depths, strict=True))
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
        f"<title>draft tree of {shape.size} tokens, depth {shape.depth}</title>"
        + "".join(lines)
        + "".join(circles)
        + "</svg>"
    )


def _fill(node: int, rank: int) -> str:
    if node == 0:
        return "#000000"
    return ("#0072B2", "#56a0cb", "#a9d0e6")[rank] if rank < 3 else "#e6f1f8"


def _title(node: int, rank: int, depth: int) -> str:
    return "root" if node == 0 else f"node {node}: rank {rank}, depth {depth}"
