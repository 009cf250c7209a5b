"""Rules that the tests audit: right ones, and one for each way of being wrong."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction as F

import numpy as np

from theory.couplings import Resolution
from theory.simplex import residual


def ratio(p, q, token):
    return min(F(1), F(p[token]) / F(q[token]))


def leftover(p, q):
    """The residual, or p where nothing is left."""
    rest = residual(p, q)
    return rest if np.any(rest > 0) else p


def right(p, drafts, law, chance):
    """Single-draft rejection."""
    q, token = law.conditional(()), drafts[0]
    if chance.flip(ratio(p, q, token), stream="accept"):
        return token
    return chance.draw(leftover(p, q), stream="residual")


def always_accept(p, drafts, law, chance):
    return drafts[0]


def swapped(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if p[token] == 0 or chance.flip(ratio(q, p, token), stream="accept"):
        return token
    return chance.draw(leftover(p, q), stream="residual")


def residual_is_p(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if chance.flip(ratio(p, q, token), stream="accept"):
        return token
    return chance.draw(p, stream="residual")


def a_millionth_off(p, drafts, law, chance):
    """Accepts a millionth less often than it should."""
    q, token = law.conditional(()), drafts[0]
    accept = ratio(p, q, token)
    if chance.flip(accept if accept == 1 else accept * (1 - F(1, 10**6)), stream="accept"):
        return token
    return chance.draw(leftover(p, q), stream="residual")


def unclamped(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if chance.flip(ratio(p, q, token), stream="accept"):
        return token
    return chance.draw(p - q, stream="residual")


def own_randomness(p, drafts, law, chance):
    """Takes its randomness from elsewhere."""
    return int(np.random.default_rng().choice(len(p), p=np.asarray(p, dtype=float)))


def retries(p, drafts, law, chance):
    """Tries again until it accepts: a law, but no finite number of runs."""
    q, token = law.conditional(()), drafts[0]
    while not chance.flip(ratio(p, q, token) / 2, stream="accept"):
        token = chance.draw(q, stream="again")
    return token


def writes_to_p(p, drafts, law, chance):
    """Right, but leaves p changed."""
    token = right(p.copy(), drafts, law, chance)
    p[:] = F(1, 3)
    return token


@dataclass(frozen=True)
class Claims:
    """Right, with a report and a closed form that may be wrong."""

    slot: int | None = None
    claimed: F | None = None

    def resolve(self, *, p, drafts, law, chance, level=0):
        token = right(p, drafts, law, chance)
        honest = drafts.index(token) if token in drafts else None
        return Resolution(token, honest if self.slot is None else self.slot)

    def acceptance(self, *, p, law):
        overlap = np.minimum(p, law.conditional(())).sum()
        return overlap if self.claimed is None else self.claimed


class ChainFromTheFirstRow:
    """A chain walk that takes every target row from the round's start: wrong where context matters."""

    def verify(self, *, tree, target, chance):
        emitted = []
        for node in range(1, len(tree.tokens)):
            token = right(target(()), (tree.tokens[node],), tree.laws[node - 1], chance)
            emitted.append(token)
            if token != tree.tokens[node]:
                return tuple(emitted)
        return (*emitted, chance.draw(target(()), stream="bonus"))


class ChainRight:
    """A chain walk, token by token."""

    def verify(self, *, tree, target, chance):
        emitted = []
        for node in range(1, len(tree.tokens)):
            token = right(target(tuple(emitted)), (tree.tokens[node],), tree.laws[node - 1], chance)
            emitted.append(token)
            if token != tree.tokens[node]:
                return tuple(emitted)
        return (*emitted, chance.draw(target(tuple(emitted)), stream="bonus"))


class ForgetsAfterARound(ChainRight):
    """Right in one round; its next target has forgotten all but the last token."""

    def following(self, *, depth, target, draft, emitted):
        return lambda prefix: target((emitted[-1], *prefix))
