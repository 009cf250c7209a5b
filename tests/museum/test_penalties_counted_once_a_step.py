"""Penalties see only the last token of each step, however many were accepted.

The target depends on the text through its penalties. After a round the state holds the last emitted token
and has lost the others, so every later round has another target. One round can't show it; two can.
"""

from __future__ import annotations

from specsim.testing import assert_lossless
from tests.museum.museum import Exhibit, TokenByToken


class LastTokenOnly(TokenByToken):
    """The next round's target remembers one token."""

    def following(self, *, depth, target, draft, emitted):
        return lambda prefix: target((emitted[-1], *prefix))


EXHIBIT = Exhibit(
    "penalty state advances one token a step",
    ("sgl-project/sglang#33643", "sgl-project/sglang#28200"),
    broken=LastTokenOnly(),
    mended=TokenByToken(),
    options={"laws": "iid", "drafts": 1, "examples": 10, "rounds": 2},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()


def test_at_depth_one_there_is_nothing_to_lose():
    assert_lossless(LastTokenOnly(), laws="iid", drafts=1, depth=1, rounds=2, examples=10)
