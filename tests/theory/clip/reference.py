"""Independent references for the clip law: all subsets, enumerated picks, extended precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction as F
from itertools import combinations_with_replacement
from math import factorial
from typing import Any

import numpy as np

from tests.theory.audit import subsets
from theory.chance import Enumerated
from theory.clip import ClipPlan
from theory.simplex import Array


def best_acceptance(p: Array, q: Array, k: int) -> Any:
    """min over all A of f(A) + p(outside of A): right for targets of a total below one, too."""
    values = []
    for inside in subsets(p.size):
        outside = [token for token in range(p.size) if token not in inside]
        values.append(1 - (1 - sum(q[list(inside)])) ** k + sum(p[outside]))
    return min(values)


def in_reach(y: Array, q: Array, k: int) -> bool:
    """Whether y(A) <= f(A) for every set, and y sums to one."""
    sets = all(sum(y[list(a)]) <= 1 - (1 - sum(q[list(a)])) ** k for a in subsets(y.size))
    return sets and y.sum() == 1 and bool(np.all(y >= 0))


def drafted(q: Array, k: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Multisets of k drafts with their probabilities, for rules that treat slots alike."""
    for tokens in combinations_with_replacement(np.flatnonzero(q > 0).tolist(), k):
        weight = F(factorial(k))
        for token, count in Counter(tokens).items():
            weight = weight * q[token] ** count / factorial(count)
        yield tokens, weight


def picked_law(plan: ClipPlan) -> list[Any]:
    """The law of the picked token, by enumeration of drafts and of the plan's own chance."""
    law = [F(0)] * plan.q.size
    for tokens, weight in drafted(plan.q, plan.k):
        slots = Enumerated().law(lambda chance, tokens=tokens: plan.pick(tokens, chance, stream="s"))
        for slot, share in slots.items():
            law[tokens[slot]] += weight * share
    return law


def extended_law(plan: ClipPlan) -> Array:
    """The law that picks really have, in extended precision: from what is drawn, not from what was wanted."""
    wide = np.longdouble
    draft, pools, swaps = plan.q.astype(wide), plan.pools, plan.pools.swaps
    draft = draft / draft.sum()
    live = np.flatnonzero(draft > 0)
    pool = pools.of_cell[plan.cells.cell[live]]
    trades = plan._trading(live).astype(wide)
    size, mass = pools.slopes.size, swaps.mass.astype(wide)
    kept, traded, weights = (np.zeros(size, wide) for _ in range(3))
    np.add.at(kept, pool, draft[live] * (1 - trades))
    np.add.at(traded, pool, draft[live] * trades)
    np.add.at(weights, swaps.better, mass)
    np.add.at(weights, swaps.worse, mass)
    weights = np.where(weights > 0, weights, 1)
    scores = kept.copy()
    np.add.at(scores, swaps.worse, (traded / weights)[swaps.better] * mass)
    np.add.at(scores, swaps.better, (traded / weights)[swaps.worse] * mass)
    outside = np.append(np.cumsum(scores[::-1])[::-1], wide(0))
    worth = sum(outside[:-1] ** (plan.k - 1 - power) * outside[1:] ** power for power in range(plan.k))
    elsewhere = np.zeros(size, wide)
    np.add.at(elsewhere, swaps.better, worth[swaps.worse] * mass / weights[swaps.better])
    np.add.at(elsewhere, swaps.worse, worth[swaps.better] * mass / weights[swaps.worse])
    law = np.zeros(draft.size, wide)
    law[live] = draft[live] * ((1 - trades) * worth[pool] + trades * elsewhere[pool])
    return law


def float_weights(rng: np.random.Generator, size: int) -> Array:
    """A distribution of one of several shapes, some of them extreme."""
    shapes = (
        lambda: rng.random(size),
        lambda: 10.0 ** rng.uniform(-320, 0, size),
        lambda: rng.integers(0, 3, size).astype(float),
        lambda: rng.dirichlet(np.full(size, 0.05)),
        lambda: np.exp(rng.normal(0, 3, size)),
    )
    values = shapes[rng.integers(len(shapes))]()
    return values / values.sum() if values.sum() > 0 else np.full(size, 1 / size)


def best_of_k(q: Array, k: int, rng: np.random.Generator) -> Array:
    """The law of the first of k drafts in a random order: every prefix of it is tight."""
    order = rng.permutation(q.size)
    outside = np.append(np.cumsum(q[order][::-1])[::-1], 0.0) / q.sum()
    law = np.zeros(q.size)
    law[order] = np.maximum(outside[:-1] ** k - outside[1:] ** k, 0)
    return law / law.sum()


def float_pair(rng: np.random.Generator) -> tuple[Array, Array, int]:
    """A pair over at most 60 tokens and up to 19 drafts, from easy to nasty."""
    size, k = int(rng.integers(1, 60)), int(rng.integers(1, 20))
    q = float_weights(rng, size)
    near = q * (1 + 1e-9 * rng.normal(size=size))
    targets = (
        lambda: float_weights(rng, size),
        lambda: q,
        lambda: best_of_k(q, k, rng),
        lambda: near / near.sum(),
        lambda: (best_of_k(q, k, rng) + float_weights(rng, size)) / 2,
    )
    return targets[rng.integers(len(targets))](), q, k
