"""Draft lengths of a batch: the exact allocation against all others, and what each scheduler promises."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsim.clocks import Affine
from specsim.serving import (
    Allocation,
    Batch,
    ByBatch,
    Fixed,
    ForSlo,
    Goodput,
    NoDrafts,
    Plan,
    SpreadByBatch,
    Tetris,
)


def batch_of(acceptance, *, remaining=None, target=None, draft=None, late=None, cached=0, prefill=0):
    acceptance = np.array(acceptance, dtype=float)
    remaining = np.full(acceptance.size, 100) if remaining is None else np.array(remaining)
    late = np.zeros(acceptance.size) if late is None else np.array(late, dtype=float)
    target = target or Affine(1.0, per_token=0.05)
    return Batch(acceptance, remaining, cached, prefill, target, draft or Affine(0.1, per_token=0.01), late)


def rate(batch, lengths):
    """Expected tokens a second of an allocation, from the definition."""
    tokens = sum(
        1 + sum(a**j for j in range(1, k + 1)) for a, k in zip(batch.acceptance, lengths, strict=True)
    )
    return tokens / float(batch.seconds(sum(lengths), max(lengths, default=0)))


@st.composite
def batches(draw):
    size = draw(st.integers(1, 6))
    costs = st.floats(0, 0.5)
    return batch_of(
        [draw(st.floats(0.01, 0.99)) for _ in range(size)],
        remaining=[draw(st.integers(1, 6)) for _ in range(size)],
        target=Affine(draw(st.floats(0.1, 2)), draw(costs), draw(costs)),
        draft=Affine(draw(costs), draw(costs), draw(costs)),
        cached=draw(st.integers(0, 5)),
        prefill=draw(st.integers(0, 5)),
    )


@given(batches())
def test_the_allocation_is_the_best_of_all(batch):
    most = 3
    choices = [range(min(most, remaining - 1) + 1) for remaining in batch.remaining]
    best = max(rate(batch, lengths) for lengths in product(*choices))
    found = Allocation(most).lengths(batch).sizes
    assert rate(batch, found.tolist()) == pytest.approx(best, rel=1e-12)


@given(batches())
def test_the_uniform_length_is_the_best_uniform_one(batch):
    uniform = [np.minimum(k, batch.remaining - 1).tolist() for k in range(5)]
    best = max(rate(batch, lengths) for lengths in uniform)
    assert rate(batch, Goodput(4).lengths(batch).tolist()) == pytest.approx(best, rel=1e-12)


@given(batches(), st.integers(0, 12))
def test_tetris_takes_the_largest_gains(batch, capacity):
    lengths = Tetris(capacity, most=4).lengths(batch)
    gains = batch.gains(4)
    assert lengths.sum() == min(capacity, np.count_nonzero(gains))
    taken = sum(gains[row, :k].sum() for row, k in enumerate(lengths))
    assert taken == pytest.approx(np.sort(gains.ravel())[::-1][: lengths.sum()].sum())


@pytest.mark.parametrize(
    "scheduler",
    [
        NoDrafts(),
        Fixed(3),
        ByBatch({1: 4, 3: 1}),
        SpreadByBatch(ByBatch({1: 4, 3: 1}), most=5),
        Goodput(4),
        Allocation(4),
        Tetris(5),
        ForSlo(5, 0.1),
    ],
)
@given(batch=batches())
def test_nobody_gets_more_than_it_needs(scheduler, batch):
    lengths = scheduler.lengths(batch)
    lengths = lengths.sizes if isinstance(lengths, Plan) else lengths
    assert lengths.shape == batch.remaining.shape
    assert np.all((lengths >= 0) & (lengths < batch.remaining))


def test_under_load_fewer_drafts():
    cost = {"target": Affine(0.006, per_token=1e-4), "draft": Affine(0.0005)}
    sizes = [int(Goodput(8).lengths(batch_of([0.7] * size, **cost))[0]) for size in (1, 16, 256)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_better_drafts_get_more():
    lengths = Allocation(8).lengths(batch_of([0.9, 0.5, 0.1])).sizes
    assert lengths[0] > lengths[1] >= lengths[2]


def test_the_late_come_first():
    batch = batch_of([0.9, 0.3], late=[-1.0, 0.5])
    assert ForSlo(2, pace=1.0).lengths(batch).tolist() == [0, 2]
    assert Tetris(2).lengths(batch).tolist() == [2, 0]
    # on time, both are the same
    calm = batch_of([0.9, 0.3], late=[-1.0, -1.0])
    assert ForSlo(2, pace=1.0).lengths(calm).tolist() == Tetris(2).lengths(calm).tolist()


def test_a_table_by_batch_size():
    table = ByBatch({1: 5, 16: 2, 64: 0})
    assert [table.length_at(size) for size in (1, 15, 16, 63, 64, 1000)] == [5, 5, 2, 2, 0, 0]


def test_a_table_of_ranges():
    table = ByBatch.ranges([[1, 64, 3], [65, 128, 1], [129, 512, 0]])
    assert [table.length_at(size) for size in (1, 64, 65, 128, 129, 9999)] == [3, 3, 1, 1, 0, 0]
    for rows in ([[2, 4, 1]], [[1, 4, 2], [6, 9, 1]], [[1, 0, 2]]):
        with pytest.raises(ValueError, match="must follow each other from 1 on"):
            ByBatch.ranges(rows)


def test_a_table_spread_over_the_batch():
    table = ByBatch({1: 2, 4: 1})
    spread = SpreadByBatch(table).lengths(batch_of([0.9, 0.2]))
    assert spread.tolist() == [4, 0]
    assert SpreadByBatch(table).lengths(batch_of([0.9, 0.2, 0.5, 0.5])).sum() == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fixed(-1), "draft length is 0 or more, got -1"),
        (lambda: ByBatch({2: 1}), "entry for batches from size 1 on"),
        (lambda: Tetris(-1), "number of draft tokens, got -1"),
        (lambda: ForSlo(3, 0.0), "pace positive, got 3, 0.0"),
    ],
)
def test_bad_schedulers(make, message):
    with pytest.raises(ValueError, match=message):
        make()
