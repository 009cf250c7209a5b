"""The acceptance coin is made from the very random bits that chose the draft."""

from __future__ import annotations

import numpy as np

from tests.museum.museum import Exhibit


def sampler(fresh):
    def sample(p, q, rng):
        number = rng.random()
        edges = np.cumsum(q)
        token = int(np.searchsorted(edges, number * edges[-1], side="right"))
        coin = rng.random() if fresh else number
        if coin * q[token] < p[token]:
            return token
        rest = np.maximum(p - q, 0)
        return int(rng.choice(p.size, p=rest / rest.sum()))

    return sample


EXHIBIT = Exhibit(
    "acceptance coin from the draft's own bits",
    ("vllm-project/vllm#47386",),
    broken=sampler(fresh=False),
    mended=sampler(fresh=True),
    options={"examples": 12},
)


def test_broken():
    verdict = EXHIBIT.catch()
    assert verdict.counterexample.found  # a law, recovered from the function that owns its randomness


def test_mended():
    EXHIBIT.acquit()
