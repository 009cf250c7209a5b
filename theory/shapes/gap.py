r"""The gap: every static tree in use beside the certified optimum of the same profile.

For each tree: its value, what share of the optimum *with as many tokens* it gives away, what share of the
optimum at the whole budget, and how many tokens the optimum needs for the same value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from theory.shapes import templates
from theory.shapes.best_first import BestFirst, best_first, check_caps
from theory.shapes.hardware import optimum
from theory.shapes.isotonic import isotonic, sorted_rows
from theory.shapes.max_plus import MaxPlus
from theory.shapes.profile import Profile
from theory.shapes.shape import TreeShape
from theory.simplex import Array

_MOST_EXPANSION = 512


@dataclass(frozen=True, eq=False)
class Row:
    """One tree beside the optimum.

    Attributes
    ----------
    name
        What it is.
    shape
        The tree.
    value
        Expected tokens per target call, the root counted.
    gap
        Share of the optimum with as many tokens that it gives away.
    gap_at_budget
        Share of the optimum at the budget, or None for a tree that is larger.
    optimum_needs
        Number of tokens with which the optimum is worth as much.
    """

    name: str
    shape: TreeShape
    value: float
    gap: float
    gap_at_budget: float | None
    optimum_needs: int


@dataclass(frozen=True, eq=False)
class Gap:
    """The optimum and the others.

    Attributes
    ----------
    budget
        Largest number of drafted tokens, the root not counted.
    run
        Optimal trees of every size, best first or by dynamic programming.
    values
        Optimal values of 0, 1, ... tokens; at least up to the budget.
    shape
        The optimal tree.
    rows
        The others, best first.
    proved_by
        Which certificate was checked.
    """

    budget: int
    run: BestFirst | MaxPlus
    values: Array
    shape: TreeShape
    rows: tuple[Row, ...]
    proved_by: str

    @property
    def value(self) -> float:
        """The optimal value."""
        return float(self.values[self.budget])


def gap_report(
    profile: Profile, *, nodes: int, max_depth: int | None = None, max_children: int | None = None
) -> Gap:
    """The certified optimum and the static trees in use. Exact but for rounding; the certificate is checked.

    Parameters
    ----------
    profile
        Acceptance probabilities; best first where no row rises, else dynamic programming.
    nodes
        Largest number of drafted tokens, the root not counted.
    max_depth, max_children
        Caps; published trees are cut to them and to the profile.

    Returns
    -------
    Gap
        Beams, full trees and expansions are the best of their kind for this profile.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> report = gap_report(Profile.positional([0.6, 0.2, 0.1]), nodes=8)
    >>> round(report.value, 3), report.proved_by
    (2.846, 'order ideal')
    >>> [(row.name, row.shape.size, row.optimum_needs) for row in report.rows if row.name == "chain"]
    [('chain', 8, 5)]
    """
    check_caps(nodes=nodes, max_depth=max_depth, max_children=max_children)
    ranks = profile.ranks if max_children is None else min(max_children, profile.ranks)
    depth = _least(max_depth, profile.depth_limit)
    most = max([nodes, *(shape.size for shape in templates.PUBLISHED.values())])
    run = optimum(profile, nodes=most, max_depth=max_depth, max_children=max_children)
    shapes = list(_others(profile, nodes, depth, ranks)) if ranks and depth != 0 and nodes else []
    values = np.concatenate([run.values, np.full(most + 1 - len(run.values), run.values[-1])]).astype(float)
    proved_by = _prove(run, nodes)
    rows = sorted((_row(name, shape, profile, values, nodes) for name, shape in shapes), key=_order)
    return Gap(nodes, run, values, run.shape(nodes), tuple(rows), proved_by)


def _prove(run: BestFirst | MaxPlus, nodes: int) -> str:
    if isinstance(run, BestFirst):
        run.certificate(nodes).verify()
        return "order ideal"
    run.verify()
    return "dynamic programming"


def _order(row: Row) -> tuple[bool, float]:
    return row.gap_at_budget is None, -row.value


def _row(name: str, shape: TreeShape, profile: Profile, values: Array, budget: int) -> Row:
    value = float(shape.value(profile))
    loss = max(0.0, 1 - value / float(values[shape.size]))
    at_budget = max(0.0, 1 - value / float(values[budget])) if shape.size <= budget else None
    needs = int(np.searchsorted(values, value * (1 - 1e-12)))
    return Row(name, shape, value, loss, at_budget, needs)


def _others(profile: Profile, nodes: int, depth: int | None, ranks: int) -> Iterator[tuple[str, TreeShape]]:
    """The trees to compare with, under the caps."""
    narrow = profile.first_ranks(ranks)
    yield "chain", templates.chain(nodes if depth is None else min(nodes, depth))
    if ranks > 1:
        widths = range(2, min(ranks, nodes) + 1)
        full = partial(templates.k_ary, nodes, max_depth=depth)
        yield from _best("full, {} children", widths, lambda k: full(children=k), profile)
    beams = partial(templates.beam, narrow, nodes=nodes, max_depth=depth)
    yield from _best("beam of {}", _spread(nodes), lambda width: beams(width=width), profile)
    if nodes <= _MOST_EXPANSION and (profile.following == profile.following[:, :1]).all():
        factors = templates.best_expansion(narrow, nodes=nodes, max_depth=depth)
        yield f"SpecInfer, {_short(factors)}", templates.expansion(factors)
    yield "Medusa's greedy", templates.greedy(narrow, nodes=nodes, max_depth=depth)
    if not narrow.is_monotone and not narrow.is_exact:
        yield "projected profile", best_first(isotonic(narrow), nodes=nodes, max_depth=depth).shape()
    for name, shape in templates.PUBLISHED.items():
        cut = templates.fitted(shape, max_depth=depth, max_children=ranks)
        yield name if cut == shape else f"{name}, cut", cut


def _best(
    name: str, choices: range | list[int], make: Callable[[int], TreeShape], profile: Profile
) -> Iterator[tuple[str, TreeShape]]:
    """The best tree of a family."""
    if choices:
        made = [(make(choice), choice) for choice in choices]
        shape, choice = max(made, key=lambda pair: float(pair[0].value(profile)))
        yield name.format(choice), shape


def _spread(nodes: int) -> list[int]:
    """Widths from 1 to the number of nodes: all up to 16, then by factors of about 1.2."""
    widths = {*range(1, 17), *(round(16 * 1.2**step) for step in range(60))}
    return sorted(width for width in widths if width <= nodes)


def _short(factors: tuple[int, ...]) -> str:
    """Expansion factors with the ones at the end counted.

    Examples
    --------
    >>> _short((3, 2, 1, 1, 1, 1))
    '3-2-1 (x4)'
    """
    ones = next((place for place, factor in enumerate(reversed(factors)) if factor != 1), len(factors))
    if ones < 3:
        return "-".join(map(str, factors))
    return "-".join(map(str, [*factors[: len(factors) - ones], 1])) + f" (x{ones})"


def _least(*caps: int | None) -> int | None:
    given = [cap for cap in caps if cap is not None]
    return min(given) if given else None


def upper_bound(
    profile: Profile, *, nodes: int, max_depth: int | None = None, max_children: int | None = None
) -> float:
    """An upper bound of the optimum by the sorting bound, in the time of a best-first run. Rigorous.

    For profiles by position or depth whose rows rise, where dynamic programming would take too long; equal to
    the optimum where none does.

    Examples
    --------
    >>> round(upper_bound(Profile.positional([0.1, 0.5]), nodes=2), 3)
    1.75
    """
    ranks = profile.ranks if max_children is None else min(max_children, profile.ranks)
    if ranks == 0:
        return 1.0
    bound = sorted_rows(profile.first_ranks(ranks))
    return float(optimum(bound, nodes=nodes, max_depth=max_depth).value(nodes))
