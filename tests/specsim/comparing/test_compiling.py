"""Measured times hold no compilation: neither of what a round compiles, nor is anything counted twice."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from specsim.comparing.compiling import compiling, covered
from specsim.comparing.running import whole_rounds
from specsim.decoding import NoDraft, System
from specsim.decoding.world import World
from theory.chance import Sampled
from theory.couplings import Maximal
from theory.walks import TopDown


def test_a_program_is_compiled_once_and_counted_once() -> None:
    inner = jax.jit(lambda x: jnp.sin(x) * 1.25)
    program = jax.jit(lambda x: inner(x) + jnp.cos(x @ x))
    values = np.ones((7, 7), np.float32)
    begun = time.perf_counter()
    with compiling() as first:
        program(values).block_until_ready()
    whole = time.perf_counter() - begun
    with compiling() as second:
        program(values).block_until_ready()
    assert 0.3 * whole < first.seconds <= whole
    assert second.seconds == 0


def test_nothing_is_heard_after_the_block() -> None:
    with compiling() as heard:
        pass
    jax.jit(lambda x: x * 1.75)(1.0)
    assert heard.seconds == 0


def test_a_block_inside_of_another_does_not_silence_it() -> None:
    with compiling() as outer:
        with compiling() as inner:
            jax.jit(lambda x: x * 2.75)(1.0)
        before = outer.seconds
        jax.jit(lambda x: x * 3.75)(1.0)
    assert inner.seconds > 0
    assert outer.seconds > before >= inner.seconds


def test_it_stops_listening_where_the_block_fails() -> None:
    with pytest.raises(RuntimeError, match="stop"), compiling() as heard:
        raise RuntimeError("stop")
    jax.jit(lambda x: x * 4.75)(1.0)
    assert heard.seconds == 0


def test_intervals_that_hold_one_another_count_once() -> None:
    assert covered([]) == 0
    assert covered([(2.0, 3.0), (0.0, 10.0), (4.0, 11.0)]) == 11


def test_a_request_is_measured_without_what_it_compiles() -> None:
    """Of a world that compiles a program at its first row; it takes most of the request's time."""
    program = jax.jit(lambda x: jnp.exp(jnp.cumsum(jnp.sort(x @ x)) - 5.5))
    share = np.full(3, 1 / 3)

    def row(context: tuple[int, ...]) -> np.ndarray:
        program(np.ones((5, 5), np.float32)).block_until_ready()
        return share

    system = System(World(row), NoDraft(), TopDown(Maximal()))
    begun = time.perf_counter()
    trace, wall = whole_rounds(system, (0,), tokens=2, chance=Sampled(np.random.default_rng(0)))
    whole = time.perf_counter() - begun
    assert len(trace.tokens) == 2
    assert 0 < wall < 0.5 * whole
