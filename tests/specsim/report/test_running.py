"""Running means: the report's numbers, without its memory."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.report import RunningMeans, evaluate_stream
from specsim.report.cells import exact_cells
from specsim.report.results import mean_of_cells


def test_they_are_the_means_of_the_whole(trace, plan, evaluation):
    means = RunningMeans(evaluation.cells.shape[1:])
    for part in evaluate_stream(trace, plan):
        means.add(part.cells, part.places.passage)
    assert (means.positions, means.passages) == (len(evaluation), 6)
    for place in np.ndindex(evaluation.cells.shape[1:]):
        whole = mean_of_cells(evaluation.cells[(slice(None), *place)], evaluation.places.passage)
        found = means.mean(*place)
        assert found.kind == whole.kind
        for name in ("value", "lower", "upper", "standard_error", "sampling_standard_error"):
            expected = getattr(whole, name)
            assert getattr(found, name) == pytest.approx(expected, abs=1e-7, nan_ok=True), name


def test_a_passage_may_come_in_pieces():
    rng = np.random.default_rng(0)
    values, passages = rng.random(20), np.repeat([0, 1, 2], [9, 1, 10])
    whole = mean_of_cells(exact_cells(values, drafts=1), passages)
    for size in (1, 3, 20):
        means = RunningMeans(())
        for start in range(0, 20, size):
            means.add(exact_cells(values[start : start + size], drafts=1), passages[start : start + size])
            means.mean()  # asking in between changes nothing
        assert means.mean().sampling_standard_error == pytest.approx(whole.sampling_standard_error, rel=1e-12)
        assert means.passages == 3


def test_what_makes_no_sense():
    with pytest.raises(ValueError, match="no mean of no positions"):
        RunningMeans((2,)).mean(0)
    with pytest.raises(ValueError, match="for 1 positions of"):
        RunningMeans((2,)).add(exact_cells([0.5], drafts=1), np.array([0]))
    one = RunningMeans(())
    one.add(exact_cells([0.5], drafts=1), np.array([4]))
    assert np.isnan(one.mean().sampling_standard_error)
