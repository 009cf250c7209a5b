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
from theory.proof.symbolic.ring import Atom, Ring, Undecided
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
    """
    known = _Known(dict(signs), refutations)
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
    return _attempt(ring, _Known(dict(signs), refutations), compute)


def _run(program: Callable[[Chance], Hashable], prefix: tuple[int, ...]) -> Hashable:
    return program(SymbolicChance(prefix))


class _Known:
    """Signs of a cell, and those that follow from refutations."""

    def __init__(self, signs: dict[int, int], refutations: Sequence[Refutation]) -> None:
        self.signs = signs
        self._by_atom: dict[int, list[tuple[frozenset[tuple[int, int]], int]]] = {}
        for each in refutations:
            conditions = frozenset((atom.number, sign) for atom, sign in each.conditions)
            for number, sign in conditions:
                others = conditions - {(number, sign)}
                self._by_atom.setdefault(number, []).append((others, -sign))

    def learn(self, atom: Atom) -> None:
        """Add an atom's sign if a refutation gives it; raise Undecided if none does."""
        held = set(self.signs.items())
        for others, sign in self._by_atom.get(atom.number, ()):
            if others <= held:
                self.signs[atom.number] = sign
                return
        raise Undecided(atom)


def _attempt(ring: Ring, known: _Known, run: Callable[[], Any]) -> Any:
    """A run's outcome or its branch; signs that it asks for are learnt on the way."""
    while True:
        ring.signs = known.signs
        try:
            return run()
        except Branch as event:
            return event
        except Undecided as event:
            known.learn(event.atom)
        finally:
            ring.signs = None
