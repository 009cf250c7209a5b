"""Counts of true entries by row: the two ways to count are one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from theory.arrays import count_true


@given(arrays.arrays(bool, arrays.array_shapes(max_dims=3, max_side=5)), st.booleans())
def test_a_row_counts_as_much_alone_as_in_a_batch(mask: np.ndarray, backwards: bool) -> None:
    mask = mask[..., ::-1] if backwards else mask
    counts = count_true(mask)
    assert isinstance(counts, np.ndarray)
    assert counts.shape == mask.shape[:-1]
    assert all(counts[at] == count_true(mask[at]) == sum(mask[at]) for at in np.ndindex(counts.shape))
