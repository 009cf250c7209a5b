"""Random models in floats, with a row of its own for every prefix."""

from __future__ import annotations

import numpy as np


def model(seed, *, vocabulary=3, concentration=0.7):
    """A model: Dirichlet rows, fixed by the seed."""
    rows = {}

    def row(prefix):
        if prefix not in rows:
            rng = np.random.default_rng([seed, len(prefix), *prefix])
            rows[prefix] = rng.dirichlet([concentration] * vocabulary)
        return rows[prefix]

    return row


def pair(seed, **options):
    """A target and a draft."""
    return {"target": model(2 * seed, **options), "draft": model(2 * seed + 1, **options)}
