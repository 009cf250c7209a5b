"""SpecHub's released code accepts the likeliest token outright when the target is nearly certain of it.

The bias is below one in a thousand, and only for nearly certain targets: random pairs don't meet it, peaked
ones do.
"""

from __future__ import annotations

from fractions import Fraction as F

from tests.museum.museum import Exhibit
from theory.couplings import Resolution, SpecHub


class Shortcut:
    """SpecHub, and above a limit the hub."""

    def __init__(self, limit):
        self.limit = limit

    def resolve(self, *, p, drafts, law, chance, level=0):
        hub = int(law.hub)
        if p[hub] > self.limit:
            return Resolution(hub, drafts.index(hub))
        return SpecHub().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)


EXHIBIT = Exhibit(
    "shortcut for nearly certain targets",
    ("MasterGodzilla/Speculative_decoding_OT (EAGLE utilities)",),
    broken=Shortcut(1 - F(1, 1000)),
    mended=Shortcut(F(1)),
    within=12,
    options={"laws": "hub-pair", "drafts": 2, "examples": 200},
)


def test_broken():
    verdict = EXHIBIT.catch()
    assert verdict.counterexample.total_variation < F(1, 1000)


def test_mended():
    EXHIBIT.acquit()
