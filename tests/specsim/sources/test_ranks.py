"""Ranks of recorded tokens."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.sources.ranks import estimated_profile, recorded_ranks
from specsim.sources.traces import Dense, Header, Passage, Source, Trace, TraceError, TraceWriter
from theory.shapes import RankTrace, count_rounds, fewest_rounds


@pytest.fixture
def trace(tmp_path):
    header = Header(
        vocabulary=4,
        target=Source("dense"),
        drafts={"near": Source("dense")},
        domains=("toy",),
        temperature=1.0,
        seed=0,
        licences={"toy": "none"},
        command="specsim record OUT",
    )
    rows = Dense(np.array([[3, 2, 1, 0], [0, 3, 3, 1], [3, 3, 3, 3]], dtype=np.float32))
    with TraceWriter.create(tmp_path / "toy", header=header) as writer:
        for positions in ([1, 2, 3], [1, 2, 4]):
            tokens, places = np.array([0, 1, 2, 2, 3]), np.array(positions)
            writer.append(Passage("toy", str(positions), tokens, places, rows, {"near": rows}))
    return Trace.open(tmp_path / "toy")


def test_ranks_by_hand_and_runs_are_cut_where_positions_jump(trace):
    assert recorded_ranks(trace, draft="near", most=4) == [[1, 1, 2], [1, 1], [3]]
    assert recorded_ranks(trace, draft="near", most=2) == [[1, 1, -1], [1, 1], [-1]]


def test_they_feed_the_trees(trace):
    texts = recorded_ranks(trace, draft="near", most=4)
    profile, samples = estimated_profile(texts, ranks=4)
    assert (profile.rows[0].tolist(), samples) == ([0, 4 / 6, 1 / 6, 1 / 6], 6)
    ranks = RankTrace(texts, max_depth=3, max_children=4)
    found = fewest_rounds(ranks, nodes=4)
    assert count_rounds(found.shape, ranks) == found.rounds == 3


def test_what_is_refused(trace):
    with pytest.raises(ValueError, match="most must be at least 1"):
        recorded_ranks(trace, draft="near", most=0)
    with pytest.raises(TraceError, match="nope"):
        recorded_ranks(trace, draft="nope", most=2)
    with pytest.raises(ValueError, match="no recorded ranks"):
        estimated_profile([[]], ranks=2)
