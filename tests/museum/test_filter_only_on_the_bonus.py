"""min-p is applied to the bonus token only; drafts are verified against the unfiltered target.

The law that was asked for is the filtered one, p. Verified positions see it with its tail put back.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit, TokenByToken


def with_its_tail(p):
    """The law before the filter: here half of it is spread evenly."""
    return (p + p.sum() / p.size) / 2


EXHIBIT = Exhibit(
    "min-p on the bonus only",
    ("vllm-project/vllm#42744", "vllm-project/vllm#42802"),
    broken=TokenByToken(rows=lambda target, tokens, depth: with_its_tail(target(tokens[:depth]))),
    mended=TokenByToken(),
    options={"laws": "iid", "drafts": 1, "examples": 12},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
