"""Target rows are indexed one position off: a draft is judged by the distribution of another place.

With distributions that don't depend on the context the rows are equal and nothing shows, which is how most
engines' tests are made; with table models the joint law shows it.
"""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np

from specsim.testing import TableModel, law_of
from tests.museum.museum import Exhibit, TokenByToken

ONE_OFF = TokenByToken(rows=lambda target, tokens, depth: target(tokens[: max(depth - 1, 0)]))

EXHIBIT = Exhibit(
    "target rows one position off",
    ("huggingface/transformers#28166",),
    broken=ONE_OFF,
    mended=TokenByToken(),
    options={"laws": "iid", "drafts": 1, "examples": 12},
)


def test_broken():
    verdict = EXHIBIT.catch()
    assert len(verdict.counterexample.case.target.rows) > 1


def test_mended():
    EXHIBIT.acquit()


def test_distributions_without_context_do_not_show_it():
    p, q = np.array([F(1, 2), F(1, 3), F(1, 6)]), np.array([F(1, 4), F(1, 4), F(1, 2)])
    given = {"target": TableModel.constant(p), "draft": TableModel.constant(q), "levels": [("iid", 1)] * 2}
    assert law_of(ONE_OFF, **given) == law_of(TokenByToken(), **given)
