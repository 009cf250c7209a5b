"""Ends without replacement from truncated lists hold every completion's bound."""

from __future__ import annotations

import numpy as np
import pytest

from theory.bounds import Truncated, optimal_acceptance
from theory.bounds.truncated_race import without_replacement_ends
from theory.laws import WithoutReplacement


def completed(rng: np.random.Generator, known: Truncated) -> np.ndarray:
    """A random distribution that fits a list of the likeliest tokens."""
    out = np.zeros(known.vocabulary)
    out[known.tokens] = known.probabilities
    free = np.setdiff1d(np.arange(known.vocabulary), known.tokens)
    cap, rest = float(known.largest), float(known.rest)
    order = rng.permutation(free) if rng.random() < 0.5 else free
    if rng.random() < 0.5:  # as few tokens as can hold it
        for token in order:
            out[token] = min(cap, rest)
            rest -= out[token]
        return out / out.sum()
    share = rng.dirichlet(np.ones(free.size)) * rest
    while (share > cap + 1e-15).any():
        over = np.maximum(share - cap, 0).sum()
        share = np.minimum(share, cap)
        room = cap - share
        share += room * over / room.sum()
    out[order] = share
    return out / out.sum()


@pytest.mark.parametrize("seed", range(12))
def test_completions_are_inside(seed):
    rng = np.random.default_rng(seed)
    p, q = (rng.dirichlet(np.full(12, 0.4)) for _ in range(2))
    if seed % 3 == 0:
        p = p[np.argsort(p)[np.argsort(np.argsort(-q))]]  # likely where q is not: small bounds
    lists = {"p": Truncated.of(p, 5), "q": Truncated.of(q, 5)}
    for k in (1, 2, 3):
        ends = without_replacement_ends(**lists, k=k)
        for _ in range(20):
            bound = optimal_acceptance(
                p=completed(rng, lists["p"]), law=WithoutReplacement(completed(rng, lists["q"]), k)
            )
            assert ends.lower - 1e-9 <= bound.upper, k
            assert bound.lower <= ends.upper + 1e-9, k
        own = optimal_acceptance(p=p, law=WithoutReplacement(q, k))
        assert ends.lower - 1e-9 <= float(own.value) <= ends.upper + 1e-9


def test_the_upper_end_says_something():
    """q's head is where p's is not: two drafts are in it with probability one half."""
    p = Truncated.top([5, 6], [0.625, 0.25], vocabulary=100)
    q = Truncated.top([0, 1], [0.625, 0.25], vocabulary=100)
    ends = without_replacement_ends(p=p, q=q, k=2)
    # Pr(both in {0, 1}) = 5/8 * (1/4) / (3/8) + 1/4 * (5/8) / (3/4) = 5/8; p of the two is at most 1/8
    assert ends.upper == pytest.approx(1 + 1 / 8 - 5 / 8, abs=1e-10)
    assert np.isnan(ends.attained).all()
    assert not ends.tight


def test_fewer_listed_than_drafted():
    p = Truncated.top([0], [0.5], vocabulary=9)
    assert without_replacement_ends(p=p, q=p, k=4).upper == 1.0


def test_complete_lists():
    rng = np.random.default_rng(3)
    p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    ends = without_replacement_ends(p=Truncated.of(p, 6), q=Truncated.of(q, 6), k=2)
    bound = optimal_acceptance(p=p, law=WithoutReplacement(q, 2))
    assert ends.upper == pytest.approx(float(bound.value), abs=1e-9)


def test_vocabularies_must_agree():
    p, q = (Truncated.top([0], [0.5], vocabulary=v) for v in (9, 8))
    with pytest.raises(ValueError, match="they must share one"):
        without_replacement_ends(p=p, q=q, k=2)
