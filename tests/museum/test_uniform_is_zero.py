"""The acceptance coin is hard-wired to zero, because the device had no generator: every draft passes."""

from __future__ import annotations

from tests.museum.museum import Exhibit, judged, leftover


def zero_coin(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    coin = 0
    if coin * q[token] < p[token] or p[token] == coin:
        return token
    return chance.draw(leftover(p, q), stream="residual")


def fair_coin(p, drafts, law, chance):
    return judged(p, law.conditional(()), drafts[0], chance)


EXHIBIT = Exhibit(
    "u = 0.0 in place of a uniform number",
    ("vllm-project/vllm-ascend#13730", "vllm-project/vllm-ascend#13766"),
    broken=zero_coin,
    mended=fair_coin,
    options={"drafts": 1, "examples": 40},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
