"""'All ratios are 0 or 1 and the seed has no effect.' At temperature zero that is how it must be."""

from __future__ import annotations

import numpy as np

from specsim.testing import law_of
from tests.museum.museum import Claim
from theory.couplings import Maximal
from theory.laws import Point

CLAIM = Claim(
    "vllm-project/vllm#13196",
    "capped ratios that are only 0 or 1, and a seed without effect, are a bug",
    "expected at temperature 0: one-hot p and q leave nothing to chance",
)


def test_one_hot_pairs_leave_nothing_to_chance():
    for target in range(3):
        for draft in range(3):
            p = np.eye(3, dtype=int).astype(object)[target]
            law = law_of(Maximal(), p=p, law=Point([draft], 3))
            assert law == {(target,): 1}
