"""Medusa with typical acceptance: the longest path of tokens that are likely enough. Lossy."""

from dataclasses import replace

from specsim.decoding import System
from specsim.systems import medusa
from specsim.systems.base import Bench, Published, Worlds
from theory.lossy import TypicalPath


def world(worlds: Worlds) -> System:
    """On table worlds: Medusa with another walk."""
    return replace(medusa.world(worlds), walk=TypicalPath(), name="medusa-typical")


def real(bench: Bench) -> System:
    """On a real model: Medusa with another walk."""
    return replace(medusa.real(bench), walk=TypicalPath(), name="medusa-typical")


SYSTEM = Published(
    name="medusa-typical",
    title="Medusa, typical acceptance",
    source="Cai et al. 2024 (arXiv 2401.10774)",
    claim="Typical acceptance emits more tokens a call, and another law than the target.",
    lossless=False,
    world=world,
    real=real,
    needs=("medusa",),
)
