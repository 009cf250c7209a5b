"""The draft is the likeliest token, but is judged as if it had been sampled from the softmax.

In assisted generation the assistant decoded greedily whatever the request said, while the acceptance ratio
used its softmax. Other projects had the same: a top-1 draft of probability one, recorded with a smaller
one.
"""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np

from specsim.testing import law_of
from tests.museum.museum import Exhibit, Mislabelled, honest, mislabelled, one_hot
from theory.couplings import Maximal

EXHIBIT = Exhibit(
    "argmax draft, softmax ratio",
    (
        "huggingface/transformers#32867",
        "huggingface/transformers#33534",
        "jaymody/speculative-sampling#3",
        "alibaba/rtp-llm#1295",
    ),
    broken=Maximal(),
    mended=Maximal(),
    options={"laws": mislabelled("argmax recorded as a sample", one_hot), "drafts": 1, "examples": 40},
    mended_options={"laws": honest("argmax recorded as a point mass", one_hot)},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()


def test_the_vector_of_the_thread():
    q, p = np.array([F(4, 5), F(1, 5)]), np.array([F(3, 5), F(2, 5)])
    law = law_of(Maximal(), p=p, law=Mislabelled(q, 1, one_hot(q)))
    assert law == {(0,): F(3, 4), (1,): F(1, 4)}
