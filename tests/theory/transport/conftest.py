"""Instances that the transport tests share."""

from fractions import Fraction

import numpy as np
import pytest

from theory.laws import HubPair, Iid, Independent, Point, TopKPlusSample, WithoutReplacement


def random_fractions(rng, size, *, zeros=0.0):
    """A random distribution in small fractions; some entries zero, often with ties."""
    weights = rng.integers(1, 9, size)
    weights[rng.random(size) < zeros] = 0
    if not weights.any():
        weights[rng.integers(size)] = 1
    total = int(weights.sum())
    return np.array([Fraction(int(w), total) for w in weights], dtype=object)


def random_law(rng, size):
    """A law of one of the six kinds over a random q, drafts from 1 to 4."""
    q = random_fractions(rng, size, zeros=0.2)
    support = int((q > 0).sum())
    k = int(rng.integers(1, 5))
    kind = rng.choice(["iid", "without", "top", "hub", "point", "independent"])
    if kind == "without":
        return WithoutReplacement(q, min(k, support))
    if kind == "top":
        return TopKPlusSample(q, min(k, support))
    if kind == "hub" and support >= 2:
        return HubPair(q)
    if kind == "point":
        return Point(rng.permutation(size)[: min(k, size)], size)
    if kind == "independent":
        return Independent([random_fractions(rng, size, zeros=0.3) for _ in range(min(k, 3))])
    return Iid(q, k)


@pytest.fixture(scope="session")
def instances():
    """Sixty pairs (p, law) in fractions, vocabularies 3 to 5, every law among them."""
    rng = np.random.default_rng(20250722)
    drawn = []
    for _ in range(60):
        size = int(rng.integers(3, 6))
        drawn.append((random_fractions(rng, size, zeros=0.2), random_law(rng, size)))
    assert len({type(law) for _, law in drawn}) == 6
    return drawn
