"""For deterministic drafts the residual is p without the draft: its entry is zeroed, in the row itself.

Recovery tokens are prepared for all positions first, so by the time of the acceptance test the draft's
probability is gone, and it is never accepted.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit


class Eager:
    """Recovered tokens first, then acceptance."""

    def __init__(self, copies):
        self.copies = copies

    def verify(self, *, tree, target, chance):
        drafted = tree.tokens[1:]
        recovered = [self._recovered(target, drafted, depth, chance) for depth in range(len(drafted))]
        for depth, token in enumerate(drafted):
            if not chance.flip(target(drafted[:depth])[token], stream=f"accept/{depth}"):
                return (*drafted[:depth], recovered[depth])
        return (*drafted, chance.draw(target(drafted), stream="bonus"))

    def _recovered(self, target, drafted, depth, chance):
        row = target(drafted[:depth])
        rest = row.copy() if self.copies else row
        if rest[drafted[depth]] == 1:
            return drafted[depth]
        rest[drafted[depth]] = rest[drafted[depth]] * 0
        return chance.draw(rest, stream=f"residual/{depth}")


EXHIBIT = Exhibit(
    "target row zeroed in place before it is used",
    ("vllm-project/vllm-ascend#2881",),
    broken=Eager(copies=False),
    mended=Eager(copies=True),
    options={"laws": "point", "drafts": 1, "examples": 10},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
