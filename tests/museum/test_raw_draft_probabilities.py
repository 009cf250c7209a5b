"""Drafts are sampled from filtered logits, but the raw logits are handed on as q.

Three candidate generators returned a q that their tokens were not drawn from: top-k had been applied for
sampling, not to what was returned. The ratio p / q is then too large by one over the mass that the filter
kept.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit, honest, mislabelled
from theory.couplings import Maximal
from theory.simplex import normalise, top_tokens


def top_two(q):
    kept = q * 0
    for token in top_tokens(q, 2):
        kept[token] = q[token]
    return normalise(kept)


EXHIBIT = Exhibit(
    "q returned before its filter",
    ("huggingface/transformers#47932", "huggingface/transformers#47961"),
    broken=Maximal(),
    mended=Maximal(),
    options={"laws": mislabelled("top-2 recorded as raw", top_two), "drafts": 1, "examples": 40},
    mended_options={"laws": honest("top-2 recorded as top-2", top_two)},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
