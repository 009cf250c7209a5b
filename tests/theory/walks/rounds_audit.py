"""Checks on schemes: exact joint laws over rounds, and the linear program that bounds expected lengths."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import lil_array

from tests.theory.walks.tables import Table
from theory.chance import Enumerated
from theory.laws import Tokens
from theory.proof import target_law
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks import Model, Scheme, law_of_rounds


class Twisted:
    """A target that is, at some prefixes, the draft's own row, its mirror, or a single token."""

    def __init__(self, seed: int, draft: Model) -> None:
        self.own, self.draft, self.seed = Table(seed, zeros=True), draft, seed

    def __call__(self, prefix: Tokens) -> Array:
        kind = random.Random(repr((self.seed, "kind", prefix))).choice(
            ["own", "own", "equal", "mirror", "one"]
        )
        if kind == "equal":
            return self.draft(prefix)
        if kind == "mirror":
            return self.draft(prefix)[::-1]
        row = self.own(prefix)
        return self._single(row) if kind == "one" else row

    @staticmethod
    def _single(row: Array) -> Array:
        out = row * 0
        out[int(np.argmax(row))] += 1
        return out


def models(seed: int, *, kind: str = "positive") -> tuple[Model, Model]:
    """A target and a draft: ``positive``, with ``zeros``, or ``twisted`` (ties, equal rows, point masses)."""
    draft = Table(seed + 100, zeros=kind != "positive")
    return (Twisted(seed, draft) if kind == "twisted" else Table(seed, zeros=kind == "zeros")), draft


def assert_rounds(scheme: Scheme, target: Model, draft: Model, *, rounds: int, length: int) -> None:
    """The joint law of the first tokens is the target's, as a dictionary of fractions."""
    law = law_of_rounds(scheme=scheme, target=target, draft=draft, rounds=rounds, length=length)
    assert sum(law.values()) == 1
    assert law == target_law(target=target, length=length), "the joint law is not the target's"


def assert_on_tables(scheme: Scheme, *, length: int, kind: str = "positive") -> None:
    """One round on each of four tables: for negative controls, which have to fail on one of them."""
    for seed in (1, 2, 3, 4):
        assert_rounds(scheme, *models(seed, kind=kind), rounds=1, length=length)


def drafted_trees(scheme: Scheme, draft: Model) -> dict[frozenset[Tokens], Any]:
    """The law of the drafted prefixes (the root's is the empty one)."""

    def program(chance: Any) -> frozenset[Tokens]:
        tree: DraftTree = scheme.grow(draft=draft, chance=chance)
        return frozenset(tree.prefix(node) for node in range(len(tree.tokens)))

    return Enumerated().law(program)


def best_expected_length(scheme: Scheme, target: Model, draft: Model) -> float:
    """The most accepted tokens that any rule can expect which keeps the target's law in every round.

    For each drafted tree D and prefix s in D: A(D, s) is the probability that the output passes through s
    inside D, E(D, s y) that it leaves D with the token y after s. Flow is kept at every s, and given s the
    next token has the target's law whatever D is. The sum of A below the root is the expected length; the
    program may use all of D at every decision, so no rule does better.
    """
    trees = list(drafted_trees(scheme, draft).items())
    index: dict[tuple[str, int, Tokens], int] = {}

    def column(kind: str, number: int, prefix: Tokens) -> int:
        return index.setdefault((kind, number, prefix), len(index))

    size = target(()).size
    rows: list[tuple[dict[int, float], float]] = []
    shared: dict[Tokens, dict[int, float]] = {}
    for number, (tree, weight) in enumerate(trees):
        rows.append(({column("A", number, ()): 1.0}, float(weight)))
        for prefix in tree:
            flow = {column("A", number, prefix): -1.0}
            for token in range(size):
                child = (*prefix, token)
                ways = [column("E", number, child)] + ([column("A", number, child)] if child in tree else [])
                flow.update(dict.fromkeys(ways, 1.0))
                row = shared.setdefault(child, {})
                row.update(dict.fromkeys(ways, 1.0))
                share = float(target(prefix)[token])
                row[column("A", number, prefix)] = row.get(column("A", number, prefix), 0.0) - share
            rows.append((flow, 0.0))
    rows.extend((row, 0.0) for row in shared.values())
    matrix = lil_array((len(rows), len(index)))
    for place, (row, _) in enumerate(rows):
        for position, value in row.items():
            matrix[place, position] = value
    gain = np.zeros(len(index))
    for (kind, _, prefix), position in index.items():
        gain[position] = -1.0 if kind == "A" and prefix else 0.0
    found = linprog(gain, A_eq=matrix.tocsr(), b_eq=[right for _, right in rows], method="highs")
    assert found.success, found.message
    return -float(found.fun)
