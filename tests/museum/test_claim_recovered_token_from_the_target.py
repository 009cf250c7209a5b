"""'The token after a rejection should come from the target.' That counts twice what drafts deliver."""

from __future__ import annotations

from specsim.testing import assert_lossless, counterexample
from tests.museum.museum import Claim, judged, ratio

CLAIM = Claim(
    "vllm-project/vllm#8320",
    "the recovered token should be drawn from the plain target",
    "wrong: after a rejection by ratio it has to come from the residual; the thread's author found so later",
)


def from_the_target(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if chance.flip(ratio(p, q, token), stream="accept"):
        return token
    return chance.draw(p, stream="recovered")


def from_the_residual(p, drafts, law, chance):
    return judged(p, law.conditional(()), drafts[0], chance)


def test_the_proposal_is_refuted():
    assert counterexample(from_the_target, drafts=1, examples=40) is not None


def test_the_rule_is_right():
    assert_lossless(from_the_residual, drafts=1, examples=40)
