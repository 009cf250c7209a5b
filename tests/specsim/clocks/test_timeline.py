"""Schedules: devices work on one operation at a time, in order, after what they wait for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsim.clocks import Op, schedule


@st.composite
def operations(draw):
    count = draw(st.integers(0, 12))
    return [
        Op(
            f"op {number}",
            draw(st.sampled_from("abc")),
            draw(st.integers(0, 5)),
            tuple(draw(st.sets(st.integers(0, number - 1), max_size=3))) if number else (),
        )
        for number in range(count)
    ]


@given(operations())
def test_every_schedule_is_feasible_and_tight(ops):
    spans = schedule(ops).spans
    for number, span in enumerate(spans):
        waits = [spans[other].end for other in span.op.after]
        waits += [other.end for other in spans[:number] if other.op.device == span.op.device]
        # it starts when the last of these is done: no sooner, no later
        assert span.start == max(waits, default=0)


@given(operations())
def test_sums(ops):
    line = schedule(ops)
    assert sum(line.busy.values()) == sum(line.by_name.values()) == sum(op.seconds for op in ops)
    assert line.seconds >= max(line.busy.values(), default=0)
    assert line.seconds <= sum(op.seconds for op in ops)


def test_no_operation_takes_no_time():
    assert schedule([]).seconds == 0


def test_bad_operations():
    with pytest.raises(ValueError, match="waits for 0, which is not before it"):
        schedule([Op("a", "x", 1.0, (0,))])
    with pytest.raises(ValueError, match="duration of at least 0, got -1"):
        Op("a", "x", -1)
