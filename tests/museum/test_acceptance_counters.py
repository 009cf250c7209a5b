"""Counters are wrong: the correction is counted as an accepted draft."""

from __future__ import annotations

from tests.museum.museum import Exhibit, TokenByToken
from theory.walks import Verified


class Counting:
    """Token by token, with a report."""

    def __init__(self, off_by_one):
        self.off_by_one = off_by_one

    def verify(self, *, tree, target, chance):
        tokens = TokenByToken().verify(tree=tree, target=target, chance=chance)
        count = min(len(tokens) - 1 + self.off_by_one, tree.size)
        return Verified(tokens, tuple(range(1, count + 1)), bonus=count == tree.size)


EXHIBIT = Exhibit(
    "a correction is counted as an accepted draft",
    ("vllm-project/vllm#2658", "vllm-project/vllm#10914", "sgl-project/sglang-jax#1586"),
    broken=Counting(1),
    mended=Counting(0),
    caught_by="report",
    options={"laws": "iid", "drafts": 1, "examples": 10},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
