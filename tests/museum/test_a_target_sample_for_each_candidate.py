"""Several candidates are each compared with a target sample of their own; the first match wins.

Every candidate gets its own chance, so tokens that were drafted come too often.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit


def rule(shared):
    def verify(p, drafts, law, chance):
        sample = chance.draw(p, stream="target/0")
        for index, token in enumerate(drafts):
            mine = sample if shared else chance.draw(p, stream=f"target/{index + 1}")
            if mine == token:
                return token
        return sample

    return verify


EXHIBIT = Exhibit(
    "one target sample for each candidate",
    ("foundation-model-stack/fms-extras#12",),
    broken=rule(shared=False),
    mended=rule(shared=True),
    options={"laws": ("point", "iid"), "drafts": 2, "examples": 40},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
