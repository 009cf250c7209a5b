"""Drafts with replacement, and a token that comes twice is tried once.

The second copy has a probability of its own under the residual; skipping it biases the output.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit, leftover, ratio
from theory.simplex import normalise


def recursive(skips):
    def verify(p, drafts, law, chance):
        left = p
        for index, token in enumerate(drafts):
            if skips and token in drafts[:index]:
                continue
            q = law.conditional(drafts[:index])
            if chance.flip(ratio(left, q, token), stream="accept"):
                return token
            left = normalise(leftover(left, q))
        return chance.draw(left, stream="residual")

    return verify


EXHIBIT = Exhibit(
    "duplicates of a draft are skipped",
    ("MasterGodzilla/Speculative_decoding_OT (its RRS baseline)",),
    broken=recursive(skips=True),
    mended=recursive(skips=False),
    options={"laws": "iid", "drafts": 2, "examples": 40},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
