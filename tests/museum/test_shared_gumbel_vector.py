"""Draft and residual are the argmax over one and the same Gumbel vector.

Given that the draft won, the other noises are truncated, most tightly for the tokens that the draft liked:
the residual under-weights them. A program against `chance` can't even say this; a function that owns its
randomness can. The law moves continuously with the noise, so it is sampled, on pairs chosen to show it.
"""

from __future__ import annotations

import numpy as np

from specsim.testing import Budget
from tests.museum.museum import Exhibit


def sampler(fresh):
    def sample(p, q, rng):
        with np.errstate(divide="ignore"):
            noise = rng.gumbel(size=p.size)
            token = int(np.argmax(np.log(q) + noise))
            if rng.random() * q[token] < p[token]:
                return token
            again = rng.gumbel(size=p.size) if fresh else noise
            return int(np.argmax(np.log(np.maximum(p - q, 0)) + again))

    return sample


EXHIBIT = Exhibit(
    "draft and residual share one Gumbel vector",
    (
        "vllm-project/vllm#47386",
        "vllm-project/vllm#54282",
        "local-inference-lab/vllm#205",
        "vllm-project/vllm-ascend#15739",
    ),
    broken=sampler(fresh=False),
    mended=sampler(fresh=True),
    caught_by="samples",
    within=12_000,
    options={"method": "sample", "budget": Budget(pairs=6, first=500, batch=500, total=12_000)},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()


def test_the_pair_decides_what_samples_see():
    """On one ordinary pair the bias is eighty times smaller than on the worst."""
    rng = np.random.default_rng(0)

    def bias(p, q):
        counts = np.bincount([EXHIBIT.broken(p, q, rng) for _ in range(20_000)], minlength=3)
        return abs(counts / counts.sum() - p).sum() / 2

    # standard errors are about 0.003
    assert bias(np.array([0.1, 0.6, 0.3]), np.array([0.2, 0.3, 0.5])) < 0.02
    assert bias(np.array([0.0, 0.68, 0.32]), np.array([0.6, 0.38, 0.02])) > 0.06
