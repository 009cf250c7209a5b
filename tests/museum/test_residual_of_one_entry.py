"""After a rejection only the rejected token's entry is reduced, not the whole of q subtracted."""

from __future__ import annotations

from tests.museum.museum import Exhibit, leftover, ratio


def rule(rest_of):
    def verify(p, drafts, law, chance):
        q, token = law.conditional(()), drafts[0]
        if chance.flip(ratio(p, q, token), stream="accept"):
            return token
        return chance.draw(rest_of(p, q, token), stream="residual")

    return verify


def one_entry(p, q, token):
    rest = p.copy()
    rest[token] = max(rest[token] - q[token], 0)
    return rest


EXHIBIT = Exhibit(
    "residual subtracts the rejected entry only",
    ("SafeAILab/EAGLE#20",),
    broken=rule(one_entry),
    mended=rule(lambda p, q, token: leftover(p, q)),
    options={"drafts": 1, "examples": 40},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
