"""``coin <= p``: a generator that returns 0.0 accepts a draft of probability zero.

The set of such coins has probability 2^-24 in single precision, so no law that is computed and no sample of
realistic size shows it; the harness tries the ends of the range.
"""

from __future__ import annotations

import operator

import numpy as np

from specsim.testing import audit
from tests.museum.museum import Exhibit


def rule(accepts):
    def verify(p, q, token, rng):
        if accepts(rng.random() * q[token], p[token]):
            return token
        rest = np.maximum(p - q, 0)
        return int(rng.choice(p.size, p=rest / rest.sum()))

    return verify


EXHIBIT = Exhibit(
    "coin <= p accepts at coin = p = 0",
    ("sgl-project/sglang#35771", "sgl-project/sglang#35798"),
    broken=rule(operator.le),
    mended=rule(operator.lt),
    caught_by="edge",
    within=12,
    options={"examples": 12, "strict": True},
)


def test_broken():
    verdict = EXHIBIT.catch()
    assert "a uniform number of exactly 0" in verdict.reason


def test_mended():
    EXHIBIT.acquit()


def test_unless_told_to_be_strict_it_is_a_warning():
    verdict = audit(EXHIBIT.broken, examples=12)
    assert verdict.lossless
    assert verdict.warnings
