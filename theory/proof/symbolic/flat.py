"""The law of a program in one cell, path after path: the plain way, for checking certificates.

Nothing is shared between cells or taken over from the prover: every random path is run in the cell, its
weight is a product of probabilities, and the weights of equal outcomes are added up. Signs that the cell
does not list must follow from a recorded refutation whose other conditions hold in the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from theory.chance import Chance
from theory.proof.symbolic.cells import Refutation
from theory.proof.symbolic.explore import Branch, SymbolicChance, SymbolicLaw
from theory.proof.symbolic.ring import Ring
from theory.proof.symbolic.symbol import constant


def law_in_cell(
    ring: Ring,
    program: Callable[[Chance], Hashable],
    expected: Callable[[], Mapping[Hashable, Any]],
    *,
    signs: Mapping[int, int],
    refutations: Sequence[Refutation],
) -> tuple[SymbolicLaw, Mapping[Hashable, Any]]:
    """The law of a program's outcome in a cell, and the expected one.

    Raises
    ------
    Undecided
        If the cell's signs and the refutations do not decide a comparison.

    Examples
    --------
    >>> from theory.proof.symbolic.ring import Simplex
    >>> from theory.proof.symbolic.symbol import Unknowns
    >>> ring = Ring([Simplex("p", 2)])
    >>> p = Unknowns(ring)["p"]
    >>> law_in_cell(
    ...     ring, lambda chance: chance.flip(p[0], stream="x"), dict, signs={}, refutations=())[0]
    {False: -p1 + 1, True: p1}
    """
    known = implied_signs(signs, refutations)
    law: SymbolicLaw = {}
    pending: list[tuple[tuple[int, ...], Any]] = [((), constant(ring, 1))]
    while pending:
        prefix, weight = pending.pop()
        step = _attempt(ring, known, partial(_run, program, prefix))
        if isinstance(step, Branch):
            options = enumerate(step.options)
            pending.extend(((*prefix, i), weight * chance) for i, (_, chance) in options)
        else:
            law[step] = law[step] + weight if step in law else weight
    return law, _attempt(ring, known, expected)


def value_in_cell(
    ring: Ring,
    compute: Callable[[], Any],
    *,
    signs: Mapping[int, int],
    refutations: Sequence[Refutation],
) -> Any:
    """A computation without randomness, in a cell; raises as :func:`law_in_cell`."""
    return _attempt(ring, implied_signs(signs, refutations), compute)


def _run(program: Callable[[Chance], Hashable], prefix: tuple[int, ...]) -> Hashable:
    return program(SymbolicChance(prefix))


def implied_signs(signs: Mapping[int, int], refutations: Sequence[Refutation]) -> dict[int, int]:
    """Signs of a cell and all that follow from refutations: if all conditions but one hold, it does not.

    Examples
    --------
    >>> from theory.proof.symbolic.ring import Simplex
    >>> ring = Ring([Simplex("p", 3)])
    >>> first, second = (ring.atom(3 * x - 1) for x in ring.generators)
    >>> implied_signs({first.number: 1}, [Refutation(((first, 1), (second, 1)))])
    {0: 1, 1: -1}
    """
    known = dict(signs)
    waiting = [[(atom.number, sign) for atom, sign in each.conditions] for each in refutations]
    while True:
        left = []
        for conditions in waiting:
            open_ones = [(number, sign) for number, sign in conditions if known.get(number) != sign]
            if len(open_ones) == 1 and open_ones[0][0] not in known:
                known[open_ones[0][0]] = -open_ones[0][1]
            elif all(number not in known for number, _ in open_ones):
                left.append(conditions)
        if len(left) == len(waiting):
            return known
        waiting = left


def _attempt(ring: Ring, signs: Mapping[int, int], run: Callable[[], Any]) -> Any:
    """A run's outcome or its branch."""
    ring.signs = signs
    try:
        return run()
    except Branch as event:
        return event
    finally:
        ring.signs = None
