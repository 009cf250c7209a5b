"""'The ratio is upside down.' The code calls the target p; the paper's p is the draft."""

from __future__ import annotations

from specsim.testing import assert_lossless, counterexample
from tests.museum.museum import Claim, judged, leftover, ratio

CLAIM = Claim(
    "feifeibear/LLMSpeculativeSampling#36",
    "the acceptance ratio p / q is upside down",
    "wrong: that code's p is the target; the proposed q / p is refuted",
)


def as_in_the_code(p, drafts, law, chance):
    return judged(p, law.conditional(()), drafts[0], chance)


def as_proposed(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if p[token] == 0 or chance.flip(ratio(q, p, token), stream="accept"):
        return token
    return chance.draw(leftover(p, q), stream="residual")


def test_the_code_is_right():
    assert_lossless(as_in_the_code, drafts=1, examples=40)


def test_the_proposal_is_refuted():
    assert counterexample(as_proposed, drafts=1, examples=40) is not None
