"""Plain decoding: one token a target call, what every speed-up is measured against."""

from specsim.decoding import NoDraft, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Maximal
from theory.walks import TopDown


def world(worlds: Worlds) -> System:
    """On table worlds."""
    return System(worlds.target, NoDraft(), TopDown(Maximal()), name="plain")


def real(bench: Bench) -> System:
    """On a real model."""
    return System(bench.target, NoDraft(), TopDown(Maximal()), name="plain")


SYSTEM = Published(
    name="plain",
    title="Plain decoding",
    source="-",
    claim="One token a target call.",
    lossless=True,
    world=world,
    real=real,
)
