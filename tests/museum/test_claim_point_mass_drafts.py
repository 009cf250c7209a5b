"""'EAGLE sets q to one, so it can't be lossless.' A tree built without chance has point-mass laws."""

from __future__ import annotations

from specsim.testing import assert_lossless
from tests.museum.museum import Claim
from theory.couplings import Recursive
from theory.walks import TopDown

CLAIM = Claim(
    "SafeAILab/EAGLE#183, SafeAILab/EAGLE#283",
    "a draft probability that is hard-coded to 1 must be wrong",
    "right as it is: drafts chosen without chance are point masses, and rejection holds for any law",
)


def test_point_masses():
    assert_lossless(Recursive(), laws="point", drafts=(1, 2, 3), examples=40)


def test_trees_of_them():
    assert_lossless(TopDown(Recursive()), laws="point", drafts=2, examples=10)
