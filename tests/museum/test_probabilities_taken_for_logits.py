"""An interface changes from probabilities to logits on one side only: probabilities go through a softmax."""

from __future__ import annotations

import numpy as np

from tests.museum.museum import Exhibit


def rule(target_of):
    def verify(p, q, token, rng):
        p = target_of(p)
        if rng.random() * q[token] < p[token]:
            return token
        rest = np.maximum(p - q, 0)
        rest = rest if rest.sum() > 0 else p
        return int(rng.choice(p.size, p=rest / rest.sum()))

    return verify


EXHIBIT = Exhibit(
    "probabilities taken for logits",
    ("vllm-project/vllm-ascend#6685",),
    broken=rule(lambda p: np.exp(p) / np.exp(p).sum()),
    mended=rule(lambda p: p),
    options={"examples": 12},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
