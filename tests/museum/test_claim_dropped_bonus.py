"""The bonus after a fully accepted chain is dropped: a token is lost, the law is not."""

from __future__ import annotations

from specsim.testing import assert_lossless
from tests.museum.museum import Claim, TokenByToken

CLAIM = Claim(
    "ohdearquant/lattice#389, ohdearquant/lattice#509",
    "the bonus token after a full accept was dropped (reported as a bug)",
    "a bug of speed, not of the law: whether it is dropped does not depend on which token it is",
)


class NoBonus(TokenByToken):
    """Stops where the bonus would be."""

    def verify(self, *, tree, target, chance):
        tokens = super().verify(tree=tree, target=target, chance=chance)
        return tokens[: tree.size]


def test_no_bonus_is_lossless():
    assert_lossless(NoBonus(), laws="iid", drafts=1, examples=10)
