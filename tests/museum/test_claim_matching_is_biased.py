"""'Accepting a draft only if it equals a sample of the target biases the output.' It does not."""

from __future__ import annotations

from specsim.testing import assert_lossless
from tests.museum.museum import Claim
from theory.couplings import SampleAndMatch
from theory.walks import TopDown

CLAIM = Claim(
    "ml-explore/mlx-swift-lm#459, z-lab/dflash#74, z-lab/dflash#77, lablup/mlxcel#902",
    "verifying by equality with a target sample does not preserve the target's law",
    "wrong if the mismatch emits that same sample: lossless for drafts of any law, sampled or greedy; "
    "it accepts less often, no more",
)


def test_at_a_node_for_every_law():
    assert_lossless(SampleAndMatch(), examples=25)


def test_over_trees_greedy_drafts_included():
    assert_lossless(TopDown(SampleAndMatch()), laws=("iid", "point"), examples=3)
