"""Sampling the draft divides its probabilities by noise in place; the ratio then uses what is left."""

from __future__ import annotations

import numpy as np

from specsim.testing import Budget, audit
from tests.museum.museum import Exhibit


def sampler(copies):
    def sample(p, q, rng):
        scores = q.copy() if copies else q
        scores /= rng.exponential(size=q.size)
        token = int(np.argmax(scores))
        if rng.random() * q[token] < p[token]:
            return token
        rest = np.maximum(p - q, 0)
        weights = rest if rest.sum() > 0 else p
        return int(rng.choice(p.size, p=weights / weights.sum()))

    return sample


EXHIBIT = Exhibit(
    "draft probabilities overwritten while sampling",
    ("vllm-project/vllm#16952",),
    broken=sampler(copies=False),
    mended=sampler(copies=True),
    caught_by="samples",
    within=4_000,
    options={"method": "sample", "budget": Budget(pairs=6, first=300, batch=300, total=6_000)},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()


def test_writing_to_q_is_noticed_where_the_law_can_be_driven():
    def halves(p, q, token, rng):
        q /= 2
        return int(rng.choice(p.size, p=p))

    assert audit(halves, examples=4).warnings == ("it writes to its inputs: q",)
