"""The search for a counterexample: what ends it, and rules that say one thing and then another."""

from __future__ import annotations

import random

import numpy as np
import pytest

from specsim.testing import Budget, audit, pairs
from specsim.testing.blackbox.drive import NotDrivable
from specsim.testing.cases import NodeCase
from specsim.testing.search import Hit, Search, search
from theory.laws import Iid

CASES = pairs(vocabulary=3).map(lambda pair: NodeCase(pair[0], Iid(pair[1], 1), "one draft"))


def test_no_failure_is_a_number_of_cases():
    assert 1 <= search(CASES, lambda case: None, Search(20)) <= 20


def test_a_failure_is_shrunk():
    found = search(CASES, lambda case: "wrong" if case.p[1] > 0 else None, Search(50))
    assert isinstance(found, Hit)
    assert found.failure == "wrong"
    assert found.case.p[1] > 0


def test_what_is_raised_while_shrinking_ends_the_search():
    """A second source of randomness may be noticed only after a case has failed."""
    seen = []

    def failure_of(case):
        if max(p.denominator for p in case.p) < 7:
            return None
        seen.append(case)
        if len(seen) > 1:
            raise NotDrivable("the same numbers gave another outcome")
        return "wrong"

    with pytest.raises(NotDrivable, match="another outcome"):
        search(CASES, failure_of, Search(50))


@pytest.mark.parametrize("seed", range(4))
def test_hidden_randomness_is_never_a_crash(seed):
    def hidden(p, q, token, rng):
        if random.random() < p[token] / q[token]:
            return token
        rest = np.maximum(p - q, 0)
        return int(rng.choice(p.size, p=rest / rest.sum()))

    random.seed(seed)
    verdict = audit(hidden, seed=seed, examples=10, budget=Budget.of_samples(3000))
    assert verdict.status == "not refuted (statistical)"
