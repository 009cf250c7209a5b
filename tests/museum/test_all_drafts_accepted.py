"""The number of matches is computed so that every draft counts as accepted."""

from __future__ import annotations

import numpy as np

from tests.museum.museum import Exhibit


def chain(count_matches):
    def verify(target_rows, draft_rows, tokens, rng):
        places = np.arange(len(tokens))
        ratios = target_rows[places, tokens] / draft_rows[places, tokens]
        matches = count_matches(rng.random(len(tokens)) < ratios)
        row = target_rows[matches]
        if matches < len(tokens):
            row = np.maximum(row - draft_rows[matches], 0)
        return [*tokens[:matches].tolist(), int(rng.choice(row.size, p=row / row.sum()))]

    return verify


EXHIBIT = Exhibit(
    "every draft counts as a match",
    ("huggingface/transformers#28508",),
    # the mistake: the last place of the mask, not the first failure
    broken=chain(lambda accepted: accepted.size),
    mended=chain(lambda accepted: int(np.cumprod(accepted).sum())),
    options={"examples": 4, "depth": 1},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
