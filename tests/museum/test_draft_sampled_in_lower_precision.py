"""Drafts are sampled in bfloat16, the ratio is computed in float32.

A small mismatch (the rounding of a probability to eight bits), which samples would hardly ever show; as
fractions it is a difference like any other.
"""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np

from tests.museum.museum import Exhibit, honest, mislabelled
from theory.couplings import Maximal
from theory.simplex import normalise


def rounded(q):
    """Each probability rounded to eight bits of its own scale, then normalised."""
    return normalise(np.array([_eight_bits(entry) for entry in q], dtype=object))


def _eight_bits(entry):
    scale = F(1)
    while 0 < entry < scale:
        scale /= 2
    return F(round(entry / scale * 128), 128) * scale


EXHIBIT = Exhibit(
    "draft sampled in bfloat16, judged in float32",
    ("deepseek-ai/DeepSpec#31",),
    broken=Maximal(),
    mended=Maximal(),
    options={"laws": mislabelled("rounded, recorded exactly", rounded), "drafts": 1, "examples": 60},
    mended_options={"laws": honest("rounded, recorded as rounded", rounded)},
)


def test_broken():
    verdict = EXHIBIT.catch()
    # far below what the samples of any engine's test could tell
    assert verdict.counterexample.total_variation < F(1, 100)


def test_mended():
    EXHIBIT.acquit()
