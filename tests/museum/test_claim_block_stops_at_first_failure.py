"""A review asked block verification to stop at the first coin that fails. The last success counts."""

from __future__ import annotations

from specsim.testing import assert_lossless, counterexample
from tests.museum.museum import Claim
from tests.museum.test_block_with_token_residual import BlockRule

CLAIM = Claim(
    "vllm-project/vllm-ascend#11985 (review)",
    "block verification has to stop at the first rejected token",
    "wrong: the accepted length is the last success; stopping earlier biases the output",
)
OPTIONS = {"laws": "iid", "drafts": 1, "examples": 20}


def test_the_last_success_is_lossless():
    assert_lossless(BlockRule(), **OPTIONS)


def test_the_first_failure_is_not():
    assert counterexample(BlockRule(first_failure=True), **OPTIONS) is not None
