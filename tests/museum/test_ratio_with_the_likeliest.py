"""Acceptance compares the draft with the target's likeliest token, not with its own probability."""

from __future__ import annotations

from tests.museum.museum import Exhibit, judged, leftover


def against_the_best(p, drafts, law, chance):
    token = drafts[0]
    if chance.flip(p[token] / max(p), stream="accept"):
        return token
    return chance.draw(leftover(p, law.conditional(())), stream="residual")


def against_the_draft(p, drafts, law, chance):
    return judged(p, law.conditional(()), drafts[0], chance)


EXHIBIT = Exhibit(
    "ratio p(x) / max p",
    ("1bit-MONSTER/1bit-MONSTER#637",),
    broken=against_the_best,
    mended=against_the_draft,
    options={"drafts": 1, "examples": 40},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
