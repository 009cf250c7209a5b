"""Table models: complete, frozen, and written to only in scratch."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.testing import TableModel
from specsim.testing.tables import ScratchModel, contexts

HALVES = np.array([0.5, 0.5])


def test_contexts():
    assert contexts(2, 2) == [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1)]


def test_longer_contexts_are_answered_by_their_last_tokens():
    model = TableModel({(): HALVES, (0,): [1.0, 0.0], (1,): [0.0, 1.0]})
    assert model((0, 0, 1)).tolist() == [0.0, 1.0]
    assert TableModel.constant(HALVES)((0, 1)).tolist() == [0.5, 0.5]


def test_rows_are_frozen():
    model = TableModel.constant(HALVES)
    with pytest.raises(ValueError, match="read-only"):
        model(())[0] = 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, r"needs a row for the empty context"),
        ({(): HALVES, (0,): HALVES}, r"needs a row for the context \(1,\)"),
        ({(): [0.5, 0.25]}, r"sums to 0.75"),
        ({(): HALVES, (0,): HALVES, (1,): [0.5, 0.25, 0.25]}, r"one vocabulary"),
    ],
)
def test_bad_tables(rows, message):
    with pytest.raises(ValueError, match=message):
        TableModel(rows)


def test_scratch_keeps_what_is_written_and_the_table_does_not():
    model = TableModel.constant(HALVES)
    scratch = ScratchModel(model)
    assert scratch.spoiled() == ()
    scratch((0,))[:] = [1.0, 0.0]
    assert scratch((0,)).tolist() == [1.0, 0.0]
    assert scratch(()).tolist() == [0.5, 0.5]
    assert scratch.spoiled() == ((0,),)
    assert model((0,)).tolist() == [0.5, 0.5]
